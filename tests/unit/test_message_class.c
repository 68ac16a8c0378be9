/* SPDX-License-Identifier: Apache-2.0 */
/* message_class_of(): type first, then hints, then content. */
#include "tests/support/xml_text.h"

#include "proto/xmpp/message_class.h"

enum { S = 1, R = 2, P = 4, L = 8, E = 16, C = S | R };

struct class_case {
    const char *name;
    const char *type; /* NULL: normal */
    const char *content;
    enum message_class_kind want;
    unsigned flags; /* S, R: carbons when sent, received; P private; L lone state; E event */
};

#define KEEP     MESSAGE_CLASS_KEEP
#define QUEUE    MESSAGE_CLASS_QUEUE
#define PASS     MESSAGE_CLASS_PASS
#define BODY     "<body>hi</body>"
#define HINT(h)  "<" h " xmlns='urn:xmpp:hints'/>"
#define STATE(s) "<" s " xmlns='http://jabber.org/protocol/chatstates'/>"
#define MUC(in)  "<x xmlns='http://jabber.org/protocol/muc#user'>" in "</x>"
#define EVENT    "<event xmlns='http://jabber.org/protocol/pubsub#event'/>"
static const struct class_case cases[] = {
    {"chat with body", "chat", BODY, KEEP, C},
    {"normal with body", NULL, BODY, KEEP, C},
    {"unknown type with body", "what", BODY, KEEP, C},
    {"empty body", "chat", "<body/>", KEEP, C},
    {"subject alone", NULL, "<subject>s</subject>", KEEP, 0},
    {"nothing at all", "chat", "", PASS, C},
    {"thread alone", NULL, "<thread>t</thread>", PASS, 0},
    {"unknown content", NULL, "<x xmlns='what'/>", PASS, 0},
    {"body of another namespace", NULL, "<body xmlns='what'>hi</body>", PASS, 0},

    {"error with body", "error", BODY "<error/>", PASS, C},
    {"error without", "error", "<error/>", PASS, 0},
    {"headline", "headline", BODY, PASS, 0},
    {"groupchat", "groupchat", BODY, PASS, 0},
    {"error is never kept", "error", BODY HINT("store"), PASS, C},
    {"groupchat is never kept", "groupchat", BODY HINT("store"), PASS, 0},

    {"no-store", "chat", BODY HINT("no-store"), PASS, C},
    {"no-permanent-store", "chat", BODY HINT("no-permanent-store"), QUEUE, C},
    {"no-permanent-store without body", "chat", HINT("no-permanent-store"), QUEUE, C},
    {"store without body", "chat", HINT("store"), KEEP, C},
    {"no-store beats store", "chat", BODY HINT("store") HINT("no-store"), PASS, C},
    {"no-permanent-store beats store", "chat", HINT("store") HINT("no-permanent-store"), QUEUE,
     C},
    {"no-copy", "chat", BODY HINT("no-copy"), KEEP, P},
    {"private", "chat", BODY "<private xmlns='urn:xmpp:carbons:2'/>", KEEP, P},

    {"lone chat state", "chat", STATE("composing"), PASS, C | L},
    {"lone chat state, normal", NULL, STATE("paused"), PASS, C | L},
    {"with thread and hints", "chat", STATE("active") "<thread>t</thread>" HINT("no-store"),
     PASS, C | L},
    {"chat state beside a body", "chat", BODY STATE("active"), KEEP, C},
    {"chat state beside the unknown", "chat", STATE("active") "<x xmlns='what'/>", PASS, C},
    {"chat state in a room", "groupchat", STATE("composing"), PASS, L},

    {"receipt", NULL, "<received xmlns='urn:xmpp:receipts' id='1'/>", KEEP, C},
    {"marker", NULL, "<displayed xmlns='urn:xmpp:chat-markers:0' id='1'/>", KEEP, C},
    {"markable alone", NULL, "<markable xmlns='urn:xmpp:chat-markers:0'/>", PASS, C},
    {"correction", "chat", "<replace xmlns='urn:xmpp:message-correct:0' id='1'/>", KEEP, C},
    {"reaction", NULL, "<reactions xmlns='urn:xmpp:reactions:0' id='1'/>", KEEP, 0},
    {"retraction", NULL, "<retract xmlns='urn:xmpp:message-retract:1' id='1'/>", KEEP, 0},
    {"older retraction", NULL, "<apply-to xmlns='urn:xmpp:fasten:0' id='1'/>", KEEP, 0},
    {"encrypted, older", "chat", "<encrypted xmlns='eu.siacs.conversations.axolotl'/>", KEEP,
     C},
    {"encrypted", "chat", "<encrypted xmlns='urn:xmpp:omemo:2'/>", KEEP, C},
    {"OpenPGP", "chat", "<openpgp xmlns='urn:xmpp:openpgp:0'/>", KEEP, C},
    {"named encryption", NULL, "<encryption xmlns='urn:xmpp:eme:0'/>", KEEP, 0},
    {"call", "chat", "<propose xmlns='urn:xmpp:jingle-message:0' id='c'/>", KEEP, C},
    {"call invitation", "chat", "<invite xmlns='urn:xmpp:call-invites:0'/>", KEEP, C},
    {"direct invitation", NULL, "<x xmlns='jabber:x:conference' jid='r@c'/>", KEEP, C},
    {"mediated invitation", NULL, MUC("<invite from='a@b'/>"), KEEP, C},
    {"declined invitation", NULL, MUC("<decline to='a@b'/>"), KEEP, C},
    {"through a room", "chat", BODY MUC(""), KEEP, S},
    {"PEP event", NULL, EVENT, PASS, E},
    {"PEP headline", "headline", EVENT, PASS, E},
    {"event with body", NULL, EVENT BODY, KEEP, C},
    {"a carbon is not copied", "chat", "<sent xmlns='urn:xmpp:carbons:2'/>", PASS, 0},
};

static void class_case_holds(void **state)
{
    const struct class_case *t = *state;
    struct arena arena = {0};
    struct strbuf text = {0};
    strbuf_add_text(&text, "<message");
    xml_writer_attr(&text, "type", span_text(t->type));
    strbuf_printf(&text, ">%s</message>", t->content);
    const struct stanza s = xml_text_stanza(&arena, text.data);

    struct message_class c;
    message_class_of(&s, &c);
    assert_int_equal(c.kind, t->want);
    assert_int_equal(c.is_carbon_sent, (t->flags & S) != 0);
    assert_int_equal(c.is_carbon_received, (t->flags & R) != 0);
    assert_int_equal(c.is_private, (t->flags & P) != 0);
    assert_int_equal(c.is_lone_state, (t->flags & L) != 0);
    assert_int_equal(c.is_event, (t->flags & E) != 0);
    strbuf_done(&text);
    arena_done(&arena);
}

int main(void)
{
    struct CMUnitTest tests[COUNT_OF(cases)];
    size_t n = 0;
    XML_TEXT_ROWS(tests, n, cases, class_case_holds);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
