/* SPDX-License-Identifier: Apache-2.0 */
/* mam_query: every field of the form, every refusal, and the shape of answers. */
#include "tests/support/xml_text.h"

#include "base/err.h"
#include "proto/xmpp/mam_query.h"

#define QUERY(in)         "<query xmlns='urn:xmpp:mam:2' queryid='q1'>" in "</query>"
#define FIELD(var, value) "<field var='" var "'><value>" value "</value></field>"
#define FORM(in)                                                                               \
    QUERY("<x xmlns='jabber:x:data' type='submit'>" FIELD("FORM_TYPE", "urn:xmpp:mam:2") in    \
          "</x>")
#define X10(s) s s s s s s s s s s

struct refusal_case {
    const char *name;
    const char *in;
    enum stanza_error_condition want;
};
static const struct refusal_case refusals[] = {
    {"another form",
     QUERY("<x xmlns='jabber:x:data' type='submit'>" FIELD("FORM_TYPE", "x") "</x>"),
     STANZA_ERROR_BAD_REQUEST},
    {"form without type",
     QUERY("<x xmlns='jabber:x:data' type='submit'>" FIELD("with", "a@b") "</x>"),
     STANZA_ERROR_BAD_REQUEST},
    {"form not submitted",
     QUERY("<x xmlns='jabber:x:data'>" FIELD("FORM_TYPE", "urn:xmpp:mam:2") "</x>"),
     STANZA_ERROR_BAD_REQUEST},
    {"unknown field", FORM(FIELD("include-groupchat", "true")),
     STANZA_ERROR_FEATURE_NOT_IMPLEMENTED},
    {"field without name", FORM("<field/>"), STANZA_ERROR_FEATURE_NOT_IMPLEMENTED},
    {"with nobody", FORM(FIELD("with", "a@@b")), STANZA_ERROR_JID_MALFORMED},
    {"start without zone", FORM(FIELD("start", "2026-11-22T20:00:00")),
     STANZA_ERROR_BAD_REQUEST},
    {"end in words", FORM(FIELD("end", "now")), STANZA_ERROR_BAD_REQUEST},
    {"page of no number",
     QUERY("<set xmlns='http://jabber.org/protocol/rsm'><max>x</max></set>"),
     STANZA_ERROR_BAD_REQUEST},
    {"too many ids",
     FORM("<field var='ids'>" X10(X10("<value>1</value>")) "<value>1</value></field>"),
     STANZA_ERROR_POLICY_VIOLATION},
    {"a node's archive", "<query xmlns='urn:xmpp:mam:2' node='n'/>",
     STANZA_ERROR_ITEM_NOT_FOUND},
};

static void refusal_case_holds(void **state)
{
    const struct refusal_case *t = *state;
    struct arena a = {0};
    struct mam_query q;
    enum stanza_error_condition condition = STANZA_ERROR_CONDITIONS;
    assert_int_equal(mam_query_parse(xml_text_parse(&a, t->in), &a, &q, &condition),
                     ERR_PROTOCOL);
    assert_int_equal(condition, t->want);
    arena_done(&a);
}

static struct mam_query parse(struct arena *a, const char *text)
{
    struct mam_query q = {0};
    enum stanza_error_condition condition;
    assert_int_equal(mam_query_parse(xml_text_parse(a, text), a, &q, &condition), 0);
    return q;
}

static void reads_all_fields(void **state)
{
    (void)state;
    struct arena a = {0};
    struct mam_query q = parse(
        &a, FORM(FIELD("with", "Bob@Demo.Example/R") FIELD("start", "2026-11-22T20:00:00Z")
                     FIELD("end", "2026-11-22T21:00:00Z") FIELD("after-id", "7")
                         FIELD("before-id", "9") "<field var='ids'><value>1</value>"
                                                 "<value>2</value></field>"));
    assert_true(span_is(q.query_id, "q1"));
    assert_true(q.has_with);
    assert_true(span_is(address_full(&q.with), "bob@demo.example/R"));
    assert_true(q.has_start && q.start_us == 1795377600000000);
    assert_true(q.has_end && q.end_us == 1795381200000000);
    assert_true(span_is(q.after_id, "7") && span_is(q.before_id, "9"));
    assert_int_equal(q.id_count, 2);
    assert_true(span_is(q.ids[1], "2"));
    arena_done(&a);
}

static void asks_for_everything_by_default(void **state)
{
    (void)state;
    struct arena a = {0};
    struct mam_query q = parse(&a, "<query xmlns='urn:xmpp:mam:2'/>");
    assert_true(span_is_none(q.query_id) && !q.has_with && !q.has_start && !q.has_end &&
                !q.page.is_present && !q.is_flipped);
    q = parse(&a, FORM("<field var='with'/><field var='start'><value/></field>"));
    assert_false(q.has_with || q.has_start);
    q = parse(&a, QUERY("<flip-page/><set xmlns='http://jabber.org/protocol/rsm'>"
                        "<max>10</max><before/></set>"));
    assert_true(q.is_flipped && q.page.max == 10 && !span_is_none(q.page.before));
    q = parse(&a, FORM("<field var='ids'>" X10(X10("<value>1</value>")) "</field>"));
    assert_int_equal(q.id_count, MAM_QUERY_IDS_MAX);
    arena_done(&a);
}

static void shapes_answers(void **state)
{
    (void)state;
    struct arena a = {0};
    const struct mam_query q = parse(&a, QUERY(""));
    struct xml_node *m = xml_text_parse(&a, "<message to='b'><body>x</body></message>");
    xml_text_assert(mam_query_result(&a, &q, SPAN("42"), 1795377600000000, m),
                    "<result xmlns='urn:xmpp:mam:2' queryid='q1' id='42'><forwarded "
                    "xmlns='urn:xmpp:forward:0'><delay xmlns='urn:xmpp:delay' "
                    "stamp='2026-11-22T20:00:00Z'/><message xmlns='jabber:client' to='b'>"
                    "<body>x</body></message></forwarded></result>");
    const struct rsm_page page = {.first = SPAN("1"), .last = SPAN("2")};
    xml_text_assert(mam_query_fin(&a, true, &page),
                    "<fin xmlns='urn:xmpp:mam:2' complete='true'><set "
                    "xmlns='http://jabber.org/protocol/rsm'><first>1</first><last>2</last>"
                    "</set></fin>");
    xml_text_assert(mam_query_fin(&a, false, &(struct rsm_page){0}),
                    "<fin xmlns='urn:xmpp:mam:2'><set xmlns='http://jabber.org/protocol/rsm'/>"
                    "</fin>");
    xml_text_assert(mam_query_metadata(&a, SPAN("1"), 0, SPAN("2"), 1795377600000000),
                    "<metadata xmlns='urn:xmpp:mam:2'><start id='1' "
                    "timestamp='1970-01-01T00:00:00Z'/><end id='2' "
                    "timestamp='2026-11-22T20:00:00Z'/></metadata>");
    xml_text_assert(mam_query_metadata(&a, SPAN_NONE, 0, SPAN_NONE, 0),
                    "<metadata xmlns='urn:xmpp:mam:2'/>");
    assert_int_equal(xml_node_child_count(mam_query_form(&a)->first_child), 7);
    arena_done(&a);
}

int main(void)
{
    struct CMUnitTest tests[COUNT_OF(refusals) + 3];
    size_t n = 0;
    XML_TEXT_ROWS(tests, n, refusals, refusal_case_holds);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(reads_all_fields);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(asks_for_everything_by_default);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(shapes_answers);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
