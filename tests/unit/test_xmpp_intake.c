/* SPDX-License-Identifier: Apache-2.0 */
/* Stanzas from a client, good, bad and forged: what goes on, what is answered, what ends the
 * stream. */
#include "node/xmpp/xmpp_intake.h"

#include "tests/support/xmppworld.h"

#define BOB "bob@" IMWORLD_DOMAIN

static struct imworld world;
static struct xmppclient alice, bob;

static int intake_setup(void **state)
{
    (void)state;
    imworld_make(&world);
    xmppclient_sign_in(&alice, &world, "alice", "x");
    xmppclient_sign_in(&bob, &world, "bob", "y");
    return 0;
}

static int intake_teardown(void **state)
{
    (void)state;
    xmppclient_done(&alice);
    xmppclient_done(&bob);
    imworld_remove(&world);
    return 0;
}

struct intake_case {
    const char *name, *sent;
    const char *at_bob; /* NULL: nothing */
    const char *lacks;  /* what is not in it */
};

static const struct intake_case delivered[] = {
    {"who sent it is added", "<message to='" BOB "' type='chat'><body>b</body></message>",
     "from='alice@" IMWORLD_DOMAIN "/x'", NULL},
    {"own full address",
     "<message to='" BOB "' from='Alice@" IMWORLD_DOMAIN "/x'><body>b</body></message>",
     "from='alice@" IMWORLD_DOMAIN "/x'", NULL},
    {"own bare address",
     "<message to='" BOB "' from='alice@" IMWORLD_DOMAIN "'><body>b</body></message>",
     "from='alice@" IMWORLD_DOMAIN "/x'", NULL},
    {"language of the stream", "<message to='" BOB "'><body>b</body></message>",
     "xml:lang='en'", NULL},
    {"its own language", "<message to='" BOB "' xml:lang='de'><body>b</body></message>",
     "xml:lang='de'", "xml:lang='en'"},
    {"a stanza-id in our name",
     "<message to='" BOB
     "'><body>b</body><stanza-id xmlns='urn:xmpp:sid:0' by='BOB@" IMWORLD_DOMAIN
     "' id='forged'/></message>",
     "<body>b</body>", "forged"},
    {"a delay in our name",
     "<message to='" BOB "'><body>b</body><delay xmlns='urn:xmpp:delay' from='" IMWORLD_DOMAIN
     "' stamp='2001-01-01T00:00:00Z'/></message>",
     "<body>b</body>", "2001"},
    {"a forged carbon",
     "<message to='" BOB
     "' type='chat'><body>b</body><received xmlns='urn:xmpp:carbons:2'><forwarded "
     "xmlns='urn:xmpp:forward:0'/></received></message>",
     "<body>b</body>", "urn:xmpp:carbons:2"},
    {"another's delay stays",
     "<message to='" BOB "'><body>b</body><delay xmlns='urn:xmpp:delay' from='room@m.example' "
     "stamp='2002-01-01T00:00:00Z'/></message>",
     "2002-01-01", NULL},
    {"markup is kept", "<message to='" BOB "'><body>a &lt; b &amp; c</body></message>",
     "<body>a &lt; b &amp; c</body>", NULL},
    {"request to a full address",
     "<iq type='get' id='i' to='" BOB "/y'><query xmlns='urn:any'/></iq>",
     "<query xmlns='urn:any'/>", NULL},
    {"directed presence", "<presence to='" BOB "/y'><status>hi</status></presence>",
     "<status>hi</status>", NULL},
    {"subscription", "<presence to='" BOB "' type='subscribe'/>", "type='subscribe'",
     "from='alice@" IMWORLD_DOMAIN "/x'"},
};

static void what_arrives(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(delivered); i++) {
        const struct intake_case *c = &delivered[i];
        xmppclient_forget(&bob);
        xmppclient_send(&alice, c->sent);
        xmppclient_settle(&alice);
        const size_t start = bob.read;
        xmppclient_wants(&bob, c->at_bob);
        xmppclient_settle(&bob);
        if (c->lacks && strstr(bob.wire.data + start, c->lacks))
            fail_msg("%s: %s", c->name, bob.wire.data + start);
    }
}

static const struct {
    const char *name, *sent, *answer;
} refused[] = {
    {"no address", "<message to='@' id='e'><body>b</body></message>", "jid-malformed"},
    {"to the server", "<message to='" IMWORLD_DOMAIN "' id='e'><body>b</body></message>",
     "service-unavailable"},
    {"to nobody", "<message to='nobody@" IMWORLD_DOMAIN "' id='e'><body>b</body></message>",
     "service-unavailable"},
    {"elsewhere", "<message to='a@elsewhere.example' id='e'><body>b</body></message>",
     "remote-server-not-found"},
    {"request without id", "<iq type='get'><ping xmlns='urn:xmpp:ping'/></iq>", "bad-request"},
    {"request of no type", "<iq type='please' id='e'><ping xmlns='urn:xmpp:ping'/></iq>",
     "bad-request"},
    {"request without payload", "<iq type='get' id='e'/>", "bad-request"},
    {"presence of no type", "<presence type='happy' id='e'/>", "bad-request"},
    {"priority out of range", "<presence id='e'><priority>300</priority></presence>",
     "bad-request"},
    {"subscription to nothing", "<presence type='subscribe' id='e'/>", "bad-request"},
    {"subscription to a server", "<presence type='subscribe' to='d.example' id='e'/>",
     "bad-request"},
    {"request to a gone resource",
     "<iq type='get' id='e' to='" BOB "/gone'><query xmlns='urn:any'/></iq>",
     "service-unavailable"},
};

static void what_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        xmppclient_forget(&alice);
        const size_t start = alice.read;
        xmppclient_send(&alice, refused[i].sent);
        xmppclient_wants(&alice, "type='error'");
        xmppclient_settle(&alice);
        if (!strstr(alice.wire.data + start, refused[i].answer))
            fail_msg("%s: %s", refused[i].name, alice.wire.data + start);
    }
}

/* RFC 6120, 8.3.1: an error answers no error. */
static const char *const unanswered[] = {
    "<message type='error' to='nobody@" IMWORLD_DOMAIN "'><error type='cancel'/></message>",
    "<message type='error' to='@'/>",
    "<iq type='result' id='lost' to='nobody@" IMWORLD_DOMAIN "/x'/>",
    "<iq type='error' id='lost'><error type='cancel'/></iq>",
    "<iq type='result' id='lost'/>",
    "<presence type='probe' to='" BOB "'/>",
    "<presence type='subscribe' to='alice@" IMWORLD_DOMAIN "'/>",
};

static void what_nobody_answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(unanswered); i++) {
        xmppclient_forget(&alice);
        const size_t start = alice.read;
        xmppclient_send(&alice, unanswered[i]);
        xmppclient_settle(&alice);
        if (strstr(alice.wire.data + start, "error"))
            fail_msg("%s: %s", unanswered[i], alice.wire.data + start);
    }
}

static const struct {
    const char *name, *sent, *condition;
} fatal[] = {
    {"another's name", "<message from='" BOB "' to='" BOB "'><body>b</body></message>",
     "invalid-from"},
    {"another resource", "<message from='alice@" IMWORLD_DOMAIN "/z' to='" BOB "'/>",
     "invalid-from"},
    {"no name", "<presence from='@'/>", "invalid-from"},
    {"no stanza", "<letter xmlns='jabber:client'/>", "unsupported-stanza-type"},
    {"of another namespace", "<message xmlns='urn:other' to='" BOB "'/>",
     "unsupported-stanza-type"},
};

static void what_ends_the_stream(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(fatal); i++) {
        struct xmppclient c;
        xmppclient_open(&c, &world, "alice");
        xmppclient_bind(&c, "z2");
        xmppclient_forget(&bob);
        xmppclient_send(&c, fatal[i].sent);
        IMWORLD_UNTIL(&world, c.is_shut);
        if (!strstr(c.wire.data, fatal[i].condition))
            fail_msg("%s: %s", fatal[i].name, c.wire.data);
        xmppclient_lacks(&bob, "<body>");
        xmppclient_done(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_arrives, intake_setup, intake_teardown),
        cmocka_unit_test_setup_teardown(what_is_refused, intake_setup, intake_teardown),
        cmocka_unit_test_setup_teardown(what_nobody_answers, intake_setup, intake_teardown),
        cmocka_unit_test_setup_teardown(what_ends_the_stream, intake_setup, intake_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
