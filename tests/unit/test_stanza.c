/* SPDX-License-Identifier: Apache-2.0 */
/* stanza_parse() and the answers made from it, from XML to XML. */
#include "tests/support/unit.h"

#include "base/strbuf.h"
#include "proto/xml/xml_reader.h"
#include "proto/xml/xml_writer.h"
#include "proto/xmpp/stanza.h"

static struct xml_node *stanza_of_text(struct arena *arena, const char *text)
{
    struct xml_node *parent = NULL;
    assert_int_equal(xml_reader_fragment(span_text(text), SPAN("jabber:client"),
                                         &xml_reader_limits_standard, arena, &parent),
                     0);
    return parent->first_child;
}

struct stanza_case {
    const char *name;
    const char *in;
    int want;
    enum stanza_kind kind;
    enum stanza_type type;
    const char *want_error; /* the answer with item-not-found, or NULL: none may be given */
};

#define ITEM_NOT_FOUND                                                                         \
    "<error type='cancel'><item-not-found "                                                    \
    "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"
static const struct stanza_case cases[] = {
    {"message without type", "<message from='a' to='b' id='1'/>", 0, STANZA_MESSAGE,
     STANZA_NORMAL,
     "<message from='b' to='a' id='1' type='error'>" ITEM_NOT_FOUND "</message>"},
    {"chat", "<message type='chat'/>", 0, STANZA_MESSAGE, STANZA_CHAT,
     "<message type='error'>" ITEM_NOT_FOUND "</message>"},
    {"groupchat", "<message type='groupchat'/>", 0, STANZA_MESSAGE, STANZA_GROUPCHAT,
     "<message type='error'>" ITEM_NOT_FOUND "</message>"},
    {"headline", "<message type='headline'/>", 0, STANZA_MESSAGE, STANZA_HEADLINE,
     "<message type='error'>" ITEM_NOT_FOUND "</message>"},
    {"error is not answered", "<message type='error'/>", 0, STANZA_MESSAGE, STANZA_ERROR, NULL},
    {"unknown message type", "<message type='get'/>", 0, STANZA_MESSAGE, STANZA_NORMAL,
     "<message type='error'>" ITEM_NOT_FOUND "</message>"},
    {"presence", "<presence/>", 0, STANZA_PRESENCE, STANZA_AVAILABLE,
     "<presence type='error'>" ITEM_NOT_FOUND "</presence>"},
    {"unavailable", "<presence type='unavailable'/>", 0, STANZA_PRESENCE, STANZA_UNAVAILABLE,
     "<presence type='error'>" ITEM_NOT_FOUND "</presence>"},
    {"probe", "<presence type='probe'/>", 0, STANZA_PRESENCE, STANZA_PROBE,
     "<presence type='error'>" ITEM_NOT_FOUND "</presence>"},
    {"unknown presence type", "<presence type='chat'/>", STANZA_INVALID, STANZA_PRESENCE,
     STANZA_AVAILABLE, "<presence type='error'>" ITEM_NOT_FOUND "</presence>"},
    {"get", "<iq type='get' id='i'><q/></iq>", 0, STANZA_IQ, STANZA_GET,
     "<iq id='i' type='error'>" ITEM_NOT_FOUND "</iq>"},
    {"set, with text around", "<iq type='set' id='i'> <q/> </iq>", 0, STANZA_IQ, STANZA_SET,
     "<iq id='i' type='error'>" ITEM_NOT_FOUND "</iq>"},
    {"set without child", "<iq type='set' id='i'/>", STANZA_INVALID, STANZA_IQ, STANZA_SET,
     "<iq id='i' type='error'>" ITEM_NOT_FOUND "</iq>"},
    {"get with two", "<iq type='get' id='i'><q/><q/></iq>", STANZA_INVALID, STANZA_IQ,
     STANZA_GET, "<iq id='i' type='error'>" ITEM_NOT_FOUND "</iq>"},
    {"result", "<iq type='result' id='i'/>", 0, STANZA_IQ, STANZA_RESULT, NULL},
    {"result with two", "<iq type='result' id='i'><q/><q/></iq>", STANZA_INVALID, STANZA_IQ,
     STANZA_RESULT, NULL},
    {"IQ error", "<iq type='error' id='i'/>", 0, STANZA_IQ, STANZA_ERROR, NULL},
    {"IQ without id", "<iq type='get'><q/></iq>", STANZA_INVALID, STANZA_IQ, STANZA_GET,
     "<iq type='error'>" ITEM_NOT_FOUND "</iq>"},
    {"IQ without type", "<iq id='i'><q/></iq>", STANZA_INVALID, STANZA_IQ, STANZA_GET,
     "<iq id='i' type='error'>" ITEM_NOT_FOUND "</iq>"},
    {"IQ of unknown type", "<iq id='i' type='chat'><q/></iq>", STANZA_INVALID, STANZA_IQ,
     STANZA_GET, "<iq id='i' type='error'>" ITEM_NOT_FOUND "</iq>"},
    {"another element", "<msg/>", STANZA_FOREIGN, 0, 0, NULL},
    {"another namespace", "<message xmlns='jabber:server'/>", STANZA_FOREIGN, 0, 0, NULL},
};

static void stanza_case_holds(void **state)
{
    const struct stanza_case *t = *state;
    struct arena arena = {0};
    struct strbuf out = {0};
    struct stanza s = {0};
    enum stanza_error_condition condition = STANZA_ERROR_CONDITIONS;

    assert_int_equal(stanza_parse(stanza_of_text(&arena, t->in), &s, &condition), t->want);
    assert_int_equal(condition, t->want == STANZA_INVALID ? STANZA_ERROR_BAD_REQUEST
                                                          : STANZA_ERROR_CONDITIONS);
    if (t->want != STANZA_FOREIGN) {
        assert_int_equal(s.kind, t->kind);
        assert_int_equal(s.type, t->type);
        assert_int_equal(stanza_may_answer(&s), t->want_error != NULL);
    }
    if (t->want_error) {
        struct xml_node *reply =
            stanza_error_reply(&arena, &s, STANZA_ERROR_ITEM_NOT_FOUND, NULL);
        xml_writer_node(&out, reply, SPAN("jabber:client"));
        assert_string_equal(out.data, t->want_error);
    }
    strbuf_done(&out);
    arena_done(&arena);
}

static void result_swaps_addresses(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct strbuf out = {0};
    struct stanza s;
    enum stanza_error_condition condition;
    struct xml_node *iq = stanza_of_text(
        &arena, "<iq type='get' id='i' from='a' to='b' xml:lang='de'><q xmlns='q'/></iq>");
    assert_int_equal(stanza_parse(iq, &s, &condition), 0);
    assert_true(span_is(s.lang, "de"));
    assert_true(xml_node_is(stanza_payload(&s), "q", "q"));
    xml_writer_node(&out, stanza_result(&arena, &s), SPAN("jabber:client"));
    assert_string_equal(out.data, "<iq from='b' to='a' id='i' type='result'/>");
    strbuf_done(&out);
    arena_done(&arena);
}

static void payload_of_an_error_is_beside_it(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct stanza s;
    enum stanza_error_condition condition;
    struct xml_node *iq = stanza_of_text(&arena, "<iq type='error' id='i'><error/><q/></iq>");
    assert_int_equal(stanza_parse(iq, &s, &condition), 0);
    assert_true(xml_node_is(stanza_payload(&s), "q", NULL));
    arena_done(&arena);
}

int main(void)
{
    struct CMUnitTest tests[COUNT_OF(cases) + 2];
    size_t n = 0;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        tests[n++] = (struct CMUnitTest){.name = cases[i].name,
                                         .test_func = stanza_case_holds,
                                         .initial_state = (void *)&cases[i]};
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(result_swaps_addresses);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(payload_of_an_error_is_beside_it);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
