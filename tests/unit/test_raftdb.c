/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/unit.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/faults.h"
#include "base/mem.h"
#include "replication/raftdb.h"
#include "tests/support/tempdir.h"

enum { ENTRIES = 200, PATH_SIZE = 512 };

struct fixture {
    struct tempdir dir;
    struct raftdb_config config;
};

static int log_setup(void **state)
{
    struct fixture *f = mem_zeroed(1, sizeof(*f));
    tempdir_make(&f->dir);
    f->config = (struct raftdb_config){
        .path = f->dir.path, .node_id = 1, .node_name = "n1", .may_create = true};
    *state = f;
    return 0;
}

static int log_teardown(void **state)
{
    struct fixture *f = *state;
    faults_reset();
    tempdir_remove(&f->dir);
    free(f);
    return 0;
}

static int open_log(const struct fixture *f, struct raftdb **ret_db)
{
    struct strbuf why = {0};
    const int rc = raftdb_open(&f->config, ret_db, &why);
    assert_true(rc == 0 || why.size > 0);
    strbuf_done(&why);
    return rc;
}

static struct raftdb *must_open(const struct fixture *f)
{
    struct raftdb *db = NULL;
    assert_int_equal(open_log(f, &db), 0);
    return db;
}

static void append(struct raftdb *db, uint64_t index, uint64_t term, const char *text)
{
    raftdb_batch_put(db, index,
                     &(struct logrecord){.term = term, .type = 1, .payload = span_text(text)});
}

/* A log of ENTRIES entries, each synced alone. */
static void fill(const struct fixture *f)
{
    struct raftdb *db = must_open(f);
    assert_true(raftdb_is_blank(db));
    assert_int_equal(raftdb_bootstrap(db, SPAN("membership")), 0);
    assert_int_equal(raftdb_write_vote(db, &(struct logrecord_vote){3, 1}), 0);
    for (uint64_t i = 2; i <= ENTRIES; i++) {
        append(db, i, 1 + i / 100, "some text that fills the log");
        assert_int_equal(raftdb_batch_commit(db), 0);
    }
    raftdb_close(db);
}

static void check_entry(uint64_t index, const struct logrecord *r, void *arg)
{
    uint64_t *last = arg;
    assert_true(*last == 0 || index == *last + 1);
    assert_true(r->term >= 1);
    *last = index;
}

/* Returns what loading says, and the last entry that it gave. */
static int load(struct raftdb *db, uint64_t *ret_last, struct raftdb_boot *ret_boot)
{
    struct strbuf why = {0};
    *ret_last = 0;
    const int rc = raftdb_load(db, check_entry, ret_last, ret_boot, &why);
    assert_true(rc == 0 || why.size > 0);
    strbuf_done(&why);
    return rc;
}

static void gives_back_what_was_written(void **state)
{
    struct fixture *f = *state;
    fill(f);
    struct raftdb *db = must_open(f);
    struct raftdb_boot boot;
    uint64_t last;
    assert_false(raftdb_is_blank(db));
    assert_int_equal(load(db, &last, &boot), 0);
    assert_int_equal(last, ENTRIES);
    assert_int_equal(boot.first_index, 1);
    assert_int_equal(boot.last_index, ENTRIES);
    assert_int_equal(boot.vote.term, 3);
    assert_int_equal(boot.vote.voted_for, 1);
    assert_int_equal(boot.snapshot.index, 0);

    struct strbuf buffer = {0};
    struct logrecord r;
    assert_int_equal(raftdb_read(db, 150, &buffer, &r), 0);
    assert_int_equal(r.term, 2);
    assert_true(span_is(r.payload, "some text that fills the log"));
    assert_int_equal(raftdb_read(db, ENTRIES + 1, &buffer, &r), ERR_CORRUPT);
    strbuf_done(&buffer);
    raftdb_close(db);
}

static void truncates_and_appends_in_one_write(void **state)
{
    struct fixture *f = *state;
    fill(f);
    struct raftdb *db = must_open(f);
    raftdb_batch_truncate(db, 100);
    append(db, 100, 3, "other");
    append(db, 101, 3, "other");
    assert_int_equal(raftdb_batch_commit(db), 0);
    raftdb_close(db);
    db = must_open(f);
    struct raftdb_boot boot;
    uint64_t last;
    assert_int_equal(load(db, &last, &boot), 0);
    assert_int_equal(boot.last_index, 101);
    raftdb_close(db);
}

static void compacts(void **state)
{
    struct fixture *f = *state;
    fill(f);
    struct raftdb *db = must_open(f);
    const struct logrecord_snapshot snapshot = {.index = 150,
                                                .term = 2,
                                                .configuration_index = 1,
                                                .first_index = 101,
                                                .stamp_us = 77,
                                                .configuration = SPAN("membership")};
    assert_int_equal(raftdb_compact(db, &snapshot), 0);
    raftdb_close(db);
    db = must_open(f);
    struct raftdb_boot boot;
    uint64_t last;
    assert_int_equal(load(db, &last, &boot), 0);
    assert_int_equal(boot.first_index, 101);
    assert_int_equal(boot.last_index, ENTRIES);
    assert_int_equal(boot.snapshot.index, 150);
    assert_int_equal(boot.snapshot.stamp_us, 77);
    assert_true(span_is(boot.snapshot.configuration, "membership"));
    raftdb_close(db);
}

static void a_hole_is_found(void **state)
{
    struct fixture *f = *state;
    fill(f);
    struct raftdb *db = must_open(f);
    append(db, ENTRIES + 2, 3, "behind a missing one");
    assert_int_equal(raftdb_batch_commit(db), 0);
    struct raftdb_boot boot;
    uint64_t last;
    assert_int_equal(load(db, &last, &boot), ERR_CORRUPT);
    raftdb_close(db);
}

static void a_term_that_falls_is_found(void **state)
{
    struct fixture *f = *state;
    fill(f);
    struct raftdb *db = must_open(f);
    append(db, ENTRIES + 1, 1, "of a term before the former entry's");
    assert_int_equal(raftdb_batch_commit(db), 0);
    struct raftdb_boot boot;
    uint64_t last;
    assert_int_equal(load(db, &last, &boot), ERR_CORRUPT);
    raftdb_close(db);
}

static void a_failed_log_write_is_the_last(void **state)
{
    struct fixture *f = *state;
    fill(f);
    struct raftdb *db = must_open(f);
    assert_int_equal(faults_arm("raftdb.write", 1, 1), 0);
    append(db, ENTRIES + 1, 3, "x");
    assert_int_equal(raftdb_batch_commit(db), ERR_STORAGE);
    append(db, ENTRIES + 1, 3, "x");
    assert_int_equal(raftdb_batch_commit(db), ERR_STORAGE); /* the fault is over */
    raftdb_close(db);
}

static void knows_its_owner(void **state)
{
    struct fixture *f = *state;
    fill(f);
    struct raftdb *db = NULL;
    f->config.node_name = "n2";
    assert_int_equal(open_log(f, &db), ERR_FOREIGN);
    f->config.node_name = "n1";
    f->config.node_id = 3;
    assert_int_equal(open_log(f, &db), ERR_FOREIGN);
    f->config.node_id = 1;
    db = must_open(f);
    struct raftdb *second = NULL;
    assert_int_equal(open_log(f, &second), ERR_STORAGE); /* locked */
    raftdb_close(db);
}

/* ---- Damage to the files of a log that was not closed ---------------------------------- */

/* The newest write-ahead log file, into path. */
static void find_wal(const struct fixture *f, char path[PATH_SIZE])
{
    DIR *dir = opendir(f->dir.path);
    assert_non_null(dir);
    long best = -1;
    for (struct dirent *e = readdir(dir); e; e = readdir(dir)) {
        const size_t size = strlen(e->d_name);
        const long number = strtol(e->d_name, NULL, 10);
        if (size > 4 && strcmp(e->d_name + size - 4, ".log") == 0 && number > best) {
            best = number;
            (void)snprintf(path, PATH_SIZE, "%s/%s", f->dir.path, e->d_name);
        }
    }
    (void)closedir(dir);
    assert_true(best >= 0);
}

static void cut_tail(int fd, off_t size)
{
    assert_int_equal(ftruncate(fd, size - 10), 0);
}

static void flip_byte(int fd, off_t size)
{
    char byte;
    assert_int_equal(pread(fd, &byte, 1, size / 2), 1);
    byte = (char)(byte ^ 0x40);
    assert_int_equal(pwrite(fd, &byte, 1, size / 2), 1);
}

static void zero_tail(int fd, off_t size)
{
    static const char zeros[4096];
    assert_int_equal(pwrite(fd, zeros, sizeof(zeros), size), sizeof(zeros));
}

static void empty_file(int fd, off_t size)
{
    (void)size;
    assert_int_equal(ftruncate(fd, 0), 0);
}

struct damage {
    const char *name;
    void (*apply)(int fd, off_t size);
    bool is_whole; /* all synced entries are still there */
};

static const struct damage damages[] = {
    {"last record torn", cut_tail, false},
    {"byte flipped in the middle", flip_byte, false},
    {"zero-filled tail", zero_tail, true},
    {"log file emptied", empty_file, false},
};

/* Recovery may refuse, or give a shorter log: never a wrong or a holey one. That a shorter
 * one has lost what the state has seen, is the caller's to find (test_replica). */
static void damage_never_passes_for_the_whole(void **state)
{
    void *inner = NULL;
    (void)log_setup(&inner);
    struct fixture *f = inner;
    const struct damage *d = *state;
    fill(f);
    char path[PATH_SIZE] = "";
    find_wal(f, path);
    const int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    struct stat st;
    assert_int_equal(fstat(fd, &st), 0);
    d->apply(fd, st.st_size);
    (void)close(fd);

    struct raftdb *db = NULL;
    if (open_log(f, &db) == 0) {
        struct raftdb_boot boot;
        uint64_t last = 0;
        const int rc = raftdb_is_blank(db) ? ERR_CORRUPT : load(db, &last, &boot);
        if (d->is_whole)
            assert_int_equal(rc, 0);
        assert_true(rc < 0 || last == boot.last_index);
        assert_int_equal(last == ENTRIES, d->is_whole);
    } else {
        assert_false(d->is_whole);
    }
    raftdb_close(db);
    (void)log_teardown(&inner);
}

int main(void)
{
    struct CMUnitTest tests[COUNT_OF(damages) + 7] = {
        cmocka_unit_test_setup_teardown(gives_back_what_was_written, log_setup, log_teardown),
        cmocka_unit_test_setup_teardown(truncates_and_appends_in_one_write, log_setup,
                                        log_teardown),
        cmocka_unit_test_setup_teardown(compacts, log_setup, log_teardown),
        cmocka_unit_test_setup_teardown(a_hole_is_found, log_setup, log_teardown),
        cmocka_unit_test_setup_teardown(a_term_that_falls_is_found, log_setup, log_teardown),
        cmocka_unit_test_setup_teardown(a_failed_log_write_is_the_last, log_setup,
                                        log_teardown),
        cmocka_unit_test_setup_teardown(knows_its_owner, log_setup, log_teardown),
    };
    for (size_t i = 0; i < COUNT_OF(damages); i++)
        tests[7 + i] = (struct CMUnitTest){.name = damages[i].name,
                                           .test_func = damage_never_passes_for_the_whole,
                                           .initial_state = (void *)(uintptr_t)&damages[i]};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
