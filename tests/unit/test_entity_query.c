/* SPDX-License-Identifier: Apache-2.0 */
/* entity_query: questions and their answers. */
#include "tests/support/xml_text.h"

#include "proto/xmpp/entity_query.h"

struct query_case {
    const char *name;
    const char *in;
    bool is_set;
    enum entity_query want;
};
#define SESSION "<session xmlns='urn:ietf:params:xml:ns:xmpp-session'/>"
static const struct query_case cases[] = {
    {"version", "<query xmlns='jabber:iq:version'/>", false, ENTITY_QUERY_VERSION},
    {"ping", "<ping xmlns='urn:xmpp:ping'/>", false, ENTITY_QUERY_PING},
    {"time", "<time xmlns='urn:xmpp:time'/>", false, ENTITY_QUERY_TIME},
    {"session", SESSION, true, ENTITY_QUERY_SESSION},
    {"getting a session", SESSION, false, ENTITY_QUERY_NONE},
    {"setting a ping", "<ping xmlns='urn:xmpp:ping'/>", true, ENTITY_QUERY_NONE},
    {"another namespace", "<ping xmlns='x'/>", false, ENTITY_QUERY_NONE},
};

static void query_case_holds(void **state)
{
    const struct query_case *t = *state;
    struct arena a = {0};
    assert_int_equal(entity_query_parse(xml_text_parse(&a, t->in), t->is_set), t->want);
    arena_done(&a);
}

static void answers_questions(void **state)
{
    (void)state;
    struct arena a = {0};
    xml_text_assert(entity_query_version(&a, "presenced", "0.1", NULL),
                    "<query xmlns='jabber:iq:version'><name>presenced</name><version>0.1"
                    "</version></query>");
    xml_text_assert(entity_query_version(&a, "p", "1", "Linux"),
                    "<query xmlns='jabber:iq:version'><name>p</name><version>1</version>"
                    "<os>Linux</os></query>");
    xml_text_assert(entity_query_time(&a, 1795377600000000),
                    "<time xmlns='urn:xmpp:time'><tzo>+00:00</tzo><utc>2026-11-22T20:00:00Z"
                    "</utc></time>");
    xml_text_assert(entity_query_ping(&a), "<ping xmlns='urn:xmpp:ping'/>");
    arena_done(&a);
}

int main(void)
{
    struct CMUnitTest tests[COUNT_OF(cases) + 1];
    size_t n = 0;
    XML_TEXT_ROWS(tests, n, cases, query_case_holds);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(answers_questions);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
