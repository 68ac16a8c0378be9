/* SPDX-License-Identifier: Apache-2.0 */
/* retention over a real store: what is older than archive.days leaves, and only that. */
#include "base/monoclock.h"
#include "node/retention.h"
#include "replication/read_archive.h"
#include "tests/support/imworld.h"

#define DAY_US (UINT64_C(86400) * 1000000)

enum { MESSAGES = 25 };

static struct imworld world;
static bool is_closed;

static uint64_t in_a_hundred_days(void)
{
    return monoclock_wall_us() + 100 * DAY_US;
}

static void note_closed(void *arg)
{
    (void)arg;
    is_closed = true;
}

static void set_days(const char *days)
{
    Store__SettingSet set = STORE__SETTING_SET__INIT;
    Store__Command command = STORE__COMMAND__INIT;
    set.name = (char *)"archive.days";
    set.value = (char *)days;
    command.body_case = STORE__COMMAND__BODY_SETTING_SET;
    command.setting_set = &set;
    imworld_commit(&world, &command);
}

static uint64_t archived_count(const char *user)
{
    const struct read_archive_query all = {0};
    uint64_t count = 0;
    assert_int_equal(
        read_archive_count(replica_view(world.replica), span_text(user), &all, 1000, &count),
        0);
    return count;
}

/* One round, begun at once; over when the job has nothing under way any more. */
static void run_a_round(uint64_t want_count)
{
    const struct retention_config config = {
        .loop = world.loops[0], .replica = world.replica, .now_us = in_a_hundred_days};
    struct retention *retention = retention_open(&config);
    const uint64_t until_ms = monoclock_ms() + 300;

    is_closed = false;
    IMWORLD_UNTIL(&world, archived_count("alice@" IMWORLD_DOMAIN) == want_count &&
                              (want_count == 0 || monoclock_ms() > until_ms));
    retention_close(retention, note_closed, NULL);
    IMWORLD_UNTIL(&world, is_closed);
}

struct retention_case {
    const char *name;
    const char *days;
    uint64_t want_count; /* left in the archive of a message 100 days old */
};

static const struct retention_case retention_cases[] = {
    {"for ever", "0", MESSAGES},
    {"not old enough", "101", MESSAGES},
    {"too old", "99", 0},
};

static void retention_case_holds(void **state)
{
    const struct retention_case *t = *state;
    struct imclient *alice = mem_zeroed(1, sizeof(*alice));

    imworld_make(&world);
    imclient_bind(alice, &world, "alice", "a");
    for (int i = 0; i < MESSAGES; i++)
        imclient_say(alice, "bob@" IMWORLD_DOMAIN, "old news");
    IMWORLD_UNTIL(&world, archived_count("alice@" IMWORLD_DOMAIN) == MESSAGES);
    set_days(t->days);
    run_a_round(t->want_count);
    assert_int_equal(archived_count("alice@" IMWORLD_DOMAIN), t->want_count);
    assert_int_equal(archived_count("bob@" IMWORLD_DOMAIN), t->want_count);
    imworld_remove(&world);
    imclient_free(alice);
    free(alice);
}

int main(void)
{
    struct CMUnitTest tests[COUNT_OF(retention_cases)];

    for (size_t i = 0; i < COUNT_OF(retention_cases); i++)
        tests[i] = (struct CMUnitTest){.name = retention_cases[i].name,
                                       .test_func = retention_case_holds,
                                       .initial_state = (void *)&retention_cases[i]};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
