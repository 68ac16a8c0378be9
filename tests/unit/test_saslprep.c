/* SPDX-License-Identifier: Apache-2.0 */
/* saslprep.h: the examples of RFC 4013, section 3, and the limits. */
#include "tests/support/unit.h"

#include "base/err.h"
#include "proto/auth/saslprep.h"

struct saslprep_case {
    const char *name;
    struct span in;
    int want;
    struct span out;
};

#define TEXT(literal)                                                                          \
    {                                                                                          \
        ("" literal ""), sizeof(literal) - 1                                                   \
    }
static const struct saslprep_case saslprep_cases[] = {
    {"soft hyphen goes", TEXT("I\302\255X"), 0, TEXT("IX")},
    {"user stays", TEXT("user"), 0, TEXT("user")},
    {"case stays", TEXT("USER"), 0, TEXT("USER")},
    {"ordinal indicator", TEXT("\302\252"), 0, TEXT("a")},
    {"roman nine", TEXT("\342\205\250"), 0, TEXT("IX")},
    {"spaces stay", TEXT(" a b "), 0, TEXT(" a b ")},
    {"no-break space", TEXT("a\302\240b"), 0, TEXT("a b")},
    {"emoji passes", TEXT("\360\237\230\200"), 0, TEXT("\360\237\230\200")},
    {"empty", TEXT(""), ERR_INVALID, TEXT("")},
    {"nothing left", TEXT("\302\255"), ERR_INVALID, TEXT("")},
    {"BEL", TEXT("\007"), ERR_INVALID, TEXT("")},
    {"mixed direction", TEXT("\330\2471"), ERR_INVALID, TEXT("")},
    {"NUL", TEXT("a\0b"), ERR_INVALID, TEXT("")},
    {"not UTF-8", TEXT("a\377"), ERR_INVALID, TEXT("")},
};

static void saslprep_case_holds(void **state)
{
    const struct saslprep_case *t = *state;
    struct saslprep_text got = {.bytes = "untouched", .size = 9};

    assert_int_equal(saslprep_apply(t->in, &got), t->want);
    if (t->want == 0)
        assert_true(span_equal(span_of(got.bytes, got.size), t->out));
    else
        assert_string_equal(got.bytes, "untouched");
}

static void lengths_hold_before_and_after(void **state)
{
    (void)state;
    char text[SASLPREP_MAX + 1];
    struct saslprep_text got;
    memset(text, 'a', sizeof(text));
    assert_int_equal(saslprep_apply(span_of(text, SASLPREP_MAX - 1), &got), 0);
    assert_int_equal(saslprep_apply(span_of(text, SASLPREP_MAX), &got), 0);
    assert_int_equal(saslprep_apply(span_of(text, SASLPREP_MAX + 1), &got), ERR_TOO_BIG);
    for (size_t i = 0; i < SASLPREP_MAX; i++)
        text[i] = "\357\267\272"[i % 3]; /* U+FDFA grows elevenfold */
    assert_int_equal(saslprep_apply(span_of(text, 93), &got), 0);
    assert_int_equal(got.size, 1023);
    assert_int_equal(saslprep_apply(span_of(text, 96), &got), ERR_TOO_BIG);
}

int main(void)
{
    struct CMUnitTest tests[COUNT_OF(saslprep_cases) + 1] = {
        cmocka_unit_test(lengths_hold_before_and_after)};

    for (size_t i = 0; i < COUNT_OF(saslprep_cases); i++)
        tests[i + 1] = (struct CMUnitTest){.name = saslprep_cases[i].name,
                                           .test_func = saslprep_case_holds,
                                           .initial_state = (void *)&saslprep_cases[i]};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
