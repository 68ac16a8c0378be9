/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/unit.h"

#include <string.h>

#include "base/entropy.h"

static void fills_exactly_what_was_asked(void **state)
{
    (void)state;
    unsigned char bytes[1026];
    unsigned char other[1026];
    memset(bytes, 0xee, sizeof(bytes));
    entropy_fill(bytes + 1, 1024); /* more than one getrandom() promises at once */
    assert_int_equal(bytes[0], 0xee);
    assert_int_equal(bytes[1025], 0xee);
    memset(other, 0xee, sizeof(other));
    assert_memory_not_equal(bytes, other, sizeof(bytes));
    entropy_fill(other + 1, 1024);
    assert_memory_not_equal(bytes, other, sizeof(bytes));
    entropy_fill(bytes, 0);
    assert_int_equal(bytes[0], 0xee);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(fills_exactly_what_was_asked)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
