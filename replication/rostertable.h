/* SPDX-License-Identifier: Apache-2.0 */
/* Roster table: RFC 6121, Appendix A as data. What a subscription stanza does to one side
 * of a subscription: the next state, and whether it goes on (outbound: is routed to the
 * contact; inbound: is shown to the user).
 *
 * Pre-approval (RFC 6121, 3.4) is no state: a GRANT that finds no request is kept by the
 * caller as a flag. Pure; threads: any. */
#pragma once

#include <stdbool.h>

#include "presenced/store/v1/store.pb-c.h"

/* RFC 6121, A.1. "Out": the user asked; "in": the contact asked. */
enum rostertable_state {
    ROSTERTABLE_NONE,
    ROSTERTABLE_NONE_OUT,
    ROSTERTABLE_NONE_IN,
    ROSTERTABLE_NONE_OUT_IN,
    ROSTERTABLE_TO,
    ROSTERTABLE_TO_IN,
    ROSTERTABLE_FROM,
    ROSTERTABLE_FROM_OUT,
    ROSTERTABLE_BOTH,
    ROSTERTABLE_STATES,
};

struct rostertable_move {
    enum rostertable_state state;
    bool is_passed;   /* routed on, or shown */
    bool is_answered; /* inbound request that the server itself answers with a grant */
};

/* The user sends a stanza of this kind to the contact (A.2). */
struct rostertable_move rostertable_out(enum rostertable_state state,
                                        Store__SubscribeKind kind);
/* A stanza of this kind arrives from the contact (A.3). */
struct rostertable_move rostertable_in(enum rostertable_state state, Store__SubscribeKind kind);

/* Between the state and the flags of a row. */
enum rostertable_state rostertable_of_row(const Store__RosterRow *row);
void rostertable_to_row(enum rostertable_state state, Store__RosterRow *row);
