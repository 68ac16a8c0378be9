/* SPDX-License-Identifier: Apache-2.0 */
#include "node/xmpp/c2s.h"

#include <stdio.h>

#include "base/bytestream.h"
#include "base/cleanup.h"
#include "base/entropy.h"
#include "base/err.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "node/im/im.h"
#include "node/xmpp/c2s_line.h"
#include "node/xmpp/c2s_state.h"
#include "node/xmpp/line.h"
#include "proto/xml/xml_reader.h"
#include "proto/xmpp/disco.h"
#include "proto/xmpp/xmpp_stream.h"

enum {
    C2S_PARK_MS = 3000,     /* of silence, then the parser is put away */
    C2S_STREAM_ID_SIZE = 16 /* random bytes: unguessable (RFC 6120, 4.7.3) */
};

static void c2s_read_on(struct c2s *c);

/* ---- Output and the end --------------------------------------------------------------- */

void c2s_flush(struct c2s *c, struct strbuf *out)
{
    if (out->size && c->stream)
        bytestream_write(c->stream, strbuf_span(out));
    strbuf_clear(out);
}

void c2s_fail(struct c2s *c, enum stream_error_condition condition, const char *text)
{
    CLEANUP(strbuf_done) struct strbuf out = {0};
    const enum xmpp_stream_action action = xmpp_stream_fail(c->xmpp, condition, text, &out);
    c2s_carry_out(c, action, &out);
}

static void c2s_service_end(struct c2s_service *s)
{
    s->closed(s->closed_arg);
    strbuf_done(&s->caps_ver);
    free(s);
}

void c2s_free(struct c2s *c)
{
    struct c2s_service *s = c->service;
    struct wheel *wheel = loop_wheel(s->config.loop);

    wheel_cancel(wheel, &c->patience);
    wheel_cancel(wheel, &c->later);
    wheel_cancel(wheel, &c->drain);
    sign_in_free(c->sign_in);
    xmpp_stream_free(c->xmpp);
    xml_reader_free(c->reader);
    if (c->former)
        c->former->next = c->next;
    else
        s->first = c->next;
    if (c->next)
        c->next->former = c->former;
    s->count--;
    c->ended(c->ended_arg);
    free(c);

    if (s->is_closing && s->count == 0) {
        c2s_service_end(s);
    }
}

/* The socket is gone. The session hears of it and lets go of the line first. */
static void c2s_closed(int rc, void *arg)
{
    struct c2s *c = arg;
    log_debug("c2s: connection ended", LOG_SPAN("user", xmpp_stream_user(c->xmpp)), LOG_RC(rc));
    c->stream = NULL;
    sign_in_free(c->sign_in);
    c->sign_in = NULL;
    if (c->line)
        line_gone(c->line, c->is_orderly);
    else
        c2s_free(c);
}

/* ---- Reading --------------------------------------------------------------------------- */

void c2s_hold(struct c2s *c, enum c2s_hold why)
{
    c->holds |= why;
    if (c->stream)
        bytestream_pause(c->stream);
}

/* Goes on reading when nothing else holds it. */
void c2s_unhold(struct c2s *c, enum c2s_hold why)
{
    c->holds &= ~(unsigned)why;
    if (c->stream && c->holds == 0) {
        bytestream_resume(c->stream);
        c2s_read_on(c);
    }
}

static void c2s_take(struct c2s *c, const struct xml_reader_event *event, struct strbuf *out)
{
    enum xmpp_stream_action action = XMPP_STREAM_CONTINUE;

    switch (event->kind) {
    case XML_READER_OPENED: {
        unsigned char id[C2S_STREAM_ID_SIZE];
        char text[2 * C2S_STREAM_ID_SIZE + 1];
        entropy_fill(id, sizeof(id));
        for (size_t i = 0; i < sizeof(id); i++)
            (void)snprintf(text + 2 * i, 3, "%02x", id[i]);
        action = xmpp_stream_opened(c->xmpp, event, span_text(text), out);
        break;
    }
    case XML_READER_ELEMENT:
        action = xmpp_stream_element(c->xmpp, event->node, out);
        if (action == XMPP_STREAM_STANZA) {
            c2s_line_hand_up(c, event);
            return;
        }
        break;
    case XML_READER_CLOSED:
        c->is_orderly = true;
        action = xmpp_stream_ended(c->xmpp, out);
        break;
    case XML_READER_FAILED:
        action = xmpp_stream_reader_failed(c->xmpp, event, out);
        break;
    }
    c2s_carry_out(c, action, out);
}

static void c2s_read_on(struct c2s *c)
{
    CLEANUP(strbuf_done) struct strbuf out = {0};
    struct xml_reader_event event;

    while (c->stream && !bytestream_is_closing(c->stream) && c->holds == 0 &&
           xml_reader_next(c->reader, &event) == 1)
        c2s_take(c, &event, &out);
    c2s_flush(c, &out);
}

/* A peer that is ahead of its rate waits. */
static void c2s_charge(struct c2s *c, size_t size)
{
    const struct c2s_limits *limits = &c->service->config.limits;
    const uint64_t now_ms = loop_now_ms(c->service->config.loop);
    const uint64_t wait_ms =
        allowance_charge(&c->allowance, limits->rate, limits->burst, size, now_ms);
    if (wait_ms == 0)
        return;
    c2s_hold(c, C2S_HOLD_RATE);
    wheel_set(loop_wheel(c->service->config.loop), &c->later, now_ms + wait_ms);
}

static void c2s_received(struct span bytes, void *arg)
{
    struct c2s *c = arg;
    xml_reader_feed(c->reader, bytes);
    c2s_read_on(c);
    if (!c->stream || bytestream_is_closing(c->stream))
        return;
    c2s_charge(c, bytes.size);
    if (c->line)
        wheel_set(loop_wheel(c->service->config.loop), &c->patience,
                  loop_now_ms(c->service->config.loop) + C2S_PARK_MS);
}

static void c2s_later(struct wheel_timer *timer, void *arg)
{
    struct c2s *c = arg;
    (void)timer;
    if (!c->stream)
        return;
    if (c->holds & C2S_HOLD_MAILBOX) {
        const struct xml_reader_event event = c->held;
        c->holds &= ~(unsigned)C2S_HOLD_MAILBOX;
        c2s_line_hand_up(c, &event);
        if (c->holds & C2S_HOLD_MAILBOX)
            return;
    }
    c2s_unhold(c, C2S_HOLD_RATE);
}

static void c2s_lost_patience(struct wheel_timer *timer, void *arg)
{
    struct c2s *c = arg;
    (void)timer;
    if (!c->stream || bytestream_is_closing(c->stream))
        return;
    if (!c->line)
        c2s_fail(c, STREAM_ERROR_CONNECTION_TIMEOUT, "sign-in took too long");
    else if (c->holds == 0)
        xml_reader_park(c->reader);
}

/* ---- Negotiation ------------------------------------------------------------------------ */

static void c2s_opened(void *arg)
{
    struct c2s *c = arg;
    if (!xmpp_stream_is_secured(c->xmpp)) /* with direct TLS it began so */
        xmpp_stream_secured(c->xmpp);
}

static void c2s_challenged(void *arg, struct span payload)
{
    struct c2s *c = arg;
    CLEANUP(strbuf_done) struct strbuf out = {0};
    xmpp_stream_challenge(c->xmpp, payload, &out);
    c2s_flush(c, &out);
    c2s_unhold(c, C2S_HOLD_ANSWER);
}

static void c2s_apply_limits(struct c2s *c)
{
    const struct c2s_limits *limits = &c->service->config.limits;
    struct xml_reader_limits reader = xml_reader_limits_standard;
    reader.element_size =
        xmpp_stream_is_authenticated(c->xmpp) ? limits->stanza_max : limits->sign_in_stanza_max;
    xml_reader_set_limits(c->reader, &reader);
}

static void c2s_succeeded(void *arg, struct span user, struct span payload)
{
    struct c2s *c = arg;
    CLEANUP(strbuf_done) struct strbuf out = {0};
    const enum xmpp_stream_action action =
        xmpp_stream_authenticated(c->xmpp, user, payload, &out);
    c2s_carry_out(c, action, &out);
    c2s_apply_limits(c);
    c2s_unhold(c, C2S_HOLD_ANSWER);
}

static void c2s_refused(void *arg, enum sasl_condition condition, const char *text,
                        bool is_exhausted)
{
    struct c2s *c = arg;
    CLEANUP(strbuf_done) struct strbuf out = {0};
    const enum xmpp_stream_action action =
        xmpp_stream_refused(c->xmpp, condition, text, is_exhausted, &out);
    c2s_carry_out(c, action, &out);
    c2s_unhold(c, C2S_HOLD_ANSWER);
}

static const struct sign_in_events c2s_sign_in_events = {
    .challenged = c2s_challenged, .succeeded = c2s_succeeded, .refused = c2s_refused};

/* ---- Carrying out -------------------------------------------------------------------------
 */

/* Does what the negotiation decided, after sending what it wrote. */
void c2s_carry_out(struct c2s *c, enum xmpp_stream_action action, struct strbuf *out)
{
    const struct xmpp_stream_request *request = xmpp_stream_request(c->xmpp);

    c2s_flush(c, out);
    switch (action) {
    case XMPP_STREAM_CONTINUE:
    case XMPP_STREAM_STANZA:
        break;
    case XMPP_STREAM_START_TLS:
        /* What stands behind <starttls/> in the clear is nobody's word (RFC 6120, 5.4.3.3). */
        xml_reader_restart(c->reader, false);
        if (bytestream_start_tls(c->stream, c->service->config.starttls) < 0)
            bytestream_abort(c->stream);
        break;
    case XMPP_STREAM_AUTH_START:
        c2s_hold(c, C2S_HOLD_ANSWER);
        sign_in_start(c->sign_in, request->mechanism, request->payload);
        break;
    case XMPP_STREAM_AUTH_NEXT:
        c2s_hold(c, C2S_HOLD_ANSWER);
        sign_in_next(c->sign_in, request->payload);
        break;
    case XMPP_STREAM_AUTH_ABORT:
        sign_in_abort(c->sign_in);
        break;
    case XMPP_STREAM_RESTART:
        xml_reader_restart(c->reader, true);
        break;
    case XMPP_STREAM_BIND:
    case XMPP_STREAM_RESUME:
        c2s_line_ask(c, action);
        break;
    case XMPP_STREAM_CLOSE:
        if (c->stream)
            bytestream_close(c->stream);
        break;
    }
}

/* ---- The service ------------------------------------------------------------------------ */

static bool c2s_serves(struct span domain, void *arg)
{
    const struct c2s *c = arg;
    return span_is(domain, c->service->config.domain);
}

static void c2s_offer(struct span domain, struct xmpp_stream_offer *ret_offer, void *arg)
{
    struct c2s *c = arg;
    (void)domain;
    if (!c->sign_in)
        c->sign_in = sign_in_new(&c->service->config.sign_in, c->stream, &c->peer,
                                 &c2s_sign_in_events, c);
    sign_in_offer(c->sign_in, ret_offer);
}

static void c2s_drained(void *arg)
{
    c2s_line_look_drained(arg);
}

static const struct xmpp_stream_hooks c2s_stream_hooks = {.serves = c2s_serves,
                                                          .offer = c2s_offer};
static const struct bytestream_events c2s_stream_events = {.opened = c2s_opened,
                                                           .received = c2s_received,
                                                           .drained = c2s_drained,
                                                           .closed = c2s_closed};

struct c2s_service *c2s_service_open(const struct c2s_config *config)
{
    struct c2s_service *s = mem_zeroed(1, sizeof(*s));
    s->config = *config;
    disco_caps_ver(&disco_server, &s->caps_ver);
    return s;
}

void c2s_service_set_limits(struct c2s_service *s, const struct c2s_limits *limits)
{
    s->config.limits = *limits;
    for (struct c2s *c = s->first; c; c = c->next)
        c2s_apply_limits(c);
}

uint32_t c2s_service_count(const struct c2s_service *s)
{
    return s->count;
}

void c2s_service_close(struct c2s_service *s, void (*closed)(void *arg), void *arg)
{
    s->is_closing = true;
    s->closed = closed;
    s->closed_arg = arg;
    if (s->count == 0) {
        c2s_service_end(s);
        return;
    }
    for (struct c2s *c = s->first; c; c = c->next)
        if (!c->is_bound && c->stream)
            c2s_fail(c, STREAM_ERROR_SYSTEM_SHUTDOWN, NULL);
}

/* The parts of a connection but the socket. */
static struct c2s *c2s_new(struct c2s_service *s, const struct sockaddr_storage *peer,
                           bool is_direct_tls)
{
    struct c2s *c = mem_zeroed(1, sizeof(*c));
    unsigned long salt = 0;
    entropy_fill(&salt, sizeof(salt));
    *c = (struct c2s){.service = s,
                      .peer = *peer,
                      .allowance = {.bytes = (int64_t)s->config.limits.burst,
                                    .at_ms = loop_now_ms(s->config.loop)},
                      .patience = {.expired = c2s_lost_patience, .arg = c},
                      .later = {.expired = c2s_later, .arg = c},
                      .drain = {.expired = c2s_line_drain_due, .arg = c}};
    const struct xmpp_stream_config xmpp = {.hooks = &c2s_stream_hooks,
                                            .arg = c,
                                            .domain = span_text(s->config.domain),
                                            .is_secured = is_direct_tls,
                                            .caps_ver = strbuf_span(&s->caps_ver),
                                            .caps_node = SPAN(DISCO_CAPS_NODE),
                                            .sign_in_max = s->config.limits.sign_in_stanza_max,
                                            .stanza_max = s->config.limits.stanza_max};
    c->reader = xml_reader_new(&xml_reader_limits_standard, salt);
    c->xmpp = xmpp_stream_new(&xmpp);
    c2s_apply_limits(c);
    c->next = s->first;
    if (s->first)
        s->first->former = c;
    s->first = c;
    s->count++;
    return c;
}

void c2s_open(struct c2s_service *s, int fd, const struct sockaddr_storage *peer,
              bool is_direct_tls, void (*ended)(void *arg), void *arg)
{
    struct c2s *c = c2s_new(s, peer, is_direct_tls);
    c->ended = ended;
    c->ended_arg = arg;

    int rc = bytestream_open(s->config.loop, fd, &c2s_stream_events, c, &c->stream);
    if (rc < 0) {
        c2s_free(c);
        return;
    }
    wheel_set(loop_wheel(s->config.loop), &c->patience,
              loop_now_ms(s->config.loop) + s->config.limits.sign_in_ms);
    if (is_direct_tls)
        rc = bytestream_start_tls(c->stream, s->config.direct_tls);
    if (rc < 0)
        bytestream_abort(c->stream);
}
