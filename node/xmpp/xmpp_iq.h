/* SPDX-License-Identifier: Apache-2.0 */
/* XMPP IQ: requests to the server itself, to the user's own account, or to another account
 * of this domain, which this server answers (RFC 6120, 8.2.3; RFC 6121, 8.5.1).
 *
 * A request ends in exactly one of: xmpp_iq_result(), xmpp_iq_fail(), or a durable call of
 * node/im/session.h with xmpp_iq_ticket() and xmpp_iq_done(), which answers after the
 * commit, from whatever stream the session has by then.
 *
 * Threads: the user's worker. */
#pragma once

#include <stdint.h>

#include "node/im/session.h"
#include "proto/auth/address.h"
#include "proto/xmpp/stanza.h"
#include "proto/xmpp/stanza_error.h"

struct statedb_view;
struct strbuf;
struct xmpp_front;

struct xmpp_iq {
    struct xmpp_front *front;
    struct arena *arena;
    const struct stanza *stanza; /* a get or set */
    uint64_t n;                  /* its count */
    struct address to;           /* prepared; bare and of this domain */
};

/* Finds who answers; service-unavailable for what nobody knows. */
void xmpp_iq_handle(struct xmpp_iq *iq);

/* payload may be NULL: an empty result. */
void xmpp_iq_result(const struct xmpp_iq *iq, struct xml_node *payload);
void xmpp_iq_fail(const struct xmpp_iq *iq, enum stanza_error_condition condition);

/* Writes one stanza to the client ahead of the answer (pages of an archive). */
void xmpp_iq_write(const struct xmpp_iq *iq, const struct xml_node *stanza);

/* What a done function needs to answer, and one that answers. */
void xmpp_iq_ticket(const struct xmpp_iq *iq, struct strbuf *out);
void xmpp_iq_done(struct session *s, struct span ticket, int rc, const Store__Result *result);

/* For done functions whose answer says more: payload, or NULL, goes into it when the request
 * took effect. */
bool xmpp_iq_is_done(int rc, const Store__Result *result);
void xmpp_iq_answer(struct session *s, struct span ticket, int rc, const Store__Result *result,
                    struct xml_node *payload);

/* Refuses a request whose stanza is gone; session_handled() is the caller's. */
void xmpp_iq_refuse(struct session *s, struct span ticket,
                    enum stanza_error_condition condition);

const struct statedb_view *xmpp_iq_view(const struct xmpp_iq *iq);
