/* SPDX-License-Identifier: Apache-2.0 */
/* Exactly once, and the same end from the same log. */
#include "tests/support/unit.h"

#include "replication/applier.h"
#include "replication/apply_trim.h"
#include "tests/support/store.h"

enum {
    DONE = STORE__RESULT__OUTCOME__DONE,
    DUPLICATE = STORE__RESULT__OUTCOME__DUPLICATE,
    STALE = STORE__RESULT__OUTCOME__STALE,
    MALFORMED = STORE__RESULT__OUTCOME__MALFORMED,
};

static Store__Result set_number(struct store *s, unsigned number, uint64_t epoch,
                                uint64_t sequence, uint64_t oldest)
{
    char value[16];
    (void)snprintf(value, sizeof(value), "%u", number);
    Store__SettingSet c = STORE__SETTING_SET__INIT;
    c.name = store_text(s, "n");
    c.value = store_text(s, value);
    return store_apply_from(s, STORE_COMMAND(SETTING_SET, setting_set, &c),
                            (struct command_header){.proposer_node = 7,
                                                    .proposer_epoch = epoch,
                                                    .sequence = sequence,
                                                    .oldest_unanswered = oldest});
}

static unsigned number_set(struct store *s)
{
    Store__SettingRow *row = NULL;
    if (read_setting(store_view(s), "n", &row) != 1)
        return 0;
    const unsigned number = (unsigned)strtoul(row->value, NULL, 10);
    store__setting_row__free_unpacked(row, NULL);
    return number;
}

/* In this order into one store; `is_applied`: the value is set by it. */
static const struct once_case {
    const char *name;
    uint64_t epoch, sequence, oldest;
    bool is_applied;
    int outcome;
    uint64_t first_index; /* of the entry whose result comes back */
} once[] = {
    {"first", 1, 1, 1, true, DONE, 1},
    {"retried", 1, 1, 1, false, DONE, 1},
    {"a later one overtakes", 1, 3, 1, true, DONE, 3},
    {"the one it overtook", 1, 2, 1, true, DONE, 4},
    {"both again", 1, 3, 1, false, DONE, 3},
    {"the window moves", 1, 4, 4, true, DONE, 6},
    {"below the window", 1, 3, 1, false, DUPLICATE, 7},
    {"a window that says less moves nothing", 1, 5, 2, true, DONE, 8},
    {"still below", 1, 2, 2, false, DUPLICATE, 9},
    {"a new life of the node", 2, 1, 1, true, DONE, 10},
    {"the old one speaks", 1, 6, 4, false, STALE, 11},
    {"oldest above its own sequence", 2, 2, 1ULL << 60, true, DONE, 12},
    {"retried after that", 2, 2, 1ULL << 60, false, DONE, 12},
};

static void proposal_is_applied_once(void **state)
{
    (void)state;
    struct store s;
    store_open(&s);
    unsigned expected = 0;
    for (unsigned i = 0; i < COUNT_OF(once); i++) {
        const struct once_case *c = &once[i];
        const Store__Result r = set_number(&s, i + 1, c->epoch, c->sequence, c->oldest);
        if (c->is_applied)
            expected = i + 1;
        if ((int)r.outcome != c->outcome || r.index != c->first_index ||
            number_set(&s) != expected)
            fail_msg("%s: outcome %d index %d number %u", c->name, (int)r.outcome, (int)r.index,
                     number_set(&s));
    }
    store_close(&s);
}

static void what_cannot_be_parsed_is_malformed_and_takes_its_place(void **state)
{
    (void)state;
    struct store s;
    store_open(&s);
    const struct command_header h = {
        .proposer_node = 7, .proposer_epoch = 1, .sequence = 1, .oldest_unanswered = 1};
    struct statedb_batch *batch = statedb_batch_begin(s.db);
    Store__Result r;
    assert_int_equal(applier_apply(batch, ++s.index, &h, NULL, &s.arena, &r), 0);
    assert_int_equal(r.outcome, MALFORMED);
    assert_int_equal(statedb_batch_commit(batch, s.index, 1), 0);
    const Store__Command nothing = STORE__COMMAND__INIT;
    assert_int_equal(store_apply(&s, &nothing).outcome, MALFORMED);
    assert_int_equal(set_number(&s, 5, 1, 1, 1).outcome, MALFORMED); /* the same sequence */
    store_close(&s);
}

/* A life of a small cluster, long enough for everything that is trimmed. */
static void live(struct store *s, unsigned entries)
{
    uint64_t prev = 0;
    store_populate(s);
    (void)store_subscribe(s, STORE_ALICE, STORE_BOB, 1);
    (void)store_subscribe(s, STORE_BOB, STORE_ALICE, 2);
    (void)store_bind(s, 'a', STORE_ALICE, "a", true);
    (void)store_bind(s, 'b', STORE_BOB, "b", true);
    for (unsigned i = 1; i <= entries; i++) {
        char id[16];
        (void)snprintf(id, sizeof(id), "%u", i);
        s->stamp_us += 60ULL * STORE_SECOND_US;
        const Store__Result r =
            store_message(s, (struct store_message){.from = STORE_ALICE "/a",
                                                    .to = STORE_BOB,
                                                    .session = 'a',
                                                    .n = i,
                                                    .prev = prev,
                                                    .origin_id = id,
                                                    .is_queue = i % 3 == 0});
        assert_int_equal(r.outcome, DONE);
        prev = i;
        if (i % 2 == 0) {
            (void)store_mark(s, 'b', 1, i, r.index);
            (void)store_progress(s, 'b', 1, (int)i, 0, 0);
        }
        if (i % 16 == 0) {
            (void)store_bind(s, 'x', STORE_CAROL, "x", true);
            (void)store_end(s, 'x', 1, -1, false);
        }
    }
}

static void same_log_makes_the_same_state(void **state)
{
    (void)state;
    struct store one, two;
    live(&one, 300);
    live(&two, 300);
    assert_int_equal(one.index, two.index);
    assert_int_equal(statedb_get_applied(one.db)->hash, statedb_get_applied(two.db)->hash);
    assert_int_not_equal(statedb_get_applied(one.db)->hash, 0);
    store_close(&one);
    store_close(&two);
}

static size_t rows_of(const struct store *s, enum keyspace_cf cf)
{
    struct statedb_scan *scan = NULL;
    struct span key, value;
    size_t count = 0;
    assert_int_equal(statedb_scan_open(store_view(s), cf, SPAN(""), SPAN_NONE, false, &scan),
                     0);
    while (statedb_scan_next(scan, &key, &value))
        count++;
    assert_int_equal(statedb_scan_close(scan), 0);
    return count;
}

static void what_is_kept_for_a_while_goes(void **state)
{
    (void)state;
    struct store s;
    live(&s, 300); /* five hours; origin ids live 70 minutes, ended sessions 10 */
    assert_in_range(rows_of(&s, KEYSPACE_DEDUPE), 70, 70 + 64);
    assert_int_equal(rows_of(&s, KEYSPACE_DEDUPE), rows_of(&s, KEYSPACE_DEDUPE_AGE));
    assert_in_range(rows_of(&s, KEYSPACE_ENDED), 0, 5); /* of 18 */
    assert_int_equal(rows_of(&s, KEYSPACE_SESSIONS), 2 + rows_of(&s, KEYSPACE_ENDED));
    store_close(&s);
}

static bool first_index(uint64_t index, const Store__FeedRow *row, void *arg)
{
    (void)row;
    *(uint64_t *)arg = index;
    return false;
}

static void feed_keeps_its_newest_entries(void **state)
{
    (void)state;
    struct store s;
    live(&s, 100);
    const uint64_t last = s.index;
    s.index = APPLIER_FEED_KEPT + 20; /* as if as many entries had changed nothing */
    for (int i = 0; i < APPLY_TRIM_EVERY; i++)
        (void)store_message(&s, (struct store_message){.from = STORE_CAROL, .to = STORE_ALICE});
    uint64_t trimmed = 0, first = 0, first_of = 0;
    assert_int_equal(read_feed_trimmed(store_view(&s), &trimmed), 0);
    assert_in_range(trimmed, 20, 20 + APPLY_TRIM_EVERY);
    assert_int_equal(read_feed(store_view(&s), 0, first_index, &first), 0);
    assert_in_range(first, trimmed, trimmed + 5);
    assert_int_equal(
        read_feed_of(store_view(&s), span_text(STORE_BOB), 0, first_index, &first_of), 0);
    assert_in_range(first_of, trimmed, trimmed + 5);
    assert_true(first < last);
    store_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(proposal_is_applied_once),
        cmocka_unit_test(what_cannot_be_parsed_is_malformed_and_takes_its_place),
        cmocka_unit_test(same_log_makes_the_same_state),
        cmocka_unit_test(what_is_kept_for_a_while_goes),
        cmocka_unit_test(feed_keeps_its_newest_entries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
