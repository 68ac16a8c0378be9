/* SPDX-License-Identifier: Apache-2.0 */
/* Requests to the server, to one's own account and to other accounts, each with its answer,
 * over the real core and a real store. */
#include "node/xmpp/xmpp_iq.h"

#include "tests/support/xmppworld.h"

#define OWN    "alice@" IMWORLD_DOMAIN
#define ROSTER "<query xmlns='jabber:iq:roster'"
#define BLOCK  "xmlns='urn:xmpp:blocking'"
#define MAM    "urn:xmpp:mam:2"

static struct imworld world;
static struct xmppclient alice, bob;

static int iq_setup(void **state)
{
    (void)state;
    imworld_make(&world);
    xmppclient_sign_in(&alice, &world, "alice", "x");
    return 0;
}

static int iq_teardown(void **state)
{
    (void)state;
    xmppclient_done(&alice);
    xmppclient_done(&bob);
    imworld_remove(&world);
    return 0;
}

struct iq_case {
    const char *name, *type, *to, *payload;
    const char *wanted; /* in the answer */
};

/* In this order: what one row set, a later one sees. */
static const struct iq_case iq_cases[] = {
    {"ping of the account", "get", NULL, "<ping xmlns='urn:xmpp:ping'/>", "type='result'"},
    {"ping of the server", "get", IMWORLD_DOMAIN, "<ping xmlns='urn:xmpp:ping'/>",
     "from='" IMWORLD_DOMAIN "'"},
    {"ping of somebody", "get", "bob@" IMWORLD_DOMAIN, "<ping xmlns='urn:xmpp:ping'/>",
     "service-unavailable"},
    {"ping of nobody", "get", "nobody@" IMWORLD_DOMAIN, "<ping xmlns='urn:xmpp:ping'/>",
     "service-unavailable"},
    {"version", "get", IMWORLD_DOMAIN, "<query xmlns='jabber:iq:version'/>",
     "<name>presenced</name>"},
    {"time", "get", IMWORLD_DOMAIN, "<time xmlns='urn:xmpp:time'/>", "<tzo>"},
    {"session", "set", NULL, "<session xmlns='urn:ietf:params:xml:ns:xmpp-session'/>",
     "type='result'"},
    {"what nobody knows", "get", NULL, "<query xmlns='urn:unheard:of'/>",
     "service-unavailable"},
    {"server's features", "get", IMWORLD_DOMAIN,
     "<query xmlns='http://jabber.org/protocol/disco#info'/>", "category='server'"},
    {"own features", "get", NULL, "<query xmlns='http://jabber.org/protocol/disco#info'/>",
     "urn:xmpp:mam:2#extended"},
    {"a stranger's features", "get", "bob@" IMWORLD_DOMAIN,
     "<query xmlns='http://jabber.org/protocol/disco#info'/>", "service-unavailable"},
    {"unknown node", "get", NULL,
     "<query xmlns='http://jabber.org/protocol/disco#info' node='n'/>", "item-not-found"},
    {"server's items", "get", IMWORLD_DOMAIN,
     "<query xmlns='http://jabber.org/protocol/disco#items'/>", "type='result'"},
    {"disco set", "set", NULL, "<query xmlns='http://jabber.org/protocol/disco#info'/>",
     "bad-request"},
    {"carbons", "set", NULL, "<enable xmlns='urn:xmpp:carbons:2'/>", "type='result'"},
    {"carbons off", "set", NULL, "<disable xmlns='urn:xmpp:carbons:2'/>", "type='result'"},
    {"carbons by get", "get", NULL, "<enable xmlns='urn:xmpp:carbons:2'/>", "bad-request"},

    {"empty roster", "get", NULL, ROSTER " ver=''/>", "<query xmlns='jabber:iq:roster' ver="},
    {"an item", "set", NULL,
     ROSTER "><item jid='Bob@" IMWORLD_DOMAIN
            "' name='B'><group>Friends</group></item></query>",
     "type='result'"},
    {"the item is there", "get", NULL, ROSTER "/>",
     "<item jid='bob@" IMWORLD_DOMAIN "' name='B' subscription='none'><group>Friends</group>"},
    {"two items", "set", NULL, ROSTER "><item jid='a@b'/><item jid='c@d'/></query>",
     "bad-request"},
    {"oneself as an item", "set", NULL, ROSTER "><item jid='" OWN "'/></query>", "not-allowed"},
    {"a version of the future", "get", NULL, ROSTER " ver='99999999'/>", "resource-constraint"},
    {"removal", "set", NULL,
     ROSTER "><item jid='bob@" IMWORLD_DOMAIN "' subscription='remove'/></query>",
     "type='result'"},
    {"removal of what is not there", "set", NULL,
     ROSTER "><item jid='bob@" IMWORLD_DOMAIN "' subscription='remove'/></query>",
     "item-not-found"},
    {"somebody else's roster", "get", "bob@" IMWORLD_DOMAIN, ROSTER "/>",
     "service-unavailable"},

    {"empty block list", "get", NULL, "<blocklist " BLOCK "/>", "<blocklist " BLOCK "/>"},
    {"block", "set", NULL, "<block " BLOCK "><item jid='eve@e.example'/></block>",
     "type='result'"},
    {"blocked", "get", NULL, "<blocklist " BLOCK "/>", "<item jid='eve@e.example'/>"},
    {"block nobody", "set", NULL, "<block " BLOCK "/>", "bad-request"},
    {"block oneself", "set", NULL, "<block " BLOCK "><item jid='" OWN "'/></block>",
     "not-allowed"},
    {"unblock all", "set", NULL, "<unblock " BLOCK "/>", "type='result'"},
    {"unblocked", "get", NULL, "<blocklist " BLOCK "/>", "<blocklist " BLOCK "/>"},

    {"preferences at first", "get", NULL, "<prefs xmlns='" MAM "'/>",
     "<prefs xmlns='" MAM "' default='always'><always/><never/></prefs>"},
    {"preferences", "set", NULL,
     "<prefs xmlns='" MAM "' default='roster'><always><jid>Bob@" IMWORLD_DOMAIN
     "</jid></always></prefs>",
     "default='roster'><always><jid>bob@" IMWORLD_DOMAIN "</jid></always><never/></prefs>"},
    {"preferences kept", "get", NULL, "<prefs xmlns='" MAM "'/>",
     "default='roster'><always><jid>bob@" IMWORLD_DOMAIN "</jid></always><never/></prefs>"},
    {"preferences of no kind", "set", NULL, "<prefs xmlns='" MAM "' default='maybe'/>",
     "bad-request"},
    {"preferences about no address", "set", NULL,
     "<prefs xmlns='" MAM "' default='never'><never><jid>@</jid></never></prefs>",
     "jid-malformed"},
    {"nothing archived", "set", NULL, "<prefs xmlns='" MAM "' default='never'/>",
     "default='never'"},
};

static void every_request_has_its_answer(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(iq_cases); i++) {
        const struct iq_case *c = &iq_cases[i];
        char text[1024], id[32];
        (void)snprintf(text, sizeof(text), "<iq type='%s' id='r%zu'%s%s%s>%s</iq>", c->type, i,
                       c->to ? " to='" : "", c->to ? c->to : "", c->to ? "'" : "", c->payload);
        (void)snprintf(id, sizeof(id), "id='r%zu'", i);
        xmppclient_forget(&alice);
        xmppclient_send(&alice, text);
        const size_t start = alice.read;
        xmppclient_wants(&alice, id);
        xmppclient_settle(&alice); /* behind the whole answer */
        if (!strstr(alice.wire.data + start, c->wanted))
            fail_msg("%s: wanted %s in %s", c->name, c->wanted, alice.wire.data + start);
    }
}

/* A contact that lets us see its presence shows what it is. */
static void a_contact_answers_disco(void **state)
{
    (void)state;
    imworld_befriend(&world, "alice@" IMWORLD_DOMAIN, "bob@" IMWORLD_DOMAIN);
    xmppclient_send(&alice, "<iq type='get' id='d' to='bob@" IMWORLD_DOMAIN
                            "'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>");
    xmppclient_wants(&alice, "category='account'");
}

/* Other devices hear of changes once they have asked for the list. */
static void pushes(void **state)
{
    (void)state;
    xmppclient_sign_in(&bob, &world, "alice", "desk");
    xmppclient_send(&bob, "<iq type='get' id='r'>" ROSTER "/></iq>");
    xmppclient_send(&bob, "<iq type='get' id='b'><blocklist " BLOCK "/></iq>");
    xmppclient_wants(&bob, "id='b'");
    xmppclient_send(&alice,
                    "<iq type='set' id='s'>" ROSTER "><item jid='c@d.example'/></query></iq>");
    xmppclient_wants(&bob, "type='set'");
    xmppclient_wants(&bob, "<item jid='c@d.example' subscription='none'/>");
    xmppclient_send(&bob, "<iq type='result' id='1'/>"); /* as RFC 6121 wants; no answer */
    xmppclient_send(&alice, "<iq type='set' id='t'><block " BLOCK
                            "><item jid='eve@e.example'/></block></iq>");
    xmppclient_wants(&bob, "<block " BLOCK "><item jid='eve@e.example'/></block>");
    xmppclient_send(&alice, "<iq type='set' id='u'>" ROSTER
                            "><item jid='c@d.example' subscription='remove'/></query></iq>");
    xmppclient_wants(&bob, "subscription='remove'");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_request_has_its_answer, iq_setup, iq_teardown),
        cmocka_unit_test_setup_teardown(a_contact_answers_disco, iq_setup, iq_teardown),
        cmocka_unit_test_setup_teardown(pushes, iq_setup, iq_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
