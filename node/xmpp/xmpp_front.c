/* SPDX-License-Identifier: Apache-2.0 */
#include "node/xmpp/xmpp_front.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/metric.h"
#include "node/im/front.h"
#include "node/im/im.h"
#include "node/im/session.h"
#include "node/xmpp/iq_account.h"
#include "node/xmpp/line.h"
#include "node/xmpp/xmpp_flow.h"
#include "node/xmpp/xmpp_front_state.h"
#include "node/xmpp/xmpp_intake.h"
#include "node/xmpp/xmpp_metrics.h"
#include "node/xmpp/xmpp_render.h"
#include "proto/auth/address.h"
#include "proto/xmpp/csi.h"
#include "proto/xmpp/sm_stanza.h"
#include "proto/xmpp/stanza_error.h"

enum { FRONT_SM_ID_SIZE = 2 * SESSION_ID_SIZE }; /* hexadecimal digits */

/* ---- The end --------------------------------------------------------------------------------
 */

static void front_free(struct xmpp_front *f)
{
    xmpp_flow_stop(f);
    free(f->user);
    free(f->lang);
    free(f->address);
    free(f->tls);
    free(f);
}

static void front_has_session(struct xmpp_front *f, struct session *s)
{
    f->session = s;
    metric_add(f->metrics->sessions, 1);
}

static struct session *front_lose_session(struct xmpp_front *f)
{
    metric_add(f->metrics->sessions, -1);
    return STEAL(f->session);
}

/* Sends the last words; the connection reports line_gone() when it is closed. */
static void front_shut(struct xmpp_front *f, struct span last)
{
    f->is_shut = true;
    xmpp_flow_stop(f);
    line_shut(f->line, last);
}

void xmpp_front_fail(struct xmpp_front *f, enum stream_error_condition condition,
                     const char *text)
{
    CLEANUP(strbuf_done) struct strbuf out = {0};
    if (f->is_shut)
        return;
    if (f->session) {
        iq_account_cancel(f, true);
        session_detach(front_lose_session(f));
    }
    stream_error_format(&out, condition, text, SPAN_NONE);
    front_shut(f, strbuf_span(&out));
}

/* What the client is told when its session ends under it. */
static enum stream_error_condition front_condition(enum session_end why)
{
    switch (why) {
    case SESSION_END_REPLACED:
    case SESSION_END_RESUMED:
        return STREAM_ERROR_CONFLICT;
    case SESSION_END_REVOKED:
    case SESSION_END_REMOVED:
        return STREAM_ERROR_NOT_AUTHORIZED;
    case SESSION_END_SHUTDOWN:
        return STREAM_ERROR_SYSTEM_SHUTDOWN;
    case SESSION_END_OVERFLOW:
        return STREAM_ERROR_POLICY_VIOLATION;
    case SESSION_END_EXPIRED:
        return STREAM_ERROR_CONNECTION_TIMEOUT;
    case SESSION_END_CLOSED:
        break;
    }
    return STREAM_ERROR_RESOURCE_CONSTRAINT;
}

static void front_ended(void *arg, enum session_end why)
{
    struct xmpp_front *f = arg;
    CLEANUP(strbuf_done) struct strbuf out = {0};

    iq_account_cancel(f, why == SESSION_END_RESUMED);
    (void)front_lose_session(f);
    if (f->is_shut)
        return;
    stream_error_format(&out, front_condition(why), NULL, SPAN_NONE);
    front_shut(f, strbuf_span(&out));
}

static void front_gone(void *arg, bool is_orderly)
{
    struct xmpp_front *f = arg;

    if (f->request)
        session_request_cancel(f->request);
    iq_account_cancel(f, true);
    if (f->session && is_orderly)
        session_close(front_lose_session(f));
    else if (f->session)
        session_detach(front_lose_session(f));
    line_release(f->line);
    front_free(f);
}

/* ---- What the session writes
 * ------------------------------------------------------------------ */

static void front_write(void *arg, uint64_t seq, struct span wire)
{
    struct xmpp_front *f = arg;
    /* With acknowledgements TCP's word is not asked for. */
    line_write(f->line, f->flow.is_on ? 0 : seq, wire);
    xmpp_flow_wrote(f);
}

static void front_safe_moved(void *arg, uint64_t safe)
{
    (void)safe;
    xmpp_flow_safe_moved(arg);
}

static void front_window(void *arg, bool is_open)
{
    const struct xmpp_front *f = arg;
    line_pause(f->line, !is_open);
}

static void front_describe(void *arg, struct front_description *ret_description)
{
    const struct xmpp_front *f = arg;
    *ret_description = (struct front_description){
        .protocol = "xmpp", .address = f->address, .tls = f->tls, .show = ""};
}

static const struct front front_table = {
    .describe = front_describe,
    .render_packet = xmpp_render_packet,
    .render_presence = xmpp_render_presence,
    .render_roster_item = xmpp_render_roster_item,
    .render_block_push = xmpp_render_block_push,
    .render_bounce = xmpp_render_bounce,
    .write = front_write,
    .safe_moved = front_safe_moved,
    .window = front_window,
    .ended = front_ended,
};

/* ---- Bind and resume
 * ---------------------------------------------------------------------------- */

static void front_refuse_bind(struct xmpp_front *f, enum stanza_error_condition condition)
{
    const struct line_answer answer = {.kind = LINE_BIND_REFUSED, .condition = (int)condition};
    line_answer(f->line, &answer);
}

static void front_bound(void *arg, int rc, struct session *s)
{
    struct xmpp_front *f = arg;

    f->request = NULL;
    if (rc == 0) {
        front_has_session(f, s);
        const struct line_answer answer = {.kind = LINE_BOUND, .address = session_address(s)};
        line_answer(f->line, &answer);
        return;
    }
    front_refuse_bind(f, rc == ERR_NOT_FOUND || rc == ERR_DENIED
                             ? STANZA_ERROR_NOT_ALLOWED
                             : STANZA_ERROR_RESOURCE_CONSTRAINT);
}

static void front_bind(void *arg, struct span resource)
{
    struct xmpp_front *f = arg;
    struct address_part storage;
    struct span prepared = SPAN("");

    if (f->session || f->request)
        front_refuse_bind(f, STANZA_ERROR_NOT_ALLOWED);
    else if (resource.size && address_resource(resource, &storage, &prepared) < 0)
        front_refuse_bind(f, STANZA_ERROR_BAD_REQUEST);
    else
        session_bind(f->worker, span_text(f->user), prepared, &front_table, f, front_bound,
                     &f->request);
}

static void front_refuse_resume(struct xmpp_front *f, enum stanza_error_condition condition,
                                bool has_h, uint64_t h)
{
    metric_add(f->metrics->resume_failed, 1);
    const struct line_answer answer = {.kind = LINE_RESUME_REFUSED,
                                       .condition = (int)condition,
                                       .has_h = has_h,
                                       .h = (uint32_t)h};
    line_answer(f->line, &answer);
}

static void front_resumed(void *arg, enum session_resumed outcome, struct session *s,
                          uint64_t h)
{
    struct xmpp_front *f = arg;

    f->request = NULL;
    switch (outcome) {
    case SESSION_RESUMED: {
        front_has_session(f, s);
        metric_add(f->metrics->resumed, 1);
        xmpp_flow_start(f, true, h);
        const struct line_answer answer = {
            .kind = LINE_RESUMED, .h = (uint32_t)h, .address = session_address(s)};
        line_answer(f->line, &answer);
        return;
    }
    case SESSION_RESUME_FAILED:
        front_refuse_resume(f, STANZA_ERROR_ITEM_NOT_FOUND, true, h);
        return;
    case SESSION_RESUME_UNKNOWN:
        front_refuse_resume(f, STANZA_ERROR_ITEM_NOT_FOUND, false, 0);
        return;
    case SESSION_RESUME_BAD_COUNT:
        xmpp_front_fail(f, STREAM_ERROR_UNDEFINED_CONDITION, "h is more than was sent");
        return;
    case SESSION_RESUME_BUSY:
        front_refuse_resume(f, STANZA_ERROR_RESOURCE_CONSTRAINT, false, 0);
        return;
    }
}

/* Our resumption ids are session ids in hexadecimal. */
static bool front_read_id(struct span text, char id[SESSION_ID_SIZE])
{
    if (text.size != FRONT_SM_ID_SIZE)
        return false;
    for (size_t i = 0; i < SESSION_ID_SIZE; i++) {
        const char digits[3] = {text.ptr[2 * i], text.ptr[2 * i + 1], '\0'};
        if (strspn(digits, "0123456789abcdef") != 2)
            return false;
        id[i] = (char)(unsigned char)strtoul(digits, NULL, 16);
    }
    return true;
}

static void front_resume(void *arg, struct span previd, uint32_t h)
{
    struct xmpp_front *f = arg;
    char id[SESSION_ID_SIZE];

    if (f->session || f->request)
        front_refuse_resume(f, STANZA_ERROR_UNEXPECTED_REQUEST, false, 0);
    else if (!front_read_id(previd, id))
        front_refuse_resume(f, STANZA_ERROR_ITEM_NOT_FOUND, false, 0);
    else
        session_resume(f->worker, span_text(f->user), span_of(id, sizeof(id)), h, &front_table,
                       f, front_resumed, &f->request);
}

/* ---- Elements from the client
 * --------------------------------------------------------------------- */

static void front_take_sm(struct xmpp_front *f, const struct sm_stanza *sm)
{
    CLEANUP(strbuf_done) struct strbuf out = {0};
    char id[FRONT_SM_ID_SIZE + 1] = "";

    switch (sm->kind) {
    case SM_STANZA_NONE:
    case SM_STANZA_MALFORMED:
        xmpp_front_fail(f, STREAM_ERROR_BAD_FORMAT, NULL);
        return;
    case SM_STANZA_REQUEST:
        xmpp_flow_requested(f);
        return;
    case SM_STANZA_ACK:
        xmpp_flow_acked(f, sm->h);
        return;
    case SM_STANZA_RESUME:
        sm_stanza_failed(&out, STANZA_ERROR_UNEXPECTED_REQUEST, false, 0);
        break;
    case SM_STANZA_ENABLE:
        if (f->flow.is_on) {
            sm_stanza_failed(&out, STANZA_ERROR_UNEXPECTED_REQUEST, false, 0);
            break;
        }
        session_enable_acks(f->session, sm->wants_resume);
        xmpp_flow_start(f, sm->wants_resume, 0);
        for (size_t i = 0; sm->wants_resume && i < SESSION_ID_SIZE; i++)
            (void)snprintf(id + 2 * i, 3, "%02x", (unsigned char)session_id(f->session).ptr[i]);
        sm_stanza_enabled(&out, span_text(id), session_resume_window_ms(f->session) / 1000,
                          SPAN_NONE);
        break;
    }
    line_write(f->line, 0, strbuf_span(&out));
}

static void front_stanza(void *arg, struct arena *arena, struct xml_node *node)
{
    struct xmpp_front *f = arg;
    struct sm_stanza sm;

    if (!f->session)
        return; /* it ended while this was on its way */
    xmpp_flow_heard(f);
    sm_stanza_parse(node, &sm);
    const enum csi_state state = csi_parse(node);
    if (sm.kind != SM_STANZA_NONE)
        front_take_sm(f, &sm);
    else if (state != CSI_NONE)
        session_set_active(f->session, state == CSI_ACTIVE);
    else
        xmpp_intake_stanza(f, arena, node);
}

static void front_drained(void *arg, uint64_t seq)
{
    const struct xmpp_front *f = arg;
    if (f->session && !f->flow.is_on)
        session_delivered(f->session, seq);
}

/* ---- The beginning
 * ---------------------------------------------------------------------------------- */

static const struct line_upper front_line = {.bind = front_bind,
                                             .resume = front_resume,
                                             .stanza = front_stanza,
                                             .drained = front_drained,
                                             .gone = front_gone};

/* The front on its way to the user's worker. */
struct front_arrival {
    struct message message; /* must stay first */
    struct xmpp_front *front;
};

static void front_arrived(struct message *message, void *owner)
{
    struct front_arrival *arrival = (struct front_arrival *)message;
    struct xmpp_front *f = arrival->front;
    (void)owner;

    f->worker = im_worker_of(f->im, span_text(f->user));
    line_join(f->line, &front_line, f);
    xmpp_flow_open(f);
    free(arrival);
}

static void front_turned_away(struct message *message)
{
    struct front_arrival *arrival = (struct front_arrival *)message;
    /* The worker stops; the connection ends with its own worker. */
    free(arrival->front->user);
    free(arrival->front->lang);
    free(arrival->front->address);
    free(arrival->front->tls);
    free(arrival->front);
    free(arrival);
}

int xmpp_front_start(struct im *im, struct line *line, const struct xmpp_front_client *client)
{
    struct xmpp_front *f = mem_zeroed(1, sizeof(*f));
    *f = (struct xmpp_front){.im = im,
                             .line = line,
                             .metrics = client->metrics,
                             .pool = client->pool,
                             .user = mem_text(client->user.ptr, client->user.size),
                             .lang = mem_text(client->lang.ptr, client->lang.size),
                             .address = mem_text(client->address.ptr, client->address.size),
                             .tls = mem_text(client->tls.ptr, client->tls.size)};
    struct front_arrival *arrival = mem_zeroed(1, sizeof(*arrival));
    *arrival = (struct front_arrival){
        .message = {.deliver = front_arrived, .discard = front_turned_away}, .front = f};

    const int rc = loop_post(im_loop_of(im, client->user), &arrival->message);
    if (rc < 0)
        front_turned_away(&arrival->message);
    return rc;
}
