/* SPDX-License-Identifier: Apache-2.0 */
/* What one MessagePut leaves behind: inbox, archive, feed; or a bounce. */
#include "tests/support/unit.h"

#include "replication/apply_message.h"
#include "replication/read_archive.h"
#include "tests/support/store.h"

enum { DONE = STORE__RESULT__OUTCOME__DONE };

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

static const struct refusal_case {
    const char *name, *from, *to, *reason;
} refusals[] = {
    {"the recipient blocks the sender", STORE_ALICE "/desk", STORE_BOB, "blocked"},
    {"the sender blocks the recipient", STORE_ALICE "/desk", STORE_CAROL, "blocked-by-sender"},
    {"a blocked domain", STORE_ALICE "/desk", "x@spam.example/y", "blocked-by-sender"},
    {"no such user", STORE_ALICE "/desk", "nobody@demo.example", "no-such-user"},
    {"another domain", STORE_ALICE "/desk", "x@other.example", "remote-server-not-found"},
    {"the domain itself", STORE_ALICE "/desk", "demo.example", "no-such-user"},
};

static void refusal_bounces_and_stores_nothing_else(void **state)
{
    (void)state;
    struct store s;
    store_populate(&s);
    (void)store_bind(&s, 'a', STORE_ALICE, "desk", true);
    (void)store_block(&s, STORE_BOB, STORE_ALICE);
    (void)store_block(&s, STORE_ALICE, STORE_CAROL);
    (void)store_block(&s, STORE_ALICE, "spam.example");
    for (uint64_t i = 0; i < COUNT_OF(refusals); i++) {
        const struct refusal_case *c = &refusals[i];
        const Store__Result r = store_message(
            &s, (struct store_message){
                    .from = c->from, .to = c->to, .session = 'a', .n = i + 1, .prev = i});
        if (r.outcome != STORE__RESULT__OUTCOME__REFUSED || strcmp(r.reason, c->reason) != 0)
            fail_msg("%s: %s", c->name, r.reason);
        assert_string_equal(store_feed(&s, s.index - 1), "bounce:alice");
    }
    assert_int_equal(archive_size(&s, STORE_ALICE), 0);
    assert_string_equal(store_inbox(&s, STORE_BOB), "");
    assert_string_equal(store_inbox(&s, STORE_CAROL), "");
    store_close(&s);
}

static void full_inbox_refuses_and_has_room_again(void **state)
{
    (void)state;
    struct store s;
    store_populate(&s);
    const struct store_message m = {.from = STORE_ALICE, .to = STORE_BOB, .is_queue = true};
    (void)store_bind(&s, 'b', STORE_BOB, "b", false);

    /* The count is what is looked at: put it just below the limit. */
    Store__CountersRow counters = STORE__COUNTERS_ROW__INIT;
    counters.inbox_count = APPLIER_INBOX_MAX - 1;
    uint8_t bytes[32];
    const size_t size = store__counters_row__pack(&counters, bytes);
    struct strbuf key = {0};
    keyspace_text(&key, KEYSPACE_GROUP, span_text(STORE_BOB));
    struct statedb_batch *batch = statedb_batch_begin(s.db);
    statedb_put(batch, KEYSPACE_COUNTERS, strbuf_span(&key), span_of(bytes, size));
    assert_int_equal(statedb_batch_commit(batch, ++s.index, 1), 0);
    strbuf_done(&key);

    const Store__Result last = store_message(&s, m);
    assert_int_equal(last.outcome, DONE);
    assert_string_equal(store_message(&s, m).reason, "over-quota");
    (void)store_progress(&s, 'b', 1, -1, last.index, 0);
    assert_int_equal(store_message(&s, m).outcome, DONE);
    store_close(&s);
}

static void command_names_the_limit_of_the_inbox(void **state)
{
    (void)state;
    struct store s;
    store_populate(&s);
    Store__MessagePut put = STORE__MESSAGE_PUT__INIT;
    put.from = store_text(&s, STORE_ALICE "/a");
    put.to = store_text(&s, STORE_BOB);
    put.class_ = STORE__MESSAGE_CLASS__KEEP;
    put.inbox_max = 2;
    for (int i = 0; i < 3; i++) {
        const Store__Result r = store_apply(&s, STORE_COMMAND(MESSAGE_PUT, message_put, &put));
        assert_int_equal(r.outcome, i < 2 ? DONE : STORE__RESULT__OUTCOME__REFUSED);
    }
    store_close(&s);
}

static void queue_message_goes_when_it_is_delivered(void **state)
{
    (void)state;
    struct store s;
    store_populate(&s);
    (void)store_bind(&s, 'b', STORE_BOB, "b", false);
    const uint64_t queued =
        store_message(
            &s, (struct store_message){.from = STORE_ALICE, .to = STORE_BOB, .is_queue = true})
            .index;
    const uint64_t kept =
        store_message(&s, (struct store_message){.from = STORE_ALICE, .to = STORE_BOB}).index;
    assert_int_equal(archive_size(&s, STORE_BOB), 1);
    (void)store_progress(&s, 'b', 1, -1, queued, 0);
    (void)store_progress(&s, 'b', 1, -1, kept, 0);
    Store__MessageRow *m = NULL;
    assert_int_equal(read_message(store_view(&s), queued, &m), 0);
    assert_int_equal(read_message(store_view(&s), kept, &m), 1);
    store__message_row__free_unpacked(m, NULL);
    store_close(&s);
}

static void message_to_oneself_is_archived_once(void **state)
{
    (void)state;
    struct store s;
    store_populate(&s);
    (void)store_message(&s,
                        (struct store_message){.from = STORE_ALICE "/a", .to = STORE_ALICE});
    assert_int_equal(archive_size(&s, STORE_ALICE), 1);
    assert_string_equal(store_inbox(&s, STORE_ALICE), "5");
    assert_string_equal(store_feed(&s, 4), "message:alice sent:alice");
    struct strbuf out = {0};
    assert_int_equal(
        read_feed_of(store_view(&s), span_text(STORE_ALICE), 0, store_feed_word, &out), 0);
    assert_string_equal(out.data, "message:alice sent:alice");
    strbuf_done(&out);
    store_close(&s);
}

static void sender_must_be_who_asked(void **state)
{
    (void)state;
    struct store s;
    store_populate(&s);
    (void)store_bind(&s, 'a', STORE_ALICE, "desk", true);
    const Store__Result r = store_message(
        &s,
        (struct store_message){.from = STORE_BOB, .to = STORE_CAROL, .session = 'a', .n = 1});
    assert_int_equal(r.outcome, STORE__RESULT__OUTCOME__MALFORMED);
    assert_string_equal(store_inbox(&s, STORE_CAROL), "");
    store_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(message_is_kept_on_both_sides),
        cmocka_unit_test(refusal_bounces_and_stores_nothing_else),
        cmocka_unit_test(full_inbox_refuses_and_has_room_again),
        cmocka_unit_test(command_names_the_limit_of_the_inbox),
        cmocka_unit_test(queue_message_goes_when_it_is_delivered),
        cmocka_unit_test(message_to_oneself_is_archived_once),
        cmocka_unit_test(sender_must_be_who_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
