/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/http/http_conn.h"

#include "base/mem.h"
#include "proto/http/h2_session.h"
#include "proto/http/http1.h"

struct http_conn {
    size_t body_max;
    struct httpmsg_events events;
    struct http1 *http1;
    struct h2_session *h2;
    bool is_shut;
    struct strbuf sniffed;
};

static void http_conn_choose(struct http_conn *c, bool is_h2)
{
    if (is_h2)
        c->h2 = h2_session_new(c->body_max, &c->events);
    else
        c->http1 = http1_new(c->body_max, &c->events);
}

struct http_conn *http_conn_new(size_t body_max, struct span alpn,
                                const struct httpmsg_events *events)
{
    struct http_conn *c = mem_zeroed(1, sizeof(*c));
    c->body_max = body_max;
    c->events = *events;
    if (span_is(alpn, "h2") || span_is(alpn, "http/1.1"))
        http_conn_choose(c, span_is(alpn, "h2"));
    return c;
}

void http_conn_free(struct http_conn *c)
{
    if (!c)
        return;
    http1_free(c->http1);
    h2_session_free(c->h2);
    strbuf_done(&c->sniffed);
    free(c);
}

static int http_conn_pass(struct http_conn *c, struct span bytes)
{
    return c->h2 ? h2_session_receive(c->h2, bytes) : http1_receive(c->http1, bytes);
}

int http_conn_receive(struct http_conn *c, struct span bytes)
{
    static const struct span preface = {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24};
    if (c->h2 || c->http1)
        return http_conn_pass(c, bytes);

    const struct span wanted = span_from(preface, c->sniffed.size);
    const struct span seen = span_first(bytes, wanted.size);
    const bool is_h2_still = span_equal(seen, span_first(wanted, seen.size));
    if (is_h2_still && seen.size < wanted.size) {
        strbuf_add(&c->sniffed, seen);
        return 0;
    }
    http_conn_choose(c, is_h2_still);
    int rc = 0;
    if (c->sniffed.size > 0)
        rc = http_conn_pass(c, strbuf_span(&c->sniffed));
    strbuf_done(&c->sniffed);
    return rc < 0 ? rc : http_conn_pass(c, bytes);
}

int http_conn_fetch(struct http_conn *c, struct strbuf *out)
{
    if (c->h2)
        return h2_session_fetch(c->h2, out);
    if (c->http1)
        http1_fetch(c->http1, out);
    return 0;
}

bool http_conn_is_done(const struct http_conn *c)
{
    if (c->is_shut && !http_conn_is_busy(c) && !c->h2)
        return true;
    return c->h2 ? h2_session_is_done(c->h2) : c->http1 && http1_is_done(c->http1);
}

bool http_conn_is_busy(const struct http_conn *c)
{
    if (c->h2)
        return h2_session_stream_count(c->h2) > 0;
    return c->http1 && http1_is_busy(c->http1);
}

void http_conn_shut(struct http_conn *c)
{
    c->is_shut = true;
    if (c->h2)
        h2_session_shut(c->h2);
    else
        c->events.wrote(c->events.arg);
}
