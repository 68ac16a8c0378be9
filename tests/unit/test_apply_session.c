/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions, marks and progress: each test is an interleaving that loses or doubles a message
 * when the rule it names is missing. */
#include "tests/support/unit.h"

#include "replication/apply_session.h"
#include "tests/support/store.h"

enum {
    DONE = STORE__RESULT__OUTCOME__DONE,
    DUPLICATE = STORE__RESULT__OUTCOME__DUPLICATE,
    STALE = STORE__RESULT__OUTCOME__STALE,
    GAP = STORE__RESULT__OUTCOME__GAP,
    EXISTS = STORE__RESULT__OUTCOME__EXISTS,
    NOT_FOUND = STORE__RESULT__OUTCOME__NOT_FOUND,
    REFUSED = STORE__RESULT__OUTCOME__REFUSED,
    MALFORMED = STORE__RESULT__OUTCOME__MALFORMED,
};

/* A message of alice's session 'a' to bob; returns its log index. */
static uint64_t session_message(struct store *s, uint64_t n, uint64_t prev)
{
    const Store__Result r = store_message(
        s,
        (struct store_message){
            .from = STORE_ALICE "/a", .to = STORE_BOB, .session = 'a', .n = n, .prev = prev});
    assert_int_equal(r.outcome, DONE);
    return r.index;
}

static bool session_count_mark(uint64_t seq, uint64_t message, void *arg)
{
    (void)seq, (void)message;
    ++*(size_t *)arg;
    return true;
}

static size_t session_marks_of(struct store *s, char id)
{
    size_t count = 0;
    assert_int_equal(
        read_marks(store_view(s), span_text(store_id(s, id)), session_count_mark, &count), 0);
    return count;
}

static void session_setup(struct store *s)
{
    store_populate(s);
    assert_int_equal(store_bind(s, 'a', STORE_ALICE, "a", true).outcome, DONE);
    assert_int_equal(store_bind(s, 'b', STORE_BOB, "b", true).outcome, DONE);
}

/* Hole 2: what the applier says to a stanza, in the order of the log. */
static const struct origin_case {
    const char *name;
    uint64_t epoch, n, prev;
    int outcome;
} origins[] = {
    {"first durable stanza", 1, 3, 0, DONE},
    {"the same again", 1, 3, 0, DUPLICATE},
    {"an earlier one", 1, 2, 0, DUPLICATE},
    {"the one after the next", 1, 9, 5, GAP},
    {"the next", 1, 5, 3, DONE},
    {"the one after", 1, 9, 5, DONE},
    {"an old epoch", 0x100, 10, 9, STALE},
    {"prev not before n", 1, 10, 10, MALFORMED},
    {"n zero", 1, 0, 0, MALFORMED},
};

static void pipelined_stanzas_neither_swap_nor_vanish(void **state)
{
    (void)state;
    struct store s;
    session_setup(&s);
    for (size_t i = 0; i < COUNT_OF(origins); i++) {
        const struct origin_case *c = &origins[i];
        const Store__Result r =
            store_message(&s, (struct store_message){.from = STORE_ALICE "/a",
                                                     .to = STORE_BOB,
                                                     .session = 'a',
                                                     .epoch = c->epoch,
                                                     .n = c->n,
                                                     .prev = c->prev});
        if ((int)r.outcome != c->outcome)
            fail_msg("%s: outcome %d", c->name, (int)r.outcome);
    }
    assert_string_equal(store_inbox(&s, STORE_BOB), "7 11 12");
    store_close(&s);
}

/* Hole 4: safe only grows, and comes from puts and from progress. */
static void safe_never_goes_back(void **state)
{
    (void)state;
    struct store s;
    session_setup(&s);
    assert_int_equal(store_progress(&s, 'a', 1, -1, 0, 4).outcome, DONE);
    (void)store_progress(&s, 'a', 1, -1, 0, 2);
    const Store__Result r = store_resume(&s, 'a', STORE_ALICE, 1, 0);
    assert_int_equal(r.session->safe, 4);
    store_close(&s);
}

/* Hole 5: the inbox is a set; a row leaves when a session it was sent to has it. */
static void one_device_does_not_ack_for_the_other(void **state)
{
    (void)state;
    struct store s;
    session_setup(&s);
    (void)store_bind(&s, 'c', STORE_BOB, "c", true);
    const uint64_t m1 = session_message(&s, 1, 0), m2 = session_message(&s, 2, 1);
    (void)store_mark(&s, 'b', 1, 1, m1); /* the first goes to b, the second to c */
    (void)store_mark(&s, 'c', 1, 1, m2);
    (void)store_progress(&s, 'c', 1, 1, 0, 0);
    assert_string_equal(store_inbox(&s, STORE_BOB), "8"); /* m1 waits */
    assert_int_equal(m1, 8);
    (void)store_end(&s, 'b', 1, -1, false);
    assert_string_equal(store_inbox(&s, STORE_BOB), "8");
    store_close(&s);
}

/* Hole 7: two nodes claim at once; one wins. */
static void claim_is_compare_and_set(void **state)
{
    (void)state;
    struct store s;
    session_setup(&s);
    const Store__Result first = store_resume(&s, 'b', STORE_BOB, 1, 0);
    assert_int_equal(first.outcome, DONE);
    assert_int_equal(first.session->epoch, 2);
    assert_int_equal(first.session->claim_index, s.index);
    assert_int_equal(store_resume(&s, 'b', STORE_BOB, 1, 0).outcome, STALE);
    assert_int_equal(store_resume(&s, 'b', STORE_ALICE, 2, 0).outcome, NOT_FOUND);
    assert_int_equal(store_bind(&s, 'b', STORE_BOB, "other", true).outcome, EXISTS);
    store_close(&s);
}

/* Holes 8 and 10: on a resume marks up to h are delivered, later ones forgotten, and marks
 * or progress of the former owner count no more. */
static void resume_settles_the_marks(void **state)
{
    (void)state;
    struct store s;
    session_setup(&s);
    const uint64_t m1 = session_message(&s, 1, 0), m2 = session_message(&s, 2, 1);
    const uint64_t m3 = session_message(&s, 3, 2);
    (void)store_mark(&s, 'b', 1, 1, m1);
    (void)store_mark(&s, 'b', 1, 4, m2); /* 2 and 3 were presence */
    (void)store_mark(&s, 'b', 1, 5, m3);
    const Store__Result r = store_resume(&s, 'b', STORE_BOB, 1, 4);
    assert_int_equal(r.session->client_h, 4);
    assert_int_equal(r.session->position, m2); /* what follows it is to be sent */
    assert_int_equal(session_marks_of(&s, 'b'), 0);
    char left[24];
    (void)snprintf(left, sizeof(left), "%llu", (unsigned long long)m3);
    assert_string_equal(store_inbox(&s, STORE_BOB), left);

    assert_int_equal(store_mark(&s, 'b', 1, 5, m3).rows[0], STALE); /* in flight, too late */
    assert_int_equal(store_progress(&s, 'b', 1, 5, 0, 0).rows[0], STALE);
    assert_string_equal(store_inbox(&s, STORE_BOB), left);
    assert_int_equal(store_mark(&s, 'b', 2, 4, m3).rows[0], STALE); /* numbered below h */
    assert_int_equal(store_mark(&s, 'b', 2, 5, m3).rows[0], DONE);
    (void)store_progress(&s, 'b', 2, 5, 0, 0);
    assert_string_equal(store_inbox(&s, STORE_BOB), "");
    store_close(&s);
}

static void mark_of_what_is_not_yet_in_the_log_is_refused(void **state)
{
    (void)state;
    struct store s;
    session_setup(&s);
    assert_int_equal(store_mark(&s, 'b', 1, 1, s.index + 1).rows[0], STALE);
    assert_int_equal(store_mark(&s, 'b', 1, 1, 0).rows[0], STALE);
    assert_int_equal(store_mark(&s, 'z', 1, 1, 1).rows[0], STALE); /* no such session */
    store_close(&s);
}

/* Hole 13: a refusal is a row of the sender's, acknowledged like a message. */
static void bounce_survives_its_node(void **state)
{
    (void)state;
    struct store s;
    session_setup(&s);
    (void)store_block(&s, STORE_BOB, STORE_ALICE);
    const Store__Result r = store_message(
        &s, (struct store_message){
                .from = STORE_ALICE "/a", .to = STORE_BOB, .session = 'a', .n = 1});
    assert_int_equal(r.outcome, REFUSED);
    assert_string_equal(r.reason, "blocked");
    assert_string_equal(store_feed(&s, s.index - 1), "bounce:alice");
    (void)store_resume(&s, 'a', STORE_ALICE, 1, 0); /* on another node: still there */
    assert_string_equal(store_inbox(&s, STORE_ALICE), "8");
    (void)store_mark(&s, 'a', 2, 1, 8);
    (void)store_progress(&s, 'a', 2, 1, 0, 0);
    assert_string_equal(store_inbox(&s, STORE_ALICE), "");
    Store__MessageRow *m = NULL;
    assert_int_equal(read_message(store_view(&s), 8, &m), 0); /* nobody refers to it */
    store_close(&s);
}

static void bounce_goes_with_its_session(void **state)
{
    (void)state;
    struct store s;
    session_setup(&s);
    (void)store_message(
        &s, (struct store_message){
                .from = STORE_ALICE "/a", .to = "nobody@demo.example", .session = 'a', .n = 1});
    assert_string_equal(store_inbox(&s, STORE_ALICE), "7");
    (void)store_end(&s, 'a', 1, 0, false);
    assert_string_equal(store_inbox(&s, STORE_ALICE), "");
    store_close(&s);
}

/* Hole 14: a resume fails, the client binds anew and sends everything again. */
static void resent_after_a_failed_resume_is_dropped(void **state)
{
    (void)state;
    static const struct {
        const char *name, *origin_id;
        int outcome;
        bool is_resume_failed;
    } cases[] = {
        {"failed resume", "id-1", DUPLICATE, true},
        {"another id", "id-2", DONE, true},
        {"no id", NULL, DONE, true},
        {"orderly close: some clients number from 1 each time", "id-1", DONE, false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct store s;
        session_setup(&s);
        struct store_message m = {.from = STORE_ALICE "/a",
                                  .to = STORE_BOB,
                                  .session = 'a',
                                  .n = 1,
                                  .origin_id = "id-1"};
        assert_int_equal(store_message(&s, m).outcome, DONE);
        (void)store_end(&s, 'a', 1, 0, cases[i].is_resume_failed);
        (void)store_bind(&s, 'A', STORE_ALICE, "a", true);
        m.session = 'A';
        m.origin_id = cases[i].origin_id;
        if ((int)store_message(&s, m).outcome != cases[i].outcome)
            fail_msg("%s", cases[i].name);
        /* The stanza counts all the same. */
        m.n = 2;
        m.prev = 1;
        m.origin_id = "id-3";
        assert_int_equal(store_message(&s, m).outcome, DONE);
        store_close(&s);
    }
}

static void late_h_of_an_ended_session_clears_the_inbox(void **state)
{
    (void)state;
    struct store s;
    session_setup(&s);
    const uint64_t m1 = session_message(&s, 1, 0);
    (void)session_message(&s, 2, 1);
    (void)store_mark(&s, 'b', 1, 1, m1);
    assert_int_equal(store_end(&s, 'b', 1, -1, false).outcome, DONE); /* the window is over */
    assert_string_equal(store_feed(&s, s.index - 1), "ended:bob");
    assert_int_equal(store_resume(&s, 'b', STORE_BOB, 1, 1).outcome, NOT_FOUND);
    assert_int_equal(store_end(&s, 'b', 1, 1, true).outcome, DONE);
    assert_string_equal(store_feed(&s, s.index - 1), ""); /* exactly one end */
    assert_string_equal(store_inbox(&s, STORE_BOB), "8");
    assert_int_equal(store_end(&s, 'b', 1, -1, false).outcome, DUPLICATE);
    store_close(&s);
}

static void same_resource_replaces(void **state)
{
    (void)state;
    struct store s;
    session_setup(&s);
    const uint64_t m1 = session_message(&s, 1, 0);
    (void)store_mark(&s, 'b', 1, 1, m1);
    const Store__Result r = store_bind(&s, 'c', STORE_BOB, "b", true);
    assert_int_equal(r.session->bind_index, s.index);
    assert_string_equal(store_feed(&s, s.index - 1), "replaced:bob");
    assert_string_equal(store_inbox(&s, STORE_BOB), "7"); /* unacked: the new one gets it */
    assert_int_equal(store_progress(&s, 'b', 1, 1, 0, 0).rows[0], STALE);
    store_close(&s);
}

static bool session_add_resource(const Store__SessionRow *row, void *arg)
{
    strbuf_add_text(arg, row->resource);
    return true;
}

static void oldest_goes_over_the_limit(void **state)
{
    (void)state;
    struct store s;
    store_populate(&s);
    Store__SessionClaim c = STORE__SESSION_CLAIM__INIT;
    c.user = store_text(&s, STORE_BOB);
    c.sessions_max = 2;
    for (int i = 0; i < 3; i++) {
        const char id = "xyz"[i];
        const char resource[2] = {id};
        c.session_id = store_bytes(store_id(&s, id));
        c.resource = store_text(&s, resource);
        assert_int_equal(
            store_apply(&s, STORE_COMMAND(SESSION_CLAIM, session_claim, &c)).outcome, DONE);
    }
    struct strbuf left = {0};
    assert_int_equal(
        read_sessions_of(store_view(&s), span_text(STORE_BOB), session_add_resource, &left), 0);
    assert_string_equal(left.data, "yz");
    strbuf_done(&left);
    store_close(&s);
}

static void detached_goes_before_the_oldest(void **state)
{
    (void)state;
    struct store s;
    store_populate(&s);
    Store__SessionClaim c = STORE__SESSION_CLAIM__INIT;
    ProtobufCBinaryData detached = store_bytes(store_id(&s, 'y'));
    c.user = store_text(&s, STORE_BOB);
    c.sessions_max = 2;
    c.detached = &detached;
    c.n_detached = 1;
    for (int i = 0; i < 3; i++) {
        const char id = "xyz"[i];
        const char resource[2] = {id};
        c.session_id = store_bytes(store_id(&s, id));
        c.resource = store_text(&s, resource);
        assert_int_equal(
            store_apply(&s, STORE_COMMAND(SESSION_CLAIM, session_claim, &c)).outcome, DONE);
    }
    struct strbuf left = {0};
    assert_int_equal(
        read_sessions_of(store_view(&s), span_text(STORE_BOB), session_add_resource, &left), 0);
    assert_string_equal(left.data, "xz");
    strbuf_done(&left);
    store_close(&s);
}

static void node_up_ends_no_session(void **state)
{
    (void)state;
    struct store s;
    session_setup(&s);
    Store__NodeUp c = STORE__NODE_UP__INIT;
    c.node_id = 1;
    c.node_name = store_text(&s, "n1");
    c.epoch = 1;
    assert_int_equal(store_apply(&s, STORE_COMMAND(NODE_UP, node_up, &c)).outcome, DONE);
    assert_int_equal(store_apply(&s, STORE_COMMAND(NODE_UP, node_up, &c)).outcome, STALE);
    assert_int_equal(store_resume(&s, 'a', STORE_ALICE, 1, 0).outcome, DONE);
    store_close(&s);
}

static void session_without_marks_tells_indexes(void **state)
{
    (void)state;
    struct store s;
    store_populate(&s);
    (void)store_bind(&s, 'a', STORE_ALICE, "a", true);
    (void)store_bind(&s, 'b', STORE_BOB, "b", false);
    const uint64_t m1 = session_message(&s, 1, 0);
    (void)store_progress(&s, 'b', 1, -1, m1, 0);
    assert_string_equal(store_inbox(&s, STORE_BOB), "");
    assert_int_equal(store_resume(&s, 'b', STORE_BOB, 1, 0).outcome, NOT_FOUND);
    (void)store_end(&s, 'b', 1, -1, false);
    Store__SessionRow *row = NULL;
    assert_int_equal(read_session(store_view(&s), span_text(store_id(&s, 'b')), &row), 0);
    store_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pipelined_stanzas_neither_swap_nor_vanish),
        cmocka_unit_test(safe_never_goes_back),
        cmocka_unit_test(one_device_does_not_ack_for_the_other),
        cmocka_unit_test(claim_is_compare_and_set),
        cmocka_unit_test(resume_settles_the_marks),
        cmocka_unit_test(mark_of_what_is_not_yet_in_the_log_is_refused),
        cmocka_unit_test(bounce_survives_its_node),
        cmocka_unit_test(bounce_goes_with_its_session),
        cmocka_unit_test(resent_after_a_failed_resume_is_dropped),
        cmocka_unit_test(late_h_of_an_ended_session_clears_the_inbox),
        cmocka_unit_test(same_resource_replaces),
        cmocka_unit_test(oldest_goes_over_the_limit),
        cmocka_unit_test(detached_goes_before_the_oldest),
        cmocka_unit_test(node_up_ends_no_session),
        cmocka_unit_test(session_without_marks_tells_indexes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
