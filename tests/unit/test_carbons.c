/* SPDX-License-Identifier: Apache-2.0 */
/* carbons: requests, copies, and forged ones. */
#include "tests/support/xml_text.h"

#include "proto/xmpp/carbons.h"

#define NS "xmlns='urn:xmpp:carbons:2'"

static void knows_requests(void **state)
{
    (void)state;
    struct arena a = {0};
    assert_int_equal(carbons_parse(xml_text_parse(&a, "<enable " NS "/>")), CARBONS_ENABLE);
    assert_int_equal(carbons_parse(xml_text_parse(&a, "<disable " NS "/>")), CARBONS_DISABLE);
    assert_int_equal(carbons_parse(xml_text_parse(&a, "<enable xmlns='x'/>")), CARBONS_NONE);
    assert_int_equal(carbons_parse(xml_text_parse(&a, "<private " NS "/>")), CARBONS_NONE);
    arena_done(&a);
}

static void wraps_and_unwraps(void **state)
{
    (void)state;
    struct arena a = {0};
    struct xml_node *m = xml_text_parse(&a, "<message type='chat' to='b@d'><body>x</body>"
                                            "</message>");
    struct xml_node *copy = carbons_wrap(&a, CARBONS_SENT, SPAN("a@d"), SPAN("a@d/r"), m);
    xml_text_assert(copy, "<message from='a@d' to='a@d/r' type='chat'><sent " NS
                          "><forwarded xmlns='urn:xmpp:forward:0'><message "
                          "xmlns='jabber:client' type='chat' to='b@d'><body>x</body></message>"
                          "</forwarded></sent></message>");
    assert_ptr_equal(carbons_content(copy), m);
    assert_null(carbons_content(m));
    struct xml_node *other = carbons_wrap(&a, CARBONS_RECEIVED, SPAN("a@d"), SPAN("a@d/r"),
                                          xml_text_parse(&a, "<message/>"));
    xml_text_assert(other, "<message from='a@d' to='a@d/r'><received " NS
                           "><forwarded xmlns='urn:xmpp:forward:0'><message "
                           "xmlns='jabber:client'/></forwarded></received></message>");
    arena_done(&a);
}

static void strips_forged_copies(void **state)
{
    (void)state;
    struct arena a = {0};
    struct xml_node *m = xml_text_parse(&a, "<message><sent " NS "/><body>x</body><received " NS
                                            "/><sent " NS "/><private " NS "/></message>");
    assert_int_equal(carbons_strip(m), 3);
    xml_text_assert(m, "<message><body>x</body><private " NS "/></message>");
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_requests),
        cmocka_unit_test(wraps_and_unwraps),
        cmocka_unit_test(strips_forged_copies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
