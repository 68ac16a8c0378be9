/* SPDX-License-Identifier: Apache-2.0 */
/* delay: stamps, and forged ones. */
#include "tests/support/xml_text.h"

#include "proto/xmpp/delay.h"

static bool is_local(struct span domain, void *arg)
{
    (void)arg;
    return span_is(domain, "demo.example");
}

static void stamps(void **state)
{
    (void)state;
    struct arena a = {0};
    struct xml_node *m = xml_text_parse(&a, "<message/>");
    delay_add(&a, m, SPAN("demo.example"), 1795377600000000);
    delay_add(&a, m, SPAN_NONE, 1795377600000001);
    xml_text_assert(m, "<message><delay xmlns='urn:xmpp:delay' from='demo.example' "
                       "stamp='2026-11-22T20:00:00Z'/><delay xmlns='urn:xmpp:delay' "
                       "stamp='2026-11-22T20:00:00.000001Z'/></message>");
    arena_done(&a);
}

static void only_ours_are_forged(void **state)
{
    (void)state;
    struct arena a = {0};
    struct xml_node *m =
        xml_text_parse(&a, "<message><delay xmlns='urn:xmpp:delay' from='DEMO.example'/>"
                           "<delay xmlns='urn:xmpp:delay' from='a@demo.example/r'/>"
                           "<delay xmlns='urn:xmpp:delay' from='room@else.example'/>"
                           "<delay xmlns='urn:xmpp:delay'/><delay/></message>");
    assert_int_equal(delay_strip(m, is_local, NULL), 2);
    xml_text_assert(m, "<message><delay xmlns='urn:xmpp:delay' from='room@else.example'/>"
                       "<delay xmlns='urn:xmpp:delay'/><delay/></message>");
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stamps),
        cmocka_unit_test(only_ours_are_forged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
