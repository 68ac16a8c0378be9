/* SPDX-License-Identifier: Apache-2.0 */
/* utf8.h: the first and last text of each length, and every kind of broken one. */
#include "tests/support/unit.h"

#include "base/utf8.h"

struct utf8_case {
    const char *name;
    struct span text;
    bool is_valid;
};

#define TEXT(literal)                                                                          \
    {                                                                                          \
        ("" literal ""), sizeof(literal) - 1                                                   \
    }
static const struct utf8_case utf8_cases[] = {
    {"empty", TEXT(""), true},
    {"NUL", TEXT("a\0b"), true},
    {"one byte, last", TEXT("\177"), true},
    {"two bytes, first", TEXT("\302\200"), true},
    {"two bytes, last", TEXT("\337\277"), true},
    {"three bytes, first", TEXT("\340\240\200"), true},
    {"before the surrogates", TEXT("\355\237\277"), true},
    {"after the surrogates", TEXT("\356\200\200"), true},
    {"three bytes, last", TEXT("\357\277\277"), true},
    {"four bytes, first", TEXT("\360\220\200\200"), true},
    {"four bytes, last", TEXT("\364\217\277\277"), true},
    {"continuation alone", TEXT("\200"), false},
    {"overlong two", TEXT("\301\277"), false},
    {"overlong three", TEXT("\340\237\277"), false},
    {"overlong four", TEXT("\360\217\277\277"), false},
    {"first surrogate", TEXT("\355\240\200"), false},
    {"last surrogate", TEXT("\355\277\277"), false},
    {"above U+10FFFF", TEXT("\364\220\200\200"), false},
    {"lead F5", TEXT("\365\200\200\200"), false},
    {"cut after one of two", TEXT("\302"), false},
    {"cut after two of three", TEXT("\340\240"), false},
    {"cut after three of four", TEXT("\360\220\200"), false},
    {"lead inside", TEXT("\340\302\200"), false},
};

static void utf8_case_holds(void **state)
{
    const struct utf8_case *t = *state;
    assert_int_equal(utf8_is_valid(t->text), t->is_valid);
}

int main(void)
{
    struct CMUnitTest tests[COUNT_OF(utf8_cases)];

    for (size_t i = 0; i < COUNT_OF(utf8_cases); i++)
        tests[i] = (struct CMUnitTest){.name = utf8_cases[i].name,
                                       .test_func = utf8_case_holds,
                                       .initial_state = (void *)&utf8_cases[i]};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
