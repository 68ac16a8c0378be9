/* SPDX-License-Identifier: Apache-2.0 */
/* xmpp_number: digits, and nothing but digits. */
#include "tests/support/xml_text.h"

#include "proto/xmpp/xmpp_number.h"

struct number_case {
    const char *name;
    const char *in;
    bool fits_u64, fits_u32;
    uint64_t want;
};
static const struct number_case cases[] = {
    {"zero", "0", true, true, 0},
    {"leading zeros", "007", true, true, 7},
    {"largest of 32 bits", "4294967295", true, true, UINT32_MAX},
    {"one more", "4294967296", true, false, UINT64_C(4294967296)},
    {"largest of 64 bits", "18446744073709551615", true, false, UINT64_MAX},
    {"one more still", "18446744073709551616", false, false, 0},
    {"nothing", "", false, false, 0},
    {"sign", "+1", false, false, 0},
    {"minus", "-1", false, false, 0},
    {"space", " 1", false, false, 0},
    {"hexadecimal", "0x1", false, false, 0},
};

static void number_case_holds(void **state)
{
    const struct number_case *t = *state;
    uint64_t wide = 42;
    uint32_t narrow = 42;
    assert_int_equal(xmpp_number_u64(span_text(t->in), &wide), t->fits_u64 ? 0 : ERR_INVALID);
    assert_int_equal(xmpp_number_u32(span_text(t->in), &narrow), t->fits_u32 ? 0 : ERR_INVALID);
    assert_true(wide == (t->fits_u64 ? t->want : 42));
    assert_true(narrow == (t->fits_u32 ? t->want : 42));
}

int main(void)
{
    struct CMUnitTest tests[COUNT_OF(cases)];
    size_t n = 0;
    XML_TEXT_ROWS(tests, n, cases, number_case_holds);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
