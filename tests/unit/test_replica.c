/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/unit.h"

#include <inttypes.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cell.h"
#include "base/err.h"
#include "base/faults.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/wakeup.h"
#include "replication/read.h"
#include "replication/replica.h"
#include "replication/statedb.h"
#include "tests/support/tempdir.h"

enum { WINDOW = 64, KILLS = 5 };

/* ---- A client that proposes settings "k.N" = "N" -------------------------------------- */

struct client {
    struct loop *home;
    struct replica *replica;
    uint64_t next, last; /* numbers to propose */
    uint64_t open_count;
    uint64_t done_count;
    uint64_t stamp_us, index;
    int acked_fd;          /* numbers are told here once they are acknowledged; -1: nowhere */
    int rc;                /* of the first refusal */
    struct wakeup *wakeup; /* closed at the end, if open */
    uint64_t heard;
};

struct setting_proposal {
    struct proposal proposal;
    struct client *client;
    uint64_t number;
};

static struct cell failed_rc;

static void store_failed(int rc, const char *why, void *arg)
{
    (void)why, (void)arg;
    cell_set(&failed_rc, (uint64_t)-rc);
}

static const struct replica_events events = {.failed = store_failed};

static void propose_more(struct client *c);

static void setting_answered(struct proposal *p, void *owner)
{
    struct client *c = owner;
    struct setting_proposal *s = (struct setting_proposal *)p;
    c->open_count--;
    if (p->rc == 0) {
        assert_non_null(p->result);
        assert_int_equal(p->result->outcome, STORE__RESULT__OUTCOME__DONE);
        assert_true(p->result->stamp_us >= c->stamp_us);
        assert_true(p->result->index > c->index); /* answers come in log order */
        assert_true(replica_applied(c->replica) >= p->result->index);
        c->stamp_us = p->result->stamp_us;
        c->index = p->result->index;
        c->done_count++;
        if (c->acked_fd >= 0)
            (void)!write(c->acked_fd, &s->number, sizeof(s->number));
    } else if (c->rc == 0) {
        c->rc = p->rc;
    }
    proposal_release(p);
    free(s);
    propose_more(c);
}

static struct setting_proposal *setting_new(struct client *c, uint64_t number)
{
    char name[32];
    char value[32];
    struct setting_proposal *s = mem_zeroed(1, sizeof(*s));
    s->client = c;
    s->number = number;
    s->proposal.home = c->home;
    s->proposal.answered = setting_answered;
    (void)snprintf(name, sizeof(name), "k.%" PRIu64, number);
    (void)snprintf(value, sizeof(value), "%" PRIu64, number);
    Store__SettingSet set = STORE__SETTING_SET__INIT;
    set.name = name;
    set.value = value;
    Store__Command command = STORE__COMMAND__INIT;
    command.body_case = STORE__COMMAND__BODY_SETTING_SET;
    command.setting_set = &set;
    proposal_fill(&s->proposal, &command);
    return s;
}

static void propose_more(struct client *c)
{
    while (c->rc == 0 && c->next <= c->last && c->open_count < WINDOW) {
        struct setting_proposal *s = setting_new(c, c->next++);
        const int rc = replica_propose(c->replica, &s->proposal);
        if (rc < 0) {
            c->rc = rc;
            proposal_release(&s->proposal);
            free(s);
            break;
        }
        c->open_count++;
    }
    if (c->open_count == 0) {
        wakeup_close(c->wakeup);
        c->wakeup = NULL;
        loop_stop(c->home);
    }
}

static void propose_begin(struct message *self, void *owner)
{
    propose_more(owner);
    free(self);
}

/* Proposes the numbers from..to and returns when all are answered. */
static struct client propose_range(struct replica *r, uint64_t from, uint64_t to, int acked_fd)
{
    struct client c = {.replica = r, .next = from, .last = to, .acked_fd = acked_fd};
    assert_int_equal(loop_new("client", 1024, &c.home), 0);
    loop_set_owner(c.home, &c);
    struct message *begin = mem_zeroed(1, sizeof(*begin));
    begin->deliver = propose_begin;
    assert_int_equal(loop_post(c.home, begin), 0);
    loop_run(c.home);
    loop_free(c.home);
    return c;
}

static struct replica_config config_of(const char *dir)
{
    return (struct replica_config){.data_dir = dir,
                                   .node_name = "n1",
                                   .node_id = 1,
                                   .may_create = true,
                                   .seed = 7,
                                   .free_space_min = 1 << 20};
}

static struct replica *replica_of(const struct replica_config *config)
{
    struct replica *r = NULL;
    struct strbuf why = {0};
    const int rc = replica_open(config, &events, &r, &why);
    if (rc < 0)
        print_error("%s: %s\n", err_name(rc), why.data);
    assert_int_equal(rc, 0);
    strbuf_done(&why);
    return r;
}

static void refuse_open(const struct replica_config *config, int expected, const char *says)
{
    struct replica *r = NULL;
    struct strbuf why = {0};
    assert_int_equal(replica_open(config, &events, &r, &why), expected);
    assert_null(r);
    if (!strstr(strbuf_span(&why).ptr, says))
        fail_msg("\"%s\" does not say \"%s\"", why.data, says);
    strbuf_done(&why);
}

static void assert_setting(struct replica *r, uint64_t number)
{
    char name[32];
    char value[32];
    Store__SettingRow *row = NULL;
    (void)snprintf(name, sizeof(name), "k.%" PRIu64, number);
    (void)snprintf(value, sizeof(value), "%" PRIu64, number);
    assert_int_equal(read_setting(replica_view(r), name, &row), 1);
    assert_string_equal(row->value, value);
    store__setting_row__free_unpacked(row, NULL);
}

static int store_setup(void **state)
{
    struct tempdir *dir = mem_zeroed(1, sizeof(*dir));
    tempdir_make(dir);
    cell_set(&failed_rc, 0);
    *state = dir;
    return 0;
}

static int store_teardown(void **state)
{
    faults_reset();
    tempdir_remove(*state);
    free(*state);
    return 0;
}

/* ---- Tests ---------------------------------------------------------------------------- */

static void ten_thousand_are_there_after_a_reopen(void **state)
{
    struct tempdir *dir = *state;
    const struct replica_config config = config_of(dir->path);
    struct replica *r = replica_of(&config);
    const struct client c = propose_range(r, 1, 10000, -1);
    assert_int_equal(c.rc, 0);
    assert_int_equal(c.done_count, 10000);
    replica_free(r);

    r = replica_of(&config);
    for (uint64_t i = 1; i <= 10000; i += 7)
        assert_setting(r, i);
    assert_setting(r, 10000);
    assert_int_equal(propose_range(r, 10001, 10001, -1).done_count, 1);
    struct replica_status status;
    replica_status(r, &status);
    assert_true(status.is_leader && status.is_ready && !status.is_failed);
    assert_int_equal(status.epoch, 2); /* its second life */
    assert_int_equal(status.applied_index, status.last_index);
    replica_free(r);
}

static void the_state_is_rebuilt_from_the_log(void **state)
{
    struct tempdir *dir = *state;
    const struct replica_config config = config_of(dir->path);
    struct replica *r = replica_of(&config);
    assert_int_equal(propose_range(r, 1, 500, -1).done_count, 500);
    replica_free(r);

    char path[96];
    (void)snprintf(path, sizeof(path), "%s/statedb", dir->path);
    tempdir_remove_tree(path);
    r = replica_of(&config);
    assert_int_equal(propose_range(r, 501, 501, -1).done_count, 1);
    for (uint64_t i = 1; i <= 501; i++)
        assert_setting(r, i);
    replica_free(r);
}

static void compaction_keeps_what_it_must(void **state)
{
    struct tempdir *dir = *state;
    struct replica_config config = config_of(dir->path);
    config.keep_entries = 50;
    config.compact_after = 50;
    struct replica *r = replica_of(&config);
    assert_int_equal(propose_range(r, 1, 1000, -1).done_count, 1000);
    struct replica_status status;
    replica_status(r, &status);
    assert_true(status.first_index > 800);
    assert_true(status.last_index - status.first_index >= 49);
    replica_free(r);

    r = replica_of(&config);
    assert_int_equal(propose_range(r, 1001, 1200, -1).done_count, 200);
    for (uint64_t i = 1; i <= 1200; i++)
        assert_setting(r, i);
    replica_free(r);

    char path[96]; /* now the log alone does not make the state */
    (void)snprintf(path, sizeof(path), "%s/statedb", dir->path);
    tempdir_remove_tree(path);
    refuse_open(&config, ERR_CORRUPT, "the state was lost");
}

static void a_lost_log_is_noticed(void **state)
{
    struct tempdir *dir = *state;
    const struct replica_config config = config_of(dir->path);
    struct replica *r = replica_of(&config);
    assert_int_equal(propose_range(r, 1, 10, -1).done_count, 10);
    replica_free(r);
    char path[96];
    (void)snprintf(path, sizeof(path), "%s/raftdb", dir->path);
    tempdir_remove_tree(path);
    refuse_open(&config, ERR_CORRUPT, "the log was lost");
}

static void others_are_kept_out(void **state)
{
    struct tempdir *dir = *state;
    struct replica_config config = config_of(dir->path);
    config.may_create = false;
    refuse_open(&config, ERR_NOT_FOUND, "raftdb");
    config.may_create = true;
    struct replica *r = replica_of(&config);
    refuse_open(&config, ERR_STORAGE, "open in another process");
    assert_int_equal(propose_range(r, 1, 1, -1).done_count, 1);
    replica_free(r);
    config.node_name = "n2";
    refuse_open(&config, ERR_FOREIGN, "belongs to node n1");
    config.node_name = "n1";
    config.node_id = 2;
    refuse_open(&config, ERR_FOREIGN, "belongs to node n1");
    config.node_id = 1;
    config.data_dir = "/nonexistent/presenced";
    refuse_open(&config, -ENOENT, "/nonexistent/presenced");
}

static void a_write_error_ends_it(void **state)
{
    struct tempdir *dir = *state;
    const char *point = "raftdb.write";
    for (int round = 0; round < 2; round++, point = "statedb.write") {
        const struct replica_config config = config_of(dir->path);
        cell_set(&failed_rc, 0);
        struct replica *r = replica_of(&config);
        assert_int_equal(propose_range(r, 1, 100, -1).done_count, 100);
        assert_int_equal(faults_arm(point, 3, 0), 0);
        const struct client c = propose_range(r, 101, 2000, -1);
        assert_int_equal(cell_get(&failed_rc), -ERR_STORAGE);
        assert_true(c.rc == ERR_UNKNOWN || c.rc == ERR_CLOSED);
        assert_true(c.done_count < 1900);
        const struct client later = propose_range(r, 3000, 3000, -1);
        assert_int_equal(later.rc, ERR_CLOSED);
        replica_free(r);
        faults_reset();

        r = replica_of(&config); /* what was acknowledged is there */
        for (uint64_t i = 1; i <= 100 + c.done_count; i++)
            assert_setting(r, i);
        replica_free(r);
    }
}

static void a_disk_that_fails_at_the_start_is_told_at_once(void **state)
{
    struct tempdir *dir = *state;
    const struct replica_config config = config_of(dir->path);
    assert_int_equal(faults_arm("raftdb.write", 1, 1), 0);
    refuse_open(&config, ERR_STORAGE, "first log entry");
    faults_reset();
    assert_int_equal(faults_arm("raftdb.write", 2, 1), 0);
    refuse_open(&config, ERR_STORAGE, "term and vote");
    faults_reset();
    assert_int_equal(cell_get(&failed_rc), 0);
    struct replica *r = replica_of(&config);
    assert_int_equal(propose_range(r, 1, 1, -1).done_count, 1);
    replica_free(r);
}

static void a_full_disk_refuses_and_recovers(void **state)
{
    struct tempdir *dir = *state;
    const struct replica_config config = config_of(dir->path);
    struct replica *r = replica_of(&config);
    assert_int_equal(propose_range(r, 1, 1, -1).done_count, 1);
    assert_int_equal(faults_arm("freespace.full", 1, 0), 0);
    assert_int_equal(propose_range(r, 2, 2, -1).rc, ERR_NO_SPACE);
    assert_int_equal(cell_get(&failed_rc), 0);
    faults_reset();
    assert_int_equal(propose_range(r, 3, 3, -1).done_count, 1);
    replica_free(r);
}

static void proposals_in_flight_are_limited(void **state)
{
    struct tempdir *dir = *state;
    struct replica_config config = config_of(dir->path);
    config.in_flight_max = 8;
    struct replica *r = replica_of(&config);
    const struct client c = propose_range(r, 1, 1000, -1);
    assert_int_equal(c.rc, ERR_FULL);
    assert_true(c.done_count >= 1);
    assert_int_equal(propose_range(r, 2000, 2007, -1).done_count, 8);
    replica_free(r);

    config.in_flight_max = 0;
    config.in_flight_size_max = 100; /* less than two entries */
    r = replica_of(&config);
    struct replica_status status;
    do /* its own first entry counts as well */
        replica_status(r, &status);
    while (!status.is_ready);
    assert_int_equal(propose_range(r, 1, 2, -1).rc, ERR_FULL);
    assert_int_equal(propose_range(r, 3, 3, -1).done_count, 1);
    replica_free(r);
}

static uint64_t clock_us;

static uint64_t test_clock(void)
{
    return clock_us;
}

static void stamps_never_go_back(void **state)
{
    struct tempdir *dir = *state;
    struct replica_config config = config_of(dir->path);
    config.now_us = test_clock;
    clock_us = 2000000;
    struct replica *r = replica_of(&config);
    assert_int_equal(propose_range(r, 1, 3, -1).stamp_us, 2000000);
    clock_us = 1000000;
    assert_int_equal(propose_range(r, 4, 6, -1).stamp_us, 2000000);
    replica_free(r);
    r = replica_of(&config);
    assert_int_equal(propose_range(r, 7, 8, -1).stamp_us, 2000000);
    clock_us = 3000000;
    assert_int_equal(propose_range(r, 9, 9, -1).stamp_us, 3000000);
    replica_free(r);
}

/* ---- Listening ------------------------------------------------------------------------ */

static void applied_moved(uint64_t value, void *arg)
{
    struct client *c = arg;
    assert_true(value > c->heard);
    c->heard = value;
}

static void listener_begin(struct message *self, void *owner)
{
    struct client *c = owner;
    assert_int_equal(wakeup_open(c->home, applied_moved, c, &c->wakeup), 0);
    replica_listen(c->replica, c->wakeup);
    propose_begin(self, owner);
}

static void listeners_hear_of_what_is_applied(void **state)
{
    struct tempdir *dir = *state;
    const struct replica_config config = config_of(dir->path);
    struct client c = {.next = 1, .last = 500, .acked_fd = -1};
    c.replica = replica_of(&config);
    assert_int_equal(loop_new("client", 1024, &c.home), 0);
    loop_set_owner(c.home, &c);
    struct message *begin = mem_zeroed(1, sizeof(*begin));
    begin->deliver = listener_begin;
    assert_int_equal(loop_post(c.home, begin), 0);
    loop_run(c.home);
    loop_free(c.home);
    assert_int_equal(c.done_count, 500);
    assert_true(c.heard > 0);
    replica_free(c.replica);
}

/* ---- Killed at any moment ------------------------------------------------------------- */

/* This program again, as the process to be killed: proposes without end from a number on. */
static int run_child(const char *dir, uint64_t from, int acked_fd)
{
    const struct replica_config config = config_of(dir);
    struct replica *r = replica_of(&config);
    (void)propose_range(r, from, from + 1000000, acked_fd);
    return 1;
}

static pid_t start_child(const char *dir, uint64_t from, int *ret_acked_fd)
{
    int ends[2];
    char number[24];
    char fd[16];
    assert_int_equal(pipe(ends), 0);
    (void)snprintf(number, sizeof(number), "%" PRIu64, from);
    (void)snprintf(fd, sizeof(fd), "%d", ends[1]);
    const pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)execl("/proc/self/exe", "test_replica", "child", dir, number, fd, (char *)NULL);
        _exit(127);
    }
    (void)close(ends[1]);
    *ret_acked_fd = ends[0];
    return pid;
}

static void what_was_acknowledged_survives_kill(void **state)
{
    struct tempdir *dir = *state;
    const struct replica_config config = config_of(dir->path);
    uint64_t acked = 0;
    unsigned seed = 20;
    for (int round = 0; round < KILLS; round++) {
        int fd = -1;
        const pid_t pid = start_child(dir->path, acked + 1, &fd);
        const uint64_t kill_at = acked + 1 + (uint64_t)(rand_r(&seed) % 3000);
        uint64_t number = 0;
        while (acked < kill_at && read(fd, &number, sizeof(number)) == sizeof(number)) {
            assert_int_equal(number, acked + 1);
            acked = number;
        }
        assert_int_equal(kill(pid, SIGKILL), 0);
        while (read(fd, &number, sizeof(number)) == sizeof(number))
            acked = number;
        (void)close(fd);
        int status = 0;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status));
        assert_true(acked >= kill_at);

        struct replica *r = replica_of(&config);
        /* What the child had in the log unacknowledged may be there or not. */
        for (uint64_t i = 1; i <= acked; i++)
            assert_setting(r, i);
        replica_free(r);
    }
}

int main(int argc, char **argv)
{
    if (argc == 5 && strcmp(argv[1], "child") == 0)
        return run_child(argv[2], strtoull(argv[3], NULL, 10), (int)strtol(argv[4], NULL, 10));
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(ten_thousand_are_there_after_a_reopen, store_setup,
                                        store_teardown),
        cmocka_unit_test_setup_teardown(the_state_is_rebuilt_from_the_log, store_setup,
                                        store_teardown),
        cmocka_unit_test_setup_teardown(compaction_keeps_what_it_must, store_setup,
                                        store_teardown),
        cmocka_unit_test_setup_teardown(a_lost_log_is_noticed, store_setup, store_teardown),
        cmocka_unit_test_setup_teardown(others_are_kept_out, store_setup, store_teardown),
        cmocka_unit_test_setup_teardown(a_write_error_ends_it, store_setup, store_teardown),
        cmocka_unit_test_setup_teardown(a_disk_that_fails_at_the_start_is_told_at_once,
                                        store_setup, store_teardown),
        cmocka_unit_test_setup_teardown(a_full_disk_refuses_and_recovers, store_setup,
                                        store_teardown),
        cmocka_unit_test_setup_teardown(proposals_in_flight_are_limited, store_setup,
                                        store_teardown),
        cmocka_unit_test_setup_teardown(stamps_never_go_back, store_setup, store_teardown),
        cmocka_unit_test_setup_teardown(listeners_hear_of_what_is_applied, store_setup,
                                        store_teardown),
        cmocka_unit_test_setup_teardown(what_was_acknowledged_survives_kill, store_setup,
                                        store_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
