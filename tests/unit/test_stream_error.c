/* SPDX-License-Identifier: Apache-2.0 */
/* stream_error: names, text, detail, and what a refusing reader leads to. */
#include "tests/support/unit.h"

#include "proto/xmpp/stream_error.h"

struct stream_error_case {
    const char *name;
    enum stream_error_condition condition;
    const char *text;
    const char *detail;
    const char *want;
};
#define NS "xmlns='urn:ietf:params:xml:ns:xmpp-streams'"
static const struct stream_error_case cases[] = {
    {"bare", STREAM_ERROR_RESET, NULL, NULL, "<stream:error><reset " NS "/></stream:error>"},
    {"with text", STREAM_ERROR_BAD_FORMAT, "no & why", NULL,
     "<stream:error><bad-format " NS "/><text " NS
     " xml:lang='en'>no &amp; why</text></stream:error>"},
    {"with a place", STREAM_ERROR_SEE_OTHER_HOST, NULL, "[::1]:5222",
     "<stream:error><see-other-host " NS ">[::1]:5222</see-other-host></stream:error>"},
};

static void stream_error_case_holds(void **state)
{
    const struct stream_error_case *t = *state;
    struct strbuf out = {0};
    stream_error_format(&out, t->condition, t->text, span_text(t->detail));
    assert_string_equal(out.data, t->want);
    strbuf_done(&out);
}

static void a_refused_reader_has_its_condition(void **state)
{
    (void)state;
    assert_int_equal(stream_error_of_reader(XML_READER_NOT_WELL_FORMED),
                     STREAM_ERROR_NOT_WELL_FORMED);
    assert_int_equal(stream_error_of_reader(XML_READER_BAD_PREFIX),
                     STREAM_ERROR_BAD_NAMESPACE_PREFIX);
    assert_int_equal(stream_error_of_reader(XML_READER_RESTRICTED),
                     STREAM_ERROR_RESTRICTED_XML);
    assert_int_equal(stream_error_of_reader(XML_READER_BAD_ENCODING),
                     STREAM_ERROR_UNSUPPORTED_ENCODING);
    assert_int_equal(stream_error_of_reader(XML_READER_BAD_FORMAT), STREAM_ERROR_BAD_FORMAT);
    assert_int_equal(stream_error_of_reader(XML_READER_TOO_BIG), STREAM_ERROR_POLICY_VIOLATION);
    for (unsigned i = 0; i < STREAM_ERROR_CONDITIONS; i++)
        assert_non_null(stream_error_name((enum stream_error_condition)i));
}

int main(void)
{
    struct CMUnitTest tests[COUNT_OF(cases) + 1];
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        tests[i] = (struct CMUnitTest){.name = cases[i].name,
                                       .test_func = stream_error_case_holds,
                                       .initial_state = (void *)&cases[i]};
    tests[COUNT_OF(cases)] =
        (struct CMUnitTest)cmocka_unit_test(a_refused_reader_has_its_condition);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
