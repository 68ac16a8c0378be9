/* SPDX-License-Identifier: Apache-2.0 */
/* blocking_stanza: lists, and requests to change them. */
#include "tests/support/xml_text.h"

#include "base/err.h"
#include "proto/xmpp/blocking_stanza.h"

#define NS   " xmlns='urn:xmpp:blocking'"
#define FINE STANZA_ERROR_CONDITIONS

struct blocking_case {
    const char *name;
    const char *in;
    bool is_set;
    enum stanza_error_condition want;
    const char *out;
};
static const struct blocking_case cases[] = {
    {"list", "<blocklist" NS "/>", false, FINE, "<blocklist" NS "/>"},
    {"block", "<block" NS "><item jid='A@B'/><item jid='c@d/R'/><item jid='e'/></block>", true,
     FINE, "<block" NS "><item jid='a@b'/><item jid='c@d/R'/><item jid='e'/></block>"},
    {"unblock", "<unblock" NS "><item jid='a@b'/></unblock>", true, FINE,
     "<unblock" NS "><item jid='a@b'/></unblock>"},
    {"unblock everybody", "<unblock" NS "/>", true, FINE, "<unblock" NS "/>"},
    {"block nobody", "<block" NS "/>", true, STANZA_ERROR_BAD_REQUEST, NULL},
    {"item without jid", "<block" NS "><item/></block>", true, STANZA_ERROR_BAD_REQUEST, NULL},
    {"malformed jid", "<block" NS "><item jid='@'/></block>", true, STANZA_ERROR_JID_MALFORMED,
     NULL},
    {"setting the list", "<blocklist" NS "/>", true, STANZA_ERROR_BAD_REQUEST, NULL},
    {"getting a block", "<block" NS "/>", false, STANZA_ERROR_BAD_REQUEST, NULL},
    {"another namespace", "<block xmlns='x'/>", true, STANZA_ERROR_BAD_REQUEST, NULL},
};

static void blocking_case_holds(void **state)
{
    const struct blocking_case *t = *state;
    struct arena a = {0};
    struct blocking_stanza b;
    enum stanza_error_condition condition = FINE;
    const int rc =
        blocking_stanza_parse(xml_text_parse(&a, t->in), t->is_set, &a, &b, &condition);
    assert_int_equal(rc, t->want == FINE ? 0 : ERR_PROTOCOL);
    assert_int_equal(condition, t->want);
    if (t->out)
        xml_text_assert(blocking_stanza_new(&a, b.kind, b.items, b.item_count), t->out);
    arena_done(&a);
}

static void bounds_items(void **state)
{
    (void)state;
    for (size_t count = BLOCKING_STANZA_ITEMS_MAX; count <= BLOCKING_STANZA_ITEMS_MAX + 1;
         count++) {
        struct arena a = {0};
        struct blocking_stanza b;
        enum stanza_error_condition condition = FINE;
        struct xml_node *block = xml_node_new(&a, "block", "urn:xmpp:blocking");
        for (size_t i = 0; i < count; i++)
            xml_node_set(&a, xml_node_add_new(&a, block, "item", "urn:xmpp:blocking"), "jid",
                         SPAN("a@b"));
        (void)blocking_stanza_parse(block, true, &a, &b, &condition);
        assert_int_equal(condition, count == BLOCKING_STANZA_ITEMS_MAX
                                        ? FINE
                                        : STANZA_ERROR_POLICY_VIOLATION);
        arena_done(&a);
    }
}

static void tells_the_blocker(void **state)
{
    (void)state;
    struct arena a = {0};
    xml_text_assert(blocking_stanza_error(&a),
                    "<error type='cancel'><not-acceptable "
                    "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/><blocked "
                    "xmlns='urn:xmpp:blocking:errors'/></error>");
    arena_done(&a);
}

int main(void)
{
    struct CMUnitTest tests[COUNT_OF(cases) + 2];
    size_t n = 0;
    XML_TEXT_ROWS(tests, n, cases, blocking_case_holds);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(bounds_items);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(tells_the_blocker);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
