/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/1.1 requests, good and hostile; each whole and cut at every byte. */
#include "tests/support/unit.h"

#include <stdio.h>

#include "base/strbuf.h"
#include "proto/http/http1.h"

enum { BODY_MAX = 64 };

struct http1_case {
    const char *name;
    const char *in;
    const char *served; /* "METHOD path body|" a request */
    int refused;        /* status of the last answer when not 200, or 0 */
};

#define HOST "Host: a\r\n"
static const struct http1_case cases[] = {
    {"plain GET", "GET /x HTTP/1.1\r\n" HOST "\r\n", "GET /x |", 0},
    {"empty lines before", "\r\n\r\nGET /x HTTP/1.1\r\n" HOST "\r\n", "GET /x |", 0},
    {"five empty lines before", "\r\n\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\n" HOST "\r\n", "", 400},
    {"pipelined", "GET /a HTTP/1.1\r\n" HOST "\r\nGET /b HTTP/1.1\r\n" HOST "\r\n",
     "GET /a |GET /b |", 0},
    {"body", "POST /x HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc", "POST /x abc|", 0},
    {"chunked",
     "POST /x HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
     "2\r\nab\r\n1;ext=1\r\nc\r\n0\r\nX: trailer\r\n\r\n",
     "POST /x abc|", 0},
    {"absolute target", "GET http://h/x HTTP/1.1\r\n" HOST "\r\n", "GET /x |", 0},
    {"HTTP/1.0 without Host", "GET /x HTTP/1.0\r\n\r\n", "GET /x |", 0},
    {"upgrade is ignored",
     "GET /x HTTP/1.1\r\n" HOST "Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n", "GET /x |", 0},
    {"no Host", "GET /x HTTP/1.1\r\n\r\n", "", 400},
    {"two Hosts", "GET /x HTTP/1.1\r\n" HOST "Host: b\r\n\r\n", "", 400},
    {"HTTP/2.0 in words", "GET /x HTTP/2.0\r\n" HOST "\r\n", "", 505},
    {"CONNECT", "CONNECT a:1 HTTP/1.1\r\n" HOST "\r\n", "", 501},
    {"method of ICE", "SOURCE /x HTTP/1.1\r\n" HOST "\r\n", "", 501},
    {"no method", "NONSENSE /x HTTP/1.1\r\n" HOST "\r\n", "", 400},
    {"CR hides a field", "GET / HTTP/1.1\r\n" HOST "X:\rTransfer-Encoding: chunked\r\n\r\n", "",
     400},
    {"folded field", "GET / HTTP/1.1\r\nHost: a\r\n Content-Length: 5\r\n\r\n", "", 400},
    {"folded coding", "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding:\r\n chunked\r\n\r\n", "",
     400},
    {"empty field name", "GET / HTTP/1.1\r\n" HOST ": x\r\n\r\n", "", 400},
    {"bare LF", "GET / HTTP/1.1\n" HOST "\r\n", "", 400},
    {"CR at the end of the head", "GET / HTTP/1.1\r\n" HOST "\r\rX", "", 400},
    {"length and coding",
     "POST / HTTP/1.1\r\n" HOST "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", "",
     400},
    {"two lengths",
     "POST / HTTP/1.1\r\n" HOST "Content-Length: 1\r\nContent-Length: 1\r\n\r\na", "", 400},
    {"signed length", "POST / HTTP/1.1\r\n" HOST "Content-Length: +5\r\n\r\n", "", 400},
    {"length as a list", "POST / HTTP/1.1\r\n" HOST "Content-Length: 1, 1\r\n\r\na", "", 400},
    {"coding before chunked",
     "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip, chunked\r\n\r\n", "", 501},
    {"identity after chunked",
     "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked, identity\r\n\r\n", "", 400},
    {"coding in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", "", 400},
    {"space before the colon", "GET / HTTP/1.1\r\nHost : a\r\n\r\n", "", 400},
    {"high byte in the target", "GET /\xff HTTP/1.1\r\n" HOST "\r\n", "", 400},
    {"chunk without its end",
     "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n1\r\naX", "", 400},
    {"body at the limit",
     "POST / HTTP/1.1\r\n" HOST "Content-Length: 64\r\n\r\n"
     "0123456789012345678901234567890123456789012345678901234567890123",
     "POST / 0123456789012345678901234567890123456789012345678901234567890123|", 0},
    {"body over the limit", "POST / HTTP/1.1\r\n" HOST "Content-Length: 65\r\n\r\n", "", 413},
};

struct served {
    struct strbuf log;
    struct http_exchange *open; /* when answers are held back */
    bool is_held;
    int cancelled;
};

static void served_requested(struct http_exchange *x, void *arg)
{
    struct served *s = arg;
    strbuf_printf(&s->log, "%.*s %.*s %.*s|", SPAN_ARG(x->request.method),
                  SPAN_ARG(x->request.path), SPAN_ARG(strbuf_span(&x->request.body)));
    if (s->is_held)
        s->open = x;
    else
        httpmsg_answer(x, 200, "text/plain", SPAN("hello"));
}

static void served_cancelled(struct http_exchange *x, void *arg)
{
    struct served *s = arg;
    (void)x;
    s->cancelled++;
}

static void served_wrote(void *arg)
{
    (void)arg;
}

static struct http1 *served_open(struct served *s)
{
    const struct httpmsg_events events = {.requested = served_requested,
                                          .cancelled = served_cancelled,
                                          .wrote = served_wrote,
                                          .arg = s};
    return http1_new(BODY_MAX, &events);
}

static void http1_feed_case(const struct http1_case *t, size_t cut)
{
    struct served s = {0};
    struct strbuf out = {0};
    struct http1 *h = served_open(&s);
    const struct span in = span_text(t->in);
    int rc = http1_receive(h, span_first(in, cut));
    if (rc == 0)
        rc = http1_receive(h, span_from(in, cut));
    http1_fetch(h, &out);
    assert_string_equal(strbuf_span(&s.log).ptr, t->served);
    if (t->refused) {
        char want[32];
        (void)snprintf(want, sizeof(want), "HTTP/1.1 %d ", t->refused);
        assert_true(rc < 0 || http1_is_done(h));
        assert_non_null(strstr(strbuf_span(&out).ptr, want));
        assert_true(http1_is_done(h));
    } else {
        assert_int_equal(rc, 0);
        assert_non_null(strstr(strbuf_span(&out).ptr, "HTTP/1.1 200 OK\r\n"));
    }
    http1_free(h);
    strbuf_done(&out);
    strbuf_done(&s.log);
}

static void http1_case_holds(void **state)
{
    const struct http1_case *t = *state;
    for (size_t cut = 0; cut <= strlen(t->in); cut++)
        http1_feed_case(t, cut);
}

static void an_endless_head_is_refused(void **state)
{
    (void)state;
    struct served s = {0};
    struct strbuf out = {0}, in = {0};
    struct http1 *h = served_open(&s);
    strbuf_add_text(&in, "GET / HTTP/1.1\r\nX: ");
    while (in.size <= HTTPMSG_HEAD_MAX)
        strbuf_add_byte(&in, 'a');
    assert_true(http1_receive(h, strbuf_span(&in)) < 0);
    http1_fetch(h, &out);
    assert_non_null(strstr(out.data, "HTTP/1.1 431 "));
    http1_free(h);
    strbuf_done(&out);
    strbuf_done(&in);
}

static void an_endless_chunk_extension_is_refused(void **state)
{
    (void)state;
    struct served s = {0};
    struct http1 *h = served_open(&s);
    assert_int_equal(http1_receive(h, SPAN("POST / HTTP/1.1\r\nHost: a\r\n"
                                           "Transfer-Encoding: chunked\r\n\r\n1;")),
                     0);
    int rc = 0;
    for (int i = 0; i < 100000 && rc == 0; i++)
        rc = http1_receive(h, SPAN("x"));
    assert_true(rc < 0);
    http1_free(h);
}

static void a_held_answer_holds_the_next_request_back(void **state)
{
    (void)state;
    struct served s = {.is_held = true};
    struct strbuf out = {0};
    struct http1 *h = served_open(&s);
    assert_int_equal(http1_receive(h, SPAN("GET /a HTTP/1.1\r\nHost: a\r\n\r\n"
                                           "GET /b HTTP/1.1\r\nHost: a\r\n\r\n")),
                     0);
    assert_string_equal(s.log.data, "GET /a |");
    assert_true(http1_is_busy(h));
    httpmsg_answer(s.open, 200, "text/plain", SPAN("1"));
    assert_string_equal(s.log.data, "GET /a |GET /b |");
    http1_free(h); /* with the second one open */
    assert_int_equal(s.cancelled, 1);
    strbuf_done(&s.log);
    strbuf_done(&out);
}

static void connection_close_ends_it(void **state)
{
    (void)state;
    struct served s = {0};
    struct strbuf out = {0};
    struct http1 *h = served_open(&s);
    assert_int_equal(
        http1_receive(h, SPAN("HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")), 0);
    http1_fetch(h, &out);
    assert_true(http1_is_done(h));
    assert_non_null(strstr(out.data, "content-length: 5\r\n"));
    assert_null(strstr(out.data, "hello")); /* HEAD has no body */
    http1_free(h);
    strbuf_done(&s.log);
    strbuf_done(&out);
}

int main(void)
{
    struct CMUnitTest tests[COUNT_OF(cases) + 4];
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        tests[i] = (struct CMUnitTest){.name = cases[i].name,
                                       .test_func = http1_case_holds,
                                       .initial_state = (void *)(uintptr_t)&cases[i]};
    const struct CMUnitTest more[] = {
        cmocka_unit_test(an_endless_head_is_refused),
        cmocka_unit_test(an_endless_chunk_extension_is_refused),
        cmocka_unit_test(a_held_answer_holds_the_next_request_back),
        cmocka_unit_test(connection_close_ends_it),
    };
    memcpy(tests + COUNT_OF(cases), more, sizeof(more));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
