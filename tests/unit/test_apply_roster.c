/* SPDX-License-Identifier: Apache-2.0 */
/* Subscriptions on a real store: both sides after every stanza in every state, and the edges
 * that a table cannot show. */
#include "tests/support/unit.h"

#include "replication/apply_roster.h"
#include "replication/rostertable.h"
#include "tests/support/store.h"

enum {
    ASK = STORE__SUBSCRIBE_KIND__SUBSCRIBE_ASK,
    GRANT = STORE__SUBSCRIBE_KIND__SUBSCRIBE_GRANT,
    CANCEL = STORE__SUBSCRIBE_KIND__SUBSCRIBE_CANCEL,
    DENY = STORE__SUBSCRIBE_KIND__SUBSCRIBE_DENY,
    DONE = STORE__RESULT__OUTCOME__DONE,
    REFUSED = STORE__RESULT__OUTCOME__REFUSED,
};

/* A row, zeroes when there is none. */
static Store__RosterRow roster_row(struct store *s, const char *user, const char *contact)
{
    Store__RosterRow *row = NULL;
    Store__RosterRow copy = STORE__ROSTER_ROW__INIT;
    const int rc = read_roster_item(store_view(s), span_text(user), span_text(contact), &row);
    assert_true(rc >= 0);
    if (rc == 1) {
        copy = *row;
        copy.name = NULL;
        copy.groups = NULL;
        copy.pending_body = (ProtobufCBinaryData){row->pending_body.len, NULL};
        store__roster_row__free_unpacked(row, NULL);
    }
    return copy;
}

static enum rostertable_state roster_state(struct store *s, const char *user,
                                           const char *contact)
{
    const Store__RosterRow row = roster_row(s, user, contact);
    return rostertable_of_row(&row);
}

/* How alice comes into each state: letters of alice's stanzas to bob, and of bob's to her in
 * capitals. a ask, g grant. */
static const char *const ways[ROSTERTABLE_STATES] = {"",    "a",  "A",   "aA",  "aG",
                                                     "aGA", "Ag", "Aga", "AgaG"};
static const enum rostertable_state mirror[ROSTERTABLE_STATES] = {
    ROSTERTABLE_NONE,        ROSTERTABLE_NONE_IN, ROSTERTABLE_NONE_OUT,
    ROSTERTABLE_NONE_OUT_IN, ROSTERTABLE_FROM,    ROSTERTABLE_FROM_OUT,
    ROSTERTABLE_TO,          ROSTERTABLE_TO_IN,   ROSTERTABLE_BOTH,
};

static void roster_bring(struct store *s, const char *way)
{
    for (; *way; way++) {
        const bool is_bob = *way < 'a';
        const int kind = *way == 'a' || *way == 'A' ? ASK : GRANT;
        (void)store_subscribe(s, is_bob ? STORE_BOB : STORE_ALICE,
                              is_bob ? STORE_ALICE : STORE_BOB, kind);
    }
}

static void both_sides_move_in_every_state(void **state)
{
    (void)state;
    for (enum rostertable_state from = ROSTERTABLE_NONE; from < ROSTERTABLE_STATES; from++) {
        for (int kind = ASK; kind <= DENY; kind++) {
            struct store s;
            store_populate(&s);
            roster_bring(&s, ways[from]);
            assert_int_equal(roster_state(&s, STORE_ALICE, STORE_BOB), from);
            assert_int_equal(roster_state(&s, STORE_BOB, STORE_ALICE), mirror[from]);

            (void)store_subscribe(&s, STORE_ALICE, STORE_BOB, kind);
            struct rostertable_move out = rostertable_out(from, (Store__SubscribeKind)kind);
            const struct rostertable_move in =
                rostertable_in(mirror[from], (Store__SubscribeKind)kind);
            const enum rostertable_state theirs = out.is_passed ? in.state : mirror[from];
            if (roster_state(&s, STORE_ALICE, STORE_BOB) != out.state ||
                roster_state(&s, STORE_BOB, STORE_ALICE) != theirs)
                fail_msg("state %d, kind %d", (int)from, kind);
            /* Never half open: who sees, is seen. */
            const Store__RosterRow a = roster_row(&s, STORE_ALICE, STORE_BOB);
            const Store__RosterRow b = roster_row(&s, STORE_BOB, STORE_ALICE);
            assert_int_equal(a.is_to, b.is_from);
            assert_int_equal(a.is_from, b.is_to);
            store_close(&s);
        }
    }
}

static void request_and_grant_tell_both(void **state)
{
    (void)state;
    struct store s;
    store_populate(&s);
    (void)store_subscribe(&s, STORE_ALICE, STORE_BOB, ASK);
    assert_string_equal(store_feed(&s, s.index - 1), "show:bob roster:alice");
    assert_true(roster_row(&s, STORE_ALICE, STORE_BOB).is_listed);
    assert_false(roster_row(&s, STORE_BOB, STORE_ALICE).is_listed); /* M17: kept hidden */
    (void)store_subscribe(&s, STORE_ALICE, STORE_BOB, ASK);
    assert_string_equal(store_feed(&s, s.index - 1), ""); /* one pending per sender */
    (void)store_subscribe(&s, STORE_BOB, STORE_ALICE, GRANT);
    assert_string_equal(store_feed(&s, s.index - 1),
                        "show:alice roster:bob granted:bob roster:alice");
    (void)store_subscribe(&s, STORE_BOB, STORE_ALICE, DENY);
    assert_string_equal(store_feed(&s, s.index - 1),
                        "show:alice roster:bob revoked:bob roster:alice");
    store_close(&s);
}

static void lost_half_is_mended_by_a_second_request(void **state)
{
    (void)state;
    struct store s;
    store_populate(&s);
    roster_bring(&s, "Ag"); /* bob sees alice */
    /* bob cancels and asks again: alice is From no more, so the request is shown */
    (void)store_subscribe(&s, STORE_BOB, STORE_ALICE, CANCEL);
    (void)store_subscribe(&s, STORE_BOB, STORE_ALICE, ASK);
    assert_string_equal(store_feed(&s, s.index - 1), "show:alice roster:bob");
    store_close(&s);
}

static void preapproval_answers_at_once(void **state)
{
    (void)state;
    struct store s;
    store_populate(&s);
    (void)store_subscribe(&s, STORE_BOB, STORE_ALICE, GRANT);
    assert_string_equal(store_feed(&s, s.index - 1), "roster:bob"); /* not routed */
    assert_true(roster_row(&s, STORE_BOB, STORE_ALICE).is_approved);
    (void)store_subscribe(&s, STORE_ALICE, STORE_BOB, ASK);
    assert_string_equal(store_feed(&s, s.index - 1),
                        "show:alice roster:alice roster:bob granted:bob");
    assert_int_equal(roster_state(&s, STORE_ALICE, STORE_BOB), ROSTERTABLE_TO);
    assert_int_equal(roster_state(&s, STORE_BOB, STORE_ALICE), ROSTERTABLE_FROM);
    store_close(&s);

    store_populate(&s);
    (void)store_subscribe(&s, STORE_BOB, STORE_ALICE, GRANT);
    (void)store_subscribe(&s, STORE_BOB, STORE_ALICE, DENY); /* taken back */
    assert_false(roster_row(&s, STORE_BOB, STORE_ALICE).is_approved);
    (void)store_subscribe(&s, STORE_ALICE, STORE_BOB, ASK);
    assert_int_equal(roster_state(&s, STORE_BOB, STORE_ALICE), ROSTERTABLE_NONE_IN);
    store_close(&s);
}

static void blocked_and_absent_look_alike(void **state)
{
    (void)state;
    static const char *const contacts[] = {STORE_BOB, "nobody@demo.example"};
    for (size_t i = 0; i < COUNT_OF(contacts); i++) {
        struct store s;
        store_populate(&s);
        (void)store_block(&s, STORE_BOB, STORE_ALICE);
        const Store__Result r = store_subscribe(&s, STORE_ALICE, contacts[i], ASK);
        assert_int_equal(r.outcome, DONE);
        assert_string_equal(store_feed(&s, s.index - 1), "show:alice roster:alice");
        assert_int_equal(roster_state(&s, STORE_ALICE, contacts[i]), ROSTERTABLE_NONE);
        assert_int_equal(roster_state(&s, contacts[i], STORE_ALICE), ROSTERTABLE_NONE);
        store_close(&s);
    }
}

/* A block in the middle never leaves one half of a subscription. */
static void block_leaves_nothing_half_open(void **state)
{
    (void)state;
    static const char *const before[] = {"a", "aG", "aA", "Ag", "aGA", "AgaG"};
    for (size_t i = 0; i < COUNT_OF(before); i++) {
        struct store s;
        store_populate(&s);
        roster_bring(&s, before[i]);
        (void)store_block(&s, STORE_BOB, STORE_ALICE);
        (void)store_subscribe(&s, STORE_ALICE, STORE_BOB, ASK);
        char *list[] = {store_text(&s, STORE_ALICE)};
        Store__BlockSet c = STORE__BLOCK_SET__INIT;
        c.user = store_text(&s, STORE_BOB);
        c.remove = list;
        c.n_remove = 1;
        assert_int_equal(store_apply(&s, STORE_COMMAND(BLOCK_SET, block_set, &c)).outcome,
                         DONE);
        (void)store_subscribe(&s, STORE_BOB, STORE_ALICE, GRANT);
        const Store__RosterRow a = roster_row(&s, STORE_ALICE, STORE_BOB);
        const Store__RosterRow b = roster_row(&s, STORE_BOB, STORE_ALICE);
        if (a.is_to != b.is_from || a.is_from != b.is_to)
            fail_msg("after %s", before[i]);
        store_close(&s);
    }
}

struct refusal_case {
    const char *name, *to, *reason;
};

static const struct refusal_case refusals[] = {
    {"oneself", STORE_ALICE, "self"},
    {"somebody one blocks", STORE_CAROL, "blocked-by-sender"},
    {"another domain", "x@other.example", "remote-server-not-found"},
};

static void refuses_with_a_word_and_changes_nothing(void **state)
{
    (void)state;
    struct store s;
    store_populate(&s);
    (void)store_block(&s, STORE_ALICE, STORE_CAROL);
    for (size_t i = 0; i < COUNT_OF(refusals); i++) {
        const Store__Result r = store_subscribe(&s, STORE_ALICE, refusals[i].to, ASK);
        assert_int_equal(r.outcome, REFUSED);
        assert_string_equal(r.reason, refusals[i].reason);
        assert_string_equal(store_feed(&s, s.index - 1), "");
    }
    store_close(&s);
}

static Store__Result contact_set(struct store *s, const char *user, const char *contact,
                                 uint32_t items_max)
{
    Store__RosterSet c = STORE__ROSTER_SET__INIT;
    c.user = store_text(s, user);
    c.contact = store_text(s, contact);
    c.name = store_text(s, "A name");
    c.items_max = items_max;
    return store_apply(s, STORE_COMMAND(ROSTER_SET, roster_set, &c));
}

static Store__Result roster_remove(struct store *s, const char *user, const char *contact)
{
    Store__RosterRemove c = STORE__ROSTER_REMOVE__INIT;
    c.user = store_text(s, user);
    c.contact = store_text(s, contact);
    return store_apply(s, STORE_COMMAND(ROSTER_REMOVE, roster_remove, &c));
}

static void roster_has_its_limit(void **state)
{
    (void)state;
    struct store s;
    store_populate(&s);
    assert_int_equal(contact_set(&s, STORE_ALICE, "x1@other.example", 2).outcome, DONE);
    assert_int_equal(contact_set(&s, STORE_ALICE, "x2@other.example", 2).outcome, DONE);
    assert_int_equal(contact_set(&s, STORE_ALICE, "x3@other.example", 2).outcome, REFUSED);
    assert_int_equal(contact_set(&s, STORE_ALICE, "x1@other.example", 2).outcome, DONE);
    Store__UserRow *user = NULL;
    assert_int_equal(read_user(store_view(&s), span_text(STORE_ALICE), &user), 1);
    assert_int_equal(user->roster_count, 2);
    assert_int_equal(user->roster_index, s.index);
    store__user_row__free_unpacked(user, NULL);
    store_close(&s);
}

static void removal_ends_both_directions(void **state)
{
    (void)state;
    struct store s;
    store_populate(&s);
    assert_int_equal(roster_remove(&s, STORE_ALICE, STORE_BOB).outcome,
                     STORE__RESULT__OUTCOME__NOT_FOUND);
    roster_bring(&s, "AgaG");
    assert_int_equal(roster_remove(&s, STORE_ALICE, STORE_BOB).outcome, DONE);
    assert_string_equal(store_feed(&s, s.index - 1),
                        "show:bob show:bob roster:bob revoked:bob roster:alice revoked:alice");
    assert_int_equal(roster_state(&s, STORE_BOB, STORE_ALICE), ROSTERTABLE_NONE);
    assert_true(roster_row(&s, STORE_BOB, STORE_ALICE).is_listed); /* bob's item stays */
    assert_false(roster_row(&s, STORE_ALICE, STORE_BOB).is_listed);
    /* A hidden request is not in the roster, so it cannot be removed from it. */
    (void)store_subscribe(&s, STORE_CAROL, STORE_ALICE, ASK);
    assert_int_equal(roster_remove(&s, STORE_ALICE, STORE_CAROL).outcome,
                     STORE__RESULT__OUTCOME__NOT_FOUND);
    store_close(&s);
}

static void requests_nobody_answers_have_a_limit(void **state)
{
    (void)state;
    struct store s;
    store_populate(&s);
    Store__CountersRow counters = STORE__COUNTERS_ROW__INIT;
    counters.pending_count = APPLIER_PENDING_MAX - 1;
    uint8_t bytes[32];
    const size_t size = store__counters_row__pack(&counters, bytes);
    struct strbuf key = {0};
    keyspace_text(&key, KEYSPACE_GROUP, span_text(STORE_BOB));
    struct statedb_batch *batch = statedb_batch_begin(s.db);
    statedb_put(batch, KEYSPACE_COUNTERS, strbuf_span(&key), span_of(bytes, size));
    assert_int_equal(statedb_batch_commit(batch, ++s.index, 1), 0);
    strbuf_done(&key);
    assert_int_equal(store_subscribe(&s, STORE_ALICE, STORE_BOB, ASK).outcome, DONE);
    assert_string_equal(store_subscribe(&s, STORE_CAROL, STORE_BOB, ASK).reason, "over-quota");
    assert_int_equal(roster_state(&s, STORE_CAROL, STORE_BOB), ROSTERTABLE_NONE);
    (void)store_subscribe(&s, STORE_BOB, STORE_ALICE, DENY); /* room again */
    assert_int_equal(store_subscribe(&s, STORE_CAROL, STORE_BOB, ASK).outcome, DONE);
    store_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_sides_move_in_every_state),
        cmocka_unit_test(request_and_grant_tell_both),
        cmocka_unit_test(lost_half_is_mended_by_a_second_request),
        cmocka_unit_test(preapproval_answers_at_once),
        cmocka_unit_test(blocked_and_absent_look_alike),
        cmocka_unit_test(block_leaves_nothing_half_open),
        cmocka_unit_test(refuses_with_a_word_and_changes_nothing),
        cmocka_unit_test(roster_has_its_limit),
        cmocka_unit_test(removal_ends_both_directions),
        cmocka_unit_test(requests_nobody_answers_have_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
