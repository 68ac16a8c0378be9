/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions over several streams: counts, acknowledgements, resumption, restarts. */
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "node/im/inbound.h"
#include "node/im/outbound.h"
#include "node/im/session.h"
#include "tests/support/imworld.h"

#define ALICE "alice@" IMWORLD_DOMAIN
#define BOB   "bob@" IMWORLD_DOMAIN
#define CAROL "carol@" IMWORLD_DOMAIN

static const char *program;

struct test {
    struct imworld w;
    struct imclient a, b, b2, b3;
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
    imclient_free(&t->b2);
    imclient_free(&t->b3);
    free(t);
    return 0;
}

static void sign_in(struct imclient *c, struct imworld *w, const char *user,
                    const char *resource, bool has_acks)
{
    char own[160];
    imclient_bind(c, w, user, resource);
    if (has_acks)
        session_enable_acks(c->session, true);
    imclient_show(c, PRESENCE_AVAILABLE, 0, NULL);
    (void)snprintf(own, sizeof(own), "P %s/%s available 0", c->user, resource);
    imclient_await(c, own);
    c->read = 0;
}

static size_t inbox_count(struct imworld *w, const char *user)
{
    Store__UserRow *row = NULL;
    assert_int_equal(read_user(im_view(w->im), span_text(user), &row), 1);
    const size_t count = row->inbox_count;
    store__user_row__free_unpacked(row, NULL);
    return count;
}

/* ---- Counts --------------------------------------------------------------------------- */

static void h_counts_everything_that_had_its_effect(void **state)
{
    struct test *t = *state;
    imclient_bind(&t->a, &t->w, "alice", "x");
    session_handled(t->a.session, session_count(t->a.session)); /* before the counting */
    session_enable_acks(t->a.session, true);
    assert_int_equal(session_safe(t->a.session), 0);
    imclient_show(&t->a, PRESENCE_AVAILABLE, 0, NULL);
    assert_int_equal(session_safe(t->a.session), 1);
    imclient_say(&t->a, BOB, "m");
    assert_int_equal(session_safe(t->a.session), 1); /* not before it is committed */
    imclient_hint(&t->a, CAROL, "h");                /* does not wait, but counts behind it */
    IMWORLD_UNTIL(&t->w, t->a.safe == 3);
    const uint64_t n = session_count(t->a.session);
    imclient_say(&t->a, BOB, "m2");
    imclient_say(&t->a, BOB, "m3");
    IMWORLD_UNTIL(&t->w, inbox_count(&t->w, BOB) == 3);
    assert_int_equal(session_safe(t->a.session), 3);
    session_handled(t->a.session, n);
    IMWORLD_UNTIL(&t->w, t->a.safe == 6);
}

static void acknowledged_rows_leave_the_inbox(void **state)
{
    struct test *t = *state;
    sign_in(&t->a, &t->w, "alice", "x", false);
    sign_in(&t->b, &t->w, "bob", "y", true);
    imclient_say(&t->a, BOB, "1");
    imclient_say(&t->a, BOB, "2");
    imclient_await(&t->b, "M " ALICE "/x 2");
    assert_int_equal(t->b.seqs[t->b.count - 1], 3); /* presence, two messages */
    assert_int_equal(session_acked(t->b.session, 2), 0);
    IMWORLD_UNTIL(&t->w, inbox_count(&t->w, BOB) == 1);
    assert_int_equal(session_acked(t->b.session, 4), ERR_PROTOCOL);
    assert_int_equal(session_acked(t->b.session, 1), 0); /* old news */
    assert_int_equal(session_acked(t->b.session, 3), 0);
    IMWORLD_UNTIL(&t->w, inbox_count(&t->w, BOB) == 0);
    assert_int_equal(session_unacked(t->b.session), 0);
}

/* ---- Resume --------------------------------------------------------------------------- */

static void a_stream_is_resumed_without_loss_or_repetition(void **state)
{
    struct test *t = *state;
    imworld_befriend(&t->w, ALICE, BOB);
    sign_in(&t->a, &t->w, "alice", "x", false);
    sign_in(&t->b, &t->w, "bob", "y", true);
    imclient_await(&t->a, "P " BOB "/y available 0");
    imclient_say(&t->a, BOB, "1");
    imclient_say(&t->a, BOB, "2");
    imclient_await(&t->b, "M " ALICE "/x 2");
    const uint64_t h = t->b.seqs[t->b.count - 1] - 1; /* the client has 1, not 2 */
    imclient_say(&t->b, ALICE, "sent");
    imclient_await(&t->a, "M " BOB "/y sent");
    session_detach(t->b.session);
    imclient_say(&t->a, BOB, "3");
    imclient_hint(&t->a, BOB, "typing");
    imclient_show(&t->a, PRESENCE_AVAILABLE, 1, NULL);
    imclient_show(&t->a, PRESENCE_AVAILABLE, 2, NULL);
    IMWORLD_UNTIL(&t->w, inbox_count(&t->w, BOB) == 3);
    imclient_request(&t->a, BOB "/none", "fence");
    imclient_await(&t->a, "E fence service-unavailable");
    imclient_resume(&t->b2, &t->w, &t->b, (uint32_t)h);
    assert_int_equal(t->b2.resumed, SESSION_RESUMED);
    assert_int_equal(t->b2.resumed_h, 2); /* presence and a message */
    imclient_expect(&t->b2, "M " ALICE "/x 2");
    assert_int_equal(t->b2.seqs[0], h + 1);
    imclient_await(&t->b2, "M " ALICE "/x 3 [late]");
    imclient_await(&t->b2, "P " ALICE "/x available 2");
    imclient_say(&t->a, BOB, "end");
    imclient_await(&t->b2, "M " ALICE "/x end");
    assert_int_equal(imclient_times(&t->b2, "M " ALICE "/x 1"), 0);
    assert_int_equal(imclient_times(&t->b2, "P " ALICE "/x available 1"), 0); /* merged */
    assert_int_equal(imclient_times(&t->a, "P " BOB "/y unavailable"), 0);
    for (size_t i = 0; i < t->b2.count; i++)
        assert_int_equal(t->b2.seqs[i], h + 1 + i);
    assert_int_equal(session_acked(t->b2.session, (uint32_t)(h + t->b2.count)), 0);
    IMWORLD_UNTIL(&t->w, inbox_count(&t->w, BOB) == 0);
    assert_int_equal(session_epoch(t->b2.session), 2);
}

static void a_living_stream_gives_way_to_its_resume(void **state)
{
    struct test *t = *state;
    sign_in(&t->a, &t->w, "alice", "x", false);
    sign_in(&t->b, &t->w, "bob", "y", true);
    /* Messages under way while the claim is: some before it, some after. */
    for (int i = 0; i < 50; i++)
        imclient_say(&t->a, BOB, "m");
    const uint32_t h = (uint32_t)t->b.seqs[t->b.count - 1];
    imclient_resume(&t->b2, &t->w, &t->b, h);
    assert_true(t->b.is_ended);
    assert_int_equal(t->b.end, SESSION_END_RESUMED);
    assert_int_equal(t->b2.resumed, SESSION_RESUMED);
    imclient_say(&t->a, BOB, "end");
    imclient_await(&t->b2, "M " ALICE "/x end");
    size_t before = 0;
    for (size_t i = 0; i < t->b.count; i++)
        before += t->b.seqs[i] <= h && t->b.lines[i][0] == 'M';
    assert_int_equal(before + t->b2.count, 51);
}

static void what_it_sent_before_the_cut_is_counted_once(void **state)
{
    struct test *t = *state;
    sign_in(&t->a, &t->w, "alice", "x", false);
    sign_in(&t->b, &t->w, "bob", "y", true);
    for (int i = 0; i < 100; i++)
        imclient_say(&t->b, ALICE, "m");
    session_detach(t->b.session);
    imclient_resume(&t->b2, &t->w, &t->b, 1);
    assert_int_equal(t->b2.resumed, SESSION_RESUMED);
    assert_int_equal(t->b2.resumed_h, 101); /* nothing is to be sent again */
    imclient_say(&t->b2, ALICE, "end");
    imclient_await(&t->a, "M " BOB "/y end");
    assert_int_equal(imclient_times(&t->a, "M " BOB "/y m"), 100);
}

static void a_resume_is_refused_for_a_reason(void **state)
{
    struct test *t = *state;
    sign_in(&t->b, &t->w, "bob", "y", true);
    imclient_resume(&t->b2, &t->w, &t->b, 7);
    assert_int_equal(t->b2.resumed, SESSION_RESUME_BAD_COUNT);
    assert_false(t->b.is_ended);
    struct imclient stranger = t->b;
    (void)snprintf(stranger.user, sizeof(stranger.user), "%s", ALICE);
    imclient_resume(&t->a, &t->w, &stranger, 0);
    assert_int_equal(t->a.resumed, SESSION_RESUME_UNKNOWN);
    stranger = t->b;
    memset(stranger.id, 0, sizeof(stranger.id));
    imclient_resume(&t->b3, &t->w, &stranger, 0);
    assert_int_equal(t->b3.resumed, SESSION_RESUME_UNKNOWN);
}

static void the_window_passes(void **state)
{
    struct test *t = *state;
    t->w.settings.resume_window_ms = 200;
    imworld_close(&t->w);
    imworld_open(&t->w);
    imworld_befriend(&t->w, ALICE, BOB);
    sign_in(&t->a, &t->w, "alice", "x", false);
    sign_in(&t->b, &t->w, "bob", "y", true);
    imclient_await(&t->a, "P " BOB "/y available 0");
    imclient_say(&t->a, BOB, "1");
    imclient_await(&t->b, "M " ALICE "/x 1");
    session_detach(t->b.session);
    imclient_request(&t->a, BOB "/y", "q");
    imclient_await(&t->a, "P " BOB "/y unavailable");
    t->a.read = 0;
    imclient_await(&t->a, "E q service-unavailable");
    /* A late client learns the count, and what it tells counts: nothing comes twice. */
    imclient_resume(&t->b2, &t->w, &t->b, (uint32_t)t->b.seqs[t->b.count - 1]);
    assert_int_equal(t->b2.resumed, SESSION_RESUME_FAILED);
    assert_int_equal(t->b2.resumed_h, 1);
    sign_in(&t->b3, &t->w, "bob", "y", true);
    imclient_say(&t->a, BOB, "end");
    imclient_await(&t->b3, "M " ALICE "/x end");
    assert_int_equal(imclient_times(&t->b3, "M " ALICE "/x 1 [late]"), 0);
    assert_int_equal(imclient_times(&t->a, "P " BOB "/y unavailable"), 1);
}

/* ---- Limits --------------------------------------------------------------------------- */

static void the_window_closes_and_opens(void **state)
{
    struct test *t = *state;
    sign_in(&t->a, &t->w, "alice", "x", false);
    for (int i = 0; i < INBOUND_UNCOMMITTED_MAX; i++)
        imclient_say(&t->a, BOB, "m");
    assert_true(t->a.is_window_closed);
    IMWORLD_UNTIL(&t->w, !t->a.is_window_closed);
    IMWORLD_UNTIL(&t->w, inbox_count(&t->w, BOB) == INBOUND_UNCOMMITTED_MAX);
}

static void unacknowledged_messages_wait(void **state)
{
    struct test *t = *state;
    enum { ALL = OUTBOUND_MESSAGES_MAX + 100 };
    sign_in(&t->a, &t->w, "alice", "x", false);
    sign_in(&t->b, &t->w, "bob", "y", true);
    for (int i = 0; i < ALL; i++)
        imclient_say(&t->a, BOB, "m");
    IMWORLD_UNTIL(&t->w, inbox_count(&t->w, BOB) == ALL);
    IMWORLD_UNTIL(&t->w, t->b.count == 1 + OUTBOUND_MESSAGES_MAX);
    imclient_hint(&t->a, BOB, "behind them");
    for (int i = 0; i < 100; i++)
        imworld_turn(&t->w);
    assert_int_equal(t->b.count, 1 + OUTBOUND_MESSAGES_MAX);
    assert_int_equal(session_acked(t->b.session, 1 + OUTBOUND_MESSAGES_MAX), 0);
    imclient_await(&t->b, "M " ALICE "/x behind them");
    assert_int_equal(t->b.count, 1 + ALL + 1);
    assert_int_equal(session_acked(t->b.session, (uint32_t)t->b.count), 0);
    IMWORLD_UNTIL(&t->w, inbox_count(&t->w, BOB) == 0);
}

static void who_takes_nothing_is_given_up(void **state)
{
    struct test *t = *state;
    sign_in(&t->a, &t->w, "alice", "x", false);
    sign_in(&t->b, &t->w, "bob", "y", true);
    for (int i = 0; i <= OUTBOUND_OTHERS_MAX && !t->b.is_ended; i++) {
        imclient_hint(&t->a, BOB, "h");
        if (i % 100 == 0)
            imworld_turn(&t->w);
    }
    IMWORLD_UNTIL(&t->w, t->b.is_ended);
    assert_int_equal(t->b.end, SESSION_END_OVERFLOW);
}

static void an_inactive_client_is_left_alone(void **state)
{
    struct test *t = *state;
    imworld_befriend(&t->w, ALICE, BOB);
    sign_in(&t->a, &t->w, "alice", "x", false);
    sign_in(&t->b, &t->w, "bob", "y", false);
    imclient_await(&t->b, "P " ALICE "/x available 0");
    session_set_active(t->b.session, false);
    const size_t count = t->b.count;
    imclient_hint(&t->a, BOB, "typing");
    for (int i = 1; i <= 5; i++)
        imclient_show(&t->a, PRESENCE_AVAILABLE, i, NULL);
    imclient_request(&t->a, CAROL "/none", "fence");
    imclient_await(&t->a, "E fence service-unavailable");
    assert_int_equal(t->b.count, count);
    imclient_say(&t->a, BOB, "wake up");
    imclient_expect(&t->b, "M " ALICE "/x typing");
    imclient_expect(&t->b, "P " ALICE "/x available 5");
    imclient_expect(&t->b, "M " ALICE "/x wake up");
    imclient_show(&t->a, PRESENCE_AVAILABLE, 6, NULL);
    imclient_request(&t->a, CAROL "/none", "fence2");
    imclient_await(&t->a, "E fence2 service-unavailable");
    session_set_active(t->b.session, true);
    imclient_expect(&t->b, "P " ALICE "/x available 6");
}

static void who_read_the_archive_gets_no_inbox(void **state)
{
    struct test *t = *state;
    sign_in(&t->a, &t->w, "alice", "x", false);
    imclient_say(&t->a, BOB, "kept");
    imclient_send(&t->a, (struct packet){.kind = PACKET_CHAT,
                                         .class = PACKET_QUEUE,
                                         .is_important = true,
                                         .to = SPAN(BOB),
                                         .body = SPAN("queued")});
    IMWORLD_UNTIL(&t->w, inbox_count(&t->w, BOB) == 2);
    imclient_bind(&t->b, &t->w, "bob", "y");
    session_archive_queried(t->b.session);
    imclient_say(&t->a, BOB, "later");
    IMWORLD_UNTIL(&t->w, inbox_count(&t->w, BOB) == 3);
    imclient_show(&t->b, PRESENCE_AVAILABLE, 0, NULL);
    imclient_await(&t->b, "M " ALICE "/x queued [late]");
    while (imclient_times(&t->b, "M " ALICE "/x later") +
               imclient_times(&t->b, "M " ALICE "/x later [late]") ==
           0)
        imworld_turn(&t->w);
    IMWORLD_UNTIL(&t->w, inbox_count(&t->w, BOB) == 2);
    assert_int_equal(imclient_times(&t->b, "M " ALICE "/x kept [late]"), 0);
}

/* ---- Restarts ------------------------------------------------------------------------- */

static void after_a_clean_stop_the_count_is_exact(void **state)
{
    struct test *t = *state;
    sign_in(&t->a, &t->w, "alice", "x", false);
    sign_in(&t->b, &t->w, "bob", "y", true);
    imclient_say(&t->a, BOB, "1");
    imclient_say(&t->a, BOB, "2");
    imclient_await(&t->b, "M " ALICE "/x 2");
    imclient_say(&t->b, ALICE, "sent");
    imclient_await(&t->a, "M " BOB "/y sent");
    imclient_hint(&t->b, ALICE, "typing");
    imclient_await(&t->a, "M " BOB "/y typing");
    imworld_close(&t->w);
    assert_int_equal(t->b.end, SESSION_END_SHUTDOWN);
    imworld_open(&t->w);
    imclient_free(&t->a);
    sign_in(&t->a, &t->w, "alice", "x", false);
    imclient_resume(&t->b2, &t->w, &t->b, 2); /* it has presence and message 1 */
    assert_int_equal(t->b2.resumed, SESSION_RESUME_FAILED);
    assert_int_equal(t->b2.resumed_h, 3);
    sign_in(&t->b3, &t->w, "bob", "y", true);
    imclient_await(&t->b3, "M " ALICE "/x 2 [late]");
    imclient_say(&t->a, BOB, "end");
    imclient_await(&t->b3, "M " ALICE "/x end");
    assert_int_equal(imclient_times(&t->b3, "M " ALICE "/x 1 [late]"), 0);
}

/* The life that is killed: says what it knows to its parent, then waits for the end. */
struct life {
    char id[SESSION_ID_SIZE];
    uint64_t safe, first_seq, last_seq;
    char dir[64];
};

static int live(int fd)
{
    static struct test t;
    struct life life = {0};
    imworld_make(&t.w);
    sign_in(&t.a, &t.w, "alice", "x", false);
    imclient_bind(&t.b, &t.w, "bob", "y");
    session_handled(t.b.session, session_count(t.b.session)); /* not counted by the client */
    session_enable_acks(t.b.session, true);
    imclient_show(&t.b, PRESENCE_AVAILABLE, 0, NULL);
    imclient_say(&t.a, BOB, "1");
    imclient_say(&t.a, BOB, "2");
    imclient_say(&t.a, BOB, "3");
    imclient_await(&t.b, "M " ALICE "/x 3");
    for (int i = 0; i < 10; i++)
        imclient_say(&t.b, ALICE, "sent");
    IMWORLD_UNTIL(&t.w, t.b.safe == 11);
    memcpy(life.id, t.b.id, sizeof(life.id));
    life.safe = t.b.safe;
    life.last_seq = t.b.seqs[t.b.count - 1];
    memcpy(life.dir, t.w.dir.path, sizeof(life.dir));
    if (write(fd, &life, sizeof(life)) != sizeof(life))
        return 1;
    pause();
    return 0;
}

static void after_a_kill_the_count_is_exact_and_nothing_comes_twice(void **state)
{
    (void)state;
    int ends[2];
    struct life life;
    assert_int_equal(pipe(ends), 0);
    const pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        char fd[16];
        (void)snprintf(fd, sizeof(fd), "%d", ends[1]);
        execl(program, program, "live", fd, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    assert_int_equal(read(ends[0], &life, sizeof(life)), sizeof(life));
    close(ends[0]);
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);

    struct test *t = mem_zeroed(1, sizeof(*t));
    im_settings_init(&t->w.settings);
    memcpy(t->w.dir.path, life.dir, sizeof(t->w.dir.path));
    imworld_open(&t->w);
    memcpy(t->b.id, life.id, sizeof(t->b.id));
    (void)snprintf(t->b.user, sizeof(t->b.user), "%s", BOB);
    /* The client has all but the last message. */
    imclient_resume(&t->b2, &t->w, &t->b, (uint32_t)life.last_seq - 1);
    assert_int_equal(t->b2.resumed, SESSION_RESUME_FAILED);
    assert_int_equal(t->b2.resumed_h, life.safe);
    sign_in(&t->b3, &t->w, "bob", "y", true);
    imclient_await(&t->b3, "M " ALICE "/x 3 [late]");
    /* A client that sends again all it is not sure of does so with the same ids. */
    imclient_say(&t->b3, ALICE, "sent");
    imclient_say(&t->b3, ALICE, "end");
    sign_in(&t->a, &t->w, "alice", "x", false);
    imclient_await(&t->a, "M " BOB "/y sent [late]");
    t->a.read = 0;
    while (imclient_times(&t->a, "M " BOB "/y end") +
               imclient_times(&t->a, "M " BOB "/y end [late]") ==
           0)
        imworld_turn(&t->w);
    assert_int_equal(imclient_times(&t->a, "M " BOB "/y sent [late]"), 10);
    assert_int_equal(imclient_times(&t->b3, "M " ALICE "/x 1 [late]"), 0);
    assert_int_equal(imclient_times(&t->b3, "M " ALICE "/x 2 [late]"), 0);
    assert_int_equal(imclient_times(&t->b3, "M " ALICE "/x 3 [late]"), 1);
    *state = t;
    teardown(state);
}

static void orphans_end_when_their_window_has_passed(void **state)
{
    struct test *t = *state;
    t->w.settings.resume_window_ms = 100;
    imworld_close(&t->w);
    imworld_open(&t->w);
    /* A row such as a killed life leaves behind. */
    Store__SessionClaim claim = STORE__SESSION_CLAIM__INIT;
    Store__Command command = STORE__COMMAND__INIT;
    claim.session_id.data = (uint8_t *)"fedcba9876543210";
    claim.session_id.len = SESSION_ID_SIZE;
    claim.user = (char *)BOB;
    claim.resource = (char *)"old";
    claim.node_id = 1;
    claim.node_epoch = 1;
    command.body_case = STORE__COMMAND__BODY_SESSION_CLAIM;
    command.session_claim = &claim;
    imworld_commit(&t->w, &command);
    Store__SessionRow *row = NULL;
    bool is_gone = false;
    while (!is_gone) {
        imworld_turn(&t->w);
        is_gone = read_session(im_view(t->w.im), SPAN("fedcba9876543210"), &row) != 1 ||
                  row->ended_us;
        if (row)
            store__session_row__free_unpacked(row, NULL);
        row = NULL;
    }
}

int main(int argc, char **argv)
{
    program = argv[0];
    if (argc == 3 && strcmp(argv[1], "live") == 0)
        return live((int)strtol(argv[2], NULL, 10));
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(h_counts_everything_that_had_its_effect, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(acknowledged_rows_leave_the_inbox, setup, teardown),
        cmocka_unit_test_setup_teardown(a_stream_is_resumed_without_loss_or_repetition, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_living_stream_gives_way_to_its_resume, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_it_sent_before_the_cut_is_counted_once, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_resume_is_refused_for_a_reason, setup, teardown),
        cmocka_unit_test_setup_teardown(the_window_passes, setup, teardown),
        cmocka_unit_test_setup_teardown(the_window_closes_and_opens, setup, teardown),
        cmocka_unit_test_setup_teardown(unacknowledged_messages_wait, setup, teardown),
        cmocka_unit_test_setup_teardown(who_takes_nothing_is_given_up, setup, teardown),
        cmocka_unit_test_setup_teardown(an_inactive_client_is_left_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(who_read_the_archive_gets_no_inbox, setup, teardown),
        cmocka_unit_test_setup_teardown(after_a_clean_stop_the_count_is_exact, setup, teardown),
        cmocka_unit_test(after_a_kill_the_count_is_exact_and_nothing_comes_twice),
        cmocka_unit_test_setup_teardown(orphans_end_when_their_window_has_passed, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
