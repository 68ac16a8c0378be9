/* SPDX-License-Identifier: Apache-2.0 */
/* Presence: one presence or subscription stanza without its protocol.
 *
 * Immutable and shared by reference on one thread, like a packet; the body (show, status,
 * capabilities, whatever) is opaque. All spans point into its own memory. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

enum presence_kind {
    PRESENCE_AVAILABLE,
    PRESENCE_UNAVAILABLE,
    PRESENCE_ASK,    /* subscribe */
    PRESENCE_GRANT,  /* subscribed */
    PRESENCE_CANCEL, /* unsubscribe */
    PRESENCE_DENY,   /* unsubscribed */
    PRESENCE_FAULT,  /* an error that answers one of them */
};

struct presence {
    uint32_t ref_count;
    enum presence_kind kind;
    int priority;     /* -128..127, of AVAILABLE */
    struct span from; /* full address; bare for subscription kinds */
    struct span to;   /* SPAN_NONE: broadcast */
    struct span id, lang;
    struct span body;   /* opaque payload */
    const char *reason; /* of a FAULT made by the server: see front.h; static memory */
    uint64_t stamp_us;  /* wall clock when it was received from its client; 0 unknown */
};

/* A presence with one reference, the fields and spans copied from `fields`. */
struct presence *presence_new(const struct presence *fields);
struct presence *presence_ref(struct presence *p);
void presence_unref(struct presence *p); /* NULL is fine */

static inline bool presence_is_subscription(const struct presence *p)
{
    return p->kind >= PRESENCE_ASK && p->kind <= PRESENCE_DENY;
}
