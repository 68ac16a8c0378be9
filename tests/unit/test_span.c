/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/unit.h"

#include "base/span.h"

struct compare_case {
    const char *name;
    struct span a, b;
    int order; /* sign */
};

static const struct compare_case cases[] = {
    {"both empty", {"", 0}, {"", 0}, 0},
    {"none and empty", {NULL, 0}, {"", 0}, 0},
    {"same", {"abc", 3}, {"abc", 3}, 0},
    {"prefix first", {"ab", 2}, {"abc", 3}, -1},
    {"empty first", {"", 0}, {"a", 1}, -1},
    {"by byte", {"abd", 3}, {"abc", 3}, 1},
    {"bytes are unsigned", {"\xff", 1}, {"a", 1}, 1},
    {"NUL is a byte", {"a\0b", 3}, {"a\0c", 3}, -1},
};

static int sign(int number)
{
    return (number > 0) - (number < 0);
}

static void compares(void **state)
{
    const struct compare_case *c = *state;
    assert_int_equal(sign(span_compare(c->a, c->b)), c->order);
    assert_int_equal(sign(span_compare(c->b, c->a)), -c->order);
    assert_int_equal(span_equal(c->a, c->b), c->order == 0);
}

static void parts(void **state)
{
    (void)state;
    const struct span s = SPAN("hello");
    assert_true(span_is(span_from(s, 0), "hello"));
    assert_true(span_is(span_from(s, 4), "o"));
    assert_true(span_is(span_from(s, 5), ""));
    assert_true(span_is(span_from(s, 99), ""));
    assert_true(span_is(span_first(s, 0), ""));
    assert_true(span_is(span_first(s, 5), "hello"));
    assert_true(span_is(span_first(s, 6), "hello"));
    assert_int_equal(span_index(s, 'l'), 2);
    assert_int_equal(span_index(s, 'x'), 5);
    assert_int_equal(span_index(SPAN_NONE, 'x'), 0);
}

static void prefixes_and_absence(void **state)
{
    (void)state;
    assert_true(span_has_prefix(SPAN("hello"), SPAN("he")));
    assert_true(span_has_prefix(SPAN("hello"), SPAN("")));
    assert_true(span_has_prefix(SPAN("hello"), SPAN("hello")));
    assert_false(span_has_prefix(SPAN("hello"), SPAN("hello!")));
    assert_false(span_has_prefix(SPAN("hello"), SPAN("el")));
    assert_true(span_is_none(SPAN_NONE));
    assert_true(span_is_none(span_text(NULL)));
    assert_false(span_is_none(span_text("")));
}

int main(void)
{
    struct CMUnitTest rows[COUNT_OF(cases)];
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        rows[i] = (struct CMUnitTest){
            .name = cases[i].name, .test_func = compares, .initial_state = (void *)&cases[i]};
    const struct CMUnitTest others[] = {
        cmocka_unit_test(parts),
        cmocka_unit_test(prefixes_and_absence),
    };
    return cmocka_run_group_tests(rows, NULL, NULL) +
           cmocka_run_group_tests(others, NULL, NULL);
}
