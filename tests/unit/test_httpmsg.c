/* SPDX-License-Identifier: Apache-2.0 */
/* Targets, fields and their limits. */
#include "tests/support/unit.h"

#include "base/err.h"
#include "proto/http/httpmsg.h"

struct target_case {
    const char *name, *target;
    int want;
    const char *path, *query; /* query NULL: none */
};

static const struct target_case cases[] = {
    {"path", "/a/b", 0, "/a/b", NULL},
    {"query", "/a?x=1&verbose", 0, "/a", "x=1&verbose"},
    {"empty query", "/a?", 0, "/a", ""},
    {"star", "*", 0, "*", NULL},
    {"absolute", "http://h:1/a?q", 0, "/a", "q"},
    {"absolute without path", "https://h", ERR_PROTOCOL, NULL, NULL},
    {"no slash", "a", ERR_PROTOCOL, NULL, NULL},
    {"empty", "", ERR_PROTOCOL, NULL, NULL},
    {"space", "/a b", ERR_PROTOCOL, NULL, NULL},
    {"control", "/a\x01", ERR_PROTOCOL, NULL, NULL},
    {"high byte", "/\xc3\xa9", ERR_PROTOCOL, NULL, NULL},
};

static void target_case_holds(void **state)
{
    const struct target_case *t = *state;
    struct httpmsg m = {0};
    assert_int_equal(httpmsg_set_target(&m, span_text(t->target)), t->want);
    if (t->want == 0) {
        assert_true(span_is(m.path, t->path));
        assert_int_equal(span_is_none(m.query), t->query == NULL);
        assert_true(!t->query || span_is(m.query, t->query));
    }
    httpmsg_done(&m);
}

static void fields_are_lowered_counted_and_limited(void **state)
{
    (void)state;
    struct httpmsg m = {0};
    assert_int_equal(httpmsg_add(&m, SPAN("Accept"), SPAN("A")), 0);
    assert_int_equal(httpmsg_add(&m, SPAN("aCCept"), SPAN("B")), 0);
    assert_true(span_is(httpmsg_find(&m, "accept"), "A"));
    assert_int_equal(httpmsg_count(&m, "accept"), 2);
    assert_true(span_is_none(httpmsg_find(&m, "host")));
    while (m.field_count < HTTPMSG_FIELDS_MAX)
        assert_int_equal(httpmsg_add(&m, SPAN("x"), SPAN("")), 0);
    assert_int_equal(httpmsg_add(&m, SPAN("x"), SPAN("")), ERR_TOO_BIG);
    httpmsg_done(&m);
}

static void a_head_is_limited_in_bytes(void **state)
{
    (void)state;
    static char large[HTTPMSG_HEAD_MAX];
    struct httpmsg m = {0};
    memset(large, 'a', sizeof(large));
    assert_int_equal(httpmsg_add(&m, SPAN("x"), span_of(large, sizeof(large) - 32)),
                     ERR_TOO_BIG);
    assert_int_equal(httpmsg_add(&m, SPAN("x"), span_of(large, sizeof(large) - 33)), 0);
    assert_int_equal(httpmsg_add(&m, SPAN(""), SPAN("")), ERR_TOO_BIG);
    httpmsg_done(&m);
}

static void words_of_a_query(void **state)
{
    (void)state;
    struct httpmsg m = {0};
    assert_int_equal(httpmsg_set_target(&m, SPAN("/r?a=1&verbose&exclude=x")), 0);
    assert_true(httpmsg_has_query(&m, "verbose"));
    assert_true(httpmsg_has_query(&m, "a"));
    assert_false(httpmsg_has_query(&m, "verb"));
    assert_false(httpmsg_has_query(&m, "x"));
    httpmsg_done(&m);
}

static void body_grows_in_pieces(void **state)
{
    (void)state;
    struct httpmsg m = {0};
    char expected[600];
    for (size_t i = 0; i < sizeof(expected); i++) {
        expected[i] = (char)('a' + i % 26);
        httpmsg_add_body(&m, span_of(&expected[i], 1));
    }
    httpmsg_add_body(&m, SPAN(""));
    assert_int_equal(m.body.size, sizeof(expected));
    assert_memory_equal(m.body.data, expected, sizeof(expected));
    assert_int_equal(m.body.data[m.body.size], '\0');
    httpmsg_done(&m);
    assert_null(m.body.data);
    httpmsg_done(&m);
}

int main(void)
{
    struct CMUnitTest tests[COUNT_OF(cases) + 4];
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        tests[i] = (struct CMUnitTest){.name = cases[i].name,
                                       .test_func = target_case_holds,
                                       .initial_state = (void *)(uintptr_t)&cases[i]};
    const struct CMUnitTest more[] = {
        cmocka_unit_test(fields_are_lowered_counted_and_limited),
        cmocka_unit_test(a_head_is_limited_in_bytes),
        cmocka_unit_test(words_of_a_query),
        cmocka_unit_test(body_grows_in_pieces),
    };
    memcpy(tests + COUNT_OF(cases), more, sizeof(more));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
