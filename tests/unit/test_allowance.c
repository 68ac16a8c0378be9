/* SPDX-License-Identifier: Apache-2.0 */
/* allowance_charge(): the burst, the rate, and how long to wait beyond them. */
#include "tests/support/unit.h"

#include "node/xmpp/allowance.h"

enum { RATE = 1000, BURST = 4000 };

struct allowance_case {
    const char *name;
    int64_t bytes; /* left before */
    uint64_t after_ms;
    size_t size;
    uint64_t want_wait_ms;
    int64_t want_bytes;
};

static const struct allowance_case allowance_cases[] = {
    {"within the burst", BURST, 0, 3999, 0, 1},
    {"just the burst", BURST, 0, 4000, 0, 0},
    {"one byte more", BURST, 0, 4001, 2, -1},
    {"a second's worth more", BURST, 0, 5000, 1001, -1000},
    {"time gives back", 0, 2000, 1500, 0, 500},
    {"but no more than the burst", 0, 3600000, 4000, 0, 0},
    {"debt is paid first", -1000, 500, 0, 501, -500},
};

static void allowance_case_holds(void **state)
{
    const struct allowance_case *t = *state;
    struct allowance a = {.bytes = t->bytes, .at_ms = 100};

    assert_int_equal(allowance_charge(&a, RATE, BURST, t->size, 100 + t->after_ms),
                     t->want_wait_ms);
    assert_int_equal(a.bytes, t->want_bytes);
}

int main(void)
{
    struct CMUnitTest tests[COUNT_OF(allowance_cases)];

    for (size_t i = 0; i < COUNT_OF(allowance_cases); i++)
        tests[i] = (struct CMUnitTest){.name = allowance_cases[i].name,
                                       .test_func = allowance_case_holds,
                                       .initial_state = (void *)&allowance_cases[i]};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
