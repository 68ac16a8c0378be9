/* SPDX-License-Identifier: Apache-2.0 */
/* Walks: where they begin, where they end, and that a callback can end them. */
#include "tests/support/unit.h"

#include "replication/read.h"
#include "tests/support/store.h"

static bool add_user(struct span user, const Store__UserRow *row, void *arg)
{
    (void)row;
    strbuf_add(arg, span_first(user, span_index(user, '@')));
    strbuf_add_byte(arg, ' ');
    return true;
}

static const struct users_case {
    const char *name, *after;
    size_t max;
    const char *users;
} users_cases[] = {
    {"all", NULL, 10, "alice bob carol "},
    {"a page", NULL, 2, "alice bob "},
    {"the next", STORE_BOB, 2, "carol "},
    {"after a name that is not there", "bo", 10, "bob carol "},
    {"after the last", STORE_CAROL, 10, ""},
    {"none", NULL, 0, ""},
};

static void users_come_in_pages(void **state)
{
    (void)state;
    struct store s;
    store_populate(&s);
    for (size_t i = 0; i < COUNT_OF(users_cases); i++) {
        const struct users_case *c = &users_cases[i];
        struct strbuf out = {0};
        assert_int_equal(
            read_users(store_view(&s), span_text(c->after), c->max, add_user, &out), 0);
        if (strcmp(out.data ? out.data : "", c->users) != 0)
            fail_msg("%s: %s", c->name, out.data);
        strbuf_done(&out);
    }
    store_close(&s);
}

static bool stop_at_once(uint64_t index, const Store__FeedRow *row, void *arg)
{
    (void)index, (void)row;
    ++*(int *)arg;
    return false;
}

static void callback_ends_a_walk(void **state)
{
    (void)state;
    struct store s;
    int calls = 0;
    store_populate(&s);
    for (int i = 0; i < 3; i++)
        (void)store_message(&s, (struct store_message){.from = STORE_ALICE, .to = STORE_BOB});
    assert_int_equal(read_feed(store_view(&s), 0, stop_at_once, &calls), 0);
    assert_int_equal(calls, 1);
    assert_int_equal(
        read_feed_of(store_view(&s), span_text(STORE_BOB), 0, stop_at_once, &calls), 0);
    assert_int_equal(calls, 2);
    assert_int_equal(read_feed(store_view(&s), UINT64_MAX, stop_at_once, &calls), 0);
    assert_int_equal(calls, 2);
    uint64_t trimmed = 1;
    assert_int_equal(read_feed_trimmed(store_view(&s), &trimmed), 0);
    assert_int_equal(trimmed, 0);
    store_close(&s);
}

static bool count_session(const Store__SessionRow *row, void *arg)
{
    (void)row;
    ++*(int *)arg;
    return true;
}

static void only_living_sessions_are_walked(void **state)
{
    (void)state;
    struct store s;
    int all = 0, bobs = 0;
    store_populate(&s);
    (void)store_bind(&s, 'a', STORE_ALICE, "a", true);
    (void)store_bind(&s, 'b', STORE_BOB, "b", true);
    (void)store_bind(&s, 'c', STORE_BOB, "c", true);
    (void)store_end(&s, 'c', 1, -1, false);
    assert_int_equal(read_sessions(store_view(&s), count_session, &all), 0);
    assert_int_equal(
        read_sessions_of(store_view(&s), span_text(STORE_BOB), count_session, &bobs), 0);
    assert_int_equal(all, 2);
    assert_int_equal(bobs, 1);
    Store__SessionRow *row = NULL;
    assert_int_equal(read_session(store_view(&s), SPAN("too short"), &row), 0);
    store_close(&s);
}

static void rows_that_cannot_be_read_are_an_error(void **state)
{
    (void)state;
    struct store s;
    struct strbuf key = {0};
    store_populate(&s);
    keyspace_text(&key, KEYSPACE_GROUP, SPAN("broken"));
    struct statedb_batch *batch = statedb_batch_begin(s.db);
    statedb_put(batch, KEYSPACE_USERS, strbuf_span(&key), SPAN("\xff\xff"));
    assert_int_equal(statedb_batch_commit(batch, ++s.index, 1), 0);
    Store__UserRow *row = NULL;
    struct strbuf out = {0};
    assert_int_equal(read_user(store_view(&s), SPAN("broken"), &row), ERR_CORRUPT);
    assert_int_equal(read_users(store_view(&s), SPAN_NONE, 10, add_user, &out), ERR_CORRUPT);

    /* The applier meets it too, and says so. */
    Store__UserPut c = STORE__USER_PUT__INIT;
    Store__Result result;
    c.mode = STORE__USER_PUT__MODE__REPLACE;
    c.user = store_text(&s, STORE_ALICE);
    keyspace_text(&key, KEYSPACE_GROUP, SPAN(STORE_ALICE));
    batch = statedb_batch_begin(s.db);
    statedb_put(batch, KEYSPACE_USERS, strbuf_span(&key), SPAN("\xff\xff"));
    const struct command_header h = {0};
    assert_int_equal(applier_apply(batch, ++s.index, &h, STORE_COMMAND(USER_PUT, user_put, &c),
                                   &s.arena, &result),
                     ERR_CORRUPT);
    statedb_batch_abandon(batch);
    strbuf_done(&key);
    strbuf_done(&out);
    store_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(users_come_in_pages),
        cmocka_unit_test(callback_ends_a_walk),
        cmocka_unit_test(only_living_sessions_are_walked),
        cmocka_unit_test(rows_that_cannot_be_read_are_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
