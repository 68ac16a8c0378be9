/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/unit.h"

#include "base/err.h"
#include "base/faults.h"
#include "base/mem.h"
#include "replication/statedb.h"
#include "tests/support/tempdir.h"

struct fixture {
    struct tempdir dir;
    char path[96];
    struct statedb *db;
    struct strbuf value;
};

static void open_state(struct fixture *f)
{
    struct strbuf why = {0};
    assert_int_equal(statedb_open(f->path, true, &f->db, &why), 0);
    strbuf_done(&why);
}

static int state_setup(void **state)
{
    struct fixture *f = mem_zeroed(1, sizeof(*f));
    tempdir_make(&f->dir);
    (void)snprintf(f->path, sizeof(f->path), "%s/statedb", f->dir.path);
    open_state(f);
    *state = f;
    return 0;
}

static int state_teardown(void **state)
{
    struct fixture *f = *state;
    faults_reset();
    statedb_close(f->db);
    strbuf_done(&f->value);
    tempdir_remove(&f->dir);
    free(f);
    return 0;
}

static void put(struct statedb_batch *b, const char *key, const char *value)
{
    statedb_put(b, KEYSPACE_USERS, span_text(key), span_text(value));
}

static void assert_row(struct fixture *f, const struct statedb_view *view, const char *key,
                       const char *value)
{
    assert_int_equal(statedb_get(view, KEYSPACE_USERS, span_text(key), &f->value),
                     value ? 1 : 0);
    assert_true(span_is(strbuf_span(&f->value), value ? value : ""));
}

/* The keys that a scan gives, joined. */
static void assert_scan(const struct statedb_view *view, const char *lower, const char *upper,
                        bool is_reverse, const char *expected)
{
    struct strbuf keys = {0};
    struct statedb_scan *scan = NULL;
    struct span key;
    struct span value;
    assert_int_equal(statedb_scan_open(view, KEYSPACE_USERS, span_text(lower), span_text(upper),
                                       is_reverse, &scan),
                     0);
    while (statedb_scan_next(scan, &key, &value)) {
        strbuf_add(&keys, key);
        assert_true(value.size > 0);
    }
    assert_false(statedb_scan_next(scan, &key, &value)); /* the end stays the end */
    assert_int_equal(statedb_scan_close(scan), 0);
    assert_string_equal(strbuf_span(&keys).ptr, expected);
    strbuf_done(&keys);
}

static void a_batch_reads_its_own_writes(void **state)
{
    struct fixture *f = *state;
    struct statedb_batch *b = statedb_batch_begin(f->db);
    const struct statedb_view *inside = statedb_batch_view(b);
    const struct statedb_view *outside = statedb_view(f->db);
    put(b, "a", "1");
    assert_row(f, inside, "a", "1");
    assert_row(f, outside, "a", NULL);
    put(b, "a", "2");
    assert_row(f, inside, "a", "2");
    statedb_delete(b, KEYSPACE_USERS, SPAN("a"));
    assert_row(f, inside, "a", NULL);
    put(b, "a", "3");
    assert_int_equal(statedb_batch_commit(b, 1, 1), 0);
    assert_row(f, outside, "a", "3");

    b = statedb_batch_begin(f->db);
    put(b, "a", "never");
    statedb_batch_abandon(b);
    assert_row(f, outside, "a", "3");
}

static void the_applied_row_is_part_of_the_batch(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(statedb_get_applied(f->db)->index, 0);
    struct statedb_batch *b = statedb_batch_begin(f->db);
    put(b, "a", "1");
    statedb_batch_configuration(b, 6);
    assert_int_equal(statedb_batch_commit(b, 7, 2), 0);
    const struct statedb_applied before = *statedb_get_applied(f->db);
    assert_int_equal(before.index, 7);
    statedb_close(f->db);
    open_state(f);
    const struct statedb_applied *after = statedb_get_applied(f->db);
    assert_int_equal(after->index, 7);
    assert_int_equal(after->term, 2);
    assert_int_equal(after->configuration_index, 6);
    assert_true(after->hash == before.hash && after->hash != 0);
    assert_row(f, statedb_view(f->db), "a", "1");
}

static void scans_keep_their_bounds(void **state)
{
    struct fixture *f = *state;
    struct statedb_batch *b = statedb_batch_begin(f->db);
    put(b, "b", "1");
    put(b, "d", "1");
    put(b, "f", "1");
    assert_int_equal(statedb_batch_commit(b, 1, 1), 0);
    b = statedb_batch_begin(f->db);
    put(b, "a", "2");
    put(b, "c", "2");
    put(b, "g", "2");
    statedb_delete(b, KEYSPACE_USERS, SPAN("d"));
    const struct statedb_view *views[] = {statedb_view(f->db), statedb_batch_view(b)};
    static const struct {
        const char *lower, *upper;
        const char *expected[2]; /* in the database, in the batch */
    } rows[] = {
        {"", NULL, {"bdf", "abcfg"}}, {"b", "f", {"bd", "bc"}},     {"c", NULL, {"df", "cfg"}},
        {"", "b", {"", "a"}},         {"d", "e", {"d", ""}},        {"x", "z", {"", ""}},
        {"d", "d", {"", ""}},         {"", "zz", {"bdf", "abcfg"}},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        for (int v = 0; v < 2; v++) {
            const char *forward = rows[i].expected[v];
            char backward[8] = "";
            for (size_t k = 0; k < strlen(forward); k++)
                backward[k] = forward[strlen(forward) - 1 - k];
            assert_scan(views[v], rows[i].lower, rows[i].upper, false, forward);
            assert_scan(views[v], rows[i].lower, rows[i].upper, true, backward);
        }
    statedb_batch_abandon(b);
}

static void a_range_is_deleted_with_what_the_batch_added(void **state)
{
    struct fixture *f = *state;
    struct statedb_batch *b = statedb_batch_begin(f->db);
    put(b, "a", "1");
    put(b, "b", "1");
    put(b, "d", "1");
    assert_int_equal(statedb_batch_commit(b, 1, 1), 0);
    b = statedb_batch_begin(f->db);
    put(b, "c", "2");
    statedb_delete_range(b, KEYSPACE_USERS, SPAN("b"), SPAN("d"));
    assert_scan(statedb_batch_view(b), "", NULL, false, "ad");
    assert_int_equal(statedb_batch_commit(b, 2, 1), 0);
    assert_scan(statedb_view(f->db), "", NULL, false, "ad");
}

static void a_snapshot_stands_still(void **state)
{
    struct fixture *f = *state;
    struct statedb_batch *b = statedb_batch_begin(f->db);
    put(b, "a", "1");
    assert_int_equal(statedb_batch_commit(b, 1, 1), 0);
    const struct statedb_view *snapshot = statedb_snapshot_open(f->db);
    b = statedb_batch_begin(f->db);
    put(b, "a", "2");
    put(b, "b", "2");
    assert_int_equal(statedb_batch_commit(b, 2, 1), 0);
    assert_row(f, snapshot, "a", "1");
    assert_row(f, snapshot, "b", NULL);
    assert_scan(snapshot, "", NULL, false, "a");
    assert_row(f, statedb_view(f->db), "a", "2");
    statedb_snapshot_close(snapshot);
}

/* Two databases: the same rows in other batches hash alike, other rows do not. */
static void the_hash_knows_rows_not_batches(void **state)
{
    struct fixture *f = *state;
    uint64_t hashes[3];
    for (int run = 0; run < 3; run++) {
        statedb_close(f->db);
        tempdir_remove_tree(f->path);
        open_state(f);
        struct statedb_batch *b = statedb_batch_begin(f->db);
        put(b, "a", "1");
        if (run == 1) {
            assert_int_equal(statedb_batch_commit(b, 1, 1), 0);
            b = statedb_batch_begin(f->db);
        }
        put(b, "b", run == 2 ? "x" : "2");
        statedb_delete(b, KEYSPACE_USERS, SPAN("a"));
        assert_int_equal(statedb_batch_commit(b, 2, 1), 0);
        hashes[run] = statedb_get_applied(f->db)->hash;
    }
    assert_true(hashes[0] == hashes[1]);
    assert_true(hashes[0] != hashes[2]);
}

static void a_failed_write_is_the_last(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(faults_arm("statedb.write", 1, 1), 0);
    struct statedb_batch *b = statedb_batch_begin(f->db);
    put(b, "a", "1");
    assert_int_equal(statedb_batch_commit(b, 1, 1), ERR_STORAGE);
    assert_int_equal(statedb_get_applied(f->db)->index, 0);
    assert_row(f, statedb_view(f->db), "a", NULL);
    b = statedb_batch_begin(f->db);
    put(b, "a", "1");
    assert_int_equal(statedb_batch_commit(b, 1, 1), ERR_STORAGE);
    assert_int_equal(statedb_flush_wal(f->db), ERR_STORAGE);
}

static void a_checkpoint_opens_elsewhere(void **state)
{
    struct fixture *f = *state;
    struct statedb_batch *b = statedb_batch_begin(f->db);
    put(b, "a", "1");
    assert_int_equal(statedb_batch_commit(b, 5, 3), 0);
    assert_int_equal(statedb_flush_wal(f->db), 0);
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/copy", f->dir.path);
    assert_int_equal(statedb_checkpoint(f->db, path), 0);
    assert_true(statedb_checkpoint(f->db, path) < 0); /* it must not exist */
    struct statedb *copy = NULL;
    struct strbuf why = {0};
    assert_int_equal(statedb_open(path, false, &copy, &why), 0);
    assert_int_equal(statedb_get_applied(copy)->index, 5);
    assert_row(f, statedb_view(copy), "a", "1");
    statedb_close(copy);
    strbuf_done(&why);
}

static void opens_only_what_is_there_and_free(void **state)
{
    struct fixture *f = *state;
    struct statedb *other = NULL;
    struct strbuf why = {0};
    assert_int_equal(statedb_open(f->path, true, &other, &why), ERR_STORAGE);
    assert_non_null(strstr(why.data, "open in another process"));
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/nothing", f->dir.path);
    strbuf_clear(&why);
    assert_int_equal(statedb_open(path, false, &other, &why), ERR_NOT_FOUND);
    assert_non_null(strstr(why.data, "there is no database"));
    strbuf_done(&why);
}

int main(void)
{
#define WITH_DB(test) cmocka_unit_test_setup_teardown(test, state_setup, state_teardown)
    const struct CMUnitTest tests[] = {
        WITH_DB(a_batch_reads_its_own_writes),
        WITH_DB(the_applied_row_is_part_of_the_batch),
        WITH_DB(scans_keep_their_bounds),
        WITH_DB(a_range_is_deleted_with_what_the_batch_added),
        WITH_DB(a_snapshot_stands_still),
        WITH_DB(the_hash_knows_rows_not_batches),
        WITH_DB(a_failed_write_is_the_last),
        WITH_DB(a_checkpoint_opens_elsewhere),
        WITH_DB(opens_only_what_is_there_and_free),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
