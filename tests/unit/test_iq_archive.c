/* SPDX-License-Identifier: Apache-2.0 */
/* Pages of the archive over a real store: XEP-0313 and XEP-0059 as a client meets them. */
#include "node/xmpp/iq_archive.h"

#include "replication/read_archive.h"
#include "tests/support/xmppworld.h"

#define MAM                "urn:xmpp:mam:2"
#define RSM(inner)         "<set xmlns='http://jabber.org/protocol/rsm'>" inner "</set>"
#define FIELD(name, value) "<field var='" name "'><value>" value "</value></field>"
#define FORM(fields)                                                                           \
    "<x xmlns='jabber:x:data' type='submit'>" FIELD("FORM_TYPE", MAM) fields "</x>"

enum { SAID_MAX = 130 };

static struct imworld world;
static struct xmppclient alice, bob;
static uint64_t ids[SAID_MAX];
static size_t id_count;

static bool note_id(const struct read_archive_row *row, void *arg)
{
    (void)arg;
    ids[id_count++] = row->index;
    return id_count < SAID_MAX;
}

/* Alice says m0 to m<count - 1> to Bob; ids are those of her archive. */
static void say(int count)
{
    bool is_complete = false;
    const struct read_archive_query all = {.with = SPAN_NONE, .max = SAID_MAX};
    for (int i = 0; i < count; i++) {
        char text[160];
        (void)snprintf(text, sizeof(text),
                       "<message type='chat' to='bob@" IMWORLD_DOMAIN
                       "' id='s%d'><body>m%d</body></message>",
                       i, i);
        xmppclient_send(&alice, text);
    }
    id_count = 0;
    const uint64_t deadline_ms = monoclock_ms() + IMWORLD_DEADLINE_MS;
    while ((int)id_count < count && monoclock_ms() < deadline_ms) {
        imworld_turn(&world);
        id_count = 0;
        assert_int_equal(read_archive(im_view(world.im), SPAN("alice@" IMWORLD_DOMAIN), &all,
                                      note_id, NULL, &is_complete),
                         0);
    }
    assert_int_equal(id_count, count);
    xmppclient_settle(&alice);
}

static int archive_setup(void **state)
{
    (void)state;
    imworld_make(&world);
    xmppclient_sign_in(&alice, &world, "alice", "x");
    return 0;
}

static int archive_teardown(void **state)
{
    (void)state;
    xmppclient_done(&alice);
    xmppclient_done(&bob);
    imworld_remove(&world);
    return 0;
}

/* Sends a query; "%A", "%B" in it are the ids of the second and fourth message. */
static void ask(const char *inner)
{
    char text[2048];
    size_t size = (size_t)snprintf(text, sizeof(text),
                                   "<iq type='set' id='q'><query xmlns='" MAM "' queryid='f'>");
    for (const char *c = inner; *c; c++) {
        if (c[0] == '%') {
            size += (size_t)snprintf(text + size, sizeof(text) - size, "%llu",
                                     (unsigned long long)ids[c[1] == 'A' ? 1 : 3]);
            c++;
        } else {
            text[size++] = *c;
        }
    }
    (void)snprintf(text + size, sizeof(text) - size, "</query></iq>");
    xmppclient_forget(&alice);
    xmppclient_send(&alice, text);
}

struct archive_case {
    const char *name, *query;
    const char *shown; /* bodies in the order of arrival, "024": m0 m2 m4 */
    const char *has;   /* in the answer */
    bool is_complete;
};

static const struct archive_case archive_cases[] = {
    {"all", "", "01234", "<count>5</count>", true},
    {"first page", RSM("<max>2</max>"), "01", "<count>5</count>", false},
    {"next page", RSM("<max>2</max><after>%A</after>"), "23", "<count>5</count>", false},
    {"last of all", RSM("<max>2</max><after>%B</after>"), "4", "<count>5</count>", true},
    {"last page", RSM("<max>2</max><before/>"), "34", "<count>5</count>", false},
    {"page before", RSM("<max>2</max><before>%B</before>"), "12", "<count>5</count>", false},
    {"page before, to the start", RSM("<max>9</max><before>%B</before>"), "012", "", true},
    {"flipped", RSM("<max>2</max><before/>") "<flip-page/>", "43", "", false},
    {"count alone", RSM("<max>0</max>"), "", "<count>5</count>", false},
    {"after-id", FORM(FIELD("after-id", "%A")), "234", "<count>3</count>", true},
    {"before-id", FORM(FIELD("before-id", "%A")), "0", "<count>1</count>", true},
    {"between two ids", FORM(FIELD("after-id", "%A") FIELD("before-id", "%B")), "2", "", true},
    {"ids",
     FORM("<field var='ids'><value>%B</value><value>%A</value><value>%B</value></field>"), "13",
     "", true},
    {"ids, a page of one",
     FORM("<field var='ids'><value>%B</value><value>%A</value></field>") RSM("<max>1</max>"),
     "1", "", false},
    {"ids, the last one",
     FORM("<field var='ids'><value>%B</value><value>%A</value></field>")
         RSM("<max>1</max><before/>"),
     "3", "", false},
    {"ids and a bound that leaves one out",
     FORM(
         FIELD("after-id", "%A") "<field var='ids'><value>%B</value><value>%A</value></field>"),
     "3", "", true},
    {"with", FORM(FIELD("with", "bob@" IMWORLD_DOMAIN)), "01234", "<count>5</count>", true},
    {"with another", FORM(FIELD("with", "carol@" IMWORLD_DOMAIN)), "", "<count>0</count>",
     true},
    {"before there was anything", FORM(FIELD("end", "1969-01-01T00:00:00Z")), "", "", true},
    {"from long ago", FORM(FIELD("start", "2000-01-01T00:00:00Z")), "01234", "", true},
    {"in the future", FORM(FIELD("start", "2100-01-01T00:00:00Z")), "", "", true},
};

static void pages(void **state)
{
    (void)state;
    say(5);
    for (size_t i = 0; i < COUNT_OF(archive_cases); i++) {
        const struct archive_case *c = &archive_cases[i];
        ask(c->query);
        const size_t start = alice.read;
        xmppclient_wants(&alice, "id='q'");
        xmppclient_wants(&alice, "</iq>");
        char shown[16] = "";
        const char *at = alice.wire.data + start;
        while ((at = strstr(at, "<body>m")) != NULL) {
            at += strlen("<body>m");
            (void)strncat(shown, at, 1);
        }
        if (strcmp(shown, c->shown) != 0)
            fail_msg("%s: shows %s", c->name, shown);
        if (!strstr(alice.wire.data + start, c->has))
            fail_msg("%s: %s", c->name, alice.wire.data + start);
        const bool is_complete = strstr(alice.wire.data + start, "complete='true'") != NULL;
        if (is_complete != c->is_complete)
            fail_msg("%s: complete %d", c->name, is_complete);
    }
}

static void what_a_result_looks_like(void **state)
{
    char want[256];
    (void)state;
    say(2);
    ask(RSM("<max>1</max>"));
    const size_t start = alice.read;
    xmppclient_wants(&alice, "</iq>");
    (void)snprintf(want, sizeof(want),
                   "<message from='alice@" IMWORLD_DOMAIN "' to='alice@" IMWORLD_DOMAIN
                   "/x'><result xmlns='" MAM "' queryid='f' id='%llu'>",
                   (unsigned long long)ids[0]);
    assert_non_null(strstr(alice.wire.data + start, want));
    (void)snprintf(want, sizeof(want), "by='alice@" IMWORLD_DOMAIN "' id='%llu'",
                   (unsigned long long)ids[0]);
    assert_non_null(strstr(alice.wire.data + start, want)); /* the stanza-id is the same */
    (void)snprintf(want, sizeof(want), "<first>%llu</first><last>%llu</last>",
                   (unsigned long long)ids[0], (unsigned long long)ids[0]);
    assert_non_null(strstr(alice.wire.data + start, want));
}

static const struct {
    const char *name, *query, *condition;
} archive_refusals[] = {
    {"an id of another kind", RSM("<after>abc</after>"), "item-not-found"},
    {"an id of nobody's", RSM("<after>1</after>"), "item-not-found"},
    {"zero", RSM("<before>0</before>"), "item-not-found"},
    {"an index not applied here", RSM("<after>999999999</after>"), "resource-constraint"},
    {"before-id not applied here", FORM(FIELD("before-id", "999999999")),
     "resource-constraint"},
    {"after-id unknown", FORM(FIELD("after-id", "1")), "item-not-found"},
    {"one of the ids unknown",
     FORM("<field var='ids'><value>%A</value><value>1</value></field>"), "item-not-found"},
    {"by position", RSM("<max>2</max><index>2</index>"), "feature-not-implemented"},
    {"an unknown field", FORM(FIELD("mood", "good")), "feature-not-implemented"},
    {"no address", FORM(FIELD("with", "@")), "jid-malformed"},
    {"no date", FORM(FIELD("start", "yesterday")), "bad-request"},
};

static void refusals(void **state)
{
    (void)state;
    say(4);
    for (size_t i = 0; i < COUNT_OF(archive_refusals); i++) {
        ask(archive_refusals[i].query);
        const size_t start = alice.read;
        xmppclient_wants(&alice, "</iq>");
        if (!strstr(alice.wire.data + start, archive_refusals[i].condition))
            fail_msg("%s: %s", archive_refusals[i].name, alice.wire.data + start);
    }
}

/* The id of somebody else's message says nothing. */
static void an_archive_is_its_owners(void **state)
{
    char text[256];
    (void)state;
    say(1);
    xmppclient_sign_in(&bob, &world, "carol", "y");
    (void)snprintf(text, sizeof(text),
                   "<iq type='set' id='q'><query xmlns='" MAM
                   "'>" RSM("<after>%llu</after>") "</query></iq>",
                   (unsigned long long)ids[0]);
    xmppclient_send(&bob, text);
    xmppclient_wants(&bob, "item-not-found");
    xmppclient_send(&bob, "<iq type='set' id='r' to='alice@" IMWORLD_DOMAIN
                          "'><query xmlns='" MAM "'/></iq>");
    xmppclient_wants(&bob, "service-unavailable");
}

static void a_page_has_its_limits(void **state)
{
    (void)state;
    say(120);
    struct {
        const char *query;
        size_t count;
    } rows[] = {{"", IQ_ARCHIVE_PAGE}, {RSM("<max>5000</max>"), IQ_ARCHIVE_PAGE_MAX}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        size_t count = 0;
        ask(rows[i].query);
        const size_t start = alice.read;
        xmppclient_wants(&alice, "</iq>");
        for (const char *at = alice.wire.data + start; (at = strstr(at, "<result ")); at++)
            count++;
        assert_int_equal(count, rows[i].count);
        assert_null(strstr(alice.wire.data + start, "complete"));
    }
}

static void form_and_metadata(void **state)
{
    char want[96];
    (void)state;
    xmppclient_send(&alice, "<iq type='get' id='f'><query xmlns='" MAM "'/></iq>");
    xmppclient_wants(&alice, "var='before-id'");
    xmppclient_wants(&alice, "</iq>");
    xmppclient_send(&alice, "<iq type='get' id='m'><metadata xmlns='" MAM "'/></iq>");
    xmppclient_wants(&alice, "<metadata xmlns='" MAM "'/>");
    say(3);
    xmppclient_send(&alice, "<iq type='get' id='n'><metadata xmlns='" MAM "'/></iq>");
    (void)snprintf(want, sizeof(want), "<start id='%llu'", (unsigned long long)ids[0]);
    xmppclient_wants(&alice, want);
    (void)snprintf(want, sizeof(want), "<end id='%llu'", (unsigned long long)ids[2]);
    xmppclient_wants(&alice, want);
    xmppclient_send(&alice, "<iq type='set' id='o'><metadata xmlns='" MAM "'/></iq>");
    xmppclient_wants(&alice, "bad-request");
}

/* M6: who catches up from the archive is not sent the same out of the inbox. */
static void catching_up_empties_the_inbox(void **state)
{
    (void)state;
    say(3);
    xmppclient_open(&bob, &world, "bob");
    xmppclient_bind(&bob, "y");
    xmppclient_send(&bob, "<iq type='set' id='q'><query xmlns='" MAM "'/></iq>");
    xmppclient_wants(&bob, "<body>m2</body>");
    xmppclient_wants(&bob, "</iq>");
    xmppclient_send(&bob, "<presence/>");
    xmppclient_settle(&bob);
    xmppclient_send(&alice, "<message to='bob@" IMWORLD_DOMAIN "'><body>live</body></message>");
    xmppclient_wants(&bob, "<body>live</body>");
    const char *again = strstr(bob.wire.data, "<body>m0</body>");
    assert_non_null(again);
    assert_null(strstr(again + 1, "<body>m0</body>"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(pages, archive_setup, archive_teardown),
        cmocka_unit_test_setup_teardown(what_a_result_looks_like, archive_setup,
                                        archive_teardown),
        cmocka_unit_test_setup_teardown(refusals, archive_setup, archive_teardown),
        cmocka_unit_test_setup_teardown(an_archive_is_its_owners, archive_setup,
                                        archive_teardown),
        cmocka_unit_test_setup_teardown(a_page_has_its_limits, archive_setup, archive_teardown),
        cmocka_unit_test_setup_teardown(form_and_metadata, archive_setup, archive_teardown),
        cmocka_unit_test_setup_teardown(catching_up_empties_the_inbox, archive_setup,
                                        archive_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
