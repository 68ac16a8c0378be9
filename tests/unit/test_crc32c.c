/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/unit.h"

#include "replication/crc32c.h"

struct crc_case {
    const char *name;
    struct span bytes;
    uint32_t crc;
};

static const char zeros[32];

/* RFC 3720, B.4, and the check value of the catalogues. */
static const struct crc_case cases[] = {
    {"nothing", {"", 0}, 0},
    {"check value", {"123456789", 9}, 0xe3069283},
    {"32 zeros", {zeros, 32}, 0x8a9136aa},
    {"one byte", {"a", 1}, 0xc1d04330},
};

static void matches(void **state)
{
    const struct crc_case *c = *state;
    assert_int_equal(crc32c_add(0, c->bytes), c->crc);
    assert_int_equal(crc32c_add_portable(0, c->bytes), c->crc);
    for (size_t cut = 0; cut <= c->bytes.size; cut++)
        assert_int_equal(
            crc32c_add(crc32c_add(0, span_first(c->bytes, cut)), span_from(c->bytes, cut)),
            c->crc);
}

int main(void)
{
    struct CMUnitTest tests[COUNT_OF(cases)];
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        tests[i] = (struct CMUnitTest){.name = cases[i].name,
                                       .test_func = matches,
                                       .initial_state = (void *)(uintptr_t)&cases[i]};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
