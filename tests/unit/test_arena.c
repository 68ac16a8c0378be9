/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/unit.h"

#include <stdalign.h>

#include "base/arena.h"

static void memory_is_zeroed_aligned_and_apart(void **state)
{
    (void)state;
    struct arena a = {0};
    unsigned char *last = NULL;
    for (size_t size = 0; size < 300; size++) {
        unsigned char *memory = arena_zeroed(&a, size);
        assert_int_equal((uintptr_t)memory % alignof(max_align_t), 0);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(memory[i], 0);
        memset(memory, 0xff, size);
        if (size > 1)
            assert_ptr_not_equal(memory, last);
        last = memory;
    }
    arena_done(&a);
    assert_int_equal(arena_size(&a), 0);
}

static void block_boundaries(void **state)
{
    (void)state;
    for (size_t size = 2040; size <= 2056; size++) {
        struct arena a = {0};
        memset(arena_zeroed(&a, size), 1, size);
        memset(arena_zeroed(&a, 1), 2, 1);
        memset(arena_zeroed(&a, 100000), 3, 100000);
        assert_true(arena_size(&a) >= size + 100001);
        arena_reset(&a);
        assert_int_equal(arena_size(&a), 0);
        const unsigned char *again = arena_zeroed(&a, 64);
        for (int i = 0; i < 64; i++)
            assert_int_equal(again[i], 0);
        arena_done(&a);
    }
}

static void copy_ends_with_nul(void **state)
{
    (void)state;
    struct arena a = {0};
    const struct span copy = arena_copy(&a, span_of("a\0b", 3));
    assert_int_equal(copy.size, 3);
    assert_memory_equal(copy.ptr, "a\0b", 4);
    assert_true(span_is_none(arena_copy(&a, SPAN_NONE)));
    assert_string_equal(arena_copy(&a, SPAN("")).ptr, "");
    arena_reset(&a);
    arena_done(&a);
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_zeroed_aligned_and_apart),
        cmocka_unit_test(block_boundaries),
        cmocka_unit_test(copy_ends_with_nul),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
