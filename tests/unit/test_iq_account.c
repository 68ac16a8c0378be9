/* SPDX-License-Identifier: Apache-2.0 */
/* A new password over the signed-in stream, over the real core, store and pool. */
#include "node/xmpp/iq_account.h"

#include "proto/auth/verifier_record.h"
#include "tests/support/poolplug.h"
#include "tests/support/xmppworld.h"

#define ALICE    "alice@" IMWORLD_DOMAIN
#define REGISTER "<query xmlns='jabber:iq:register'"
#define CHANGE(user, password)                                                                 \
    REGISTER "><username>" user "</username><password>" password "</password></query>"

static struct imworld world;
static struct xmppclient phone, desk;

static struct poolplug plug;

static int account_setup(void **state)
{
    (void)state;
    imworld_make(&world);
    assert_int_equal(pool_new(1, 1, &xmppclient_pool), 0);
    return 0;
}

static int account_teardown(void **state)
{
    (void)state;
    xmppclient_done(&phone);
    xmppclient_done(&desk);
    pool_free(xmppclient_pool);
    xmppclient_pool = NULL;
    imworld_remove(&world);
    return 0;
}

/* Whether this is alice's password; iterations of the record, 0: she has none. */
static uint32_t stored_iterations(const char *password, bool *ret_matches)
{
    Store__UserRow *row = NULL;
    struct scram_verifier v = {0};
    uint32_t iterations = 0;

    *ret_matches = true;
    assert_int_equal(read_user(replica_view(world.replica), SPAN(ALICE), &row), 1);
    for (enum scram_verifier_kind kind = SCRAM_VERIFIER_SHA_1; kind <= SCRAM_VERIFIER_SHA_512;
         kind++) {
        if (verifier_record_find(row->verifiers, row->n_verifiers, kind, &v) == 1)
            iterations = v.iterations;
        *ret_matches &= iterations && scram_verifier_matches(&v, span_text(password));
    }
    store__user_row__free_unpacked(row, NULL);
    return iterations;
}

static void assert_password(const char *password)
{
    bool is_it;
    (void)stored_iterations(password, &is_it);
    if (!is_it)
        fail_msg("not stored: %s", password);
}

static void set_iterations(const char *value)
{
    Store__SettingSet set = STORE__SETTING_SET__INIT;
    Store__Command command = STORE__COMMAND__INIT;
    set.name = (char *)"auth.iterations";
    set.value = (char *)(uintptr_t)value;
    command.body_case = STORE__COMMAND__BODY_SETTING_SET;
    command.setting_set = &set;
    imworld_commit(&world, &command);
    assert_int_equal(world.outcome, STORE__RESULT__OUTCOME__DONE);
}

struct account_case {
    const char *name, *type, *to, *payload;
    const char *wanted; /* in the answer */
};

static const struct account_case account_cases[] = {
    {"form", "get", NULL, REGISTER "/>", "<registered/><username>alice</username><password/>"},
    {"form, of the server", "get", IMWORLD_DOMAIN, REGISTER "/>", "<registered/>"},
    {"form, of somebody", "get", "bob@" IMWORLD_DOMAIN, REGISTER "/>", "service-unavailable"},
    {"removal", "set", NULL, REGISTER "><remove/></query>", "not-allowed"},
    {"removal, by the server", "set", IMWORLD_DOMAIN, REGISTER "><remove/></query>",
     "not-allowed"},
    {"nothing", "set", NULL, REGISTER "/>", "bad-request"},
    {"no password", "set", NULL, REGISTER "><username>alice</username></query>", "bad-request"},
    {"empty password", "set", NULL, CHANGE("alice", ""), "bad-request"},
    {"somebody else", "set", NULL, CHANGE("bob", "x"), "not-allowed"},
    {"no name at all", "set", NULL, CHANGE("a@b", "x"), "not-allowed"},
    {"somebody else's account", "set", "bob@" IMWORLD_DOMAIN, CHANGE("bob", "x"),
     "service-unavailable"},
    {"a password of control codes", "set", NULL, CHANGE("alice", "a&#9;b"), "not-acceptable"},
    {"nothing of that was stored", "get", NULL, REGISTER "/>", "<registered/>"},
};

static void requests_have_their_answers(void **state)
{
    bool is_it;
    (void)state;
    xmppclient_sign_in(&phone, &world, "alice", "phone");
    for (size_t i = 0; i < COUNT_OF(account_cases); i++) {
        const struct account_case *c = &account_cases[i];
        char text[1024], id[32];
        (void)snprintf(text, sizeof(text), "<iq type='%s' id='r%zu'%s%s%s>%s</iq>", c->type, i,
                       c->to ? " to='" : "", c->to ? c->to : "", c->to ? "'" : "", c->payload);
        (void)snprintf(id, sizeof(id), "id='r%zu'", i);
        xmppclient_forget(&phone);
        const size_t start = phone.read;
        xmppclient_send(&phone, text);
        xmppclient_wants(&phone, id);
        xmppclient_settle(&phone);
        if (!strstr(phone.wire.data + start, c->wanted))
            fail_msg("%s: wanted %s in %s", c->name, c->wanted, phone.wire.data + start);
    }
    assert_int_equal(stored_iterations("x", &is_it), 0);
}

/* The stream that asked goes on; the user's others end. */
static void a_new_password_ends_the_others(void **state)
{
    bool is_it;
    (void)state;
    set_iterations("4097");
    xmppclient_sign_in(&phone, &world, "alice", "phone");
    xmppclient_sign_in(&desk, &world, "alice", "desk");
    xmppclient_send(&phone, "<iq type='set' id='p' to='" IMWORLD_DOMAIN
                            "'>" CHANGE("Alice", "n&#xE9;w &amp; long") "</iq>");
    xmppclient_wants(&phone, "id='p' type='result'");
    IMWORLD_UNTIL(&world, desk.is_shut);
    xmppclient_wants(&desk, "<not-authorized ");
    xmppclient_settle(&phone);
    assert_int_equal(stored_iterations("n\xc3\xa9w & long", &is_it), 4097);
    assert_true(is_it);
}

/* Durable stanzas behind it wait for it; other requests do not. */
static void what_follows_waits(void **state)
{
    (void)state;
    xmppclient_sign_in(&phone, &world, "alice", "phone");
    poolplug_hold(&plug, &world, xmppclient_pool);
    xmppclient_send(&phone, "<iq type='set' id='p'>" CHANGE("alice", "new") "</iq>");
    xmppclient_send(&phone, "<iq type='set' id='i'><query xmlns='jabber:iq:roster'><item "
                            "jid='e@e.example'/></query></iq>");
    xmppclient_send(&phone, "<iq type='set' id='q'>" CHANGE("alice", "newer") "</iq>");
    xmppclient_wants(&phone, "id='q' type='error'><error type='wait'><resource-constraint ");
    xmppclient_settle(&phone);
    poolplug_release(&plug, &world);
    xmppclient_wants(&phone, "id='p' type='result'");
    xmppclient_wants(&phone, "id='i' type='result'");
    assert_password("new");
}

/* As many wait on the pool as may: the client tries again later. */
static void a_busy_pool_refuses(void **state)
{
    (void)state;
    xmppclient_sign_in(&phone, &world, "alice", "phone");
    xmppclient_sign_in(&desk, &world, "bob", "desk");
    poolplug_hold(&plug, &world, xmppclient_pool);
    xmppclient_send(&desk, "<iq type='set' id='b'>" CHANGE("bob", "new") "</iq>");
    xmppclient_settle(&desk);
    xmppclient_send(&phone, "<iq type='set' id='p'>" CHANGE("alice", "new") "</iq>");
    xmppclient_wants(&phone, "id='p' type='error'><error type='wait'><resource-constraint ");
    poolplug_release(&plug, &world);
    xmppclient_wants(&desk, "id='b' type='result'");
    xmppclient_send(&phone, "<iq type='set' id='p2'>" CHANGE("alice", "new") "</iq>");
    xmppclient_wants(&phone, "id='p2' type='result'");
    assert_password("new");
}

/* The stream is gone before the password was derived: it stays what it was, and whoever
 * resumes the session is told. */
static void a_lost_stream_changes_nothing(void **state)
{
    bool is_it;
    char id[40];
    (void)state;
    xmppclient_sign_in(&phone, &world, "alice", "phone");
    xmppclient_send(&phone, "<enable xmlns='urn:xmpp:sm:3' resume='true'/>");
    xmppclient_wants(&phone, "id='");
    (void)snprintf(id, sizeof(id), "%.32s", phone.wire.data + phone.read);
    poolplug_hold(&plug, &world, xmppclient_pool);
    xmppclient_send(&phone, "<iq type='set' id='p'>" CHANGE("alice", "new") "</iq>");
    xmppclient_settle(&phone);
    xmppclient_leave(&phone, false);
    poolplug_release(&plug, &world);

    xmppclient_open(&desk, &world, "alice");
    line_resume(desk.line, span_text(id), 1); /* it has the ping's answer */
    IMWORLD_UNTIL(&world, desk.answer_count == 1);
    assert_int_equal(desk.answer, LINE_RESUMED);
    assert_int_equal(desk.h, 2);
    xmppclient_wants(&desk, "id='p' type='error'><error type='wait'><resource-constraint ");
    assert_int_equal(stored_iterations("new", &is_it), 0);
}

/* The account goes while its new password is derived. */
static void an_ended_session_changes_nothing(void **state)
{
    Store__UserRemove removal = STORE__USER_REMOVE__INIT;
    Store__Command command = STORE__COMMAND__INIT;
    (void)state;
    xmppclient_sign_in(&phone, &world, "alice", "phone");
    poolplug_hold(&plug, &world, xmppclient_pool);
    xmppclient_send(&phone, "<iq type='set' id='p'>" CHANGE("alice", "new") "</iq>");
    xmppclient_settle(&phone);
    removal.user = (char *)ALICE;
    command.body_case = STORE__COMMAND__BODY_USER_REMOVE;
    command.user_remove = &removal;
    imworld_commit(&world, &command);
    IMWORLD_UNTIL(&world, phone.is_shut);
    xmppclient_wants(&phone, "<not-authorized ");
    poolplug_release(&plug, &world);
    xmppclient_lacks(&phone, "id='p' type='result'");
}

int main(void)
{
#define ROW(f) cmocka_unit_test_setup_teardown(f, account_setup, account_teardown)
    const struct CMUnitTest tests[] = {
        ROW(requests_have_their_answers),
        ROW(a_new_password_ends_the_others),
        ROW(what_follows_waits),
        ROW(a_busy_pool_refuses),
        ROW(a_lost_stream_changes_nothing),
        ROW(an_ended_session_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
