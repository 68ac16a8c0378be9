/* SPDX-License-Identifier: Apache-2.0 */
#include "node/im/roll.h"

#include "admin/admin_hooks.h"
#include "tests/support/imworld.h"

#define BOB "bob@" IMWORLD_DOMAIN

struct question {
    struct admin_hooks_ask ask; /* first */
    bool is_answered;
};

static void answered(struct admin_hooks_ask *ask, void *owner)
{
    (void)owner;
    ((struct question *)ask)->is_answered = true;
}

static void put_question(struct imworld *w, struct question *q, enum admin_hooks_verb verb,
                         const char *user, const char *resource)
{
    memset(q, 0, sizeof(*q));
    q->ask = (struct admin_hooks_ask){.home = w->loops[1],
                                      .verb = verb,
                                      .user = user,
                                      .resource = resource,
                                      .rows_max = 10,
                                      .answered = answered};
    assert_int_equal(roll_ask(w->im, &q->ask), 0);
    IMWORLD_UNTIL(w, q->is_answered);
    assert_int_equal(q->ask.rc, 0);
}

static void sessions_are_listed_and_ended(void **state)
{
    (void)state;
    static struct imworld w;
    static struct imclient a, b, c;
    struct question q;
    imworld_make(&w);
    imclient_bind(&a, &w, "alice", "x");
    imclient_bind(&b, &w, "bob", "y");
    imclient_bind(&c, &w, "bob", "z");
    imclient_show(&c, PRESENCE_AVAILABLE, 4, NULL);
    put_question(&w, &q, ADMIN_HOOKS_LIST, NULL, NULL);
    assert_int_equal(q.ask.row_count, 3);
    admin_hooks_ask_done(&q.ask);
    put_question(&w, &q, ADMIN_HOOKS_LIST, BOB, "z");
    assert_int_equal(q.ask.row_count, 1);
    assert_string_equal(q.ask.rows[0].user, BOB);
    assert_string_equal(q.ask.rows[0].resource, "z");
    assert_string_equal(q.ask.rows[0].protocol, "test");
    assert_int_equal(q.ask.rows[0].priority, 4);
    assert_true(q.ask.rows[0].is_online);
    assert_memory_equal(q.ask.rows[0].id, c.id, sizeof(c.id));
    admin_hooks_ask_done(&q.ask);
    put_question(&w, &q, ADMIN_HOOKS_END, BOB, "y");
    assert_int_equal(q.ask.ended_count, 1);
    assert_int_equal(b.end, SESSION_END_CLOSED);
    assert_false(c.is_ended);
    admin_hooks_ask_done(&q.ask);
    put_question(&w, &q, ADMIN_HOOKS_REVOKE, BOB, NULL);
    assert_int_equal(q.ask.ended_count, 1);
    assert_true(b.is_ended && c.is_ended);
    assert_int_equal(c.end, SESSION_END_REVOKED);
    admin_hooks_ask_done(&q.ask);
    struct im_counts counts;
    im_counts(w.im, &counts);
    assert_int_equal(counts.sessions, 1);
    imworld_remove(&w);
    imclient_free(&a);
    imclient_free(&b);
    imclient_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(sessions_are_listed_and_ended)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
