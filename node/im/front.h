/* SPDX-License-Identifier: Apache-2.0 */
/* Front: what the IM core asks of the protocol end of a session.
 *
 * Filled in by a front end (node/xmpp, later node/sip), one constant table a protocol.
 * Everything is called on the user's worker. `arg` is the front end's own object, given at
 * bind or resume; it is used from then until ended() is called or session_detach() was.
 * Callbacks must not end the session from inside, except that window(), write() and
 * safe_moved() are never followed by anything that needs it.
 *
 * Reasons are the defined conditions of RFC 6120, 8.3.3, in static memory:
 * "service-unavailable", "resource-constraint", "remote-server-not-found",
 * "remote-server-timeout", "item-not-found", "internal-server-error", and "blocked" for
 * `not-acceptable` with XEP-0191's <blocked/>. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"
#include "base/strbuf.h"
#include "node/im/packet.h"
#include "node/im/presence.h"
#include "node/im/session.h"

/* What an administrator is shown of a stream. Texts are borrowed from the front. */
struct front_description {
    const char *protocol; /* "xmpp" */
    const char *address;  /* of the client: "192.0.2.1:50000" */
    const char *tls;      /* "TLSv1.3", or "" */
    const char *show;     /* "available", "away", ...; "" before the first presence */
};

struct front {
    void (*describe)(void *arg, struct front_description *ret_description);

    /* Renderers append one whole stanza to out, addressed to the session. */

    /* p as it is, or wrapped as a carbon. is_delayed: with its stamp (XEP-0203). A packet
     * with an index carries it as its stable id. */
    void (*render_packet)(void *arg, const struct packet *p, enum packet_wrap wrap,
                          bool is_delayed, struct strbuf *out);
    /* All kinds, those of subscriptions and faults too. */
    void (*render_presence)(void *arg, const struct presence *p, struct strbuf *out);
    /* A roster push. row NULL or not listed: removed. version: the roster's, after it. */
    void (*render_roster_item)(void *arg, struct span contact, const Store__RosterRow *row,
                               uint64_t version, struct strbuf *out);
    /* change->added and ->removed say what to push. An empty `added` and `removed`: all gone.
     */
    void (*render_block_push)(void *arg, const Store__FeedRow *change, struct strbuf *out);
    /* The error that answers a packet this session sent. */
    void (*render_bounce)(void *arg, const struct packet *p, const char *reason,
                          struct strbuf *out);

    /* One stanza for the wire, in order. seq: its outbound count when acknowledgements are
     * on (the h that covers it), else a number to hand back to session_delivered(). */
    void (*write)(void *arg, uint64_t seq, struct span wire);
    /* h may be told now: inbound count up to which every effect has taken place. */
    void (*safe_moved)(void *arg, uint64_t safe);
    /* false: too many inbound stanzas wait for their commit, stop reading; true: go on. */
    void (*window)(void *arg, bool is_open);
    /* The session does not know this front any more; called once, unless the front end
     * detached or closed it itself. */
    void (*ended)(void *arg, enum session_end why);
};
