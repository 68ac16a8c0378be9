/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/unit.h"

#include "base/mem.h"
#include "replication/logcache.h"

static int released;

static void release(void *memory)
{
    released++;
    free(memory);
}

static void add(struct logcache *c, uint64_t from, size_t count, uint64_t term)
{
    char *memory = mem_text("0123456789", 10);
    struct logcache_block *block = logcache_block_new(memory, release);
    for (size_t i = 0; i < count; i++)
        logcache_append(c, from + i, term, 1, span_of(memory + i % 10, 1), block);
    logcache_block_unref(block);
}

static void holds_a_window_of_the_log(void **state)
{
    (void)state;
    struct logcache c = {0};
    released = 0;
    assert_null(logcache_find(&c, 1));
    add(&c, 10, 1000, 1);
    add(&c, 1010, 5, 2);
    assert_int_equal(c.size, 1005);
    assert_null(logcache_find(&c, 9));
    assert_int_equal(logcache_find(&c, 10)->term, 1);
    assert_int_equal(logcache_find(&c, 1014)->term, 2);
    assert_true(span_is(logcache_find(&c, 1012)->payload, "2"));
    assert_null(logcache_find(&c, 1015));

    logcache_drop(&c, 1008);
    assert_int_equal(released, 0); /* entry 1009 still needs its block */
    assert_null(logcache_find(&c, 1008));
    logcache_drop(&c, 1009);
    assert_int_equal(released, 1);
    logcache_truncate(&c, 1012);
    assert_int_equal(c.count, 2);
    assert_int_equal(c.size, 2);
    add(&c, 1012, 3, 3);
    assert_int_equal(logcache_find(&c, 1012)->term, 3);
    logcache_truncate(&c, 5);
    assert_int_equal(c.count, 0);
    assert_int_equal(released, 3);
    add(&c, 77, 1, 4); /* an empty one begins anywhere */
    assert_int_equal(logcache_find(&c, 77)->term, 4);
    logcache_done(&c);
    assert_int_equal(released, 4);
}

static void a_window_wanders_without_growing(void **state)
{
    (void)state;
    struct logcache c = {0};
    for (uint64_t i = 1; i < 20000; i++) {
        add(&c, i, 1, i);
        if (i > 100)
            logcache_drop(&c, i - 100);
    }
    assert_int_equal(c.count, 100);
    assert_int_equal(c.capacity, 256);
    assert_int_equal(logcache_find(&c, 19999)->term, 19999);
    logcache_done(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holds_a_window_of_the_log),
        cmocka_unit_test(a_window_wanders_without_growing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
