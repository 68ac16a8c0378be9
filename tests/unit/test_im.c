/* SPDX-License-Identifier: Apache-2.0 */
/* The IM core at work: several sessions with recording fronts over a real replica. */
#include "node/im/im.h"

#include "tests/support/imworld.h"

#define ALICE "alice@" IMWORLD_DOMAIN
#define BOB   "bob@" IMWORLD_DOMAIN
#define CAROL "carol@" IMWORLD_DOMAIN

struct test {
    struct imworld w;
    struct imclient a, b, c, d;
};

static int setup(void **state)
{
    struct test *t = mem_zeroed(1, sizeof(*t));
    imworld_make(&t->w);
    *state = t;
    return 0;
}

static int teardown(void **state)
{
    struct test *t = *state;
    imworld_remove(&t->w);
    imclient_free(&t->a);
    imclient_free(&t->b);
    imclient_free(&t->c);
    imclient_free(&t->d);
    free(t);
    return 0;
}

static void sign_in(struct imclient *c, struct imworld *w, const char *user,
                    const char *resource)
{
    char own[160];
    imclient_bind(c, w, user, resource);
    imclient_show(c, PRESENCE_AVAILABLE, 0, NULL);
    (void)snprintf(own, sizeof(own), "P %s/%s available 0", c->user, resource);
    imclient_await(c, own);
}

/* ---- Messages ------------------------------------------------------------------------- */

static void two_people_chat(void **state)
{
    struct test *t = *state;
    sign_in(&t->a, &t->w, "alice", "x");
    sign_in(&t->b, &t->w, "bob", "y");
    for (int i = 0; i < 20; i++) {
        char text[16];
        char line[64];
        (void)snprintf(text, sizeof(text), "m%d", i);
        imclient_say(&t->a, BOB, text);
        (void)snprintf(line, sizeof(line), "M " ALICE "/x m%d", i);
        imclient_expect(&t->b, line);
    }
    imclient_say(&t->b, ALICE "/x", "back");
    imclient_expect(&t->a, "M " BOB "/y back");
}

static void a_message_waits_for_who_is_away(void **state)
{
    struct test *t = *state;
    sign_in(&t->a, &t->w, "alice", "x");
    imclient_say(&t->a, BOB, "one");
    imclient_say(&t->a, BOB, "two");
    imclient_say(&t->a, BOB "/gone", "three");
    imclient_hint(&t->a, BOB, "typing");
    imclient_bind(&t->b, &t->w, "bob", "y");
    imclient_show(&t->b, PRESENCE_AVAILABLE, -1, NULL);
    imclient_expect(&t->b, "P " BOB "/y available -1");
    imclient_show(&t->b, PRESENCE_AVAILABLE, 1, NULL);
    imclient_await(&t->b, "M " ALICE "/x one [late]");
    imclient_await(&t->b, "M " ALICE "/x two [late]");
    imclient_await(&t->b, "M " ALICE "/x three [late]");
    imclient_say(&t->a, BOB, "live");
    imclient_await(&t->b, "M " ALICE "/x live");
    session_delivered(t->b.session, t->b.seqs[t->b.count - 1]);
    session_close(t->b.session);

    /* What TCP took does not come again. */
    imclient_forget(&t->b);
    sign_in(&t->b, &t->w, "bob", "y");
    imclient_say(&t->a, BOB, "last");
    imclient_await(&t->b, "M " ALICE "/x last");
    assert_int_equal(t->b.count, 2);
}

static void what_tcp_did_not_take_comes_again(void **state)
{
    struct test *t = *state;
    sign_in(&t->a, &t->w, "alice", "x");
    sign_in(&t->b, &t->w, "bob", "y");
    imclient_say(&t->a, BOB, "one");
    imclient_await(&t->b, "M " ALICE "/x one");
    session_delivered(t->b.session, t->b.seqs[t->b.count - 1]);
    imclient_say(&t->a, BOB, "two");
    imclient_await(&t->b, "M " ALICE "/x two");
    session_detach(t->b.session);
    imclient_forget(&t->b);
    sign_in(&t->b, &t->w, "bob", "y");
    t->b.read = 0;
    imclient_await(&t->b, "M " ALICE "/x two [late]");
    assert_int_equal(imclient_times(&t->b, "M " ALICE "/x one [late]"), 0);
}

static void every_device_gets_it_and_carbons_go_to_the_rest(void **state)
{
    struct test *t = *state;
    sign_in(&t->a, &t->w, "alice", "x");
    sign_in(&t->d, &t->w, "alice", "desk");
    session_set_carbons(t->d.session, true);
    sign_in(&t->b, &t->w, "bob", "phone");
    sign_in(&t->c, &t->w, "bob", "desk");
    session_set_carbons(t->c.session, true);
    imclient_say(&t->a, BOB, "all");
    imclient_await(&t->b, "M " ALICE "/x all");
    imclient_await(&t->c, "M " ALICE "/x all");
    imclient_await(&t->d, "M " ALICE "/x all [sent]");
    imclient_say(&t->a, BOB "/phone", "one");
    imclient_await(&t->b, "M " ALICE "/x one");
    imclient_await(&t->c, "M " ALICE "/x one [received]");
    imclient_await(&t->d, "M " ALICE "/x one [sent]");
    imclient_send(&t->a, (struct packet){.kind = PACKET_CHAT,
                                         .class = PACKET_KEEP,
                                         .is_private = true,
                                         .is_carbon_sent = true,
                                         .is_carbon_received = true,
                                         .to = SPAN(BOB "/phone"),
                                         .body = SPAN("secret")});
    imclient_say(&t->a, BOB "/phone", "end");
    imclient_await(&t->b, "M " ALICE "/x end");
    imclient_await(&t->c, "M " ALICE "/x end [received]");
    imclient_await(&t->d, "M " ALICE "/x end [sent]");
    assert_int_equal(imclient_times(&t->b, "M " ALICE "/x secret"), 1);
    assert_int_equal(imclient_times(&t->c, "M " ALICE "/x secret [received]"), 0);
    assert_int_equal(imclient_times(&t->d, "M " ALICE "/x secret [sent]"), 0);
}

static void one_device_has_it_then_the_other_gets_what_it_missed(void **state)
{
    struct test *t = *state;
    sign_in(&t->a, &t->w, "alice", "x");
    imclient_say(&t->a, BOB, "one");
    imclient_say(&t->a, BOB, "two");
    sign_in(&t->b, &t->w, "bob", "phone");
    assert_string_equal(t->b.lines[1], "M " ALICE "/x two [late]");
    /* The second device signs in while the first has not confirmed: nothing is doubled. */
    sign_in(&t->c, &t->w, "bob", "desk");
    /* Only the first row arrived when the first device is lost. */
    session_delivered(t->b.session, t->b.seqs[0]);
    session_detach(t->b.session);
    imclient_await(&t->c, "M " ALICE "/x two [late]");
    imclient_say(&t->a, BOB, "end");
    imclient_await(&t->c, "M " ALICE "/x end");
    assert_int_equal(imclient_times(&t->c, "M " ALICE "/x one [late]"), 0);
    assert_int_equal(imclient_times(&t->c, "M " ALICE "/x two [late]"), 1);
}

static void live_and_stored_stanzas_keep_their_order(void **state)
{
    struct test *t = *state;
    sign_in(&t->a, &t->w, "alice", "x");
    sign_in(&t->b, &t->w, "bob", "y");
    char text[16];
    char line[64];
    for (int i = 0; i < 200; i++) {
        (void)snprintf(text, sizeof(text), "%d", i);
        if (i % 2)
            imclient_hint(&t->a, BOB, text);
        else
            imclient_say(&t->a, BOB, text);
    }
    imclient_show(&t->a, PRESENCE_UNAVAILABLE, 0, BOB);
    for (int i = 0; i < 200; i++) {
        (void)snprintf(line, sizeof(line), "M " ALICE "/x %d", i);
        imclient_expect(&t->b, line);
    }
    imclient_expect(&t->b, "P " ALICE "/x unavailable");
}

static void the_last_words_come_before_the_unavailable(void **state)
{
    struct test *t = *state;
    imworld_befriend(&t->w, ALICE, BOB);
    sign_in(&t->b, &t->w, "bob", "y");
    sign_in(&t->a, &t->w, "alice", "x");
    imclient_await(&t->b, "P " ALICE "/x available 0");
    for (int i = 0; i < 10; i++)
        imclient_say(&t->a, BOB, "bye");
    session_close(t->a.session);
    for (int i = 0; i < 10; i++)
        imclient_expect(&t->b, "M " ALICE "/x bye");
    imclient_expect(&t->b, "P " ALICE "/x unavailable");
}

static void nobody_there_is_told_as_the_kind_wants(void **state)
{
    struct test *t = *state;
    sign_in(&t->a, &t->w, "alice", "x");
    imclient_request(&t->a, BOB "/gone", "q");
    imclient_expect(&t->a, "E q service-unavailable");
    imclient_say(&t->a, "nobody@" IMWORLD_DOMAIN, "m");
    imclient_expect(&t->a, "E m service-unavailable");
    imclient_hint(&t->a, "nobody@" IMWORLD_DOMAIN, "h");
    imclient_expect(&t->a, "E h service-unavailable");
    imclient_say(&t->a, "x@elsewhere.example", "far");
    imclient_expect(&t->a, "E far remote-server-not-found");
    imclient_hint(&t->a, BOB, "dropped");
    imclient_request(&t->a, BOB "/gone", "end");
    imclient_expect(&t->a, "E end service-unavailable");
}

static void requests_and_replies_pass(void **state)
{
    struct test *t = *state;
    sign_in(&t->a, &t->w, "alice", "x");
    imclient_bind(&t->b, &t->w, "bob", "y"); /* no presence: its full address is enough */
    imclient_request(&t->a, BOB "/y", "ping");
    imclient_expect(&t->b, "M " ALICE "/x ping");
    imclient_send(&t->b, (struct packet){.kind = PACKET_REPLY,
                                         .is_important = true,
                                         .to = SPAN(ALICE "/x"),
                                         .body = SPAN("pong")});
    imclient_expect(&t->a, "M " BOB "/y pong");
    session_delivered(t->b.session, t->b.seqs[t->b.count - 1]);
    imclient_request(&t->a, BOB "/y", "unanswered");
    imclient_expect(&t->b, "M " ALICE "/x unanswered");
    session_detach(t->b.session);
    imclient_expect(&t->a, "E unanswered service-unavailable");
}

static void to_oneself(void **state)
{
    struct test *t = *state;
    sign_in(&t->a, &t->w, "alice", "x");
    sign_in(&t->b, &t->w, "alice", "y");
    session_set_carbons(t->b.session, true);
    imclient_say(&t->a, ALICE, "note");
    imclient_await(&t->a, "M " ALICE "/x note");
    imclient_await(&t->b, "M " ALICE "/x note");
    imclient_say(&t->a, ALICE "/y", "full");
    imclient_await(&t->b, "M " ALICE "/x full");
    assert_int_equal(imclient_times(&t->b, "M " ALICE "/x note [sent]"), 0);
}

/* ---- Presence ------------------------------------------------------------------------- */

static void friends_see_each_other_come_and_go(void **state)
{
    struct test *t = *state;
    imworld_befriend(&t->w, ALICE, BOB);
    sign_in(&t->a, &t->w, "alice", "x");
    sign_in(&t->b, &t->w, "bob", "y");
    imclient_await(&t->b, "P " ALICE "/x available 0"); /* the probe's answer */
    imclient_await(&t->a, "P " BOB "/y available 0");
    imclient_show(&t->b, PRESENCE_AVAILABLE, 5, NULL);
    imclient_await(&t->a, "P " BOB "/y available 5");
    imclient_show(&t->b, PRESENCE_UNAVAILABLE, 0, NULL);
    imclient_await(&t->a, "P " BOB "/y unavailable");
    session_close(t->b.session); /* said already: not again */
    sign_in(&t->c, &t->w, "bob", "z");
    imclient_await(&t->a, "P " BOB "/z available 0");
    session_detach(t->c.session);
    imclient_await(&t->a, "P " BOB "/z unavailable");
    assert_int_equal(imclient_times(&t->a, "P " BOB "/y unavailable"), 1);
}

static void directed_presence_is_undone(void **state)
{
    struct test *t = *state;
    sign_in(&t->a, &t->w, "alice", "x");
    sign_in(&t->b, &t->w, "bob", "y");
    imclient_show(&t->a, PRESENCE_AVAILABLE, 3, BOB "/y");
    imclient_await(&t->b, "P " ALICE "/x available 3");
    imclient_show(&t->a, PRESENCE_AVAILABLE, 4, NULL);
    imclient_say(&t->a, BOB, "still there");
    imclient_await(&t->b, "M " ALICE "/x still there");
    session_detach(t->a.session);
    imclient_await(&t->b, "P " ALICE "/x unavailable");
    assert_int_equal(imclient_times(&t->b, "P " ALICE "/x available 4"), 0);
}

static void a_subscription_is_asked_and_granted(void **state)
{
    struct test *t = *state;
    sign_in(&t->a, &t->w, "alice", "x");
    session_want_roster(t->a.session);
    imclient_show(&t->a, PRESENCE_ASK, 0, BOB);
    imclient_await(&t->a, "R " BOB " none asked");
    sign_in(&t->b, &t->w, "bob", "y"); /* shown at sign-in */
    session_want_roster(t->b.session);
    t->b.read = 0;
    imclient_await(&t->b, "P " ALICE " ask");
    sign_in(&t->c, &t->w, "bob", "z"); /* and at each, until it is answered */
    t->c.read = 0;
    imclient_await(&t->c, "P " ALICE " ask");
    imclient_show(&t->b, PRESENCE_GRANT, 0, ALICE);
    imclient_await(&t->b, "R " ALICE " from");
    imclient_await(&t->a, "R " BOB " to");
    imclient_await(&t->a, "P " BOB "/z available 0");
    t->a.read = 0;
    imclient_await(&t->a, "P " BOB " grant");
    t->a.read = 0;
    imclient_await(&t->a, "P " BOB "/y available 0");
    imclient_show(&t->b, PRESENCE_ASK, 0, ALICE);
    imclient_await(&t->a, "P " BOB " ask");
    imclient_show(&t->a, PRESENCE_GRANT, 0, BOB);
    imclient_await(&t->b, "R " ALICE " both");
    imclient_await(&t->b, "P " ALICE "/x available 0");
    session_roster_remove(t->a.session, session_count(t->a.session), SPAN(BOB), SPAN("gone"),
                          imclient_done);
    imclient_await(&t->a, "R " BOB " removed");
    imclient_await(&t->b, "P " ALICE "/x unavailable");
    imclient_await(&t->a, "P " BOB "/y unavailable");
    assert_int_equal(imclient_times(&t->a, "W gone 0"), 1);
    imclient_show(&t->a, PRESENCE_ASK, 0, "nobody@" IMWORLD_DOMAIN);
    imclient_await(&t->a, "P nobody@" IMWORLD_DOMAIN " deny");
}

static void who_is_blocked_sees_and_sends_nothing(void **state)
{
    struct test *t = *state;
    const struct span bob = SPAN(BOB);
    imworld_befriend(&t->w, ALICE, BOB);
    sign_in(&t->a, &t->w, "alice", "x");
    session_want_blocks(t->a.session);
    sign_in(&t->b, &t->w, "bob", "y");
    imclient_await(&t->b, "P " ALICE "/x available 0");
    session_block(t->a.session, session_count(t->a.session),
                  &(struct session_block_change){.add = &bob, .add_count = 1}, SPAN("block"),
                  imclient_done);
    imclient_await(&t->a, "B +" BOB);
    imclient_await(&t->b, "P " ALICE "/x unavailable");
    imclient_say(&t->b, ALICE, "hello?");
    imclient_await(&t->b, "E hello? service-unavailable");
    imclient_request(&t->b, ALICE "/x", "q");
    imclient_await(&t->b, "E q service-unavailable");
    imclient_say(&t->a, BOB, "no");
    imclient_await(&t->a, "E no blocked");
    imclient_show(&t->a, PRESENCE_AVAILABLE, 7, NULL);
    imclient_show(&t->b, PRESENCE_AVAILABLE, 8, NULL);
    session_block(t->a.session, session_count(t->a.session),
                  &(struct session_block_change){.remove = &bob, .remove_count = 1},
                  SPAN("unblock"), imclient_done);
    imclient_await(&t->a, "B -" BOB);
    imclient_await(&t->a, "P " BOB "/y available 8");
    imclient_await(&t->b, "P " ALICE "/x available 7");
    assert_int_equal(imclient_times(&t->a, "P " BOB "/y available 8"), 1);
    assert_int_equal(imclient_times(&t->b, "P " ALICE "/x available 7"), 1);
    assert_int_equal(imclient_times(&t->a, "M " BOB "/y hello?"), 0);
    imclient_say(&t->b, ALICE, "again");
    imclient_await(&t->a, "M " BOB "/y again");
}

/* ---- Ends ----------------------------------------------------------------------------- */

static void the_same_resource_takes_over(void **state)
{
    struct test *t = *state;
    imworld_befriend(&t->w, ALICE, BOB);
    sign_in(&t->a, &t->w, "alice", "x");
    sign_in(&t->b, &t->w, "bob", "y");
    session_enable_acks(t->b.session, true);
    imclient_await(&t->a, "P " BOB "/y available 0");
    imclient_say(&t->a, BOB, "unacked");
    imclient_await(&t->b, "M " ALICE "/x unacked");
    imclient_bind(&t->c, &t->w, "bob", "y");
    assert_true(t->b.is_ended);
    assert_int_equal(t->b.end, SESSION_END_REPLACED);
    imclient_say(&t->a, BOB, "between");
    imclient_show(&t->c, PRESENCE_AVAILABLE, 2, NULL);
    imclient_await(&t->c, "M " ALICE "/x unacked [late]");
    imclient_await(&t->a, "P " BOB "/y available 2");
    assert_int_equal(imclient_times(&t->a, "P " BOB "/y unavailable"), 0);
    imclient_say(&t->a, BOB, "end");
    imclient_await(&t->c, "M " ALICE "/x end");
    assert_int_equal(imclient_times(&t->c, "M " ALICE "/x unacked [late]"), 1);
    assert_int_equal(imclient_times(&t->c, "M " ALICE "/x between [late]") +
                         imclient_times(&t->c, "M " ALICE "/x between"),
                     1);
}

static void the_oldest_gives_way_over_the_limit(void **state)
{
    struct test *t = *state;
    t->w.settings.sessions_max = 2;
    imworld_close(&t->w);
    imworld_open(&t->w);
    sign_in(&t->a, &t->w, "alice", "x");
    sign_in(&t->b, &t->w, "alice", "y");
    sign_in(&t->c, &t->w, "alice", "z");
    IMWORLD_UNTIL(&t->w, t->a.is_ended);
    assert_int_equal(t->a.end, SESSION_END_REPLACED);
    assert_false(t->b.is_ended);
    imclient_await(&t->b, "P " ALICE "/x unavailable");
}

static void a_removed_user_is_gone(void **state)
{
    struct test *t = *state;
    imworld_befriend(&t->w, ALICE, BOB);
    sign_in(&t->a, &t->w, "alice", "x");
    sign_in(&t->b, &t->w, "bob", "y");
    session_want_roster(t->b.session);
    imclient_await(&t->b, "P " ALICE "/x available 0");
    Store__UserRemove removal = STORE__USER_REMOVE__INIT;
    Store__Command command = STORE__COMMAND__INIT;
    removal.user = (char *)ALICE;
    command.body_case = STORE__COMMAND__BODY_USER_REMOVE;
    command.user_remove = &removal;
    imworld_commit(&t->w, &command);
    IMWORLD_UNTIL(&t->w, t->a.is_ended);
    assert_int_equal(t->a.end, SESSION_END_REMOVED);
    imclient_await(&t->b, "P " ALICE "/x unavailable");
    imclient_start_bind(&t->c, &t->w, "alice", "x");
    IMWORLD_UNTIL(&t->w, t->c.is_bound);
    assert_int_equal(t->c.bound_rc, ERR_NOT_FOUND);
}

static void new_credentials_end_the_other_streams(void **state)
{
    struct test *t = *state;
    sign_in(&t->a, &t->w, "alice", "x");
    sign_in(&t->b, &t->w, "alice", "y");
    uint8_t bytes[32] = {1};
    Store__Verifier verifier = STORE__VERIFIER__INIT;
    Store__Verifier *verifiers[] = {&verifier};
    verifier.kind = STORE__VERIFIER__KIND__SCRAM_SHA_256;
    verifier.iterations = 10000;
    verifier.salt = verifier.stored_key = verifier.server_key =
        (ProtobufCBinaryData){sizeof(bytes), bytes};
    Store__UserPut put = STORE__USER_PUT__INIT;
    put.mode = STORE__USER_PUT__MODE__REPLACE;
    put.user = (char *)ALICE;
    put.n_verifiers = 1;
    put.verifiers = verifiers;
    const uint64_t n = session_count(t->a.session);
    session_defer(t->a.session, n);
    imclient_say(&t->a, BOB, "waits for the hash");
    session_put_user(t->a.session, n, &put, SPAN("passwd"), imclient_done);
    imclient_await(&t->a, "W passwd 0");
    IMWORLD_UNTIL(&t->w, t->b.is_ended);
    assert_int_equal(t->b.end, SESSION_END_REVOKED);
    assert_false(t->a.is_ended);
    IMWORLD_UNTIL(&t->w, session_safe(t->a.session) == 3);
    im_end_sessions(t->w.im, SPAN(ALICE), SPAN("x"), SESSION_END_REVOKED);
    IMWORLD_UNTIL(&t->w, t->a.is_ended);
}

static void it_stops_whatever_is_under_way(void **state)
{
    struct test *t = *state;
    imworld_befriend(&t->w, ALICE, BOB);
    sign_in(&t->a, &t->w, "alice", "x");
    session_want_roster(t->a.session);
    sign_in(&t->b, &t->w, "bob", "y");
    session_enable_acks(t->b.session, true);
    imclient_show(&t->a, PRESENCE_ASK, 0, CAROL);
    const uint64_t until_ms = monoclock_ms() + 1500;
    while (monoclock_ms() < until_ms)
        imworld_turn(&t->w);
    for (int i = 0; i < 100; i++) {
        imclient_say(&t->a, BOB, "m");
        imclient_hint(&t->a, BOB, "h");
    }
    imclient_start_bind(&t->c, &t->w, "carol", "z");
    imworld_close(&t->w);
    assert_int_equal(t->a.end, SESSION_END_SHUTDOWN);
    assert_int_equal(t->b.end, SESSION_END_SHUTDOWN);
    assert_int_equal(t->c.bound_rc, ERR_CLOSED);
    imworld_open(&t->w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(two_people_chat, setup, teardown),
        cmocka_unit_test_setup_teardown(a_message_waits_for_who_is_away, setup, teardown),
        cmocka_unit_test_setup_teardown(what_tcp_did_not_take_comes_again, setup, teardown),
        cmocka_unit_test_setup_teardown(every_device_gets_it_and_carbons_go_to_the_rest, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(one_device_has_it_then_the_other_gets_what_it_missed,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(live_and_stored_stanzas_keep_their_order, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(the_last_words_come_before_the_unavailable, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(nobody_there_is_told_as_the_kind_wants, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(requests_and_replies_pass, setup, teardown),
        cmocka_unit_test_setup_teardown(to_oneself, setup, teardown),
        cmocka_unit_test_setup_teardown(friends_see_each_other_come_and_go, setup, teardown),
        cmocka_unit_test_setup_teardown(directed_presence_is_undone, setup, teardown),
        cmocka_unit_test_setup_teardown(a_subscription_is_asked_and_granted, setup, teardown),
        cmocka_unit_test_setup_teardown(who_is_blocked_sees_and_sends_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(the_same_resource_takes_over, setup, teardown),
        cmocka_unit_test_setup_teardown(the_oldest_gives_way_over_the_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(a_removed_user_is_gone, setup, teardown),
        cmocka_unit_test_setup_teardown(new_credentials_end_the_other_streams, setup, teardown),
        cmocka_unit_test_setup_teardown(it_stops_whatever_is_under_way, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
