/* SPDX-License-Identifier: Apache-2.0 */
/* Output: everything that goes to a session's client, rendered by its front and numbered
 * by its outbound. Never ends the session from inside: one that is over its limits ends
 * after the current callback. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"
#include "node/im/packet.h"
#include "node/im/presence.h"
#include "presenced/store/v1/store.pb-c.h"

struct outbound_item;
struct session;

/* A packet; with is_row its index is an inbox row that leaves when the client has it. */
void output_packet(struct session *s, struct packet *p, enum packet_wrap wrap, bool is_delayed,
                   bool is_row);
/* An inbox row at sign-in: read from the store when its turn comes. */
void output_inbox(struct session *s, uint64_t index);
void output_presence(struct session *s, struct presence *p);
/* Rendered bytes. */
void output_wire(struct session *s, struct span wire);
/* A push of the item as the store has it when it is written; version: at least. */
void output_roster(struct session *s, struct span contact, uint64_t version);
void output_blocks(struct session *s, const Store__FeedRow *change);
/* row: index of the inbox row that says so, or 0. */
void output_bounce(struct session *s, struct packet *p, const char *reason, uint64_t row);

/* Numbers and writes what may go. */
void output_pump(struct session *s);

/* The client has these items; frees them. */
void output_confirmed(struct session *s, struct outbound_item *items);
