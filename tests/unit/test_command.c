/* SPDX-License-Identifier: Apache-2.0 */
/* The form of entries and rows. The golden files are a log that holds every command, and
 * the state it makes: what was once written is read for ever. After a deliberate addition,
 * run with GOLDEN_WRITE=1 and look at the difference: lines may come, none may change. */
#include "tests/support/unit.h"

#include "base/mem.h"
#include "replication/command.h"
#include "tests/support/store.h"

static struct span golden_read(struct store *s, const char *name)
{
    char path[512];
    struct strbuf text = {0};
    (void)snprintf(path, sizeof(path), "%s/%s", GOLDEN_DIR, name);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    size_t got = 0;
    while ((got = fread(strbuf_reserve(&text, 4096), 1, 4096, f)) > 0)
        text.size += got;
    (void)fclose(f);
    const struct span copy = arena_copy(&s->arena, strbuf_span(&text));
    strbuf_done(&text);
    return copy;
}

/* Compares with a golden file, or writes it when asked to. */
static void golden_check(struct store *s, const char *name, const struct strbuf *text)
{
    if (getenv("GOLDEN_WRITE")) {
        char path[512];
        (void)snprintf(path, sizeof(path), "%s/%s", GOLDEN_DIR, name);
        FILE *f = fopen(path, "w");
        assert_non_null(f);
        assert_int_equal(fwrite(text->data, 1, text->size, f), text->size);
        assert_int_equal(fclose(f), 0);
    }
    const struct span want = golden_read(s, name);
    assert_int_equal(text->size, want.size);
    assert_memory_equal(text->data, want.ptr, want.size);
}

static struct strbuf dump(const struct store *s)
{
    struct strbuf out = {0};
    for (enum keyspace_cf cf = 0; cf < KEYSPACE_CF_COUNT; cf++) {
        struct statedb_scan *scan = NULL;
        struct span key, value;
        assert_int_equal(
            statedb_scan_open(store_view(s), cf, SPAN(""), SPAN_NONE, false, &scan), 0);
        while (statedb_scan_next(scan, &key, &value)) {
            strbuf_printf(&out, "%s ", keyspace_name(cf));
            store_add_hex(&out, key);
            strbuf_add_byte(&out, ' ');
            store_add_hex(&out, value);
            strbuf_add_byte(&out, '\n');
        }
        assert_int_equal(statedb_scan_close(scan), 0);
    }
    return out;
}

static void add_directory(struct store *s)
{
    Store__NodeUp up = STORE__NODE_UP__INIT;
    Store__SettingSet setting = STORE__SETTING_SET__INIT;
    Store__UserPut put = STORE__USER_PUT__INIT;
    Store__UserPut *rows[] = {&put};
    Store__UserImport import = STORE__USER_IMPORT__INIT;
    up.node_id = 1;
    up.node_name = store_text(s, "n1");
    up.epoch = 1;
    (void)store_apply(s, STORE_COMMAND(NODE_UP, node_up, &up));
    setting.name = store_text(s, "xmpp.resume_window");
    setting.value = store_text(s, "300s");
    (void)store_apply_from(
        s, STORE_COMMAND(SETTING_SET, setting_set, &setting),
        (struct command_header){
            .proposer_node = 1, .proposer_epoch = 1, .sequence = 2, .oldest_unanswered = 1});
    put.user = store_text(s, "j\xc3\xbcrgen@demo.example");
    import.rows = rows;
    import.n_rows = 1;
    (void)store_apply(s, STORE_COMMAND(USER_IMPORT, user_import, &import));
}

static void add_lists(struct store *s)
{
    char *groups[] = {store_text(s, "friends"), store_text(s, "work")};
    char *never[] = {store_text(s, "x@other.example")};
    Store__RosterSet set = STORE__ROSTER_SET__INIT;
    Store__RosterRemove gone = STORE__ROSTER_REMOVE__INIT;
    Store__ArchivePrefs prefs = STORE__ARCHIVE_PREFS__INIT;
    Store__ArchivePrefsSet prefs_set = STORE__ARCHIVE_PREFS_SET__INIT;
    set.user = gone.user = prefs_set.user = store_text(s, STORE_BOB);
    set.contact = store_text(s, STORE_ALICE);
    set.name = store_text(s, "Alice");
    set.groups = groups;
    set.n_groups = 2;
    (void)store_apply(s, STORE_COMMAND(ROSTER_SET, roster_set, &set));
    set.contact = gone.contact = store_text(s, STORE_CAROL);
    (void)store_apply(s, STORE_COMMAND(ROSTER_SET, roster_set, &set));
    (void)store_apply(s, STORE_COMMAND(ROSTER_REMOVE, roster_remove, &gone));
    prefs.default_mode = STORE__ARCHIVE_PREFS__DEFAULT__ROSTER;
    prefs.never = never;
    prefs.n_never = 1;
    prefs_set.prefs = &prefs;
    (void)store_apply(s, STORE_COMMAND(ARCHIVE_PREFS_SET, archive_prefs_set, &prefs_set));
    (void)store_block(s, STORE_BOB, "spam.example");
}

/* A log with every command in it. Append only: what is here has been written. */
static void write_log(struct store *s)
{
    Store__ArchiveTrim trim = STORE__ARCHIVE_TRIM__INIT;
    (void)store_init(s);
    (void)store_user(s, STORE_ALICE);
    (void)store_user(s, STORE_BOB);
    (void)store_user(s, STORE_CAROL);
    add_directory(s);
    (void)store_bind(s, 'a', STORE_ALICE, "desk", true);
    (void)store_bind(s, 'b', STORE_BOB, "phone", true);
    (void)store_bind(s, 'c', STORE_CAROL, "gone", true);
    (void)store_subscribe(s, STORE_ALICE, STORE_BOB, STORE__SUBSCRIBE_KIND__SUBSCRIBE_ASK);
    (void)store_subscribe(s, STORE_BOB, STORE_ALICE, STORE__SUBSCRIBE_KIND__SUBSCRIBE_GRANT);
    (void)store_subscribe(s, STORE_CAROL, STORE_BOB, STORE__SUBSCRIBE_KIND__SUBSCRIBE_ASK);
    add_lists(s);
    struct store_message m = {.from = STORE_ALICE "/desk",
                              .to = STORE_BOB,
                              .session = 'a',
                              .n = 2,
                              .safe = 1,
                              .origin_id = "id-1"};
    (void)store_message(s, m);
    trim.before_us = s->stamp_us;
    s->stamp_us += 3600ULL * STORE_SECOND_US;
    m.n = 3;
    m.prev = 2;
    m.origin_id = "id-2";
    const uint64_t second = store_message(s, m).index;
    m.n = 5;
    m.prev = 3;
    m.to = "nobody@demo.example";
    (void)store_message(s, m);
    (void)store_mark(s, 'b', 1, 1, second - 1);
    (void)store_mark(s, 'b', 1, 3, second);
    (void)store_progress(s, 'b', 1, 1, 0, 4);
    (void)store_resume(s, 'a', STORE_ALICE, 1, 7);
    (void)store_end(s, 'c', 1, -1, false);
    trim.rows_max = 100;
    (void)store_apply(s, STORE_COMMAND(ARCHIVE_TRIM, archive_trim, &trim));
    (void)store_user(s, "dave@demo.example");
    (void)store_remove(s, "dave@demo.example");
}

static void encoder_writes_what_it_always_wrote(void **state)
{
    (void)state;
    struct store s;
    struct strbuf log = {0};
    store_open(&s);
    s.log = &log;
    write_log(&s);
    golden_check(&s, "entries.hex", &log);
    struct strbuf rows = dump(&s);
    golden_check(&s, "rows.hex", &rows);
    strbuf_done(&rows);
    strbuf_done(&log);
    store_close(&s);
}

static unsigned hex_digit(char c)
{
    return (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
}

static void old_log_still_makes_the_same_state(void **state)
{
    (void)state;
    struct store s;
    store_open(&s);
    struct span text = golden_read(&s, "entries.hex");
    while (text.size > 0) {
        const struct span line = span_first(text, span_index(text, '\n'));
        struct strbuf entry = {0}, again = {0};
        for (size_t i = 0; i + 1 < line.size; i += 2)
            strbuf_add_byte(&entry,
                            (char)(hex_digit(line.ptr[i]) << 4 | hex_digit(line.ptr[i + 1])));
        struct command_header h;
        Store__Command *command = NULL;
        assert_int_equal(command_parse(strbuf_span(&entry), &h, &command), 0);
        assert_int_equal(command_format(&again, &h, command), 0);
        assert_true(span_equal(strbuf_span(&entry), strbuf_span(&again)));
        command_free(command);
        (void)store_apply_entry(&s, strbuf_span(&entry));
        strbuf_done(&entry);
        strbuf_done(&again);
        text = span_from(text, line.size + 1);
    }
    struct strbuf rows = dump(&s);
    const struct span want = golden_read(&s, "rows.hex");
    assert_true(span_equal(strbuf_span(&rows), want));
    strbuf_done(&rows);
    store_close(&s);
}

/* ---- What is no entry ------------------------------------------------------------------- */

#define HEAD                                                                                   \
    "\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0" \
    "\0\0\0\0"
#define BYTES(literal)                                                                         \
    {                                                                                          \
        literal, sizeof(literal) - 1                                                           \
    }

/* 0x32: field 6, setting_set; 0x0a: its name. */
static const struct parse_case {
    const char *name;
    struct span entry;
    int rc;
} parses[] = {
    {"nothing", BYTES(""), ERR_PROTOCOL},
    {"header cut short", {HEAD, COMMAND_HEADER_SIZE - 1}, ERR_PROTOCOL},
    {"header alone: an empty command", BYTES(HEAD), 0},
    {"another format", {"\2\0\0\0" HEAD, COMMAND_HEADER_SIZE}, ERR_PROTOCOL},
    {"a setting",
     BYTES(HEAD "\x32\x05\x0a\x03"
                "abc"),
     0},
    {"cut in the middle",
     BYTES(HEAD "\x32\x05\x0a\x03"
                "ab"),
     ERR_PROTOCOL},
    {"a zero byte in a text",
     BYTES(HEAD "\x32\x05\x0a\x03"
                "a\0c"),
     ERR_PROTOCOL},
    {"not UTF-8",
     BYTES(HEAD "\x32\x05\x0a\x03"
                "a\xff"
                "c"),
     ERR_PROTOCOL},
    {"a surrogate", BYTES(HEAD "\x32\x05\x0a\x03\xed\xa0\x80"), ERR_PROTOCOL},
    {"UTF-8", BYTES(HEAD "\x32\x05\x0a\x03\xe2\x82\xac"), 0},
    {"a number longer than need be",
     BYTES(HEAD "\x32\x85\x00\x0a\x03"
                "abc"),
     ERR_PROTOCOL},
    {"not UTF-8 in a repeated text of a list", /* block_set.add */
     BYTES(HEAD "\x7a\x03\x1a\x01\xff"), ERR_PROTOCOL},
    {"not UTF-8 in a message of a list", /* user_import.rows.user */
     BYTES(HEAD "\x2a\x05\x0a\x03\x12\x01\xff"), ERR_PROTOCOL},
};

static void only_entries_are_parsed(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(parses); i++) {
        struct command_header h;
        Store__Command *command = NULL;
        const int rc = command_parse(parses[i].entry, &h, &command);
        if (rc != parses[i].rc)
            fail_msg("%s: %s", parses[i].name, err_name(rc));
        command_free(command);
    }
}

/* A body of exactly `size` bytes: a setting with a long value. */
static struct strbuf entry_of_size(size_t size)
{
    struct strbuf entry = {0};
    const struct command_header h = {0};
    Store__SettingSet c = STORE__SETTING_SET__INIT;
    size_t value_size = size;
    do {
        value_size--;
        c.value = mem_zeroed(value_size + 1, 1);
        memset(c.value, 'x', value_size);
        if (store__command__get_packed_size(STORE_COMMAND(SETTING_SET, setting_set, &c)) ==
            size)
            break;
        free(c.value);
        c.value = NULL;
    } while (value_size > 0);
    assert_non_null(c.value);
    const Store__Command *command = STORE_COMMAND(SETTING_SET, setting_set, &c);
    /* format refuses what is too big, so the bytes are made by hand */
    Store__Command nothing = STORE__COMMAND__INIT;
    assert_int_equal(command_format(&entry, &h, &nothing), 0);
    store__command__pack(command, (uint8_t *)strbuf_reserve(&entry, size));
    entry.size += size;
    struct strbuf again = {0};
    assert_int_equal(command_format(&again, &h, command),
                     size > COMMAND_SIZE_MAX ? ERR_TOO_BIG : 0);
    strbuf_done(&again);
    free(c.value);
    return entry;
}

static void size_has_a_limit(void **state)
{
    (void)state;
    static const struct {
        size_t size;
        int rc;
    } cases[] = {
        {COMMAND_SIZE_MAX - 1, 0}, {COMMAND_SIZE_MAX, 0}, {COMMAND_SIZE_MAX + 1, ERR_TOO_BIG}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct strbuf entry = entry_of_size(cases[i].size);
        struct command_header h;
        Store__Command *command = NULL;
        assert_int_equal(command_parse(strbuf_span(&entry), &h, &command), cases[i].rc);
        command_free(command);
        strbuf_done(&entry);
    }
}

/* Two bytes of an empty row become a struct of a hundred. */
static void memory_has_a_limit(void **state)
{
    (void)state;
    struct strbuf rows = {0}, entry = {0};
    const Store__Command nothing = STORE__COMMAND__INIT;
    const struct command_header h = {0};
    const size_t count = (COMMAND_SIZE_MAX - 16) / 2;
    assert_int_equal(command_format(&entry, &h, &nothing), 0);
    for (size_t i = 0; i < count; i++)
        strbuf_add(&rows, SPAN("\x0a\0"));
    strbuf_add_byte(&entry, 0x2a); /* user_import */
    for (size_t left = rows.size; left > 0; left >>= 7)
        strbuf_add_byte(&entry, (char)((left & 0x7f) | (left > 0x7f ? 0x80 : 0)));
    strbuf_add(&entry, strbuf_span(&rows));
    struct command_header parsed;
    Store__Command *command = NULL;
    assert_int_equal(command_parse(strbuf_span(&entry), &parsed, &command), ERR_TOO_BIG);
    strbuf_done(&rows);
    strbuf_done(&entry);
}

static void header_is_read_and_stamped(void **state)
{
    (void)state;
    struct strbuf entry = {0};
    const Store__Command nothing = STORE__COMMAND__INIT;
    struct command_header h = {0};
    assert_int_equal(command_format(&entry, &h, &nothing), 0);
    command_stamp(entry.data, 0x0102030405060708ULL);
    command_propose(entry.data, 1, 2, 3, UINT64_MAX);
    assert_int_equal(command_parse_header(strbuf_span(&entry), &h), 0);
    assert_true(h.stamp_us == 0x0102030405060708ULL && h.proposer_node == 1 &&
                h.proposer_epoch == 2 && h.sequence == 3 && h.oldest_unanswered == UINT64_MAX);
    strbuf_done(&entry);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encoder_writes_what_it_always_wrote),
        cmocka_unit_test(old_log_still_makes_the_same_state),
        cmocka_unit_test(only_entries_are_parsed),
        cmocka_unit_test(size_has_a_limit),
        cmocka_unit_test(memory_has_a_limit),
        cmocka_unit_test(header_is_read_and_stamped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
