/* SPDX-License-Identifier: Apache-2.0 */
/* xmpp_time: both ways, and what is no time. */
#include "tests/support/xml_text.h"

#include "base/err.h"
#include "proto/xmpp/xmpp_time.h"

struct time_case {
    const char *name;
    const char *in;
    int want;
    uint64_t us;
    const char *again; /* as we write it; NULL: as it came */
};
static const struct time_case cases[] = {
    {"the epoch", "1970-01-01T00:00:00Z", 0, 0, NULL},
    {"XEP-0082", "1969-07-21T02:56:15Z", 0, 0, "1970-01-01T00:00:00Z"},
    {"a leap day", "2024-02-29T12:34:56Z", 0, 1709210096000000, NULL},
    {"end of a year", "2025-12-31T23:59:59Z", 0, 1767225599000000, NULL},
    {"microseconds", "2026-11-22T20:00:00.123456Z", 0, 1795377600123456, NULL},
    {"one digit", "2026-11-22T20:00:00.5Z", 0, 1795377600500000, "2026-11-22T20:00:00.500000Z"},
    {"nine digits", "2026-11-22T20:00:00.123456789Z", 0, 1795377600123456,
     "2026-11-22T20:00:00.123456Z"},
    {"west of it", "2026-11-22T15:00:00-05:00", 0, 1795377600000000, "2026-11-22T20:00:00Z"},
    {"east of it", "2026-11-23T01:30:00+05:30", 0, 1795377600000000, "2026-11-22T20:00:00Z"},
    {"the last year", "9999-12-31T23:59:59Z", 0, 253402300799000000, NULL},
    {"long ago", "0001-01-01T00:00:00Z", 0, 0, "1970-01-01T00:00:00Z"},
    {"year 2000", "2000-02-29T00:00:00Z", 0, 951782400000000, NULL},
    {"no zone", "2026-11-22T20:00:00", ERR_INVALID, 0, NULL},
    {"no time", "2026-11-22", ERR_INVALID, 0, NULL},
    {"nothing", "", ERR_INVALID, 0, NULL},
    {"words", "yesterday", ERR_INVALID, 0, NULL},
    {"month 13", "2026-13-22T20:00:00Z", ERR_INVALID, 0, NULL},
    {"month 0", "2026-00-22T20:00:00Z", ERR_INVALID, 0, NULL},
    {"day 31 of 30", "2026-11-31T20:00:00Z", ERR_INVALID, 0, NULL},
    {"no leap day", "2025-02-29T20:00:00Z", ERR_INVALID, 0, NULL},
    {"no leap day in 1900", "1900-02-29T20:00:00Z", ERR_INVALID, 0, NULL},
    {"hour 24", "2026-11-22T24:00:00Z", ERR_INVALID, 0, NULL},
    {"minute 60", "2026-11-22T20:60:00Z", ERR_INVALID, 0, NULL},
    {"point without digits", "2026-11-22T20:00:00.Z", ERR_INVALID, 0, NULL},
    {"something behind", "2026-11-22T20:00:00Zx", ERR_INVALID, 0, NULL},
    {"zone too far", "2026-11-22T20:00:00+15:00", ERR_INVALID, 0, NULL},
    {"the old format", "20261122T20:00:00", ERR_INVALID, 0, NULL},
};

static void time_case_holds(void **state)
{
    const struct time_case *t = *state;
    uint64_t us = 42;
    char text[XMPP_TIME_SIZE];
    assert_int_equal(xmpp_time_parse(span_text(t->in), &us), t->want);
    if (t->want < 0) {
        assert_int_equal(us, 42);
        return;
    }
    assert_int_equal(us, t->us);
    xmpp_time_format(us, text);
    assert_string_equal(text, t->again ? t->again : t->in);
}

static void every_day_comes_back(void **state)
{
    (void)state;
    for (uint64_t day = 0; day < UINT64_C(365) * 400; day++) {
        const uint64_t us = (day * 86400 + 43200) * 1000000;
        uint64_t again = 0;
        char text[XMPP_TIME_SIZE];
        xmpp_time_format(us, text);
        assert_int_equal(xmpp_time_parse(span_text(text), &again), 0);
        assert_int_equal(again, us);
    }
}

int main(void)
{
    struct CMUnitTest tests[COUNT_OF(cases) + 1];
    size_t n = 0;
    XML_TEXT_ROWS(tests, n, cases, time_case_holds);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(every_day_comes_back);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
