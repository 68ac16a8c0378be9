/* SPDX-License-Identifier: Apache-2.0 */
#include "node/xmpp/xmpp_flow.h"

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/loop.h"
#include "node/im/im.h"
#include "node/im/session.h"
#include "node/xmpp/line.h"
#include "node/xmpp/xmpp_front_state.h"
#include "proto/xml/xml_writer.h"
#include "proto/xmpp/entity_query.h"
#include "proto/xmpp/sm_stanza.h"
#include "proto/xmpp/stanza.h"
#include "proto/xmpp/xmpp_ns.h"

static void flow_set(const struct xmpp_front *f, struct wheel_timer *timer, uint64_t in_ms)
{
    struct loop *loop = im_worker_loop(f->worker);
    wheel_set(loop_wheel(loop), timer, loop_now_ms(loop) + in_ms);
}

static void flow_cancel(const struct xmpp_front *f, struct wheel_timer *timer)
{
    wheel_cancel(loop_wheel(im_worker_loop(f->worker)), timer);
}

/* ---- Answering ------------------------------------------------------------------------------
 */

static void flow_answer(struct xmpp_front *f)
{
    CLEANUP(strbuf_done) struct strbuf out = {0};
    const uint64_t safe = session_safe(f->session);

    sm_stanza_ack(&out, (uint32_t)safe);
    line_write(f->line, 0, strbuf_span(&out));
    f->flow.is_ack_owed = safe < f->flow.counted;
    flow_cancel(f, &f->flow.answer);
}

static void flow_answer_due(struct wheel_timer *timer, void *arg)
{
    struct xmpp_front *f = arg;
    (void)timer;
    if (f->session)
        flow_answer(f);
}

void xmpp_flow_requested(struct xmpp_front *f)
{
    if (!f->flow.is_on)
        return; /* XEP-0198, 4: only once it was enabled */
    if (session_safe(f->session) >= f->flow.counted) {
        flow_answer(f);
        return;
    }
    f->flow.is_ack_owed = true;
    if (!wheel_is_set(&f->flow.answer))
        flow_set(f, &f->flow.answer, XMPP_FLOW_ANSWER_MS);
}

void xmpp_flow_safe_moved(struct xmpp_front *f)
{
    if (f->flow.is_on && f->flow.is_ack_owed && f->session &&
        session_safe(f->session) >= f->flow.counted)
        flow_answer(f);
}

void xmpp_flow_counted(struct xmpp_front *f)
{
    f->flow.counted++;
}

/* ---- Asking ---------------------------------------------------------------------------------
 */

static void flow_ask(struct xmpp_front *f)
{
    CLEANUP(strbuf_done) struct strbuf out = {0};

    sm_stanza_request(&out);
    line_write(f->line, 0, strbuf_span(&out));
    f->flow.is_asked = true;
    flow_set(f, &f->flow.ask, XMPP_FLOW_OVERDUE_MS);
}

static void flow_ask_due(struct wheel_timer *timer, void *arg)
{
    struct xmpp_front *f = arg;
    (void)timer;
    if (!f->session)
        return;
    if (f->flow.is_asked)
        xmpp_front_fail(f, STREAM_ERROR_CONNECTION_TIMEOUT, "no acknowledgement");
    else if (session_unacked(f->session) > 0)
        flow_ask(f);
}

void xmpp_flow_wrote(struct xmpp_front *f)
{
    if (!f->flow.is_on || f->flow.is_asked || !f->session)
        return;
    if (session_unacked(f->session) >= XMPP_FLOW_ASK_COUNT)
        flow_ask(f);
    else if (!wheel_is_set(&f->flow.ask))
        flow_set(f, &f->flow.ask, XMPP_FLOW_ASK_MS);
}

void xmpp_flow_acked(struct xmpp_front *f, uint32_t h)
{
    if (!f->flow.is_on)
        return;
    if (session_acked(f->session, h) < 0) {
        xmpp_front_fail(f, STREAM_ERROR_UNDEFINED_CONDITION, "h is more than was sent");
        return;
    }
    f->flow.is_asked = false;
    flow_cancel(f, &f->flow.ask);
    if (f->session && session_unacked(f->session) > 0)
        flow_set(f, &f->flow.ask, XMPP_FLOW_ASK_MS);
}

/* ---- Silence --------------------------------------------------------------------------------
 */

void xmpp_flow_heard(struct xmpp_front *f)
{
    flow_set(f, &f->silence, XMPP_FLOW_SILENCE_MS);
}

/* Asks the client for a sign of life; TCP finds out when there is nobody to answer. */
static void flow_silence_due(struct wheel_timer *timer, void *arg)
{
    struct xmpp_front *f = arg;
    CLEANUP(arena_done) struct arena arena = {0};
    CLEANUP(strbuf_done) struct strbuf out = {0};
    (void)timer;

    xmpp_flow_heard(f);
    if (!f->session)
        return;
    if (f->flow.is_on) {
        if (!f->flow.is_asked)
            flow_ask(f);
        return;
    }
    struct xml_node *iq = stanza_new(&arena, STANZA_IQ, STANZA_GET, im_domain(f->im),
                                     session_address(f->session), SPAN("alive"));
    xml_node_add(iq, entity_query_ping(&arena));
    xml_writer_node(&out, iq, SPAN(XMPP_NS_CLIENT));
    session_write(f->session, strbuf_span(&out));
}

/* ---- Life
 * ------------------------------------------------------------------------------------ */

void xmpp_flow_open(struct xmpp_front *f)
{
    f->flow.answer = (struct wheel_timer){.expired = flow_answer_due, .arg = f};
    f->flow.ask = (struct wheel_timer){.expired = flow_ask_due, .arg = f};
    f->silence = (struct wheel_timer){.expired = flow_silence_due, .arg = f};
    xmpp_flow_heard(f);
}

void xmpp_flow_stop(struct xmpp_front *f)
{
    flow_cancel(f, &f->flow.answer);
    flow_cancel(f, &f->flow.ask);
    flow_cancel(f, &f->silence);
    f->flow.is_on = false;
}

void xmpp_flow_start(struct xmpp_front *f, bool is_resumable, uint64_t h)
{
    f->flow.is_on = true;
    f->flow.is_resumable = is_resumable;
    f->flow.counted = h;
}
