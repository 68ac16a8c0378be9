/* SPDX-License-Identifier: Apache-2.0 */
#include "node/xmpp/xmpp_intake.h"

#include "base/cleanup.h"
#include "base/metric.h"
#include "base/monoclock.h"
#include "base/strbuf.h"
#include "node/im/im.h"
#include "node/im/packet.h"
#include "node/im/presence.h"
#include "node/im/session.h"
#include "node/xmpp/xmpp_flow.h"
#include "node/xmpp/xmpp_front_state.h"
#include "node/xmpp/xmpp_iq.h"
#include "node/xmpp/xmpp_metrics.h"
#include "proto/auth/address.h"
#include "proto/xml/xml_writer.h"
#include "proto/xmpp/carbons.h"
#include "proto/xmpp/csi.h"
#include "proto/xmpp/delay.h"
#include "proto/xmpp/message_class.h"
#include "proto/xmpp/presence_stanza.h"
#include "proto/xmpp/stanza.h"
#include "proto/xmpp/stanza_id.h"
#include "proto/xmpp/xmpp_ns.h"

/* One stanza on its way in. */
struct intake {
    struct xmpp_front *front;
    struct arena *arena;
    struct stanza stanza;
    uint64_t n;        /* its count */
    struct address to; /* prepared; where none was named, the user's own bare address */
    bool has_to;
};

static void intake_answer(const struct intake *in, enum stanza_error_condition condition)
{
    CLEANUP(strbuf_done) struct strbuf out = {0};
    if (stanza_may_answer(&in->stanza)) {
        xml_writer_node(&out, stanza_error_reply(in->arena, &in->stanza, condition, NULL),
                        SPAN(XMPP_NS_CLIENT));
        session_write(in->front->session, strbuf_span(&out));
    }
    session_handled(in->front->session, in->n);
}

static bool intake_serves(struct span domain, void *arg)
{
    const struct xmpp_front *f = arg;
    return span_equal(domain, im_domain(f->im));
}

/* The payload as it goes on: what we alone may say is taken out. */
static void intake_body(const struct intake *in, struct strbuf *out)
{
    struct xml_node *node = in->stanza.node;
    (void)delay_strip(node, intake_serves, in->front);
    (void)stanza_id_strip(node, intake_serves, in->front);
    (void)carbons_strip(node);
    xml_writer_children(out, node, SPAN(XMPP_NS_CLIENT));
}

static struct span intake_lang(const struct intake *in)
{
    return in->stanza.lang.size ? in->stanza.lang : span_text(in->front->lang);
}

/* ---- Messages
 * --------------------------------------------------------------------------------- */

static void intake_message(const struct intake *in)
{
    static const enum packet_kind kinds[] = {
        [STANZA_NORMAL] = PACKET_NORMAL,     [STANZA_CHAT] = PACKET_CHAT,
        [STANZA_HEADLINE] = PACKET_HEADLINE, [STANZA_GROUPCHAT] = PACKET_GROUPCHAT,
        [STANZA_ERROR] = PACKET_FAULT,
    };
    static const enum packet_class classes[] = {
        [MESSAGE_CLASS_PASS] = PACKET_PASS,
        [MESSAGE_CLASS_QUEUE] = PACKET_QUEUE,
        [MESSAGE_CLASS_KEEP] = PACKET_KEEP,
    };
    struct session *session = in->front->session;
    CLEANUP(strbuf_done) struct strbuf body = {0};
    struct message_class class;

    if (span_is_none(in->to.local)) { /* the server itself reads no messages */
        intake_answer(in, STANZA_ERROR_SERVICE_UNAVAILABLE);
        return;
    }
    message_class_of(&in->stanza, &class);
    intake_body(in, &body);
    const struct span origin_id = stanza_id_origin(in->stanza.node);
    struct packet *p = packet_new(&(struct packet){
        .kind = kinds[in->stanza.type],
        .class = classes[class.kind],
        .is_private = class.is_private,
        .is_carbon_sent = class.is_carbon_sent,
        .is_carbon_received = class.is_carbon_received,
        .is_important = csi_weigh(&in->stanza) == CSI_SEND,
        .from = session_address(session),
        .to = address_full(&in->to),
        .id = in->stanza.id,
        .lang = intake_lang(in),
        .origin_id = span_is_none(origin_id) ? in->stanza.id : origin_id,
        .body = strbuf_span(&body),
    });
    session_send(session, in->n, p);
    packet_unref(p);
}

/* ---- Presence
 * --------------------------------------------------------------------------------- */

static const enum presence_kind intake_presence_kinds[] = {
    [STANZA_AVAILABLE] = PRESENCE_AVAILABLE, [STANZA_UNAVAILABLE] = PRESENCE_UNAVAILABLE,
    [STANZA_SUBSCRIBE] = PRESENCE_ASK,       [STANZA_SUBSCRIBED] = PRESENCE_GRANT,
    [STANZA_UNSUBSCRIBE] = PRESENCE_CANCEL,  [STANZA_UNSUBSCRIBED] = PRESENCE_DENY,
    [STANZA_ERROR] = PRESENCE_FAULT,
};

static void intake_presence(const struct intake *in)
{
    struct session *session = in->front->session;
    struct presence_stanza parsed;
    CLEANUP(strbuf_done) struct strbuf body = {0};
    const bool is_subscription = presence_stanza_is_subscription(in->stanza.type);

    if (in->stanza.type == STANZA_PROBE) { /* the server's to send, not the client's */
        session_handled(session, in->n);
        return;
    }
    if (presence_stanza_parse(&in->stanza, in->arena, &parsed) < 0 ||
        (is_subscription && (!in->has_to || span_is_none(in->to.local)))) {
        intake_answer(in, STANZA_ERROR_BAD_REQUEST);
        return;
    }
    intake_body(in, &body);
    const struct span user = span_text(in->front->user);
    struct presence *p = presence_new(&(struct presence){
        .kind = intake_presence_kinds[in->stanza.type],
        .priority = parsed.priority,
        .from = is_subscription ? user : session_address(session),
        .to = is_subscription ? address_bare(&in->to)
              : in->has_to    ? address_full(&in->to)
                              : SPAN_NONE,
        .id = in->stanza.id,
        .lang = intake_lang(in),
        .body = strbuf_span(&body),
        .stamp_us = monoclock_wall_us(),
    });
    if (!is_subscription && !in->has_to)
        metric_add(in->front->metrics->presence_updates, 1);
    if (is_subscription && span_equal(p->to, user))
        session_handled(session, in->n); /* everybody sees oneself */
    else if (is_subscription)
        session_subscribe(session, in->n, p);
    else
        session_presence(session, in->n, p);
    presence_unref(p);
}

/* ---- IQ
 * ----------------------------------------------------------------------------------------- */

static void intake_pass_iq(const struct intake *in)
{
    static const enum packet_kind kinds[] = {
        [STANZA_GET] = PACKET_GET,
        [STANZA_SET] = PACKET_SET,
        [STANZA_RESULT] = PACKET_REPLY,
        [STANZA_ERROR] = PACKET_REPLY_FAULT,
    };
    struct session *session = in->front->session;
    CLEANUP(strbuf_done) struct strbuf body = {0};

    intake_body(in, &body);
    struct packet *p = packet_new(&(struct packet){
        .kind = kinds[in->stanza.type],
        .class = PACKET_PASS,
        .is_important = true,
        .from = session_address(session),
        .to = address_full(&in->to),
        .id = in->stanza.id,
        .lang = intake_lang(in),
        .body = strbuf_span(&body),
    });
    session_send(session, in->n, p);
    packet_unref(p);
}

static void intake_iq(struct intake *in)
{
    const bool is_request = in->stanza.type == STANZA_GET || in->stanza.type == STANZA_SET;
    const bool is_local = span_equal(in->to.domain, im_domain(in->front->im));

    if (!address_is_bare(&in->to) || !is_local) {
        intake_pass_iq(in);
        return;
    }
    if (!is_request) { /* an answer to a push or a ping of ours */
        session_handled(in->front->session, in->n);
        return;
    }
    struct xmpp_iq iq = {.front = in->front,
                         .arena = in->arena,
                         .stanza = &in->stanza,
                         .n = in->n,
                         .to = in->to};
    xmpp_iq_handle(&iq);
}

/* ---- All
 * ------------------------------------------------------------------------------------------ */

/* RFC 6120, 8.1.2.1: a client that writes another's name is cut off. */
static bool intake_is_from_us(const struct intake *in)
{
    struct address from;
    if (span_is_none(in->stanza.from))
        return true;
    if (address_parse_in(in->stanza.from, in->arena, &from) < 0)
        return false;
    return span_equal(address_full(&from), span_text(in->front->user)) ||
           span_equal(address_full(&from), session_address(in->front->session));
}

void xmpp_intake_stanza(struct xmpp_front *f, struct arena *arena, struct xml_node *node)
{
    struct intake in = {.front = f, .arena = arena};
    enum stanza_error_condition condition = STANZA_ERROR_BAD_REQUEST;
    const int rc = stanza_parse(node, &in.stanza, &condition);

    if (rc == STANZA_FOREIGN) {
        xmpp_front_fail(f, STREAM_ERROR_UNSUPPORTED_STANZA_TYPE, NULL);
        return;
    }
    if (!intake_is_from_us(&in)) {
        xmpp_front_fail(f, STREAM_ERROR_INVALID_FROM, NULL);
        return;
    }
    in.n = session_count(f->session);
    xmpp_flow_counted(f);
    metric_add(f->metrics->stanzas[in.stanza.kind][XMPP_METRICS_IN], 1);
    in.has_to = !span_is_none(in.stanza.to);
    if (rc == STANZA_INVALID)
        intake_answer(&in, condition);
    else if (address_parse_in(in.has_to ? in.stanza.to : span_text(f->user), arena, &in.to) < 0)
        intake_answer(&in, STANZA_ERROR_JID_MALFORMED);
    else if (in.stanza.kind == STANZA_MESSAGE)
        intake_message(&in);
    else if (in.stanza.kind == STANZA_PRESENCE)
        intake_presence(&in);
    else
        intake_iq(&in);
}
