/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/http/http1.h"

#include <llhttp.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/mem.h"

enum {
    LEADING_LINES_MAX = 4,    /* empty lines before a request (RFC 9112, 2.2) */
    INPUT_SLACK = 64 * 1024,  /* pipelined behind a request that is being served */
    OVERHEAD_MAX = 16 * 1024, /* chunk sizes, extensions, trailers beyond ... */
    OVERHEAD_FACTOR = 8       /* ... this many times the body: one-byte chunks pass */
};

enum http1_phase { PHASE_HEAD, PHASE_BODY, PHASE_SERVING, PHASE_DONE };

struct http1 {
    struct http_exchange exchange; /* must stay first: the ops cast back */
    struct httpmsg_events events;
    size_t body_max;
    llhttp_t parser;
    llhttp_settings_t settings;
    enum http1_phase phase;
    int leading_lines; /* empty, since the last request */
    int refusal;       /* HTTP status that a callback found, or 0 */
    bool is_head_done, is_complete, is_keep_alive, is_receiving, is_continue_due;
    bool is_cancellable;
    struct strbuf in, out;
    size_t body_wire_size; /* bytes of the body phase, framing included */
    struct strbuf target, name, value;
    bool is_value; /* the last of name and value to grow */
    int answer_status;
    struct strbuf answer_head, answer_body;
};

static struct http1 *http1_of(struct http_exchange *x)
{
    return (struct http1 *)(void *)x;
}

/* ---- What llhttp tells ---------------------------------------------------------------- */

static int http1_flush_field(struct http1 *h)
{
    int rc = 0;
    if (h->name.size > 0)
        rc = httpmsg_add(&h->exchange.request, strbuf_span(&h->name), strbuf_span(&h->value));
    strbuf_clear(&h->name);
    strbuf_clear(&h->value);
    h->is_value = false;
    return rc;
}

static int http1_on_url(llhttp_t *parser, const char *at, size_t size)
{
    struct http1 *h = parser->data;
    strbuf_add(&h->target, span_of(at, size));
    return 0;
}

static int http1_on_field(llhttp_t *parser, const char *at, size_t size)
{
    struct http1 *h = parser->data;
    if (h->is_head_done)
        return 0; /* a trailer: dropped */
    if (h->is_value && http1_flush_field(h) < 0) {
        h->refusal = 431;
        return -1;
    }
    strbuf_add(&h->name, span_of(at, size));
    return 0;
}

static int http1_on_value(llhttp_t *parser, const char *at, size_t size)
{
    struct http1 *h = parser->data;
    if (h->is_head_done)
        return 0;
    h->is_value = true;
    strbuf_add(&h->value, span_of(at, size));
    return 0;
}

/* The methods that we may ever serve; llhttp knows those of RTSP and ICE too. */
static const char *http1_method(const llhttp_t *parser)
{
    switch (parser->method) {
    case HTTP_GET:
        return "GET";
    case HTTP_HEAD:
        return "HEAD";
    case HTTP_POST:
        return "POST";
    case HTTP_PUT:
        return "PUT";
    case HTTP_DELETE:
        return "DELETE";
    case HTTP_PATCH:
        return "PATCH";
    case HTTP_OPTIONS:
        return "OPTIONS";
    default:
        return NULL;
    }
}

/* What llhttp lets pass and we do not. Returns an HTTP status, or 0. */
static int http1_judge(struct http1 *h, const llhttp_t *parser)
{
    struct httpmsg *m = &h->exchange.request;
    if (parser->http_major != 1 || parser->http_minor > 1)
        return 505;
    const char *method = http1_method(parser);
    if (!method)
        return 501;
    m->method = span_text(method);
    if (httpmsg_set_target(m, strbuf_span(&h->target)) < 0)
        return 400;
    if (httpmsg_count(m, "host") > 1 || (parser->http_minor == 1 && !httpmsg_count(m, "host")))
        return 400; /* RFC 9112, 3.2 */
    m->authority = httpmsg_find(m, "host");

    const size_t codings = httpmsg_count(m, "transfer-encoding");
    if (codings > 1 || (codings && parser->http_minor == 0))
        return 400;
    const struct span coding = httpmsg_find(m, "transfer-encoding");
    if (codings && (coding.size != 7 || strncasecmp(coding.ptr, "chunked", 7) != 0))
        return 501;
    if (httpmsg_count(m, "content-length") > 1)
        return 400;
    if (!codings && parser->content_length > h->body_max)
        return 413;
    return 0;
}

static int http1_on_head(llhttp_t *parser)
{
    struct http1 *h = parser->data;
    if (http1_flush_field(h) < 0)
        h->refusal = 431;
    else
        h->refusal = http1_judge(h, parser);
    if (h->refusal)
        return -1;
    h->is_head_done = true;
    h->exchange.version = 10 + parser->http_minor;
    h->is_continue_due = parser->http_minor == 1 &&
                         span_is(httpmsg_find(&h->exchange.request, "expect"), "100-continue");
    return 0;
}

static int http1_on_body(llhttp_t *parser, const char *at, size_t size)
{
    struct http1 *h = parser->data;
    if (size > h->body_max - h->exchange.request.body.size) {
        h->refusal = 413;
        return -1;
    }
    httpmsg_add_body(&h->exchange.request, span_of(at, size));
    return 0;
}

static int http1_on_complete(llhttp_t *parser)
{
    struct http1 *h = parser->data;
    h->is_complete = true;
    h->is_keep_alive = llhttp_should_keep_alive(parser);
    return HPE_PAUSED;
}

/* ---- Answering ------------------------------------------------------------------------ */

static void http1_next(struct http1 *h);

static void http1_head(struct http_exchange *x, int status, const struct httpmsg_field *fields,
                       size_t count)
{
    struct http1 *h = http1_of(x);
    h->answer_status = status;
    for (size_t i = 0; i < count; i++) {
        if (span_is(fields[i].name, "content-length"))
            continue;
        strbuf_add(&h->answer_head, fields[i].name);
        strbuf_add(&h->answer_head, SPAN(": "));
        strbuf_add(&h->answer_head, fields[i].value);
        strbuf_add(&h->answer_head, SPAN("\r\n"));
    }
}

static void http1_body(struct http_exchange *x, struct span bytes)
{
    strbuf_add(&http1_of(x)->answer_body, bytes);
}

static void http1_end(struct http_exchange *x, const struct httpmsg_field *trailers,
                      size_t count)
{
    struct http1 *h = http1_of(x);
    (void)trailers;
    (void)count;
    strbuf_printf(&h->out, "HTTP/1.1 %d %s\r\n", h->answer_status,
                  httpmsg_reason(h->answer_status));
    strbuf_add(&h->out, strbuf_span(&h->answer_head));
    strbuf_printf(&h->out, "content-length: %zu\r\n%s\r\n", h->answer_body.size,
                  h->is_keep_alive ? "" : "connection: close\r\n");
    if (!span_is(x->request.method, "HEAD"))
        strbuf_add(&h->out, strbuf_span(&h->answer_body));
    h->is_cancellable = false;
    h->phase = h->is_keep_alive ? PHASE_HEAD : PHASE_DONE;
    httpmsg_done(&x->request);
    if (h->is_receiving)
        return; /* the loop of http1_receive() goes on */
    if (h->phase == PHASE_HEAD)
        http1_next(h);
    h->events.wrote(h->events.arg);
}

static void http1_reset(struct http_exchange *x)
{
    struct http1 *h = http1_of(x);
    h->is_cancellable = false;
    h->phase = PHASE_DONE;
    if (!h->is_receiving)
        h->events.wrote(h->events.arg);
}

static const struct http_exchange_ops http1_ops = {
    .head = http1_head, .body = http1_body, .end = http1_end, .reset = http1_reset};

/* A request that cannot be served: its status, and no further one on this connection. */
static int http1_refuse(struct http1 *h, int status)
{
    strbuf_printf(&h->out, "HTTP/1.1 %d %s\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
                  status, httpmsg_reason(status));
    h->phase = PHASE_DONE;
    return status == 413 || status == 431 ? ERR_TOO_BIG : ERR_PROTOCOL;
}

/* ---- Reading -------------------------------------------------------------------------- */

/* The head up to and with its empty line. Returns its size, 0 when more is needed, or a
 * negative HTTP status. Nothing here is left to llhttp's mercy. */
static int http1_scan(struct span in)
{
    size_t line = 0, lines = 0;
    for (size_t i = 0; i < in.size; i++) {
        const char c = in.ptr[i];
        if (i >= HTTPMSG_HEAD_MAX)
            return -431;
        if (c == '\0' || (c == '\n' && (i == 0 || in.ptr[i - 1] != '\r')))
            return -400;
        if (i > 0 && in.ptr[i - 1] == '\r' && c != '\n')
            return -400;
        if (i == line && (c == ' ' || c == '\t' || c == ':'))
            return -400;
        if (c != '\n')
            continue;
        if (i - line == 1)
            return (int)i + 1;
        if (++lines > HTTPMSG_FIELDS_MAX + 1)
            return -431;
        line = i + 1;
    }
    return 0;
}

static void http1_begin(struct http1 *h)
{
    llhttp_init(&h->parser, HTTP_REQUEST, &h->settings);
    h->parser.data = h;
    h->is_head_done = h->is_complete = h->is_continue_due = h->is_value = false;
    h->body_wire_size = 0;
    strbuf_clear(&h->target);
    strbuf_clear(&h->name);
    strbuf_clear(&h->value);
    strbuf_clear(&h->answer_head);
    strbuf_clear(&h->answer_body);
    httpmsg_done(&h->exchange.request);
    h->exchange.user = NULL;
    h->exchange.is_head_sent = false;
    h->refusal = 0;
    h->leading_lines = 0;
}

/* Feeds llhttp. Returns bytes used, or a negative HTTP status. */
static long http1_feed(struct http1 *h, struct span bytes)
{
    const llhttp_errno_t rc = llhttp_execute(&h->parser, bytes.ptr, bytes.size);
    if (h->refusal)
        return -h->refusal;
    if (rc == HPE_OK)
        return (long)bytes.size;
    if (h->is_complete && (rc == HPE_PAUSED || rc == HPE_PAUSED_UPGRADE))
        return llhttp_get_error_pos(&h->parser) - bytes.ptr;
    return -400;
}

/* Reads a head if it is there. Returns 1 to go on, 0 for more bytes, or an error. */
static int http1_read_head(struct http1 *h)
{
    while (h->in.size >= 2 && memcmp(h->in.data, "\r\n", 2) == 0) {
        if (h->leading_lines++ == LEADING_LINES_MAX)
            return http1_refuse(h, 400);
        strbuf_consume(&h->in, 2);
    }
    if (h->in.size == 0 || (h->in.size == 1 && h->in.data[0] == '\r'))
        return 0;
    const int size = http1_scan(strbuf_span(&h->in));
    if (size < 0)
        return http1_refuse(h, -size);
    if (size == 0)
        return 0;

    http1_begin(h);
    const long used = http1_feed(h, span_of(h->in.data, (size_t)size));
    if (used < 0)
        return http1_refuse(h, (int)-used);
    if (!h->is_head_done)
        return http1_refuse(h, 400);
    strbuf_consume(&h->in, (size_t)size);
    if (h->is_continue_due && !h->is_complete)
        strbuf_add(&h->out, SPAN("HTTP/1.1 100 Continue\r\n\r\n"));
    h->phase = PHASE_BODY;
    return 1;
}

static int http1_read_body(struct http1 *h)
{
    if (!h->is_complete) {
        if (h->in.size == 0)
            return 0;
        const long used = http1_feed(h, strbuf_span(&h->in));
        if (used < 0)
            return http1_refuse(h, (int)-used);
        strbuf_consume(&h->in, (size_t)used);
        h->body_wire_size += (size_t)used;
        const size_t body_size = h->exchange.request.body.size;
        if (h->body_wire_size > OVERHEAD_MAX + (OVERHEAD_FACTOR + 1) * body_size)
            return http1_refuse(h, 400);
        if (!h->is_complete)
            return 0;
    }
    h->phase = PHASE_SERVING;
    h->is_cancellable = true;
    h->events.requested(&h->exchange, h->events.arg);
    return 1;
}

/* Reads as far as the buffer and the one request at a time allow. */
static int http1_read(struct http1 *h)
{
    h->is_receiving = true;
    int rc = 1;
    while (rc > 0 && (h->phase == PHASE_HEAD || h->phase == PHASE_BODY))
        rc = h->phase == PHASE_HEAD ? http1_read_head(h) : http1_read_body(h);
    h->is_receiving = false;
    return rc < 0 ? rc : 0;
}

static void http1_next(struct http1 *h)
{
    (void)http1_read(h); /* a refusal is in the output and PHASE_DONE says so */
}

struct http1 *http1_new(size_t body_max, const struct httpmsg_events *events)
{
    struct http1 *h = mem_zeroed(1, sizeof(*h));
    h->body_max = body_max;
    h->events = *events;
    h->exchange.ops = &http1_ops;
    llhttp_settings_init(&h->settings);
    h->settings.on_url = http1_on_url;
    h->settings.on_header_field = http1_on_field;
    h->settings.on_header_value = http1_on_value;
    h->settings.on_headers_complete = http1_on_head;
    h->settings.on_body = http1_on_body;
    h->settings.on_message_complete = http1_on_complete;
    return h;
}

void http1_free(struct http1 *h)
{
    if (!h)
        return;
    if (h->is_cancellable)
        h->events.cancelled(&h->exchange, h->events.arg);
    httpmsg_done(&h->exchange.request);
    strbuf_done(&h->in);
    strbuf_done(&h->out);
    strbuf_done(&h->target);
    strbuf_done(&h->name);
    strbuf_done(&h->value);
    strbuf_done(&h->answer_head);
    strbuf_done(&h->answer_body);
    free(h);
}

int http1_receive(struct http1 *h, struct span bytes)
{
    if (h->phase == PHASE_DONE)
        return 0; /* nobody reads what follows the end */
    if (bytes.size > HTTPMSG_HEAD_MAX + h->body_max + INPUT_SLACK - h->in.size)
        return ERR_TOO_BIG;
    strbuf_add(&h->in, bytes);
    return http1_read(h);
}

void http1_fetch(struct http1 *h, struct strbuf *out)
{
    strbuf_add(out, strbuf_span(&h->out));
    strbuf_clear(&h->out);
}

bool http1_is_done(const struct http1 *h)
{
    return h->phase == PHASE_DONE;
}

bool http1_is_busy(const struct http1 *h)
{
    return h->phase == PHASE_SERVING;
}
