/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/2 against nghttp2's own client: answers now and later, limits, broken peers. */
#include "tests/support/unit.h"

#include "base/err.h"
#include "base/mem.h"
#include "proto/http/h2_session.h"
#include "tests/support/h2_peer.h"

enum { BODY_MAX = 1000 };

struct pair {
    struct h2_session *server;
    struct h2_peer peer;
    struct http_exchange *open;
    bool is_held, is_plain;
    int requested, cancelled, wrote;
};

static void pair_requested(struct http_exchange *x, void *arg)
{
    struct pair *p = arg;
    p->requested++;
    p->open = x;
    if (!p->is_held)
        httpmsg_answer(x, 200, "text/plain", strbuf_span(&x->request.body));
}

static void pair_cancelled(struct http_exchange *x, void *arg)
{
    struct pair *p = arg;
    (void)x;
    p->cancelled++;
    p->open = NULL;
}

static void pair_wrote(void *arg)
{
    struct pair *p = arg;
    p->wrote++;
}

static void pair_open(struct pair *p)
{
    *p = (struct pair){0};
    const struct httpmsg_events events = {.requested = pair_requested,
                                          .cancelled = pair_cancelled,
                                          .wrote = pair_wrote,
                                          .arg = p};
    p->server = h2_session_new(BODY_MAX, &events);
    h2_peer_init(&p->peer);
}

static void pair_close(struct pair *p)
{
    h2_session_free(p->server);
    h2_peer_done(&p->peer);
}

/* Carries bytes until neither has any. */
static int pair_run(struct pair *p)
{
    for (;;) {
        struct strbuf up = {0}, down = {0};
        h2_peer_fetch(&p->peer, &up);
        int rc = up.size ? h2_session_receive(p->server, strbuf_span(&up)) : 0;
        if (rc == 0)
            rc = h2_session_fetch(p->server, &down);
        if (down.size)
            assert_true(nghttp2_session_mem_recv(p->peer.session, (const uint8_t *)down.data,
                                                 down.size) >= 0);
        const bool is_quiet = up.size == 0 && down.size == 0;
        strbuf_done(&up);
        strbuf_done(&down);
        if (rc < 0 || is_quiet)
            return rc;
    }
}

static void a_request_is_answered(void **state)
{
    (void)state;
    struct pair p;
    pair_open(&p);
    h2_peer_request(&p.peer, "POST", "/x?y", NULL, SPAN("body"));
    assert_int_equal(pair_run(&p), 0);
    assert_int_equal(p.requested, 1);
    assert_int_equal(p.peer.closed, 1);
    assert_int_equal(p.peer.error_code, NGHTTP2_NO_ERROR);
    assert_string_equal(p.peer.answer.data, "body");
    assert_non_null(strstr(p.peer.fields.data, ":status: 200\n"));
    pair_close(&p);
}

static void an_answer_may_come_later_in_pieces_with_trailers(void **state)
{
    (void)state;
    struct pair p;
    pair_open(&p);
    p.is_held = true;
    h2_peer_request(&p.peer, "GET", "/", NULL, SPAN_NONE);
    assert_int_equal(pair_run(&p), 0);
    assert_non_null(p.open);
    httpmsg_head(p.open, 200, NULL, 0);
    assert_int_equal(p.wrote, 1);
    assert_int_equal(pair_run(&p), 0);
    httpmsg_body(p.open, SPAN("one "));
    assert_int_equal(pair_run(&p), 0);
    httpmsg_body(p.open, SPAN("two"));
    const struct httpmsg_field trailer = {SPAN("grpc-status"), SPAN("0")};
    httpmsg_end(p.open, &trailer, 1);
    assert_int_equal(pair_run(&p), 0);
    assert_string_equal(p.peer.answer.data, "one two");
    assert_non_null(strstr(p.peer.fields.data, "grpc-status: 0\n"));
    assert_int_equal(p.peer.closed, 1);
    assert_int_equal(p.cancelled, 0);
    pair_close(&p);
}

static void a_large_answer_passes_flow_control(void **state)
{
    (void)state;
    struct pair p;
    pair_open(&p);
    p.is_held = true;
    h2_peer_request(&p.peer, "GET", "/", NULL, SPAN_NONE);
    assert_int_equal(pair_run(&p), 0);
    char *large = mem_zeroed(1, 900000);
    httpmsg_answer(p.open, 200, "x/y", span_of(large, 900000));
    assert_int_equal(pair_run(&p), 0);
    assert_int_equal(p.peer.answer.size, 900000);
    free(large);
    pair_close(&p);
}

static void bodies_are_limited(void **state)
{
    (void)state;
    static const struct {
        size_t size;
        int requested;
        uint32_t code;
    } rows[] = {{BODY_MAX - 1, 1, NGHTTP2_NO_ERROR},
                {BODY_MAX, 1, NGHTTP2_NO_ERROR},
                {BODY_MAX + 1, 0, NGHTTP2_ENHANCE_YOUR_CALM}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct pair p;
        pair_open(&p);
        char *body = mem_zeroed(1, rows[i].size);
        h2_peer_request(&p.peer, "POST", "/", NULL, span_of(body, rows[i].size));
        assert_int_equal(pair_run(&p), 0);
        assert_int_equal(p.requested, rows[i].requested);
        assert_int_equal(p.peer.error_code, rows[i].code);
        free(body);
        pair_close(&p);
    }
}

static void a_reset_cancels(void **state)
{
    (void)state;
    struct pair p;
    pair_open(&p);
    p.is_held = true;
    const int32_t id = h2_peer_request(&p.peer, "GET", "/", NULL, SPAN_NONE);
    assert_int_equal(pair_run(&p), 0);
    (void)nghttp2_submit_rst_stream(p.peer.session, NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
    assert_int_equal(pair_run(&p), 0);
    assert_int_equal(p.cancelled, 1);
    assert_int_equal(h2_session_stream_count(p.server), 0);
    pair_close(&p);
}

static void an_open_request_is_cancelled_at_the_end(void **state)
{
    (void)state;
    struct pair p;
    pair_open(&p);
    p.is_held = true;
    h2_peer_request(&p.peer, "GET", "/", NULL, SPAN_NONE);
    assert_int_equal(pair_run(&p), 0);
    pair_close(&p);
    assert_int_equal(p.cancelled, 1);
}

static void an_abort_resets_the_stream(void **state)
{
    (void)state;
    struct pair p;
    pair_open(&p);
    p.is_held = true;
    h2_peer_request(&p.peer, "GET", "/", NULL, SPAN_NONE);
    assert_int_equal(pair_run(&p), 0);
    httpmsg_abort(p.open);
    assert_int_equal(pair_run(&p), 0);
    assert_int_equal(p.peer.error_code, NGHTTP2_INTERNAL_ERROR);
    assert_int_equal(p.cancelled, 0);
    pair_close(&p);
}

static void a_flood_of_resets_ends_the_connection(void **state)
{
    (void)state;
    struct pair p;
    pair_open(&p);
    p.is_held = true;
    int rounds = 0;
    while (rounds < 2000 && !h2_session_is_done(p.server)) {
        const int32_t id = h2_peer_request(&p.peer, "GET", "/", NULL, SPAN_NONE);
        if (id < 0 || pair_run(&p) < 0)
            break;
        (void)nghttp2_submit_rst_stream(p.peer.session, NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
        rounds++;
    }
    assert_in_range(rounds, H2_SESSION_RESETS_BURST, 1000);
    pair_close(&p);
}

static void a_bad_preface_is_an_error(void **state)
{
    (void)state;
    struct pair p;
    pair_open(&p);
    assert_int_equal(h2_session_receive(p.server, SPAN("GET / HTTP/1.1\r\nHost: a\r\n\r\n")),
                     ERR_PROTOCOL);
    pair_close(&p);
}

static void a_shut_session_ends_when_its_streams_have(void **state)
{
    (void)state;
    struct pair p;
    pair_open(&p);
    p.is_held = true;
    h2_peer_request(&p.peer, "GET", "/", NULL, SPAN_NONE);
    assert_int_equal(pair_run(&p), 0);
    h2_session_shut(p.server);
    assert_int_equal(pair_run(&p), 0);
    assert_false(h2_session_is_done(p.server));
    httpmsg_answer(p.open, 200, "x/y", SPAN("z"));
    assert_int_equal(pair_run(&p), 0);
    assert_true(h2_session_is_done(p.server));
    pair_close(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_answered),
        cmocka_unit_test(an_answer_may_come_later_in_pieces_with_trailers),
        cmocka_unit_test(a_large_answer_passes_flow_control),
        cmocka_unit_test(bodies_are_limited),
        cmocka_unit_test(a_reset_cancels),
        cmocka_unit_test(an_open_request_is_cancelled_at_the_end),
        cmocka_unit_test(an_abort_resets_the_stream),
        cmocka_unit_test(a_flood_of_resets_ends_the_connection),
        cmocka_unit_test(a_bad_preface_is_an_error),
        cmocka_unit_test(a_shut_session_ends_when_its_streams_have),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
