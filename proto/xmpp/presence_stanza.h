/* SPDX-License-Identifier: Apache-2.0 */
/* What a presence stanza says (RFC 6121, 4.7). */
#pragma once

#include <stdint.h>

#include "proto/xmpp/stanza.h"

enum presence_stanza_show {
    PRESENCE_STANZA_ONLINE, /* no <show/> */
    PRESENCE_STANZA_CHAT,
    PRESENCE_STANZA_AWAY,
    PRESENCE_STANZA_XA,
    PRESENCE_STANZA_DND,
};

struct presence_stanza {
    enum presence_stanza_show show;
    int8_t priority;    /* 0 when it says none */
    struct span status; /* the first one; SPAN_NONE without */
};

/* Returns 0; or ERR_PROTOCOL for an unknown show or a priority that is no number of one
 * signed byte: bad-request. */
int presence_stanza_parse(const struct stanza *presence, struct arena *arena,
                          struct presence_stanza *ret_presence);

/* Subscription stanzas (RFC 6121, 3): subscribe, subscribed, unsubscribe, unsubscribed. */
bool presence_stanza_is_subscription(enum stanza_type type);
/* Availability: none or unavailable. */
bool presence_stanza_is_availability(enum stanza_type type);

/* "away" and so on; NULL for online. */
const char *presence_stanza_show_name(enum presence_stanza_show show);
