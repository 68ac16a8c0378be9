/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/unit.h"

#include <stdbool.h>

#include "base/prng.h"

/* xoshiro256** of state {1, 2, 3, 4}: the authors' reference values. */
static void gives_the_reference_numbers(void **state)
{
    (void)state;
    static const uint64_t wanted[] = {11520, 0, 1509978240, 1215971899390074240};
    struct prng p = {{1, 2, 3, 4}};
    for (size_t i = 0; i < COUNT_OF(wanted); i++)
        assert_int_equal(prng_next(&p), wanted[i]);
}

static void one_seed_one_sequence(void **state)
{
    (void)state;
    struct prng a;
    struct prng b;
    struct prng c;
    prng_seed(&a, 0);
    prng_seed(&b, 0);
    prng_seed(&c, 1);
    bool is_other = false;
    for (int i = 0; i < 100; i++) {
        const uint64_t number = prng_next(&a);
        assert_int_equal(number, prng_next(&b));
        is_other = is_other || number != prng_next(&c);
    }
    assert_true(is_other);
}

static void below_is_even(void **state)
{
    (void)state;
    struct prng p;
    unsigned counts[7] = {0};
    prng_seed(&p, 42);
    for (int i = 0; i < 70000; i++)
        counts[prng_below(&p, 7)]++;
    for (size_t i = 0; i < 7; i++)
        assert_in_range(counts[i], 9500, 10500);
    assert_int_equal(prng_below(&p, 1), 0);
    assert_true(prng_below(&p, UINT64_MAX) < UINT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_the_reference_numbers),
        cmocka_unit_test(one_seed_one_sequence),
        cmocka_unit_test(below_is_even),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
