/* SPDX-License-Identifier: Apache-2.0 */
/* Archive pages: bounds, directions, and the cost of a page in a large archive. */
#include "tests/support/unit.h"

#include "base/monoclock.h"
#include "replication/read_archive.h"
#include "tests/support/store.h"

enum { BASE_S = 1700000000, LARGE = 100 * 1000, PAGE_MS_MAX = 250 };

static bool page_add(const struct read_archive_row *row, void *arg)
{
    strbuf_printf(arg, "%s%llu%s", ((struct strbuf *)arg)->size ? " " : "",
                  (unsigned long long)row->index, row->is_sent ? ">" : "<");
    return true;
}

/* Alice's archive: entries 5 to 14, one a second; even indexes with carol, else with bob;
 * 5, 9, 13 are received, from bob's phone. */
static void setup_ten(struct store *s)
{
    store_populate(s);
    for (int i = 0; i < 10; i++) {
        s->stamp_us += STORE_SECOND_US;
        const bool is_received = i % 4 == 0;
        (void)store_message(
            s, (struct store_message){.from = is_received ? STORE_BOB "/phone" : STORE_ALICE,
                                      .to = is_received  ? STORE_ALICE
                                            : i % 2 == 0 ? STORE_BOB
                                                         : STORE_CAROL});
    }
}

#define AT(second) ((BASE_S + (uint64_t)(second)) * STORE_SECOND_US)

static const struct page_case {
    const char *name;
    struct read_archive_query query;
    const char *with;
    const char *rows;
    bool is_complete;
    uint64_t count;
} pages[] = {
    {"all", {.max = 50}, NULL, "5< 6> 7> 8> 9< 10> 11> 12> 13< 14>", true, 10},
    {"exactly as many", {.max = 10}, NULL, "5< 6> 7> 8> 9< 10> 11> 12> 13< 14>", true, 10},
    {"first page", {.max = 3}, NULL, "5< 6> 7>", false, 10},
    {"none asked for", {.max = 0}, NULL, "", false, 10},
    {"after", {.max = 3, .after = 7}, NULL, "8> 9< 10>", false, 7},
    {"after the last", {.max = 3, .after = 14}, NULL, "", true, 0},
    {"last page", {.max = 3, .is_backwards = true}, NULL, "14> 13< 12>", false, 10},
    {"before", {.max = 3, .before = 7, .is_backwards = true}, NULL, "6> 5<", true, 2},
    {"before the first", {.max = 3, .before = 5}, NULL, "", true, 0},
    {"start between", {.max = 50, .start_us = AT(8) + 1}, NULL, "13< 14>", true, 2},
    {"start exactly", {.max = 50, .start_us = AT(9)}, NULL, "13< 14>", true, 2},
    {"start too late", {.max = 50, .start_us = AT(11)}, NULL, "", true, 0},
    {"end exactly", {.max = 50, .end_us = AT(2)}, NULL, "5< 6>", true, 2},
    {"end between", {.max = 50, .end_us = AT(3) - 1}, NULL, "5< 6>", true, 2},
    {"end too early", {.max = 50, .end_us = AT(0)}, NULL, "", true, 0},
    {"both", {.max = 50, .start_us = AT(3), .end_us = AT(5)}, NULL, "7> 8> 9<", true, 3},
    {"crossed", {.max = 50, .start_us = AT(5), .end_us = AT(3)}, NULL, "", true, 0},
    {"time and place", {.max = 1, .start_us = AT(3), .after = 8}, NULL, "9<", false, 6},
    {"with bob", {.max = 50}, STORE_BOB, "5< 7> 9< 11> 13<", true, 5},
    {"with bob, later", {.max = 2, .start_us = AT(4)}, STORE_BOB, "9< 11>", false, 3},
    {"with bob's phone", {.max = 50}, STORE_BOB "/phone", "5< 9< 13<", true, 3},
    {"with bob's phone, a page", {.max = 2}, STORE_BOB "/phone", "5< 9<", false, 3},
    {"with nobody", {.max = 50}, "nobody@demo.example", "", true, 0},
};

static void page_holds_what_the_bounds_say(void **state)
{
    (void)state;
    struct store s;
    setup_ten(&s);
    for (size_t i = 0; i < COUNT_OF(pages); i++) {
        const struct page_case *c = &pages[i];
        struct read_archive_query q = c->query;
        struct strbuf rows = {0};
        bool is_complete = !c->is_complete;
        uint64_t count = 99;
        q.with = span_text(c->with);
        assert_int_equal(read_archive(store_view(&s), span_text(STORE_ALICE), &q, page_add,
                                      &rows, &is_complete),
                         0);
        assert_int_equal(
            read_archive_count(store_view(&s), span_text(STORE_ALICE), &q, 1000, &count), 0);
        const char *text = rows.data ? rows.data : "";
        if (strcmp(text, c->rows) != 0 || is_complete != c->is_complete || count != c->count)
            fail_msg("%s: '%s' complete %d count %d", c->name, text, is_complete, (int)count);
        strbuf_done(&rows);
    }
    assert_int_equal(read_archive_has(store_view(&s), span_text(STORE_ALICE), 5), 1);
    assert_int_equal(read_archive_has(store_view(&s), span_text(STORE_ALICE), 4), 0);
    store_close(&s);
}

/* Writes the rows of an archive without the commands that would make them. */
static void setup_large(struct store *s)
{
    struct strbuf key = {0};
    uint8_t bytes[512];

    store_populate(s);
    struct statedb_batch *batch = statedb_batch_begin(s->db);
    for (uint64_t i = 1; i <= LARGE; i++) {
        Store__MessageRow m = STORE__MESSAGE_ROW__INIT;
        Store__ArchiveRow row = STORE__ARCHIVE_ROW__INIT;
        m.from = (char *)(uintptr_t)STORE_ALICE;
        m.to = (char *)(uintptr_t)(i % 1000 == 0 ? STORE_CAROL : STORE_BOB);
        m.stamp_us = row.stamp_us = AT(i);
        row.with = m.to;
        row.is_sent = true;
        keyspace_number(&key, KEYSPACE_GROUP, i);
        statedb_put(batch, KEYSPACE_MESSAGES, strbuf_span(&key),
                    span_of(bytes, store__message_row__pack(&m, bytes)));
        keyspace_user_number(&key, KEYSPACE_GROUP, span_text(STORE_ALICE), i);
        statedb_put(batch, KEYSPACE_ARCHIVE, strbuf_span(&key),
                    span_of(bytes, store__archive_row__pack(&row, bytes)));
        struct strbuf stamp = {0};
        strbuf_add_u64be(&stamp, m.stamp_us);
        keyspace_archive_with(&key, KEYSPACE_GROUP, span_text(STORE_ALICE), span_text(m.to), i);
        statedb_put(batch, KEYSPACE_ARCHIVE_WITH, strbuf_span(&key), strbuf_span(&stamp));
        strbuf_done(&stamp);
        if (i % 5000 == 0) {
            assert_int_equal(statedb_batch_commit(batch, s->index = 4 + i, 1), 0);
            batch = statedb_batch_begin(s->db);
        }
    }
    statedb_batch_abandon(batch);
    strbuf_done(&key);
}

static void page_of_a_large_archive_costs_what_it_shows(void **state)
{
    (void)state;
    struct store s;
    static const struct read_archive_query queries[] = {
        {.max = 50},
        {.max = 50, .is_backwards = true},
        {.max = 50, .start_us = AT(50000)},
        {.max = 50, .end_us = AT(50000), .is_backwards = true},
        {.max = 50, .with = {STORE_CAROL, sizeof(STORE_CAROL) - 1}, .start_us = AT(20000)},
    };
    setup_large(&s);
    const uint64_t began = monoclock_ms();
    for (size_t i = 0; i < COUNT_OF(queries); i++) {
        struct strbuf rows = {0};
        bool is_complete = true;
        assert_int_equal(read_archive(store_view(&s), span_text(STORE_ALICE), &queries[i],
                                      page_add, &rows, &is_complete),
                         0);
        assert_false(is_complete);
        if (i == 2)
            assert_memory_equal(rows.data, "50000> 50001> ", 14);
        if (i == 4)
            assert_memory_equal(rows.data, "20000> 21000> ", 14);
        strbuf_done(&rows);
    }
    /* A walk over all rows takes many times as long, under sanitizers too. */
    assert_in_range(monoclock_ms() - began, 0, PAGE_MS_MAX);
    store_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(page_holds_what_the_bounds_say),
        cmocka_unit_test(page_of_a_large_archive_costs_what_it_shows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
