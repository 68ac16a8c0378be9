/* SPDX-License-Identifier: Apache-2.0 */
/* stanza_error: every condition has a name, a type, and is read back. */
#include "tests/support/unit.h"

#include "base/strbuf.h"
#include "proto/xml/xml_writer.h"
#include "proto/xmpp/stanza_error.h"

static void every_condition_is_read_back(void **state)
{
    (void)state;
    struct arena arena = {0};
    for (unsigned i = 0; i < STANZA_ERROR_CONDITIONS; i++) {
        const enum stanza_error_condition condition = (enum stanza_error_condition)i;
        struct xml_node *error = stanza_error_node(&arena, condition, "why");
        assert_int_equal(stanza_error_parse(error), condition);
        assert_non_null(stanza_error_name(condition));
        assert_true(span_is(xml_node_attr(error, "type"),
                            stanza_error_type_name(stanza_error_type_of(condition))));
    }
    arena_done(&arena);
}

static void writes_condition_and_text(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct strbuf out = {0};
    xml_writer_node(&out, stanza_error_node(&arena, STANZA_ERROR_RESOURCE_CONSTRAINT, "a<b"),
                    SPAN("jabber:client"));
    assert_string_equal(
        out.data, "<error type='wait'><resource-constraint "
                  "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/><text "
                  "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas' xml:lang='en'>a&lt;b</text>"
                  "</error>");
    strbuf_done(&out);
    arena_done(&arena);
}

static void an_unknown_one_is_undefined(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct xml_node *error = xml_node_new(&arena, "error", "jabber:client");
    xml_node_add_new(&arena, error, "item-not-found", "elsewhere");
    assert_int_equal(stanza_error_parse(error), STANZA_ERROR_UNDEFINED_CONDITION);
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_condition_is_read_back),
        cmocka_unit_test(writes_condition_and_text),
        cmocka_unit_test(an_unknown_one_is_undefined),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
