/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/unit.h"

#include "base/cursor.h"

static void reads_until_short_and_then_nothing(void **state)
{
    (void)state;
    struct cursor c = cursor_of("\1\0\0\2\3\4", 6);
    assert_int_equal(cursor_u8(&c), 1);
    assert_int_equal(cursor_u32be(&c), 0x203);
    assert_int_equal(cursor_left(&c), 1);
    assert_false(c.is_short);
    assert_int_equal(cursor_u32be(&c), 0);
    assert_true(c.is_short);
    assert_int_equal(cursor_u8(&c), 0); /* though a byte is left */
    assert_int_equal(cursor_left(&c), 1);
}

static void takes_exactly_what_is_there(void **state)
{
    (void)state;
    for (size_t size = 0; size <= 5; size++) {
        struct cursor c = cursor_of("abcd", 4);
        const uint8_t *taken = cursor_take(&c, size);
        assert_int_equal(taken != NULL, size <= 4);
        assert_int_equal(c.is_short, size > 4);
        assert_int_equal(cursor_left(&c), size <= 4 ? 4 - size : 4);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_until_short_and_then_nothing),
        cmocka_unit_test(takes_exactly_what_is_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
