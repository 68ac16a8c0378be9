/* SPDX-License-Identifier: Apache-2.0 */
/* Which version a connection speaks: by ALPN, or by its first bytes, however cut. */
#include "tests/support/unit.h"

#include "proto/http/http_conn.h"
#include "tests/support/h2_peer.h"

static void conn_answer(struct http_exchange *x, void *arg)
{
    int *version = arg;
    *version = x->version;
    httpmsg_answer(x, 200, "text/plain", SPAN("ok"));
}

static void conn_cancel(struct http_exchange *x, void *arg)
{
    (void)x, (void)arg;
}

static void conn_wrote_nothing(void *arg)
{
    (void)arg;
}

static int conn_serve(struct span in, size_t cut, struct span alpn)
{
    int version = 0;
    const struct httpmsg_events events = {.requested = conn_answer,
                                          .cancelled = conn_cancel,
                                          .wrote = conn_wrote_nothing,
                                          .arg = &version};
    struct http_conn *c = http_conn_new(100, alpn, &events);
    struct strbuf out = {0};
    if (http_conn_receive(c, span_first(in, cut)) == 0)
        (void)http_conn_receive(c, span_from(in, cut));
    (void)http_conn_fetch(c, &out);
    http_conn_free(c);
    strbuf_done(&out);
    return version;
}

static void first_bytes_decide(void **state)
{
    (void)state;
    struct h2_peer peer;
    struct strbuf h2 = {0};
    h2_peer_init(&peer);
    h2_peer_request(&peer, "GET", "/", NULL, SPAN_NONE);
    h2_peer_fetch(&peer, &h2);
    for (size_t cut = 0; cut <= h2.size; cut++)
        assert_int_equal(conn_serve(strbuf_span(&h2), cut, SPAN_NONE), 20);
    const struct span http1 = SPAN("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
    for (size_t cut = 0; cut <= http1.size; cut++)
        assert_int_equal(conn_serve(http1, cut, SPAN_NONE), 11);
    assert_int_equal(conn_serve(strbuf_span(&h2), 5, SPAN("h2")), 20);
    assert_int_equal(conn_serve(http1, 5, SPAN("http/1.1")), 11);
    assert_int_equal(conn_serve(http1, 5, SPAN("h2")), 0);
    strbuf_done(&h2);
    h2_peer_done(&peer);
}

static void a_shut_idle_connection_is_done(void **state)
{
    (void)state;
    int version = 0;
    const struct httpmsg_events events = {.requested = conn_answer,
                                          .cancelled = conn_cancel,
                                          .wrote = conn_wrote_nothing,
                                          .arg = &version};
    struct http_conn *c = http_conn_new(100, SPAN_NONE, &events);
    assert_false(http_conn_is_done(c));
    assert_false(http_conn_is_busy(c));
    http_conn_shut(c);
    assert_true(http_conn_is_done(c));
    http_conn_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_bytes_decide),
        cmocka_unit_test(a_shut_idle_connection_is_done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
