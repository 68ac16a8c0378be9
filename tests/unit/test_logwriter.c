/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/unit.h"

#include "base/err.h"
#include "base/faults.h"
#include "base/loop.h"
#include "base/mem.h"
#include "replication/logwriter.h"
#include "replication/raftdb.h"
#include "tests/support/tempdir.h"

/* The home of the writer: keeps what was reported. */
struct home {
    struct tempdir dir;
    struct loop *loop;
    struct raftdb *db;
    struct logwriter *writer;
    uint64_t index, generation;
    uint64_t stop_at;
    size_t report_count;
    size_t failed_count;
};

static void log_was_written(int rc, uint64_t generation, uint64_t index, void *owner)
{
    struct home *h = owner;
    h->report_count++;
    if (rc < 0) {
        assert_int_equal(rc, ERR_STORAGE);
        h->failed_count++;
    } else {
        assert_int_equal(h->failed_count, 0); /* nothing is written after a failure */
        assert_true(index > h->index || generation > h->generation);
        h->index = index;
        h->generation = generation;
    }
    if (index >= h->stop_at)
        loop_stop(h->loop);
}

static int writer_setup(void **state)
{
    struct home *h = mem_zeroed(1, sizeof(*h));
    struct strbuf why = {0};
    tempdir_make(&h->dir);
    const struct raftdb_config config = {
        .path = h->dir.path, .node_id = 1, .node_name = "n1", .may_create = true};
    assert_int_equal(raftdb_open(&config, &h->db, &why), 0);
    assert_int_equal(raftdb_bootstrap(h->db, SPAN("membership")), 0);
    assert_int_equal(loop_new("home", 16, &h->loop), 0);
    loop_set_owner(h->loop, h);
    assert_int_equal(logwriter_open(h->db, h->loop, log_was_written, &h->writer), 0);
    strbuf_done(&why);
    *state = h;
    return 0;
}

static int writer_teardown(void **state)
{
    struct home *h = *state;
    faults_reset();
    logwriter_close(h->writer);
    loop_free(h->loop);
    raftdb_close(h->db);
    tempdir_remove(&h->dir);
    free(h);
    return 0;
}

static void write_entries(struct home *h, uint64_t generation, uint64_t truncate_from,
                          uint64_t index, size_t count)
{
    struct logwriter_request *request = logwriter_request_new(generation, truncate_from, index);
    for (size_t i = 0; i < count; i++)
        logwriter_request_add(
            request, &(struct logrecord){
                         .term = 1, .type = 1, .payload = i % 2 ? SPAN("odd") : SPAN("")});
    logwriter_append(h->writer, request);
}

static void count_entry(uint64_t index, const struct logrecord *r, void *arg)
{
    (void)index, (void)r;
    ++*(size_t *)arg;
}

static size_t count_log(struct home *h)
{
    struct raftdb_boot boot;
    struct strbuf why = {0};
    size_t count = 0;
    assert_int_equal(raftdb_load(h->db, count_entry, &count, &boot, &why), 0);
    assert_int_equal(boot.last_index, count);
    strbuf_done(&why);
    return count;
}

static void many_requests_share_few_syncs(void **state)
{
    struct home *h = *state;
    h->stop_at = 1001;
    for (uint64_t i = 0; i < 500; i++)
        write_entries(h, 0, 0, 2 + 2 * i, 2);
    loop_run(h->loop);
    assert_int_equal(h->index, 1001);
    assert_true(h->report_count < 500);
    assert_int_equal(count_log(h), 1001);
}

static void a_truncation_goes_with_its_entries(void **state)
{
    struct home *h = *state;
    h->stop_at = 6;
    write_entries(h, 0, 0, 2, 3);
    write_entries(h, 1, 3, 3, 4);
    loop_run(h->loop);
    assert_int_equal(h->generation, 1);
    assert_int_equal(count_log(h), 6);
}

static void a_failure_is_the_last_word(void **state)
{
    struct home *h = *state;
    assert_int_equal(faults_arm("raftdb.write", 1, 1), 0);
    h->stop_at = 3;
    write_entries(h, 0, 0, 2, 2);
    loop_run(h->loop);
    assert_int_equal(h->failed_count, 1);
    assert_int_equal(h->index, 0);
    write_entries(h, 0, 0, 4, 1); /* its report finds no home */
}

static void what_is_queued_is_written_before_the_end(void **state)
{
    struct home *h = *state;
    write_entries(h, 0, 0, 2, 9);
    logwriter_close(h->writer);
    h->writer = NULL;
    assert_int_equal(count_log(h), 10);
    loop_stop(h->loop);
    h->stop_at = UINT64_MAX;
    loop_run(h->loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(many_requests_share_few_syncs, writer_setup,
                                        writer_teardown),
        cmocka_unit_test_setup_teardown(a_truncation_goes_with_its_entries, writer_setup,
                                        writer_teardown),
        cmocka_unit_test_setup_teardown(a_failure_is_the_last_word, writer_setup,
                                        writer_teardown),
        cmocka_unit_test_setup_teardown(what_is_queued_is_written_before_the_end, writer_setup,
                                        writer_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
