/* SPDX-License-Identifier: Apache-2.0 */
/* What the core has for a client, byte for byte as the client gets it. */
#include "node/xmpp/xmpp_render.h"

#include "node/im/session_state.h"
#include "node/xmpp/xmpp_front_state.h"
#include "proto/xmpp/roster_stanza.h"
#include "tests/support/xmppworld.h"

#define ALICE    "alice@" IMWORLD_DOMAIN
#define BOB      "bob@" IMWORLD_DOMAIN
#define TO_ALICE "from='" BOB "/y' to='" ALICE "/x' id='i'"
#define TEXT(literal)                                                                          \
    {                                                                                          \
        (literal), sizeof(literal) - 1                                                         \
    } /* a constant span */
#define ERRORS " xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"

static struct imworld world; /* its domain stands in the delays */
static struct xmpp_metrics metrics;
static char address[] = ALICE "/x";
static char user[] = ALICE;
static struct session session;
static struct xmpp_front front;

static int render_setup(void **state)
{
    (void)state;
    imworld_make(&world);
    xmpp_metrics_init(&metrics);
    session = (struct session){.address = address, .bare = SPAN(ALICE), .resource = SPAN("x")};
    front = (struct xmpp_front){
        .im = world.im, .user = user, .metrics = &metrics, .session = &session};
    return 0;
}

static int render_teardown(void **state)
{
    (void)state;
    imworld_remove(&world);
    return 0;
}

static void assert_rendered(struct strbuf *out, const char *want)
{
    assert_string_equal(out->size ? out->data : "", want);
    strbuf_done(out);
}

/* ---- Packets -------------------------------------------------------------------------- */

struct packet_case {
    const char *name;
    struct packet packet; /* from, to and id are filled in where they are missing */
    enum packet_wrap wrap;
    bool is_delayed;
    const char *want;
};

static const struct packet_case packet_cases[] = {
    {"chat",
     {.kind = PACKET_CHAT, .body = TEXT("<body>b</body>")},
     PACKET_WRAP_NONE,
     false,
     "<message " TO_ALICE " type='chat'><body>b</body></message>"},
    {"normal, in a language",
     {.kind = PACKET_NORMAL, .lang = TEXT("de"), .body = TEXT("<body>b</body>")},
     PACKET_WRAP_NONE,
     false,
     "<message " TO_ALICE " xml:lang='de'><body>b</body></message>"},
    {"headline without payload",
     {.kind = PACKET_HEADLINE, .body = TEXT("")},
     PACKET_WRAP_NONE,
     false,
     "<message " TO_ALICE " type='headline'></message>"},
    {"groupchat",
     {.kind = PACKET_GROUPCHAT, .body = TEXT("")},
     PACKET_WRAP_NONE,
     false,
     "<message " TO_ALICE " type='groupchat'></message>"},
    {"error of somebody",
     {.kind = PACKET_FAULT, .body = TEXT("<error type='cancel'/>")},
     PACKET_WRAP_NONE,
     false,
     "<message " TO_ALICE " type='error'><error type='cancel'/></message>"},
    {"get",
     {.kind = PACKET_GET, .body = TEXT("<ping xmlns='urn:xmpp:ping'/>")},
     PACKET_WRAP_NONE,
     false,
     "<iq " TO_ALICE " type='get'><ping xmlns='urn:xmpp:ping'/></iq>"},
    {"set",
     {.kind = PACKET_SET, .body = TEXT("<x xmlns='y'/>")},
     PACKET_WRAP_NONE,
     false,
     "<iq " TO_ALICE " type='set'><x xmlns='y'/></iq>"},
    {"reply",
     {.kind = PACKET_REPLY, .body = TEXT("")},
     PACKET_WRAP_NONE,
     false,
     "<iq " TO_ALICE " type='result'></iq>"},
    {"reply that failed",
     {.kind = PACKET_REPLY_FAULT, .body = TEXT("<error type='cancel'/>")},
     PACKET_WRAP_NONE,
     false,
     "<iq " TO_ALICE " type='error'><error type='cancel'/></iq>"},
    {"kept: its id of the archive",
     {.kind = PACKET_CHAT, .body = TEXT("<body>b</body>"), .index = 7},
     PACKET_WRAP_NONE,
     false,
     "<message " TO_ALICE " type='chat'><body>b</body>"
     "<stanza-id xmlns='urn:xmpp:sid:0' by='" ALICE "' id='7'/></message>"},
    {"kept, late: its time",
     {.kind = PACKET_CHAT, .body = TEXT(""), .index = UINT64_MAX, .stamp_us = 1000000},
     PACKET_WRAP_NONE,
     true,
     "<message " TO_ALICE " type='chat'>"
     "<stanza-id xmlns='urn:xmpp:sid:0' by='" ALICE "' id='18446744073709551615'/>"
     "<delay xmlns='urn:xmpp:delay' from='" IMWORLD_DOMAIN
     "' stamp='1970-01-01T00:00:01Z'/></message>"},
    {"carbon, received",
     {.kind = PACKET_CHAT, .body = TEXT("<body>b</body>")},
     PACKET_WRAP_CARBON_RECEIVED,
     false,
     "<message from='" ALICE "' to='" ALICE "/x' type='chat'>"
     "<received xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'>"
     "<message xmlns='jabber:client' " TO_ALICE " type='chat'><body>b</body></message>"
     "</forwarded></received></message>"},
    {"carbon, sent",
     {.kind = PACKET_CHAT, .from = TEXT(ALICE "/z"), .to = TEXT(BOB), .body = TEXT("")},
     PACKET_WRAP_CARBON_SENT,
     false,
     "<message from='" ALICE "' to='" ALICE "/x' type='chat'>"
     "<sent xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'>"
     "<message xmlns='jabber:client' from='" ALICE "/z' to='" BOB
     "' id='i' type='chat'></message>"
     "</forwarded></sent></message>"},
};

static struct packet filled_in(const struct packet *p)
{
    struct packet full = *p;
    full.from = p->from.size ? p->from : SPAN(BOB "/y");
    full.to = p->to.size ? p->to : SPAN(ALICE "/x");
    full.id = SPAN("i");
    return full;
}

static void renders_a_packet(void **state)
{
    const struct packet_case *c = *state;
    const struct packet p = filled_in(&c->packet);
    struct strbuf out = {0};
    xmpp_render_packet(&front, &p, c->wrap, c->is_delayed, &out);
    assert_rendered(&out, c->want);
}

struct bounce_case {
    const char *name;
    enum packet_kind kind;
    const char *reason, *want;
};

/* Addresses the other way round; what was sent is not sent back. */
static const struct bounce_case bounce_cases[] = {
    {"a message to nobody", PACKET_CHAT, "service-unavailable",
     "<message from='" ALICE "/x' to='" BOB "/y' id='i' type='error'><error type='cancel'>"
     "<service-unavailable" ERRORS "</message>"},
    {"a request to be tried again", PACKET_GET, "resource-constraint",
     "<iq from='" ALICE "/x' to='" BOB "/y' id='i' type='error'><error type='wait'>"
     "<resource-constraint" ERRORS "</iq>"},
    {"to whom the sender blocks", PACKET_CHAT, "blocked",
     "<message from='" ALICE "/x' to='" BOB "/y' id='i' type='error'><error type='cancel'>"
     "<not-acceptable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>"
     "<blocked xmlns='urn:xmpp:blocking:errors'/></error></message>"},
    {"a reason without a name of its own", PACKET_CHAT, "unheard-of",
     "<message from='" ALICE "/x' to='" BOB "/y' id='i' type='error'><error type='cancel'>"
     "<undefined-condition" ERRORS "</message>"},
};

static void renders_a_bounce(void **state)
{
    const struct bounce_case *c = *state;
    const struct packet p =
        filled_in(&(struct packet){.kind = c->kind, .body = SPAN("<body>b</body>")});
    struct strbuf out = {0};
    xmpp_render_bounce(&front, &p, c->reason, &out);
    assert_rendered(&out, c->want);
}

/* ---- Presence ------------------------------------------------------------------------- */

struct presence_case {
    const char *name;
    struct presence presence;
    const char *want;
};

/* Availability goes to the resource, a subscription to the user. */
static const struct presence_case presence_cases[] = {
    {"available",
     {.kind = PRESENCE_AVAILABLE, .from = TEXT(BOB "/y"), .body = TEXT("<show>dnd</show>")},
     "<presence from='" BOB "/y' to='" ALICE "/x'><show>dnd</show></presence>"},
    {"available, in a language, with an id",
     {.kind = PRESENCE_AVAILABLE, .from = TEXT(BOB "/y"), .id = TEXT("i"), .lang = TEXT("de")},
     "<presence " TO_ALICE " xml:lang='de'/>"},
    {"unavailable",
     {.kind = PRESENCE_UNAVAILABLE, .from = TEXT(BOB "/y")},
     "<presence from='" BOB "/y' to='" ALICE "/x' type='unavailable'/>"},
    {"ask",
     {.kind = PRESENCE_ASK, .from = TEXT(BOB)},
     "<presence from='" BOB "' to='" ALICE "' type='subscribe'/>"},
    {"grant",
     {.kind = PRESENCE_GRANT, .from = TEXT(BOB)},
     "<presence from='" BOB "' to='" ALICE "' type='subscribed'/>"},
    {"cancel",
     {.kind = PRESENCE_CANCEL, .from = TEXT(BOB)},
     "<presence from='" BOB "' to='" ALICE "' type='unsubscribe'/>"},
    {"deny",
     {.kind = PRESENCE_DENY, .from = TEXT(BOB)},
     "<presence from='" BOB "' to='" ALICE "' type='unsubscribed'/>"},
    {"a fault of the server's",
     {.kind = PRESENCE_FAULT, .from = TEXT(BOB), .reason = "item-not-found"},
     "<presence from='" BOB "' to='" ALICE "/x' type='error'><error type='cancel'>"
     "<item-not-found" ERRORS "</presence>"},
    {"a fault of somebody's",
     {.kind = PRESENCE_FAULT, .from = TEXT(BOB), .body = TEXT("<error type='auth'/>")},
     "<presence from='" BOB "' to='" ALICE "/x' type='error'><error type='auth'/></presence>"},
};

static void renders_presence(void **state)
{
    const struct presence_case *c = *state;
    struct strbuf out = {0};
    xmpp_render_presence(&front, &c->presence, &out);
    assert_rendered(&out, c->want);
}

/* ---- Pushes --------------------------------------------------------------------------- */

struct item_case {
    const char *name;
    bool is_to, is_from, is_pending_out, is_approved, has_group, is_listed, has_row;
    const char *want; /* the item's attributes after its jid, and what is in it */
};

static const struct item_case item_cases[] = {
    {"none", .has_row = true, .is_listed = true, .want = " name='B' subscription='none'/>"},
    {"to", true, .has_row = true, .is_listed = true, .want = " name='B' subscription='to'/>"},
    {"from", .is_from = true, .has_row = true, .is_listed = true,
     .want = " name='B' subscription='from'/>"},
    {"both", true, true, .has_row = true, .is_listed = true,
     .want = " name='B' subscription='both'/>"},
    {"asked", .is_pending_out = true, .has_row = true, .is_listed = true,
     .want = " name='B' subscription='none' ask='subscribe'/>"},
    {"approved", .is_approved = true, .has_row = true, .is_listed = true,
     .want = " name='B' subscription='none' approved='true'/>"},
    {"in a group", .has_group = true, .has_row = true, .is_listed = true,
     .want = " name='B' subscription='none'><group>G &amp; H</group></item>"},
    {"in no list any more", .has_row = true, .want = " subscription='remove'/>"},
    {"gone", .want = " subscription='remove'/>"},
};

static void renders_a_roster_item(void **state)
{
    const struct item_case *c = *state;
    Store__RosterRow row = STORE__ROSTER_ROW__INIT;
    char name[] = "B";
    char group[] = "G & H";
    char *groups[] = {group};
    struct strbuf out = {0}, want = {0};

    row.name = name;
    row.is_to = c->is_to;
    row.is_from = c->is_from;
    row.is_pending_out = c->is_pending_out;
    row.is_approved = c->is_approved;
    row.is_listed = c->is_listed;
    row.groups = groups;
    row.n_groups = c->has_group ? 1 : 0;
    xmpp_render_roster_item(&front, SPAN(BOB), c->has_row ? &row : NULL, 42, &out);
    strbuf_printf(&want,
                  "<iq to='%s' id='42' type='set'><query xmlns='jabber:iq:roster' ver='42'>"
                  "<item jid='%s'%s</query></iq>",
                  address, BOB, c->want);
    assert_rendered(&out, want.data);
    strbuf_done(&want);
}

struct block_case {
    const char *name;
    size_t added, removed; /* how many of two addresses */
    const char *want;
};

static const struct block_case block_cases[] = {
    {"blocked", 2, 0,
     "<block xmlns='urn:xmpp:blocking'><item jid='a@b'/><item jid='c'/></block>"},
    {"unblocked", 0, 1, "<unblock xmlns='urn:xmpp:blocking'><item jid='a@b'/></unblock>"},
    {"all unblocked", 0, 0, "<unblock xmlns='urn:xmpp:blocking'/>"},
};

static void renders_a_block_push(void **state)
{
    const struct block_case *c = *state;
    Store__FeedRow change = STORE__FEED_ROW__INIT;
    char first[] = "a@b", second[] = "c";
    char *addresses[] = {first, second};
    struct strbuf out = {0}, want = {0};

    change.added = change.removed = addresses;
    change.n_added = c->added;
    change.n_removed = c->removed;
    xmpp_render_block_push(&front, &change, &out);
    strbuf_printf(&want, "<iq to='%s' id='blocked' type='set'>%s</iq>", address, c->want);
    assert_rendered(&out, want.data);
    strbuf_done(&want);
}

int main(void)
{
    struct CMUnitTest tests[64] = {{0}};
    size_t n = 0;
    XML_TEXT_ROWS(tests, n, packet_cases, renders_a_packet);
    XML_TEXT_ROWS(tests, n, bounce_cases, renders_a_bounce);
    XML_TEXT_ROWS(tests, n, presence_cases, renders_presence);
    XML_TEXT_ROWS(tests, n, item_cases, renders_a_roster_item);
    XML_TEXT_ROWS(tests, n, block_cases, renders_a_block_push);
    return _cmocka_run_group_tests("xmpp_render", tests, n, render_setup, render_teardown);
}
