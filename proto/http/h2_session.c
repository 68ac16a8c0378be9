/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/http/h2_session.h"

#include <assert.h>
#include <nghttp2/nghttp2.h>
#include <stdio.h>

#include "base/err.h"
#include "base/mem.h"

struct h2_session {
    nghttp2_session *session;
    struct httpmsg_events events;
    size_t body_max;
    size_t bodies_size; /* of all open requests */
    size_t stream_count;
    struct h2_stream *streams;
    bool is_busy; /* inside nghttp2, or fetching: do not call out for output */
};

struct h2_stream {
    struct http_exchange exchange; /* must stay first: the ops cast back */
    struct h2_session *session;
    struct h2_stream *next, **where;
    int32_t id;
    bool is_requested; /* the handler knows it */
    bool is_ended;     /* the handler is done with it */
    bool is_deferred;  /* nghttp2 waits for more of the body */
    struct strbuf output;
    nghttp2_nv trailers[8];
    size_t trailer_count;
};

static struct h2_stream *h2_stream_of(struct http_exchange *x)
{
    return (struct h2_stream *)(void *)x;
}

static struct h2_stream *h2_stream_find(nghttp2_session *session, int32_t id)
{
    return nghttp2_session_get_stream_user_data(session, id);
}

static void h2_stream_free(struct h2_stream *t)
{
    struct h2_session *s = t->session;
    *t->where = t->next;
    if (t->next)
        t->next->where = t->where;
    s->stream_count--;
    s->bodies_size -= t->exchange.request.body.size;
    for (size_t i = 0; i < t->trailer_count; i++)
        free(t->trailers[i].name);
    httpmsg_done(&t->exchange.request);
    strbuf_done(&t->output);
    free(t);
}

static void h2_session_wrote(struct h2_session *s)
{
    if (!s->is_busy)
        s->events.wrote(s->events.arg);
}

/* ---- Answering ------------------------------------------------------------------------ */

/* NO_COPY flags stay off: nghttp2 copies names and values. */
static nghttp2_nv h2_field(struct span name, struct span value)
{
    return (nghttp2_nv){.name = (uint8_t *)(uintptr_t)name.ptr,
                        .value = (uint8_t *)(uintptr_t)value.ptr,
                        .namelen = name.size,
                        .valuelen = value.size};
}

/* nghttp2 asks for the next piece of the body. */
static ssize_t h2_read_body(nghttp2_session *session, int32_t id, uint8_t *buffer, size_t size,
                            uint32_t *flags, nghttp2_data_source *source, void *user)
{
    struct h2_stream *t = source->ptr;
    (void)user;
    const struct span piece = span_first(strbuf_span(&t->output), size);
    if (piece.size == 0 && !t->is_ended) {
        t->is_deferred = true;
        return NGHTTP2_ERR_DEFERRED;
    }
    if (piece.size > 0)
        memcpy(buffer, piece.ptr, piece.size);
    strbuf_consume(&t->output, piece.size);
    if (!t->is_ended || t->output.size > 0)
        return (ssize_t)piece.size;

    *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (t->trailer_count > 0) {
        *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
        if (nghttp2_submit_trailer(session, id, t->trailers, t->trailer_count) != 0)
            return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    return (ssize_t)piece.size;
}

enum { ANSWER_FIELDS_MAX = 16 };

static void h2_head(struct http_exchange *x, int status, const struct httpmsg_field *fields,
                    size_t count)
{
    struct h2_stream *t = h2_stream_of(x);
    assert(count < ANSWER_FIELDS_MAX);
    char digits[12];
    (void)snprintf(digits, sizeof(digits), "%d", status);
    nghttp2_nv head[ANSWER_FIELDS_MAX];
    head[0] = h2_field(SPAN(":status"), span_text(digits));
    for (size_t i = 0; i < count; i++)
        head[i + 1] = h2_field(fields[i].name, fields[i].value);
    const nghttp2_data_provider provider = {.source = {.ptr = t},
                                            .read_callback = h2_read_body};
    (void)nghttp2_submit_response(t->session->session, t->id, head, count + 1, &provider);
    h2_session_wrote(t->session);
}

static void h2_go_on(struct h2_stream *t)
{
    if (t->is_deferred) {
        t->is_deferred = false;
        (void)nghttp2_session_resume_data(t->session->session, t->id);
    }
    h2_session_wrote(t->session);
}

static void h2_body(struct http_exchange *x, struct span bytes)
{
    struct h2_stream *t = h2_stream_of(x);
    strbuf_add(&t->output, bytes);
    h2_go_on(t);
}

static void h2_end(struct http_exchange *x, const struct httpmsg_field *trailers, size_t count)
{
    struct h2_stream *t = h2_stream_of(x);
    assert(count <= sizeof(t->trailers) / sizeof(t->trailers[0]));
    for (size_t i = 0; i < count; i++) {
        /* One allocation holds name and value: they outlive the caller's. */
        char *copy = mem_zeroed(trailers[i].name.size + trailers[i].value.size + 1, 1);
        memcpy(copy, trailers[i].name.ptr, trailers[i].name.size);
        if (trailers[i].value.size)
            memcpy(copy + trailers[i].name.size, trailers[i].value.ptr, trailers[i].value.size);
        t->trailers[i] =
            h2_field(span_of(copy, trailers[i].name.size),
                     span_of(copy + trailers[i].name.size, trailers[i].value.size));
    }
    t->trailer_count = count;
    t->is_ended = true;
    h2_go_on(t);
}

static void h2_reset(struct http_exchange *x)
{
    struct h2_stream *t = h2_stream_of(x);
    t->is_ended = true;
    (void)nghttp2_submit_rst_stream(t->session->session, NGHTTP2_FLAG_NONE, t->id,
                                    NGHTTP2_INTERNAL_ERROR);
    h2_session_wrote(t->session);
}

static const struct http_exchange_ops h2_ops = {
    .head = h2_head, .body = h2_body, .end = h2_end, .reset = h2_reset};

/* ---- What nghttp2 tells --------------------------------------------------------------- */

static int h2_on_begin(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    struct h2_session *s = user;
    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
        return 0;
    struct h2_stream *t = mem_zeroed(1, sizeof(*t));
    *t = (struct h2_stream){
        .exchange = {.ops = &h2_ops, .version = 20},
        .session = s,
        .next = s->streams,
        .where = &s->streams,
        .id = frame->hd.stream_id,
    };
    if (t->next)
        t->next->where = &t->next;
    s->streams = t;
    s->stream_count++;
    return nghttp2_session_set_stream_user_data(session, t->id, t) == 0
               ? 0
               : NGHTTP2_ERR_CALLBACK_FAILURE;
}

static int h2_on_field(nghttp2_session *session, const nghttp2_frame *frame,
                       const uint8_t *name, size_t name_size, const uint8_t *value,
                       size_t value_size, uint8_t flags, void *user)
{
    (void)flags;
    (void)user;
    struct h2_stream *t = h2_stream_find(session, frame->hd.stream_id);
    if (!t || t->is_requested || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
        return 0; /* trailers are dropped */
    struct httpmsg *m = &t->exchange.request;
    const struct span n = span_of(name, name_size), v = span_of(value, value_size);
    int rc;
    if (span_is(n, ":path"))
        rc = httpmsg_set_target(m, v);
    else
        rc = httpmsg_add(m, n, v);
    return rc < 0 ? NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE : 0;
}

static int h2_on_body(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *bytes,
                      size_t size, void *user)
{
    (void)flags;
    struct h2_session *s = user;
    struct h2_stream *t = h2_stream_find(session, id);
    if (!t || t->is_requested)
        return 0;
    const struct strbuf *body = &t->exchange.request.body;
    if (size > s->body_max - body->size || size > H2_SESSION_BODIES_MAX - s->bodies_size) {
        (void)nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, id,
                                        NGHTTP2_ENHANCE_YOUR_CALM);
        nghttp2_session_set_stream_user_data(session, id, NULL);
        h2_stream_free(t);
        return 0;
    }
    httpmsg_add_body(&t->exchange.request, span_of(bytes, size));
    s->bodies_size += size;
    return 0;
}

static int h2_on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    struct h2_session *s = user;
    if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA)
        return 0;
    if (!(frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
        return 0;
    struct h2_stream *t = h2_stream_find(session, frame->hd.stream_id);
    if (!t || t->is_requested)
        return 0;
    struct httpmsg *m = &t->exchange.request;
    m->method = httpmsg_find(m, ":method");
    m->authority = httpmsg_find(m, ":authority");
    if (span_is_none(m->authority))
        m->authority = httpmsg_find(m, "host");
    t->is_requested = true;
    s->events.requested(&t->exchange, s->events.arg);
    return 0;
}

static int h2_on_close(nghttp2_session *session, int32_t id, uint32_t code, void *user)
{
    struct h2_session *s = user;
    (void)code;
    struct h2_stream *t = h2_stream_find(session, id);
    if (!t)
        return 0;
    if (t->is_requested && !t->is_ended)
        s->events.cancelled(&t->exchange, s->events.arg);
    h2_stream_free(t);
    return 0;
}

/* ---- The session ---------------------------------------------------------------------- */

static nghttp2_session *h2_session_make(struct h2_session *s)
{
    nghttp2_session_callbacks *callbacks = NULL;
    nghttp2_option *option = NULL;
    nghttp2_session *session = NULL;
    if (nghttp2_session_callbacks_new(&callbacks) != 0 || nghttp2_option_new(&option) != 0)
        abort(); /* out of memory */
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, h2_on_begin);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, h2_on_field);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, h2_on_body);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, h2_on_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, h2_on_close);
    nghttp2_option_set_stream_reset_rate_limit(option, H2_SESSION_RESETS_BURST, 20);
    nghttp2_option_set_max_continuations(option, H2_SESSION_CONTINUATIONS_MAX);
    nghttp2_option_set_max_settings(option, 32);
    nghttp2_option_set_max_outbound_ack(option, 256);
    /* Streams that are closed need not be remembered for a priority tree. */
    nghttp2_option_set_no_closed_streams(option, 1);
    if (nghttp2_session_server_new2(&session, callbacks, s, option) != 0)
        abort();
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(callbacks);
    return session;
}

struct h2_session *h2_session_new(size_t body_max, const struct httpmsg_events *events)
{
    struct h2_session *s = mem_zeroed(1, sizeof(*s));
    s->body_max = body_max;
    s->events = *events;
    s->session = h2_session_make(s);
    const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, H2_SESSION_STREAMS_MAX},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, H2_SESSION_WINDOW},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, HTTPMSG_HEAD_MAX},
    };
    (void)nghttp2_submit_settings(s->session, NGHTTP2_FLAG_NONE, settings, 3);
    (void)nghttp2_session_set_local_window_size(s->session, NGHTTP2_FLAG_NONE, 0,
                                                H2_SESSION_BODIES_MAX);
    return s;
}

void h2_session_free(struct h2_session *s)
{
    if (!s)
        return;
    s->is_busy = true;
    struct h2_stream *next;
    for (struct h2_stream *t = s->streams; t; t = next) {
        next = t->next;
        if (t->is_requested && !t->is_ended)
            s->events.cancelled(&t->exchange, s->events.arg);
        h2_stream_free(t);
    }
    nghttp2_session_del(s->session);
    free(s);
}

int h2_session_receive(struct h2_session *s, struct span bytes)
{
    s->is_busy = true;
    const ssize_t used =
        nghttp2_session_mem_recv(s->session, (const uint8_t *)bytes.ptr, bytes.size);
    s->is_busy = false;
    return used < 0 ? ERR_PROTOCOL : 0;
}

int h2_session_fetch(struct h2_session *s, struct strbuf *out)
{
    s->is_busy = true;
    int rc = 0;
    for (size_t added = 0; added < H2_SESSION_OUTPUT_MAX;) {
        const uint8_t *bytes = NULL;
        const ssize_t size = nghttp2_session_mem_send(s->session, &bytes);
        if (size <= 0) {
            rc = size < 0 ? ERR_PROTOCOL : 0;
            break;
        }
        strbuf_add(out, span_of(bytes, (size_t)size));
        added += (size_t)size;
    }
    s->is_busy = false;
    return rc;
}

bool h2_session_is_done(const struct h2_session *s)
{
    return !nghttp2_session_want_read(s->session) && !nghttp2_session_want_write(s->session);
}

void h2_session_shut(struct h2_session *s)
{
    (void)nghttp2_submit_shutdown_notice(s->session);
    (void)nghttp2_submit_goaway(s->session, NGHTTP2_FLAG_NONE,
                                nghttp2_session_get_last_proc_stream_id(s->session),
                                NGHTTP2_NO_ERROR, NULL, 0);
    h2_session_wrote(s);
}

size_t h2_session_stream_count(const struct h2_session *s)
{
    return s->stream_count;
}
