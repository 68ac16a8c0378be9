/* SPDX-License-Identifier: Apache-2.0 */
/* disco: queries, answers, and the capability hash of XEP-0115's own example. */
#include "tests/support/xml_text.h"

#include "proto/xmpp/disco.h"

#define INFO "xmlns='http://jabber.org/protocol/disco#info'"

static void knows_queries(void **state)
{
    (void)state;
    struct arena a = {0};
    struct span node;
    assert_int_equal(disco_parse(xml_text_parse(&a, "<query " INFO "/>"), &node), DISCO_INFO);
    assert_true(span_is_none(node));
    assert_int_equal(disco_parse(xml_text_parse(&a, "<query node='n' xmlns='http://jabber.org/"
                                                    "protocol/disco#items'/>"),
                                 &node),
                     DISCO_ITEMS);
    assert_true(span_is(node, "n"));
    assert_int_equal(disco_parse(xml_text_parse(&a, "<query xmlns='x'/>"), &node), DISCO_NONE);
    arena_done(&a);
}

static void answers(void **state)
{
    (void)state;
    struct arena a = {0};
    static const struct disco_identity identities[] = {{"server", "im", "x"},
                                                       {"account", "registered", NULL}};
    static const char *const features[] = {"b", "a"};
    const struct disco_entity entity = {identities, 2, features, 2};
    xml_text_assert(disco_info(&a, &entity, SPAN("n")),
                    "<query " INFO " node='n'><identity category='server' type='im' name='x'/>"
                    "<identity category='account' type='registered'/><feature var='b'/>"
                    "<feature var='a'/></query>");
    struct xml_node *items = disco_items(&a, SPAN_NONE);
    disco_add_item(&a, items, SPAN("rooms.d"), SPAN("Rooms"));
    disco_add_item(&a, items, SPAN("x.d"), SPAN_NONE);
    xml_text_assert(items, "<query xmlns='http://jabber.org/protocol/disco#items'>"
                           "<item jid='rooms.d' name='Rooms'/><item jid='x.d'/></query>");
    arena_done(&a);
}

static void hashes_the_example(void **state)
{
    (void)state;
    /* XEP-0115, 5.2 */
    static const struct disco_identity identities[] = {{"client", "pc", "Exodus 0.9.1"}};
    static const char *const features[] = {
        "http://jabber.org/protocol/muc", "http://jabber.org/protocol/disco#info",
        "http://jabber.org/protocol/disco#items", "http://jabber.org/protocol/caps"};
    const struct disco_entity exodus = {identities, 1, features, 4};
    struct strbuf out = {0};
    disco_caps_ver(&exodus, &out);
    assert_string_equal(out.data, "QgayPKawpkPSDYmwT/WM94uAlu0=");
    assert_true(disco_is_caps_node(SPAN(DISCO_CAPS_NODE "#QgayPKawpkPSDYmwT/WM94uAlu0="),
                                   strbuf_span(&out)));
    assert_false(disco_is_caps_node(SPAN(DISCO_CAPS_NODE "#"), strbuf_span(&out)));
    assert_false(disco_is_caps_node(SPAN("x"), strbuf_span(&out)));
    strbuf_done(&out);
}

static bool offers(const struct disco_entity *entity, const char *feature)
{
    for (size_t i = 0; i < entity->feature_count; i++)
        if (strcmp(entity->features[i], feature) == 0)
            return true;
    return false;
}

static void ours_say_what_we_do(void **state)
{
    (void)state;
    struct strbuf out = {0};
    assert_true(offers(&disco_server, "urn:xmpp:carbons:2"));
    assert_true(offers(&disco_server, "urn:xmpp:blocking"));
    assert_true(offers(&disco_account, "urn:xmpp:mam:2#extended"));
    assert_false(offers(&disco_stranger, "urn:xmpp:mam:2"));
    disco_caps_ver(&disco_server, &out);
    disco_caps_ver(&disco_account, &out);
    assert_int_equal(out.size, 56);
    strbuf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_queries),
        cmocka_unit_test(answers),
        cmocka_unit_test(hashes_the_example),
        cmocka_unit_test(ours_say_what_we_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
