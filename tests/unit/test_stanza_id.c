/* SPDX-License-Identifier: Apache-2.0 */
/* stanza_id: ours is added, forged ones go, those of others stay. */
#include "tests/support/xml_text.h"

#include "proto/xmpp/stanza_id.h"

static bool is_ours(struct span domain, void *arg)
{
    (void)arg;
    return span_is(domain, "demo.example");
}

struct strip_case {
    const char *name;
    const char *by;
    size_t want;
};
static const struct strip_case cases[] = {
    {"the recipient's", "bob@demo.example", 1},
    {"another spelling", "BOB@Demo.Example", 1},
    {"with a resource", "bob@demo.example/x", 1},
    {"the domain's", "demo.example", 1},
    {"nobody's", "", 1},
    {"no address", "a@b@c d", 1},
    {"a room's", "room@rooms.demo.example", 0},
    {"another domain's", "bob@else.example", 0},
};

static void strip_case_holds(void **state)
{
    const struct strip_case *t = *state;
    struct arena a = {0};
    struct xml_node *m = xml_text_parse(&a, "<message><body/></message>");
    stanza_id_add(&a, m, span_text(t->by), SPAN("1"));
    stanza_id_add(&a, m, span_text(t->by), SPAN("2"));
    assert_int_equal(stanza_id_strip(m, is_ours, NULL), 2 * t->want);
    assert_int_equal(xml_node_child_count(m), 3 - 2 * t->want);
    arena_done(&a);
}

static void adds_ours_and_finds_theirs(void **state)
{
    (void)state;
    struct arena a = {0};
    struct xml_node *m = xml_text_parse(&a, "<message/>");
    assert_true(span_is_none(stanza_id_origin(m)));
    stanza_id_add(&a, m, SPAN("a@d"), SPAN("7"));
    xml_text_assert(m,
                    "<message><stanza-id xmlns='urn:xmpp:sid:0' by='a@d' id='7'/></message>");
    m = xml_text_parse(&a, "<message><origin-id xmlns='urn:xmpp:sid:0' id='o'/></message>");
    assert_true(span_is(stanza_id_origin(m), "o"));
    assert_int_equal(stanza_id_strip(m, is_ours, NULL), 0);
    arena_done(&a);
}

int main(void)
{
    struct CMUnitTest tests[COUNT_OF(cases) + 1];
    size_t n = 0;
    XML_TEXT_ROWS(tests, n, cases, strip_case_holds);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(adds_ours_and_finds_theirs);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
