/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/unit.h"

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/strbuf.h"

static void adds_all_kinds(void **state)
{
    (void)state;
    CLEANUP(strbuf_done) struct strbuf b = {0};
    assert_string_equal(strbuf_span(&b).ptr, "");
    strbuf_add_text(&b, "ab");
    strbuf_add_byte(&b, '-');
    strbuf_add_number(&b, 0);
    strbuf_add_number(&b, UINT64_MAX);
    strbuf_add(&b, span_of("xyz", 2));
    strbuf_add(&b, SPAN_NONE);
    strbuf_printf(&b, "%s=%d", "n", -7);
    assert_string_equal(b.data, "ab-018446744073709551615xyn=-7");
    assert_int_equal(b.size, strlen(b.data));
}

static void big_endian_numbers(void **state)
{
    (void)state;
    CLEANUP(strbuf_done) struct strbuf b = {0};
    strbuf_add_u32be(&b, 0x01020304);
    strbuf_add_u64be(&b, 0x05060708090a0b0cU);
    assert_int_equal(b.size, 12);
    assert_memory_equal(b.data, "\1\2\3\4\5\6\7\10\11\12\13\14", 12);
}

static void grows_past_each_power_of_two(void **state)
{
    (void)state;
    for (size_t size = 60; size < 70; size++) {
        CLEANUP(strbuf_done) struct strbuf b = {0};
        memset(strbuf_reserve(&b, size), 'x', size);
        b.size = size;
        strbuf_add_byte(&b, 'y');
        assert_int_equal(b.data[size], 'y');
        assert_int_equal(b.data[size + 1], '\0');
        assert_true(b.capacity > b.size);
    }
}

struct consume_case {
    const char *name;
    size_t size;
    const char *left;
};

static const struct consume_case cases[] = {
    {"nothing", 0, "hello"}, {"some", 2, "llo"},       {"all but one", 4, "o"},
    {"all", 5, ""},          {"more than all", 6, ""},
};

static void consume_leaves(void **state)
{
    const struct consume_case *c = *state;
    CLEANUP(strbuf_done) struct strbuf b = {0};
    strbuf_add_text(&b, "hello");
    strbuf_consume(&b, c->size);
    assert_string_equal(b.data, c->left);
    assert_int_equal(b.size, strlen(c->left));
}

static void steal_empties(void **state)
{
    (void)state;
    struct strbuf b = {0};
    char *nothing = strbuf_steal(&b);
    assert_string_equal(nothing, "");
    free(nothing);
    strbuf_add_text(&b, "mine");
    char *mine = strbuf_steal(&b);
    assert_string_equal(mine, "mine");
    assert_int_equal(b.size, 0);
    assert_null(b.data);
    free(mine);
    strbuf_clear(&b);
    strbuf_done(&b);
}

int main(void)
{
    struct CMUnitTest rows[COUNT_OF(cases)];
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        rows[i] = (struct CMUnitTest){.name = cases[i].name,
                                      .test_func = consume_leaves,
                                      .initial_state = (void *)&cases[i]};
    const struct CMUnitTest others[] = {
        cmocka_unit_test(adds_all_kinds),
        cmocka_unit_test(big_endian_numbers),
        cmocka_unit_test(grows_past_each_power_of_two),
        cmocka_unit_test(steal_empties),
    };
    return cmocka_run_group_tests(rows, NULL, NULL) +
           cmocka_run_group_tests(others, NULL, NULL);
}
