/* SPDX-License-Identifier: Apache-2.0 */
/* XMPP front: the session's end of an XMPP stream, on the worker of its user.
 *
 * It stands at the upper end of a line: answers bind and resume, takes the client's stanzas
 * apart, answers the requests that are the server's or the account's own, hands the rest to
 * the IM core, and renders what the core has for the client (node/im/front.h). Stream
 * management (XEP-0198) and client state (XEP-0352) live here too.
 *
 * Threads: xmpp_front_start() on the connection's loop; all else on the user's worker. */
#pragma once

#include "base/span.h"

struct im;
struct line;
struct pool;
struct xmpp_metrics;

/* Who has signed in on the connection. Borrowed for the call. */
struct xmpp_front_client {
    struct span user;                   /* bare address, prepared */
    struct span lang;                   /* xml:lang of the stream, or SPAN_NONE */
    struct span address;                /* of the peer: "192.0.2.1:50000" */
    struct span tls;                    /* "TLSv1.3" */
    const struct xmpp_metrics *metrics; /* outlives the front */
    struct pool *pool;                  /* for new passwords; outlives the front */
};

/* Makes the front on the worker of the user, which line leads to, and joins it. Returns 0;
 * or ERR_FULL or ERR_CLOSED, and the line is still the caller's alone. */
int xmpp_front_start(struct im *im, struct line *line, const struct xmpp_front_client *client);
