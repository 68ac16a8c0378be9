/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/unit.h"

#include <string.h>
#include <uv.h>

#include "base/err.h"

struct name_case {
    const char *name;
    int code;
};

static const struct name_case cases[] = {
    {"OK", 0},
    {"ERR_PROTOCOL", ERR_PROTOCOL},
    {"ERR_FULL", ERR_FULL},
    {"ERR_FOREIGN", ERR_FOREIGN},
    {"ECONNRESET", UV_ECONNRESET},
    {"EOF", UV_EOF},
};

static void code_has_its_name(void **state)
{
    const struct name_case *c = *state;
    assert_string_equal(err_name(c->code), c->name);
}

static void all_of_ours_have_one_of_their_own(void **state)
{
    (void)state;
    for (int code = ERR_PROTOCOL; code >= ERR_FOREIGN; code--) {
        assert_int_equal(strncmp(err_name(code), "ERR_", 4), 0);
        for (int other = ERR_PROTOCOL; other > code; other--)
            assert_string_not_equal(err_name(code), err_name(other));
    }
}

int main(void)
{
    struct CMUnitTest rows[COUNT_OF(cases)];
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        rows[i] = (struct CMUnitTest){.name = cases[i].name,
                                      .test_func = code_has_its_name,
                                      .initial_state = (void *)&cases[i]};
    const struct CMUnitTest others[] = {cmocka_unit_test(all_of_ours_have_one_of_their_own)};
    return cmocka_run_group_tests(rows, NULL, NULL) +
           cmocka_run_group_tests(others, NULL, NULL);
}
