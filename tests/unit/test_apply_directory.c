/* SPDX-License-Identifier: Apache-2.0 */
/* Users come, change and go; when they go, no key names them any more. */
#include "tests/support/unit.h"

#include "replication/apply_directory.h"
#include "tests/support/store.h"

enum {
    DONE = STORE__RESULT__OUTCOME__DONE,
    EXISTS = STORE__RESULT__OUTCOME__EXISTS,
    NOT_FOUND = STORE__RESULT__OUTCOME__NOT_FOUND,
    REFUSED = STORE__RESULT__OUTCOME__REFUSED,
    MALFORMED = STORE__RESULT__OUTCOME__MALFORMED,
    ASK = STORE__SUBSCRIBE_KIND__SUBSCRIBE_ASK,
    GRANT = STORE__SUBSCRIBE_KIND__SUBSCRIBE_GRANT,
};

static const struct user_case {
    const char *user;
    int outcome;
} users[] = {
    {"dave@demo.example", DONE},
    {"dave@demo.example", EXISTS},
    {"dave@other.example", REFUSED},
    {"demo.example", MALFORMED},
    {"@demo.example", MALFORMED},
    {"dave@demo.example/desk", MALFORMED},
    {"", MALFORMED},
};

static void user_is_created_once_in_its_domain(void **state)
{
    (void)state;
    struct store s;
    store_populate(&s);
    for (size_t i = 0; i < COUNT_OF(users); i++)
        if ((int)store_user(&s, users[i].user).outcome != users[i].outcome)
            fail_msg("'%s'", users[i].user);
    assert_int_equal(store_init(&s).outcome, REFUSED); /* the cluster is what it is */
    store_close(&s);
}

static Store__Result replace(struct store *s, bool is_disabled, bool has_verifier, char session)
{
    Store__Verifier v = STORE__VERIFIER__INIT;
    Store__Verifier *verifiers[] = {&v};
    Store__Origin o = STORE__ORIGIN__INIT;
    Store__UserPut c = STORE__USER_PUT__INIT;
    v.kind = STORE__VERIFIER__KIND__SCRAM_SHA_1;
    v.salt = v.stored_key = v.server_key = store_bytes("other");
    v.iterations = 4096;
    c.mode = STORE__USER_PUT__MODE__REPLACE;
    c.user = store_text(s, STORE_ALICE);
    c.verifiers = verifiers;
    c.n_verifiers = has_verifier;
    c.is_disabled = is_disabled;
    if (session) {
        o.session_id = store_bytes(store_id(s, session));
        o.epoch = o.n = 1;
        c.origin = &o;
    }
    return store_apply(s, STORE_COMMAND(USER_PUT, user_put, &c));
}

static void new_password_ends_the_other_sessions(void **state)
{
    (void)state;
    struct store s;
    store_populate(&s);
    (void)store_bind(&s, 'a', STORE_ALICE, "a", true);
    (void)store_bind(&s, 'b', STORE_ALICE, "b", true);
    assert_int_equal(replace(&s, false, false, 0).outcome, DONE);
    assert_string_equal(store_feed(&s, s.index - 1), ""); /* nothing changed */
    assert_int_equal(replace(&s, false, true, 'a').outcome, DONE);
    assert_string_equal(store_feed(&s, s.index - 1), "changed:alice ended:alice");
    Store__UserRow *row = NULL;
    assert_int_equal(read_user(store_view(&s), span_text(STORE_ALICE), &row), 1);
    assert_int_equal(row->n_verifiers, 1);
    assert_int_equal(row->verifiers[0]->iterations, 4096);
    assert_int_equal(row->credentials_index, s.index);
    store__user_row__free_unpacked(row, NULL);
    assert_int_equal(store_resume(&s, 'b', STORE_ALICE, 1, 0).outcome, NOT_FOUND);
    assert_int_equal(store_resume(&s, 'a', STORE_ALICE, 1, 0).outcome, DONE);

    assert_int_equal(replace(&s, true, false, 0).outcome, DONE); /* disabled: all of them */
    assert_int_equal(store_resume(&s, 'a', STORE_ALICE, 2, 0).outcome, REFUSED);
    assert_string_equal(store_bind(&s, 'c', STORE_ALICE, "c", true).reason, "disabled");
    store_close(&s);
}

static void import_answers_each_row(void **state)
{
    (void)state;
    struct store s;
    store_populate(&s);
    Store__UserPut puts[3] = {STORE__USER_PUT__INIT, STORE__USER_PUT__INIT,
                              STORE__USER_PUT__INIT};
    Store__UserPut *rows[3] = {&puts[0], &puts[1], &puts[2]};
    puts[0].user = store_text(&s, "new@demo.example");
    puts[1].user = store_text(&s, STORE_BOB);
    puts[2].user = store_text(&s, "not an address");
    Store__UserImport c = STORE__USER_IMPORT__INIT;
    c.rows = rows;
    c.n_rows = 3;
    const Store__Result r = store_apply(&s, STORE_COMMAND(USER_IMPORT, user_import, &c));
    assert_int_equal(r.outcome, DONE);
    assert_int_equal(r.n_rows, 3);
    assert_int_equal(r.rows[0], DONE);
    assert_int_equal(r.rows[1], EXISTS);
    assert_int_equal(r.rows[2], MALFORMED);
    store_close(&s);
}

static Store__Result never_archive(struct store *s, const char *user)
{
    Store__ArchivePrefs prefs = STORE__ARCHIVE_PREFS__INIT;
    Store__ArchivePrefsSet c = STORE__ARCHIVE_PREFS_SET__INIT;
    prefs.default_mode = STORE__ARCHIVE_PREFS__DEFAULT__NEVER;
    c.user = store_text(s, user);
    c.prefs = &prefs;
    return store_apply(s, STORE_COMMAND(ARCHIVE_PREFS_SET, archive_prefs_set, &c));
}

/* Everything that can name a user, on both sides. */
static void make_traces(struct store *s)
{
    (void)store_bind(s, 'a', STORE_ALICE, "a", true);
    (void)store_bind(s, 'A', STORE_ALICE, "b", true);
    (void)store_bind(s, 'c', STORE_CAROL, "c", true);
    (void)store_subscribe(s, STORE_ALICE, STORE_BOB, ASK);
    (void)store_subscribe(s, STORE_BOB, STORE_ALICE, GRANT);
    (void)store_subscribe(s, STORE_CAROL, STORE_ALICE, ASK);
    (void)store_block(s, STORE_CAROL, STORE_ALICE "/desk");
    (void)store_block(s, STORE_ALICE, "spam.example");
    (void)store_message(s, (struct store_message){.from = STORE_ALICE "/a",
                                                  .to = STORE_BOB,
                                                  .session = 'a',
                                                  .n = 1,
                                                  .origin_id = "1"});
    (void)store_message(
        s, (struct store_message){.from = STORE_BOB, .to = STORE_ALICE, .is_queue = true});
    (void)store_message(
        s, (struct store_message){.from = STORE_ALICE, .to = STORE_BOB, .is_queue = true});
    (void)store_message(s, (struct store_message){.from = STORE_ALICE, .to = STORE_ALICE});
    (void)store_message(s, (struct store_message){.from = STORE_ALICE "/a",
                                                  .to = "x@other.example",
                                                  .session = 'a',
                                                  .n = 2,
                                                  .prev = 1});
    (void)store_mark(s, 'a', 1, 1, s->index - 2);
    (void)never_archive(s, STORE_ALICE);
    (void)store_message(s, (struct store_message){.from = STORE_ALICE, .to = STORE_BOB});
    (void)store_end(s, 'A', 1, -1, false);
}

static void removal_leaves_no_key(void **state)
{
    (void)state;
    struct store s;
    store_populate(&s);
    make_traces(&s);
    assert_true(store_count_keys(&s, "alice") > 20);
    const size_t sessions = store_count_keys(&s, "aaaaaaaaaaaaaaaa");
    assert_true(sessions > 0);

    assert_int_equal(store_remove(&s, STORE_ALICE).outcome, DONE);
    assert_int_equal(store_count_keys(&s, "alice"), 0);
    assert_int_equal(store_count_keys(&s, "aaaaaaaaaaaaaaaa"), 0);
    assert_int_equal(store_count_keys(&s, "AAAAAAAAAAAAAAAA"), 0);
    assert_string_equal(store_feed(&s, s.index - 1),
                        "roster:bob revoked:bob roster:carol block:carol removed:alice");
    assert_string_equal(store_inbox(&s, STORE_BOB), "");
    assert_int_equal(store_remove(&s, STORE_ALICE).outcome, NOT_FOUND);

    /* The name comes back to nothing. */
    assert_int_equal(store_user(&s, STORE_ALICE).outcome, DONE);
    Store__UserRow *row = NULL;
    assert_int_equal(read_user(store_view(&s), span_text(STORE_ALICE), &row), 1);
    assert_int_equal(row->roster_count + row->inbox_count, 0);
    store__user_row__free_unpacked(row, NULL);
    store_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(user_is_created_once_in_its_domain),
        cmocka_unit_test(new_password_ends_the_other_sessions),
        cmocka_unit_test(import_answers_each_row),
        cmocka_unit_test(removal_leaves_no_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
