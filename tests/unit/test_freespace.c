/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/unit.h"

#include <errno.h>

#include "base/faults.h"
#include "replication/freespace.h"

static void the_mark_is_five_percent_or_a_gigabyte(void **state)
{
    (void)state;
    const uint64_t gb = 1000000000;
    assert_int_equal(freespace_default_min(0), gb);
    assert_int_equal(freespace_default_min(20 * gb), gb);
    assert_int_equal(freespace_default_min(20 * gb + 40), gb + 2);
    assert_int_equal(freespace_default_min(1000 * gb), 50 * gb);
}

static void reads_the_disk(void **state)
{
    (void)state;
    struct freespace space = {0};
    assert_int_equal(freespace_read("/", &space), 0);
    assert_true(space.size > 0);
    assert_true(space.free <= space.size);
    assert_int_equal(freespace_read("/nonexistent/presenced", &space), -ENOENT);
}

static void a_full_disk_can_be_rehearsed(void **state)
{
    (void)state;
    struct freespace space = {0};
    assert_int_equal(faults_arm("freespace.full", 1, 1), 0);
    assert_int_equal(freespace_read("/", &space), 0);
    assert_int_equal(space.free, 0);
    faults_reset();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_mark_is_five_percent_or_a_gigabyte),
        cmocka_unit_test(reads_the_disk),
        cmocka_unit_test(a_full_disk_can_be_rehearsed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
