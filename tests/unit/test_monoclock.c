/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/unit.h"

#include <time.h>

#include "base/monoclock.h"

static void never_goes_back(void **state)
{
    (void)state;
    uint64_t last_us = monoclock_us();
    for (int i = 0; i < 10000; i++) {
        const uint64_t now_us = monoclock_us();
        assert_true(now_us >= last_us);
        last_us = now_us;
    }
    assert_true(monoclock_ms() >= last_us / 1000);
    assert_true(monoclock_ms() <= last_us / 1000 + 5000);
}

static void wall_clock_is_that_of_the_system(void **state)
{
    (void)state;
    const uint64_t before = (uint64_t)time(NULL);
    const uint64_t wall_s = wallclock_us() / 1000000;
    assert_in_range(wall_s, before - 1, before + 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(never_goes_back),
        cmocka_unit_test(wall_clock_is_that_of_the_system),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
