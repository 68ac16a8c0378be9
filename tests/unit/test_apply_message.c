/* SPDX-License-Identifier: Apache-2.0 */
/* What one MessagePut leaves behind: inbox, archive, feed; or a bounce. */
#include "tests/support/unit.h"

#include "replication/apply_message.h"
#include "replication/read_archive.h"
#include "tests/support/store.h"

enum { DONE = STORE__RESULT__OUTCOME__DONE, REFUSED = STORE__RESULT__OUTCOME__REFUSED };

static bool archive_counted(const struct read_archive_row *row, void *arg)
{
    (void)row;
    ++*(size_t *)arg;
    return true;
}

static size_t archive_size(struct store *s, const char *user)
{
    const struct read_archive_query all = {.max = 1000};
    size_t count = 0;
    bool is_complete = false;
    assert_int_equal(read_archive(store_view(s), span_text(user), &all, archive_counted, &count,
                                  &is_complete),
                     0);
    assert_true(is_complete);
    return count;
}

static void message_is_kept_on_both_sides(void **state)
{
    (void)state;
    struct store s;
    store_populate(&s);
    (void)store_bind(&s, 'a', STORE_ALICE, "desk", true);
    const Store__Result r = store_message(
        &s,
        (struct store_message){
            .from = STORE_ALICE "/desk", .to = STORE_BOB, .session = 'a', .n = 3, .safe = 2});
    assert_int_equal(r.outcome, DONE);
    assert_int_equal(r.index, s.index);
    assert_string_equal(store_feed(&s, s.index - 1), "message:bob sent:alice");
    assert_string_equal(store_inbox(&s, STORE_BOB), "6");
    assert_string_equal(store_inbox(&s, STORE_ALICE), "");
    assert_int_equal(archive_size(&s, STORE_ALICE), 1);
    assert_int_equal(archive_size(&s, STORE_BOB), 1);

    Store__SessionRow *row = NULL;
    assert_int_equal(read_session(store_view(&s), span_text(store_id(&s, 'a')), &row), 1);
    assert_int_equal(row->durable_n, 3);
    assert_int_equal(row->safe, 2);
    store__session_row__free_unpacked(row, NULL);
    store_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(message_is_kept_on_both_sides),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
