/* SPDX-License-Identifier: Apache-2.0 */
/* csi: what an inactive client gets at once, and what waits. */
#include "tests/support/xml_text.h"

#include "proto/xmpp/csi.h"

struct weight_case {
    const char *name;
    const char *in;
    enum csi_weight want;
};
#define COMPOSING "<composing xmlns='http://jabber.org/protocol/chatstates'/>"
#define CARBON(in)                                                                             \
    "<message><sent xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'>" in      \
    "</forwarded></sent></message>"
static const struct weight_case cases[] = {
    {"presence", "<presence/>", CSI_REPLACE},
    {"going away", "<presence type='unavailable'/>", CSI_REPLACE},
    {"subscription request", "<presence type='subscribe'/>", CSI_SEND},
    {"presence error", "<presence type='error'/>", CSI_SEND},
    {"IQ", "<iq type='get' id='1'><q/></iq>", CSI_SEND},
    {"IQ result", "<iq type='result' id='1'/>", CSI_SEND},
    {"body", "<message type='chat'><body>x</body></message>", CSI_SEND},
    {"lone chat state", "<message type='chat'>" COMPOSING "</message>", CSI_HOLD},
    {"chat state in a room", "<message type='groupchat'>" COMPOSING "</message>", CSI_HOLD},
    {"headline", "<message type='headline'><body>x</body></message>", CSI_HOLD},
    {"PEP event", "<message><event xmlns='http://jabber.org/protocol/pubsub#event'/></message>",
     CSI_HOLD},
    {"error", "<message type='error'>" COMPOSING "<error/></message>", CSI_SEND},
    {"receipt", "<message><received xmlns='urn:xmpp:receipts' id='1'/></message>", CSI_SEND},
    {"carbon of a body", CARBON("<message xmlns='jabber:client'><body>x</body></message>"),
     CSI_SEND},
    {"carbon of a chat state",
     CARBON("<message xmlns='jabber:client' type='chat'>" COMPOSING "</message>"), CSI_HOLD},
    {"carbon of a carbon",
     CARBON("<message xmlns='jabber:client'><sent xmlns='urn:xmpp:carbons:2'><forwarded "
            "xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client'/></forwarded></sent>"
            "</message>"),
     CSI_SEND},
};

static void weight_case_holds(void **state)
{
    const struct weight_case *t = *state;
    struct arena arena = {0};
    const struct stanza s = xml_text_stanza(&arena, t->in);
    assert_int_equal(csi_weigh(&s), t->want);
    arena_done(&arena);
}

static void knows_both_states(void **state)
{
    (void)state;
    struct arena a = {0};
    assert_int_equal(csi_parse(xml_text_parse(&a, "<active xmlns='urn:xmpp:csi:0'/>")),
                     CSI_ACTIVE);
    assert_int_equal(csi_parse(xml_text_parse(&a, "<inactive xmlns='urn:xmpp:csi:0'/>")),
                     CSI_INACTIVE);
    assert_int_equal(csi_parse(xml_text_parse(&a, "<active/>")), CSI_NONE);
    arena_done(&a);
}

int main(void)
{
    struct CMUnitTest tests[COUNT_OF(cases) + 1];
    size_t n = 0;
    XML_TEXT_ROWS(tests, n, cases, weight_case_holds);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(knows_both_states);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
