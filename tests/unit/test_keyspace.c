/* SPDX-License-Identifier: Apache-2.0 */
/* Keys: their order is the order of what they say, and no text runs into the next. */
#include "tests/support/unit.h"

#include "replication/keyspace.h"

static const struct order_case {
    const char *name;
    uint64_t low, high;
} orders[] = {
    {"neighbours", 1, 2},
    {"over a byte", 255, 256},
    {"over a word", 0xffffffffULL, 0x100000000ULL},
    {"the ends", 0, UINT64_MAX},
};

static void numbers_sort_as_bytes(void **state)
{
    (void)state;
    struct strbuf a = {0}, b = {0};
    for (size_t i = 0; i < COUNT_OF(orders); i++) {
        keyspace_user_number(&a, 0, SPAN("x@y"), orders[i].low);
        keyspace_user_number(&b, 0, SPAN("x@y"), orders[i].high);
        assert_true(span_compare(strbuf_span(&a), strbuf_span(&b)) < 0);
        assert_true(keyspace_tail_u64(strbuf_span(&b), 8) == orders[i].high);
    }
    strbuf_done(&a);
    strbuf_done(&b);
}

static void one_name_is_no_prefix_of_another(void **state)
{
    (void)state;
    struct strbuf prefix = {0}, other = {0}, after = {0};
    keyspace_text(&prefix, 0, SPAN("al"));
    keyspace_pair(&other, 0, SPAN("alice"), SPAN("x"));
    assert_false(span_has_prefix(strbuf_span(&other), strbuf_span(&prefix)));
    keyspace_pair(&other, 0, SPAN("al"), SPAN("ice"));
    assert_true(span_has_prefix(strbuf_span(&other), strbuf_span(&prefix)));
    strbuf_add(&after, strbuf_span(&prefix));
    keyspace_after_prefix(&after);
    assert_true(span_compare(strbuf_span(&other), strbuf_span(&after)) < 0);
    keyspace_text(&other, 0, SPAN("al\001"));
    assert_true(span_compare(strbuf_span(&other), strbuf_span(&after)) >= 0);
    strbuf_done(&prefix);
    strbuf_done(&other);
    strbuf_done(&after);
}

static void end_of_a_prefix_carries(void **state)
{
    (void)state;
    static const struct {
        struct span prefix, after;
    } cases[] = {
        {{"a", 1}, {"b", 1}},
        {{"a\xff\xff", 3}, {"b", 1}},
        {{"\xff\xff", 2}, {"", 0}}, /* nothing lies behind it */
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct strbuf key = {0};
        strbuf_add(&key, cases[i].prefix);
        keyspace_after_prefix(&key);
        assert_true(span_equal(strbuf_span(&key), cases[i].after));
        strbuf_done(&key);
    }
}

static void fields_come_back(void **state)
{
    (void)state;
    struct strbuf key = {0};
    keyspace_archive_with(&key, 3, SPAN("u"), SPAN("c"), 258);
    const struct span k = strbuf_span(&key);
    assert_memory_equal(k.ptr, "\0\0\0\3u\0c\0\0\0\0\0\0\0\1\2", k.size);
    assert_true(span_is(keyspace_text_at(k, 0), "u"));
    assert_true(span_is(keyspace_text_at(k, 1), "c"));
    assert_true(span_is_none(keyspace_text_at(SPAN("\0\0\0\3u"), 0)));
    assert_true(span_is_none(keyspace_text_at(SPAN("\0\0"), 0)));
    assert_true(span_is_none(keyspace_tail(SPAN("short"), 16)));
    assert_int_equal(keyspace_tail_u64(SPAN("short"), 8), 0);
    strbuf_done(&key);
}

static void dedupe_key_names_no_recipient(void **state)
{
    (void)state;
    struct strbuf a = {0}, b = {0};
    keyspace_dedupe(&a, 0, SPAN("s"), SPAN("recipient"), SPAN("1"));
    assert_int_equal(a.size, 4 + 2 + 16);
    keyspace_dedupe(&b, 0, SPAN("s"), SPAN("recipien"), SPAN("t1"));
    assert_false(span_equal(strbuf_span(&a), strbuf_span(&b)));
    strbuf_done(&a);
    strbuf_done(&b);
}

static void every_family_has_a_name_of_its_own(void **state)
{
    (void)state;
    for (enum keyspace_cf i = 0; i < KEYSPACE_CF_COUNT; i++) {
        assert_non_null(keyspace_name(i));
        for (enum keyspace_cf k = 0; k < i; k++)
            assert_string_not_equal(keyspace_name(i), keyspace_name(k));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_sort_as_bytes),
        cmocka_unit_test(one_name_is_no_prefix_of_another),
        cmocka_unit_test(end_of_a_prefix_carries),
        cmocka_unit_test(fields_come_back),
        cmocka_unit_test(dedupe_key_names_no_recipient),
        cmocka_unit_test(every_family_has_a_name_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
