/* SPDX-License-Identifier: Apache-2.0 */
/* Block lists: what they cover, what they tell, where they end. */
#include "tests/support/unit.h"

#include "replication/apply_block.h"
#include "tests/support/store.h"

enum { DONE = STORE__RESULT__OUTCOME__DONE, REFUSED = STORE__RESULT__OUTCOME__REFUSED };

static const struct cover_case {
    const char *listed, *address;
    bool is_blocked;
} covers[] = {
    {STORE_BOB, STORE_BOB, true},
    {STORE_BOB, STORE_BOB "/phone", true},
    {STORE_BOB "/phone", STORE_BOB "/phone", true},
    {STORE_BOB "/phone", STORE_BOB "/desk", false},
    {STORE_BOB "/phone", STORE_BOB, false},
    {"other.example", "x@other.example", true},
    {"other.example", "x@other.example/y", true},
    {"other.example", "other.example", true},
    {"other.example/y", "x@other.example/y", true},
    {"other.example/y", "x@other.example/z", false},
    {"other.example", "x@another.example", false},
};

static void list_covers_as_the_xep_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(covers); i++) {
        const struct cover_case *c = &covers[i];
        struct store s;
        store_populate(&s);
        (void)store_bind(&s, 'a', STORE_ALICE, "a", true);
        assert_int_equal(store_block(&s, STORE_ALICE, c->listed).outcome, DONE);
        assert_string_equal(store_feed(&s, s.index - 1), "block:alice");
        if (read_is_blocked(store_view(&s), span_text(STORE_ALICE), span_text(c->address)) !=
            c->is_blocked)
            fail_msg("read: %s %s", c->listed, c->address);
        /* The applier's own look comes to the same. */
        const Store__Result r = store_message(
            &s, (struct store_message){
                    .from = STORE_ALICE "/a", .to = c->address, .session = 'a', .n = 1});
        if ((strcmp(r.reason, "blocked-by-sender") == 0) != c->is_blocked)
            fail_msg("applier: %s %s", c->listed, c->address);
        store_close(&s);
    }
}

static Store__Result change(struct store *s, char **add, size_t add_count, char **remove_list,
                            size_t remove_count, bool remove_all)
{
    Store__BlockSet c = STORE__BLOCK_SET__INIT;
    c.user = store_text(s, STORE_ALICE);
    c.add = add;
    c.n_add = add_count;
    c.remove = remove_list;
    c.n_remove = remove_count;
    c.remove_all = remove_all;
    c.items_max = 2;
    return store_apply(s, STORE_COMMAND(BLOCK_SET, block_set, &c));
}

static void list_has_its_limit_and_empties(void **state)
{
    (void)state;
    struct store s;
    store_populate(&s);
    char *two[] = {store_text(&s, STORE_BOB), store_text(&s, STORE_CAROL)};
    char *third[] = {store_text(&s, "x@other.example")};
    char *self[] = {store_text(&s, STORE_ALICE "/a")};
    assert_string_equal(change(&s, self, 1, NULL, 0, false).reason, "self");
    assert_int_equal(change(&s, two, 2, NULL, 0, false).outcome, DONE);
    assert_int_equal(change(&s, two, 2, NULL, 0, false).outcome, DONE); /* there already */
    assert_string_equal(store_feed(&s, s.index - 1), "");
    assert_string_equal(change(&s, third, 1, NULL, 0, false).reason, "over-quota");
    assert_int_equal(change(&s, NULL, 0, two, 1, false).outcome, DONE);
    assert_int_equal(change(&s, third, 1, NULL, 0, false).outcome, DONE);
    Store__UserRow *row = NULL;
    assert_int_equal(read_user(store_view(&s), span_text(STORE_ALICE), &row), 1);
    assert_int_equal(row->block_index, s.index);
    store__user_row__free_unpacked(row, NULL);
    assert_int_equal(change(&s, NULL, 0, NULL, 0, true).outcome, DONE);
    assert_int_equal(
        read_is_blocked(store_view(&s), span_text(STORE_ALICE), span_text(STORE_CAROL)), 0);
    assert_int_equal(change(&s, two, 2, NULL, 0, true).outcome, DONE);
    store_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(list_covers_as_the_xep_says),
        cmocka_unit_test(list_has_its_limit_and_empties),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
