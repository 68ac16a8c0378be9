/* SPDX-License-Identifier: Apache-2.0 */
/* roster_stanza: sets that hold, sets that do not, pushes. */
#include "tests/support/xml_text.h"

#include "base/err.h"
#include "proto/xmpp/roster_stanza.h"

#define Q(in)  "<query xmlns='jabber:iq:roster'>" in "</query>"
#define X32(s) s s s s s s s s s s s s s s s s s s s s s s s s s s s s s s s s
#define X1024  X32("12345678901234567890123456789012")
#define FINE   STANZA_ERROR_CONDITIONS

struct set_case {
    const char *name;
    const char *in;
    enum stanza_error_condition want;
    const char *out; /* the item as it would be pushed */
};
static const struct set_case cases[] = {
    {"bare item", Q("<item jid='Bob@Demo.Example'/>"), FINE,
     "<item jid='bob@demo.example' subscription='none'/>"},
    {"name and groups",
     Q("<item jid='b@d' name='B &amp; b'><group>x</group><group>y</group></item>"), FINE,
     "<item jid='b@d' name='B &amp; b' subscription='none'><group>x</group><group>y</group>"
     "</item>"},
    {"resource is cut off", Q("<item jid='b@d/r'/>"), FINE,
     "<item jid='b@d' subscription='none'/>"},
    {"a domain", Q("<item jid='gateway.example'/>"), FINE,
     "<item jid='gateway.example' subscription='none'/>"},
    {"what only we say is ignored", Q("<item jid='b@d' subscription='both' ask='subscribe'/>"),
     FINE, "<item jid='b@d' subscription='none'/>"},
    {"removal", Q("<item jid='b@d' subscription='remove' name='x'/>"), FINE,
     "<item jid='b@d' subscription='remove'/>"},
    {"name at the limit",
     Q("<item jid='b@d' name='" X32(
         "1234567890123456789012345678901") "1234567890123456789012345678901'/>"),
     FINE, NULL},
    {"no item", Q(""), STANZA_ERROR_BAD_REQUEST, NULL},
    {"two items", Q("<item jid='b@d'/><item jid='c@d'/>"), STANZA_ERROR_BAD_REQUEST, NULL},
    {"no jid", Q("<item/>"), STANZA_ERROR_BAD_REQUEST, NULL},
    {"malformed jid", Q("<item jid='@d'/>"), STANZA_ERROR_JID_MALFORMED, NULL},
    {"group twice", Q("<item jid='b@d'><group>x</group><group>x</group></item>"),
     STANZA_ERROR_BAD_REQUEST, NULL},
    {"empty group", Q("<item jid='b@d'><group/></item>"), STANZA_ERROR_NOT_ACCEPTABLE, NULL},
    {"long group", Q("<item jid='b@d'><group>" X1024 "</group></item>"),
     STANZA_ERROR_NOT_ACCEPTABLE, NULL},
    {"long name", Q("<item jid='b@d' name='" X1024 "'/>"), STANZA_ERROR_NOT_ACCEPTABLE, NULL},
};

static void set_case_holds(void **state)
{
    const struct set_case *t = *state;
    struct arena a = {0};
    struct roster_stanza_item item;
    enum stanza_error_condition condition = FINE;
    const int rc = roster_stanza_parse(xml_text_parse(&a, t->in), &a, &item, &condition);
    assert_int_equal(rc, t->want == FINE ? 0 : ERR_PROTOCOL);
    assert_int_equal(condition, t->want);
    if (t->out) {
        struct strbuf out = {0};
        struct xml_node *query = roster_stanza_query(&a, SPAN_NONE);
        roster_stanza_add_item(&a, query, &item);
        xml_writer_children(&out, query, query->ns);
        assert_string_equal(out.data, t->out);
        strbuf_done(&out);
    }
    arena_done(&a);
}

static void bounds_groups(void **state)
{
    (void)state;
    for (size_t count = ROSTER_STANZA_GROUPS_MAX; count <= ROSTER_STANZA_GROUPS_MAX + 1;
         count++) {
        struct arena a = {0};
        struct strbuf text = {0};
        struct roster_stanza_item item;
        enum stanza_error_condition condition = FINE;
        strbuf_add_text(&text, "<query xmlns='jabber:iq:roster'><item jid='b@d'>");
        for (size_t i = 0; i < count; i++)
            strbuf_printf(&text, "<group>%zu</group>", i);
        strbuf_add_text(&text, "</item></query>");
        (void)roster_stanza_parse(xml_text_parse(&a, text.data), &a, &item, &condition);
        assert_int_equal(condition, count == ROSTER_STANZA_GROUPS_MAX
                                        ? FINE
                                        : STANZA_ERROR_POLICY_VIOLATION);
        strbuf_done(&text);
        arena_done(&a);
    }
}

static void pushes_and_versions(void **state)
{
    (void)state;
    struct arena a = {0};
    const struct roster_stanza_item item = {.jid = SPAN("b@d"),
                                            .subscription = ROSTER_STANZA_FROM,
                                            .is_asking = true,
                                            .is_approved = true};
    xml_text_assert(roster_stanza_push(&a, SPAN("a@d/r"), SPAN("p1"), SPAN("7"), &item),
                    "<iq to='a@d/r' id='p1' type='set'><query xmlns='jabber:iq:roster' "
                    "ver='7'><item jid='b@d' subscription='from' ask='subscribe' "
                    "approved='true'/></query></iq>");
    assert_true(span_is_none(roster_stanza_version(xml_text_parse(&a, Q("")))));
    struct span ver =
        roster_stanza_version(xml_text_parse(&a, "<query xmlns='jabber:iq:roster' ver=''/>"));
    assert_true(!span_is_none(ver) && ver.size == 0);
    arena_done(&a);
}

int main(void)
{
    struct CMUnitTest tests[COUNT_OF(cases) + 2];
    size_t n = 0;
    XML_TEXT_ROWS(tests, n, cases, set_case_holds);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(bounds_groups);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(pushes_and_versions);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
