/* SPDX-License-Identifier: Apache-2.0 */
/* What is archived by whose wish, and how it is trimmed. */
#include "tests/support/unit.h"

#include "replication/apply_archive.h"
#include "replication/read_archive.h"
#include "tests/support/store.h"

enum { DONE = STORE__RESULT__OUTCOME__DONE };

static size_t kept(struct store *s, const char *user)
{
    uint64_t count = 0;
    const struct read_archive_query all = {.max = 1};
    assert_int_equal(read_archive_count(store_view(s), span_text(user), &all, 100000, &count),
                     0);
    return count;
}

static const struct prefs_case {
    const char *name;
    Store__ArchivePrefs__Default mode;
    bool is_always, is_never, is_contact;
    size_t kept;
} prefs_cases[] = {
    {"always", STORE__ARCHIVE_PREFS__DEFAULT__ALWAYS, false, false, false, 1},
    {"always, but not bob", STORE__ARCHIVE_PREFS__DEFAULT__ALWAYS, false, true, false, 0},
    {"never", STORE__ARCHIVE_PREFS__DEFAULT__NEVER, false, false, true, 0},
    {"never, but bob", STORE__ARCHIVE_PREFS__DEFAULT__NEVER, true, false, false, 1},
    {"roster, a stranger", STORE__ARCHIVE_PREFS__DEFAULT__ROSTER, false, false, false, 0},
    {"roster, a contact", STORE__ARCHIVE_PREFS__DEFAULT__ROSTER, false, false, true, 1},
    {"both lists: never wins", STORE__ARCHIVE_PREFS__DEFAULT__ALWAYS, true, true, true, 0},
};

static void preferences_decide_for_their_owner_only(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(prefs_cases); i++) {
        const struct prefs_case *c = &prefs_cases[i];
        struct store s;
        store_populate(&s);
        char *bob[] = {store_text(&s, STORE_BOB)};
        Store__ArchivePrefs prefs = STORE__ARCHIVE_PREFS__INIT;
        Store__ArchivePrefsSet set = STORE__ARCHIVE_PREFS_SET__INIT;
        prefs.default_mode = c->mode;
        prefs.always = prefs.never = bob;
        prefs.n_always = c->is_always;
        prefs.n_never = c->is_never;
        set.user = store_text(&s, STORE_ALICE);
        set.prefs = &prefs;
        assert_int_equal(
            store_apply(&s, STORE_COMMAND(ARCHIVE_PREFS_SET, archive_prefs_set, &set)).outcome,
            DONE);
        if (c->is_contact)
            (void)store_subscribe(&s, STORE_ALICE, STORE_BOB, 1);
        (void)store_message(&s, (struct store_message){.from = STORE_BOB, .to = STORE_ALICE});
        if (kept(&s, STORE_ALICE) != c->kept)
            fail_msg("%s", c->name);
        assert_int_equal(kept(&s, STORE_BOB), 1);
        store_close(&s);
    }
}

static Store__Result trim(struct store *s, const char *user, uint64_t before_us, uint32_t max)
{
    Store__ArchiveTrim c = STORE__ARCHIVE_TRIM__INIT;
    c.user = store_text(s, user);
    c.before_us = before_us;
    c.rows_max = max;
    return store_apply(s, STORE_COMMAND(ARCHIVE_TRIM, archive_trim, &c));
}

/* Ten messages, a second apart, alice to bob; bob has those up to `delivered`. */
static void setup_messages(struct store *s, int delivered)
{
    store_populate(s);
    (void)store_bind(s, 'b', STORE_BOB, "b", false);
    for (int i = 0; i < 10; i++) {
        s->stamp_us += STORE_SECOND_US;
        const uint64_t index =
            store_message(s, (struct store_message){.from = STORE_ALICE, .to = STORE_BOB})
                .index;
        if (i < delivered)
            (void)store_progress(s, 'b', 1, -1, index, 0);
    }
}

static size_t messages_left(const struct store *s)
{
    size_t count = 0;
    for (uint64_t i = 1; i <= s->index; i++) {
        Store__MessageRow *m = NULL;
        if (read_message(store_view(s), i, &m) == 1) {
            store__message_row__free_unpacked(m, NULL);
            count++;
        }
    }
    return count;
}

static void trim_goes_in_steps_and_spares_inboxes(void **state)
{
    (void)state;
    struct store s;
    setup_messages(&s, 4);
    const uint64_t cut = s.stamp_us - 2ULL * STORE_SECOND_US; /* seven are older */
    assert_true(trim(&s, "", cut, 3).has_more);
    assert_int_equal(kept(&s, STORE_ALICE), 7);
    assert_true(trim(&s, "", cut, 3).has_more);
    assert_false(trim(&s, "", cut, 3).has_more);
    assert_int_equal(kept(&s, STORE_ALICE), 3);
    assert_int_equal(kept(&s, STORE_BOB), 3);
    assert_int_equal(messages_left(&s), 6); /* three archived, three wait in the inbox */
    assert_false(trim(&s, "", cut, 3).has_more);
    store_close(&s);
}

static void trim_of_one_user_leaves_the_other(void **state)
{
    (void)state;
    struct store s;
    setup_messages(&s, 10);
    assert_true(trim(&s, STORE_BOB, UINT64_MAX, 6).has_more);
    assert_false(trim(&s, STORE_BOB, UINT64_MAX, 6).has_more);
    assert_int_equal(kept(&s, STORE_BOB), 0);
    assert_int_equal(kept(&s, STORE_ALICE), 10);
    assert_int_equal(messages_left(&s), 10);
    assert_false(trim(&s, STORE_ALICE, UINT64_MAX, 0).has_more);
    assert_int_equal(messages_left(&s), 0);
    store_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(preferences_decide_for_their_owner_only),
        cmocka_unit_test(trim_goes_in_steps_and_spares_inboxes),
        cmocka_unit_test(trim_of_one_user_leaves_the_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
