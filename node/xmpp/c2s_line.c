/* SPDX-License-Identifier: Apache-2.0 */
#include "node/xmpp/c2s_line.h"

#include <assert.h>
#include <netdb.h>
#include <stdio.h>

#include "base/bytestream.h"
#include "base/cleanup.h"
#include "base/loop.h"
#include "node/im/im.h"
#include "node/xmpp/c2s_state.h"
#include "node/xmpp/line.h"
#include "node/xmpp/xmpp_front.h"

enum {
    C2S_LINE_RETRY_MS = 8,  /* until a full mailbox is tried again */
    C2S_LINE_DRAIN_MS = 50, /* until the kernel's send queue is looked at again */
};

void c2s_line_hand_up(struct c2s *c, const struct xml_reader_event *event)
{
    c2s_line_look_drained(c); /* who asks for the next page has read the last one */
    if (line_stanza(c->line, event->arena, event->node) == 0)
        return;
    c->held = *event; /* valid as long as the reader is not asked again */
    c2s_hold(c, C2S_HOLD_MAILBOX);
    wheel_set(loop_wheel(c->service->config.loop), &c->later,
              loop_now_ms(c->service->config.loop) + C2S_LINE_RETRY_MS);
}

static void c2s_answered(void *arg, const struct line_answer *answer)
{
    struct c2s *c = arg;
    CLEANUP(strbuf_done) struct strbuf out = {0};
    if (!c->stream || xmpp_stream_is_closed(c->xmpp))
        return;

    const enum stanza_error_condition condition =
        (enum stanza_error_condition)answer->condition;
    switch (answer->kind) {
    case LINE_BOUND:
        c->is_bound = true;
        xmpp_stream_bound(c->xmpp, answer->address, &out);
        break;
    case LINE_BIND_REFUSED:
        xmpp_stream_bind_refused(c->xmpp, condition, &out);
        break;
    case LINE_RESUMED:
        c->is_bound = true;
        xmpp_stream_resumed(c->xmpp, answer->address, xmpp_stream_request(c->xmpp)->previd,
                            answer->h, &out);
        break;
    case LINE_RESUME_REFUSED:
        xmpp_stream_resume_refused(c->xmpp, condition, answer->has_h, answer->h, &out);
        break;
    }
    c2s_flush(c, &out);
    c2s_unhold(c, C2S_HOLD_ANSWER);
}

/* Notes where seq ends; writes that follow closely, or for which there is no room, move the
 * newest mark instead. */
static void c2s_mark_add(struct c2s *c, uint64_t seq)
{
    const unsigned newest = (c->mark_first + c->mark_count - 1) % C2S_MARKS_MAX;
    const unsigned before = (newest + C2S_MARKS_MAX - 1) % C2S_MARKS_MAX;
    const uint64_t start = c->mark_count > 1 ? c->marks[before].end : 0;
    if (c->mark_count > 1 &&
        (c->mark_count == C2S_MARKS_MAX || c->marks[newest].end - start < C2S_MARK_BYTES)) {
        c->marks[newest] = (struct c2s_mark){seq, c->line_bytes};
        return;
    }
    c->marks[(c->mark_first + c->mark_count++) % C2S_MARKS_MAX] =
        (struct c2s_mark){seq, c->line_bytes};
}

/* Tells the session how far the peer's TCP has come; looks again until it has it all. What
 * is queued counts TLS as well, so this errs to the side of too little. */
void c2s_line_look_drained(struct c2s *c)
{
    if (!c->stream || c->seq_drained == c->seq_written)
        return;
    const uint64_t queued = bytestream_queued(c->stream);
    uint64_t drained = c->seq_drained;
    for (; c->mark_count > 0; c->mark_count--) {
        const struct c2s_mark *mark = &c->marks[c->mark_first];
        if (queued > 0 && mark->end + queued > c->line_bytes)
            break;
        drained = mark->seq;
        c->mark_first = (c->mark_first + 1) % C2S_MARKS_MAX;
    }
    if (drained != c->seq_drained) {
        c->seq_drained = drained;
        line_drained(c->line, drained);
    }
    if (c->seq_drained == c->seq_written)
        return;
    wheel_set(loop_wheel(c->service->config.loop), &c->drain,
              loop_now_ms(c->service->config.loop) + C2S_LINE_DRAIN_MS);
}

void c2s_line_drain_due(struct wheel_timer *timer, void *arg)
{
    (void)timer;
    c2s_line_look_drained(arg);
}

static void c2s_line_write(void *arg, uint64_t seq, struct span bytes)
{
    struct c2s *c = arg;
    if (!c->stream)
        return;
    bytestream_write(c->stream, bytes);
    c->line_bytes += bytes.size;
    if (seq > c->seq_written) {
        c->seq_written = seq;
        c2s_mark_add(c, seq);
    }
}

static void c2s_line_pause(void *arg, bool is_paused)
{
    if (is_paused)
        c2s_hold(arg, C2S_HOLD_WINDOW);
    else
        c2s_unhold(arg, C2S_HOLD_WINDOW);
}

static void c2s_line_shut(void *arg, struct span last)
{
    struct c2s *c = arg;
    if (!c->stream || bytestream_is_closing(c->stream))
        return;
    CLEANUP(strbuf_done) struct strbuf out = {0};
    strbuf_add(&out, last);
    c2s_carry_out(c, xmpp_stream_ended(c->xmpp, &out), &out);
}

static void c2s_line_released(void *arg)
{
    struct c2s *c = arg;
    assert(!c->stream); /* it is asked for by line_gone() only */
    c->line = NULL;
    c2s_free(c);
}

static const struct line_lower c2s_line_lower = {.answered = c2s_answered,
                                                 .write = c2s_line_write,
                                                 .pause = c2s_line_pause,
                                                 .shut = c2s_line_shut,
                                                 .released = c2s_line_released};

/* Makes the session's end of the line. Returns 0 or why its worker takes none. */
static int c2s_lay_line(struct c2s *c)
{
    if (c->line)
        return 0;
    struct c2s_config *config = &c->service->config;
    const struct span user = xmpp_stream_user(c->xmpp);
    struct line *line =
        line_new(config->loop, &c2s_line_lower, c, im_loop_of(config->im, user));

    char host[NI_MAXHOST] = "", port[NI_MAXSERV] = "", address[NI_MAXHOST + NI_MAXSERV];
    (void)getnameinfo((const struct sockaddr *)&c->peer, sizeof(c->peer), host, sizeof(host),
                      port, sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV);
    (void)snprintf(address, sizeof(address), "%s:%s", host, port);
    const struct xmpp_front_client client = {.user = user,
                                             .lang = xmpp_stream_lang(c->xmpp),
                                             .address = span_text(address),
                                             .tls =
                                                 span_text(bytestream_tls_version(c->stream)),
                                             .metrics = config->sign_in.metrics,
                                             .pool = config->pool};
    const int rc = xmpp_front_start(config->im, line, &client);
    if (rc < 0) {
        line_free(line);
        return rc;
    }
    c->line = line;
    return 0;
}

/* Bind or resume: the session answers. */
void c2s_line_ask(struct c2s *c, enum xmpp_stream_action action)
{
    const struct xmpp_stream_request *request = xmpp_stream_request(c->xmpp);

    c2s_hold(c, C2S_HOLD_ANSWER);
    if (c2s_lay_line(c) < 0)
        c2s_fail(c, STREAM_ERROR_RESOURCE_CONSTRAINT, NULL);
    else if (action == XMPP_STREAM_BIND)
        line_bind(c->line, request->resource);
    else
        line_resume(c->line, request->previd, request->h);
}
