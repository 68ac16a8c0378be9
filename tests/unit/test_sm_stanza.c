/* SPDX-License-Identifier: Apache-2.0 */
/* sm_stanza: elements of XEP-0198 in and out, and the count across 2^32. */
#include "tests/support/xml_text.h"

#include "base/err.h"
#include "proto/xmpp/sm_stanza.h"

#define NS " xmlns='urn:xmpp:sm:3'"

struct sm_case {
    const char *name;
    const char *in;
    enum sm_stanza_kind want;
    uint32_t h, max;
    bool wants_resume;
};
static const struct sm_case cases[] = {
    {"enable", "<enable" NS "/>", SM_STANZA_ENABLE, 0, 0, false},
    {"enable with resumption", "<enable" NS " resume='true' max='300'/>", SM_STANZA_ENABLE, 0,
     300, true},
    {"enable, the other spelling", "<enable" NS " resume='1'/>", SM_STANZA_ENABLE, 0, 0, true},
    {"enable with a bad wish", "<enable" NS " resume='yes' max='x'/>", SM_STANZA_ENABLE, 0, 0,
     false},
    {"resume", "<resume" NS " previd='p' h='7'/>", SM_STANZA_RESUME, 7, 0, false},
    {"resume without h", "<resume" NS " previd='p'/>", SM_STANZA_MALFORMED, 0, 0, false},
    {"resume of nothing", "<resume" NS " h='7'/>", SM_STANZA_MALFORMED, 0, 0, false},
    {"request", "<r" NS "/>", SM_STANZA_REQUEST, 0, 0, false},
    {"ack", "<a" NS " h='4294967295'/>", SM_STANZA_ACK, 4294967295U, 0, false},
    {"ack without h", "<a" NS "/>", SM_STANZA_MALFORMED, 0, 0, false},
    {"ack beyond 32 bits", "<a" NS " h='4294967296'/>", SM_STANZA_MALFORMED, 0, 0, false},
    {"ack below zero", "<a" NS " h='-1'/>", SM_STANZA_MALFORMED, 0, 0, false},
    {"what only we send", "<enabled" NS "/>", SM_STANZA_NONE, 0, 0, false},
    {"another version", "<r xmlns='urn:xmpp:sm:2'/>", SM_STANZA_NONE, 0, 0, false},
};

static void sm_case_holds(void **state)
{
    const struct sm_case *t = *state;
    struct arena a = {0};
    struct sm_stanza sm;
    sm_stanza_parse(xml_text_parse(&a, t->in), &sm);
    assert_int_equal(sm.kind, t->want);
    assert_int_equal(sm.wants_resume, t->wants_resume);
    assert_int_equal(sm.max, t->max);
    if (t->want != SM_STANZA_MALFORMED)
        assert_int_equal(sm.h, t->h);
    arena_done(&a);
}

struct count_case {
    const char *name;
    uint64_t acked, sent;
    uint64_t count;
    uint32_t h;
    int want;
};
#define WRAP (UINT64_C(1) << 32)
static const struct count_case counts[] = {
    {"nothing sent", 0, 0, 0, 0, 0},
    {"one more than sent", 0, 0, 0, 1, ERR_PROTOCOL},
    {"some of it", 3, 9, 5, 5, 0},
    {"all of it", 3, 9, 9, 9, 0},
    {"again the same", 3, 9, 3, 3, 0},
    {"less than before", 3, 9, 0, 2, ERR_PROTOCOL},
    {"beyond", 3, 9, 0, 10, ERR_PROTOCOL},
    {"just before the wrap", WRAP - 3, WRAP - 1, WRAP - 1, 4294967295U, 0},
    {"at the wrap", WRAP - 3, WRAP, WRAP, 0, 0},
    {"behind the wrap", WRAP - 3, WRAP + 7, WRAP + 4, 4, 0},
    {"beyond the wrap", WRAP - 3, WRAP + 7, 0, 8, ERR_PROTOCOL},
};

static void count_case_holds(void **state)
{
    const struct count_case *t = *state;
    uint64_t count = 0;
    assert_int_equal(sm_stanza_count(t->h, t->acked, t->sent, &count), t->want);
    assert_true(count == t->count);
}

static void writes_elements(void **state)
{
    (void)state;
    struct strbuf out = {0};
    sm_stanza_enabled(&out, SPAN("i'd"), 300, SPAN("[::1]:5222"));
    sm_stanza_enabled(&out, SPAN("id"), 300, SPAN_NONE);
    sm_stanza_enabled(&out, SPAN(""), 300, SPAN_NONE);
    assert_string_equal(out.data, "<enabled" NS " id='i&apos;d' resume='true' max='300' "
                                  "location='[::1]:5222'/><enabled" NS
                                  " id='id' resume='true' max='300'/><enabled" NS "/>");
    strbuf_clear(&out);
    sm_stanza_request(&out);
    sm_stanza_ack(&out, 7);
    sm_stanza_resumed(&out, SPAN("p"), 8);
    sm_stanza_failed(&out, STANZA_ERROR_ITEM_NOT_FOUND, true, 9);
    sm_stanza_failed(&out, STANZA_ERROR_UNEXPECTED_REQUEST, false, 9);
    assert_string_equal(out.data,
                        "<r" NS "/><a" NS " h='7'/><resumed" NS " previd='p' h='8'/><failed" NS
                        " h='9'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>"
                        "</failed><failed" NS "><unexpected-request "
                        "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>");
    strbuf_clear(&out);
    sm_stanza_count_too_high(&out, 9, 7);
    assert_string_equal(
        out.data, "<stream:error><undefined-condition "
                  "xmlns='urn:ietf:params:xml:ns:xmpp-streams'/><handled-count-too-high" NS
                  " h='9' send-count='7'/></stream:error>");
    strbuf_done(&out);
}

int main(void)
{
    struct CMUnitTest tests[COUNT_OF(cases) + COUNT_OF(counts) + 1];
    size_t n = 0;
    XML_TEXT_ROWS(tests, n, cases, sm_case_holds);
    XML_TEXT_ROWS(tests, n, counts, count_case_holds);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(writes_elements);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
