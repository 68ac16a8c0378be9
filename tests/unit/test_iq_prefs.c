/* SPDX-License-Identifier: Apache-2.0 */
/* Archive preferences: each request, its answer and what is then stored, over the real core
 * and a real store. */
#include "node/xmpp/iq_prefs.h"

#include "tests/support/xmppworld.h"

#define PREFS "<prefs xmlns='urn:xmpp:mam:2'"
#define BOB   "bob@" IMWORLD_DOMAIN

enum { PREFS_LIST_MAX = 200 };

static struct imworld world;
static struct xmppclient alice, other;

static int prefs_setup(void **state)
{
    (void)state;
    imworld_make(&world);
    xmppclient_sign_in(&alice, &world, "alice", "x");
    return 0;
}

static int prefs_teardown(void **state)
{
    (void)state;
    xmppclient_done(&alice);
    xmppclient_done(&other);
    imworld_remove(&world);
    return 0;
}

/* Asks and compares the whole answer. */
static void expect_answer(const char *name, const char *type, const char *payload,
                          const char *want)
{
    struct strbuf text = {0};
    strbuf_printf(&text, "<iq type='%s' id='r'>%s</iq>", type, payload);
    xmppclient_forget(&alice);
    const size_t start = alice.read;
    xmppclient_send(&alice, text.data);
    xmppclient_wants(&alice, "id='r'");
    xmppclient_settle(&alice);
    strbuf_done(&text);
    if (!strstr(alice.wire.data + start, want))
        fail_msg("%s: wanted %s in %s", name, want, alice.wire.data + start);
}

struct prefs_case {
    const char *name, *type, *payload;
    const char *want;   /* in the answer */
    const char *stored; /* in the answer to a get thereafter; NULL: as before */
};

static const struct prefs_case prefs_cases[] = {
    {"none set", "get", PREFS "/>", "default='always'><always/><never/></prefs>",
     "default='always'><always/><never/></prefs>"},
    {"never", "set", PREFS " default='never'/>", "default='never'><always/><never/></prefs>",
     "default='never'><always/><never/></prefs>"},
    {"roster", "set", PREFS " default='roster'/>", "default='roster'><always/><never/></prefs>",
     "default='roster'><always/><never/></prefs>"},
    {"lists, prepared", "set",
     PREFS " default='always'><always><jid>BOB@" IMWORLD_DOMAIN
           "</jid><jid>e.example</jid></always><never><jid>c@e.example/R</jid></never></prefs>",
     "default='always'><always><jid>" BOB "</jid><jid>e.example</jid></always>"
     "<never><jid>c@e.example/R</jid></never></prefs>",
     "default='always'><always><jid>" BOB "</jid><jid>e.example</jid></always>"
     "<never><jid>c@e.example/R</jid></never></prefs>"},
    {"no such default", "set", PREFS " default='maybe'/>", "<bad-request ", NULL},
    {"no default", "set", PREFS "/>", "<bad-request ", NULL},
    {"no address", "set", PREFS " default='never'><never><jid>@</jid></never></prefs>",
     "<jid-malformed ", NULL},
    {"empty address", "set", PREFS " default='never'><always><jid/></always></prefs>",
     "<jid-malformed ", NULL},
    {"replaced, not added to", "set",
     PREFS " default='roster'><never><jid>d@e.example</jid></never></prefs>",
     "default='roster'><always/><never><jid>d@e.example</jid></never></prefs>",
     "default='roster'><always/><never><jid>d@e.example</jid></never></prefs>"},
};

static void each_request_has_its_effect(void **state)
{
    const char *stored = "";
    (void)state;
    for (size_t i = 0; i < COUNT_OF(prefs_cases); i++) {
        const struct prefs_case *c = &prefs_cases[i];
        expect_answer(c->name, c->type, c->payload, c->want);
        stored = c->stored ? c->stored : stored;
        expect_answer(c->name, "get", PREFS "/>", stored);
    }
    /* They are the user's, not the session's, nor anybody else's. */
    xmppclient_sign_in(&other, &world, "bob", "y");
    xmppclient_send(&other, "<iq type='get' id='o'>" PREFS "/></iq>");
    xmppclient_wants(&other, "default='always'><always/><never/></prefs>");
    xmppclient_done(&other);
    xmppclient_sign_in(&other, &world, "alice", "z");
    xmppclient_send(&other, "<iq type='get' id='o'>" PREFS "/></iq>");
    xmppclient_wants(&other, stored);
}

/* A list of that many addresses. */
static void fill_list(struct strbuf *out, unsigned count)
{
    strbuf_add_text(out, PREFS " default='roster'><never>");
    for (unsigned i = 0; i < count; i++)
        strbuf_printf(out, "<jid>u%u@e.example</jid>", i);
    strbuf_add_text(out, "</never></prefs>");
}

static void a_list_has_an_end(void **state)
{
    static const struct {
        const char *name;
        unsigned count;
        const char *want;
    } rows[] = {
        {"one less", PREFS_LIST_MAX - 1, "<jid>u198@e.example</jid></never></prefs>"},
        {"as many as may be", PREFS_LIST_MAX, "<jid>u199@e.example</jid></never></prefs>"},
        {"one too many", PREFS_LIST_MAX + 1, "<policy-violation "},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct strbuf payload = {0};
        fill_list(&payload, rows[i].count);
        expect_answer(rows[i].name, "set", payload.data, rows[i].want);
        strbuf_done(&payload);
    }
    expect_answer("the last good one stands", "get", PREFS "/>",
                  "<jid>u199@e.example</jid></never></prefs>");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_request_has_its_effect, prefs_setup,
                                        prefs_teardown),
        cmocka_unit_test_setup_teardown(a_list_has_an_end, prefs_setup, prefs_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
