/* SPDX-License-Identifier: Apache-2.0 */
#include "node/xmpp/xmpp_iq.h"

#include <string.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/cursor.h"
#include "base/err.h"
#include "base/strbuf.h"
#include "node/im/im.h"
#include "node/xmpp/iq_account.h"
#include "node/xmpp/iq_archive.h"
#include "node/xmpp/iq_blocking.h"
#include "node/xmpp/iq_entity.h"
#include "node/xmpp/iq_prefs.h"
#include "node/xmpp/iq_privacy.h"
#include "node/xmpp/iq_roster.h"
#include "node/xmpp/xmpp_front_state.h"
#include "node/xmpp/xmpp_render.h"
#include "proto/xml/xml_writer.h"
#include "proto/xmpp/xmpp_ns.h"

/* Whom a request is for. */
enum iq_target { IQ_SERVER = 1, IQ_OWN = 2, IQ_OTHER = 4 };

static const struct iq_handler {
    const char *name, *ns;
    unsigned targets; /* enum iq_target, or-ed */
    void (*handle)(struct xmpp_iq *iq, const struct xml_node *payload);
} iq_handlers[] = {
    {"query", XMPP_NS_ROSTER, IQ_OWN, iq_roster_handle},
    {"query", XMPP_NS_DISCO_INFO, IQ_SERVER | IQ_OWN | IQ_OTHER, iq_entity_disco},
    {"query", XMPP_NS_DISCO_ITEMS, IQ_SERVER | IQ_OWN | IQ_OTHER, iq_entity_disco},
    {"ping", XMPP_NS_PING, IQ_SERVER | IQ_OWN | IQ_OTHER, iq_entity_small},
    {"query", XMPP_NS_VERSION, IQ_SERVER, iq_entity_small},
    {"time", XMPP_NS_TIME, IQ_SERVER, iq_entity_small},
    {"session", XMPP_NS_SESSION, IQ_SERVER | IQ_OWN, iq_entity_small},
    {"query", XMPP_NS_REGISTER, IQ_SERVER | IQ_OWN, iq_account_handle},
    {"enable", XMPP_NS_CARBONS, IQ_SERVER | IQ_OWN, iq_entity_carbons},
    {"disable", XMPP_NS_CARBONS, IQ_SERVER | IQ_OWN, iq_entity_carbons},
    {"blocklist", XMPP_NS_BLOCKING, IQ_SERVER | IQ_OWN, iq_blocking_handle},
    {"block", XMPP_NS_BLOCKING, IQ_SERVER | IQ_OWN, iq_blocking_handle},
    {"unblock", XMPP_NS_BLOCKING, IQ_SERVER | IQ_OWN, iq_blocking_handle},
    {"query", XMPP_NS_PRIVACY, IQ_SERVER | IQ_OWN, iq_privacy_handle},
    {"query", XMPP_NS_MAM, IQ_OWN, iq_archive_query},
    {"metadata", XMPP_NS_MAM, IQ_OWN, iq_archive_metadata},
    {"prefs", XMPP_NS_MAM, IQ_OWN, iq_prefs_handle},
};

void xmpp_iq_handle(struct xmpp_iq *iq)
{
    const struct xml_node *payload = stanza_payload(iq->stanza);
    const unsigned target = span_is_none(iq->to.local) ? IQ_SERVER
                            : span_equal(address_full(&iq->to), span_text(iq->front->user))
                                ? IQ_OWN
                                : IQ_OTHER;

    for (size_t i = 0; payload && i < sizeof(iq_handlers) / sizeof(iq_handlers[0]); i++) {
        const struct iq_handler *h = &iq_handlers[i];
        if ((h->targets & target) && xml_node_is(payload, h->name, h->ns)) {
            h->handle(iq, payload);
            return;
        }
    }
    xmpp_iq_fail(iq, STANZA_ERROR_SERVICE_UNAVAILABLE);
}

void xmpp_iq_write(const struct xmpp_iq *iq, const struct xml_node *stanza)
{
    CLEANUP(strbuf_done) struct strbuf out = {0};
    xml_writer_node(&out, stanza, SPAN(XMPP_NS_CLIENT));
    session_write(iq->front->session, strbuf_span(&out));
}

void xmpp_iq_result(const struct xmpp_iq *iq, struct xml_node *payload)
{
    struct xml_node *result = stanza_result(iq->arena, iq->stanza);
    if (payload)
        xml_node_add(result, payload);
    xmpp_iq_write(iq, result);
    session_handled(iq->front->session, iq->n);
}

void xmpp_iq_fail(const struct xmpp_iq *iq, enum stanza_error_condition condition)
{
    xmpp_iq_write(iq, stanza_error_reply(iq->arena, iq->stanza, condition, NULL));
    session_handled(iq->front->session, iq->n);
}

const struct statedb_view *xmpp_iq_view(const struct xmpp_iq *iq)
{
    return im_view(iq->front->im);
}

/* A ticket: size of the id, 4 bytes; the id; whom the request was for. */
void xmpp_iq_ticket(const struct xmpp_iq *iq, struct strbuf *out)
{
    strbuf_add_u32be(out, (uint32_t)iq->stanza->id.size);
    strbuf_add(out, iq->stanza->id);
    strbuf_add(out, iq->stanza->to);
}

static enum stanza_error_condition iq_condition(int rc, const Store__Result *result)
{
    if (rc < 0)
        return STANZA_ERROR_RESOURCE_CONSTRAINT;
    switch (result->outcome) {
    case STORE__RESULT__OUTCOME__NOT_FOUND:
        return STANZA_ERROR_ITEM_NOT_FOUND;
    case STORE__RESULT__OUTCOME__REFUSED:
        if (strcmp(result->reason, "over-quota") == 0)
            return STANZA_ERROR_RESOURCE_CONSTRAINT;
        if (strcmp(result->reason, "self") == 0)
            return STANZA_ERROR_NOT_ALLOWED;
        return xmpp_render_condition(result->reason);
    default:
        return STANZA_ERROR_INTERNAL_SERVER_ERROR;
    }
}

bool xmpp_iq_is_done(int rc, const Store__Result *result)
{
    return rc == 0 && (result->outcome == STORE__RESULT__OUTCOME__DONE ||
                       result->outcome == STORE__RESULT__OUTCOME__DUPLICATE);
}

static void iq_answer(struct session *s, struct arena *arena, struct span ticket,
                      enum stanza_type type, struct xml_node *payload)
{
    CLEANUP(strbuf_done) struct strbuf out = {0};
    struct cursor c = cursor_of(ticket.ptr, ticket.size);
    const uint32_t id_size = cursor_u32be(&c);
    const char *id = (const char *)cursor_take(&c, id_size);
    const struct span from = span_of(c.pos, cursor_left(&c));

    struct xml_node *answer = stanza_new(arena, STANZA_IQ, type, from.size ? from : SPAN_NONE,
                                         session_address(s), span_of(id, id_size));
    if (payload)
        xml_node_add(answer, payload);
    xml_writer_node(&out, answer, SPAN(XMPP_NS_CLIENT));
    session_write(s, strbuf_span(&out));
}

void xmpp_iq_refuse(struct session *s, struct span ticket,
                    enum stanza_error_condition condition)
{
    CLEANUP(arena_done) struct arena arena = {0};
    iq_answer(s, &arena, ticket, STANZA_ERROR, stanza_error_node(&arena, condition, NULL));
}

void xmpp_iq_answer(struct session *s, struct span ticket, int rc, const Store__Result *result,
                    struct xml_node *payload)
{
    CLEANUP(arena_done) struct arena arena = {0};
    if (xmpp_iq_is_done(rc, result))
        iq_answer(s, &arena, ticket, STANZA_RESULT, payload);
    else
        xmpp_iq_refuse(s, ticket, iq_condition(rc, result));
}

void xmpp_iq_done(struct session *s, struct span ticket, int rc, const Store__Result *result)
{
    xmpp_iq_answer(s, ticket, rc, result, NULL);
}
