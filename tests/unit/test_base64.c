/* SPDX-License-Identifier: Apache-2.0 */
/* base64.h: the vectors of RFC 4648, section 10, and every text that has no value. */
#include "tests/support/unit.h"

#include "base/base64.h"
#include "base/err.h"

struct base64_case {
    const char *name;
    struct span text;
    int want;
    struct span value;
};

#define TEXT(literal)                                                                          \
    {                                                                                          \
        ("" literal ""), sizeof(literal) - 1                                                   \
    }
static const struct base64_case base64_cases[] = {
    {"empty", TEXT(""), 0, TEXT("")},
    {"one byte", TEXT("Zg=="), 0, TEXT("f")},
    {"two bytes", TEXT("Zm8="), 0, TEXT("fo")},
    {"three bytes", TEXT("Zm9v"), 0, TEXT("foo")},
    {"four bytes", TEXT("Zm9vYg=="), 0, TEXT("foob")},
    {"five bytes", TEXT("Zm9vYmE="), 0, TEXT("fooba")},
    {"six bytes", TEXT("Zm9vYmFy"), 0, TEXT("foobar")},
    {"all bits", TEXT("AP8Q+/8="), 0, TEXT("\0\377\20\373\377")},
    {"not padded", TEXT("Zg"), ERR_INVALID, TEXT("")},
    {"half padded", TEXT("Zg="), ERR_INVALID, TEXT("")},
    {"padded twice", TEXT("Zm8=Zm8="), ERR_INVALID, TEXT("")},
    {"padding alone", TEXT("===="), ERR_INVALID, TEXT("")},
    {"three pads", TEXT("Z==="), ERR_INVALID, TEXT("")},
    {"padding inside", TEXT("Zg=a"), ERR_INVALID, TEXT("")},
    {"unused bits in two digits", TEXT("Zh=="), ERR_INVALID, TEXT("")},
    {"unused bits in three digits", TEXT("Zm9="), ERR_INVALID, TEXT("")},
    {"white space", TEXT("Zm9v\nZm8"), ERR_INVALID, TEXT("")},
    {"URL alphabet", TEXT("-_-_"), ERR_INVALID, TEXT("")},
    {"NUL", TEXT("Zm9\0"), ERR_INVALID, TEXT("")},
    {"not ASCII", TEXT("Zm9\377"), ERR_INVALID, TEXT("")},
};

static void base64_case_holds(void **state)
{
    const struct base64_case *t = *state;
    struct strbuf out = {0};

    strbuf_add_text(&out, "kept ");
    assert_int_equal(base64_decode(&out, t->text), t->want);
    assert_true(span_equal(span_from(strbuf_span(&out), 5), t->value));
    if (t->want == 0) {
        strbuf_clear(&out);
        base64_encode(&out, t->value);
        assert_true(span_equal(strbuf_span(&out), t->text));
        assert_int_equal(base64_size(t->value.size), t->text.size);
    }
    strbuf_done(&out);
}

int main(void)
{
    struct CMUnitTest tests[COUNT_OF(base64_cases)];

    for (size_t i = 0; i < COUNT_OF(base64_cases); i++)
        tests[i] = (struct CMUnitTest){.name = base64_cases[i].name,
                                       .test_func = base64_case_holds,
                                       .initial_state = (void *)&base64_cases[i]};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
