/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/unit.h"

#include <stdio.h>

#include "base/err.h"
#include "base/mem.h"
#include "replication/logrecord.h"

/* The forms on disk, for ever: what is in the golden file must be read by every version. */
static void make_golden(struct strbuf *text)
{
    struct strbuf key = {0};
    struct strbuf value = {0};
    char log_key[LOGRECORD_KEY_SIZE];
    const char *names[] = {"log", "vote", "snapshot", "identity"};
    for (int i = 0; i < 4; i++) {
        switch (i) {
        case 0:
            logrecord_key(log_key, 0, 0x0102030405060708);
            strbuf_clear(&key);
            strbuf_add(&key, span_of(log_key, sizeof(log_key)));
            logrecord_format(
                &value, strbuf_span(&key),
                &(struct logrecord){.term = 9, .type = 1, .payload = SPAN("payload")});
            break;
        case 1:
            logrecord_meta_key(&key, 0, 'v');
            logrecord_format_vote(&value, strbuf_span(&key),
                                  &(struct logrecord_vote){.term = 9, .voted_for = 2});
            break;
        case 2:
            logrecord_meta_key(&key, 0, 's');
            logrecord_format_snapshot(
                &value, strbuf_span(&key),
                &(struct logrecord_snapshot){.index = 900,
                                             .term = 9,
                                             .configuration_index = 3,
                                             .first_index = 801,
                                             .stamp_us = 1700000000000000,
                                             .configuration = SPAN("membership")});
            break;
        default:
            logrecord_meta_key(&key, 0, 'i');
            logrecord_format_identity(
                &value, strbuf_span(&key),
                &(struct logrecord_identity){.node_id = 7, .node_name = SPAN("n7")});
        }
        strbuf_add_text(text, names[i]);
        strbuf_add_byte(text, ' ');
        for (size_t k = 0; k < key.size; k++)
            strbuf_printf(text, "%02x", (unsigned char)key.data[k]);
        strbuf_add_byte(text, ' ');
        for (size_t k = 0; k < value.size; k++)
            strbuf_printf(text, "%02x", (unsigned char)value.data[k]);
        strbuf_add_byte(text, '\n');
    }
    strbuf_done(&key);
    strbuf_done(&value);
}

static void the_forms_do_not_change(void **state)
{
    (void)state;
    struct strbuf text = {0};
    char golden[1024] = "";
    make_golden(&text);
    FILE *file = fopen(GOLDEN_DIR "/logrecord.txt", "re");
    assert_non_null(file);
    const size_t size = fread(golden, 1, sizeof(golden) - 1, file);
    (void)fclose(file);
    golden[size] = '\0';
    assert_string_equal(text.data, golden);
    strbuf_done(&text);
}

static void reads_back_what_it_wrote(void **state)
{
    (void)state;
    struct strbuf value = {0};
    char key[LOGRECORD_KEY_SIZE];
    struct logrecord r;
    logrecord_key(key, 5, 77);
    assert_int_equal(logrecord_parse_key(span_of(key, sizeof(key)), 5), 77);
    assert_int_equal(logrecord_parse_key(span_of(key, sizeof(key)), 4), 0);
    assert_int_equal(logrecord_parse_key(span_of(key, sizeof(key) - 1), 5), 0);
    logrecord_format(&value, span_of(key, sizeof(key)),
                     &(struct logrecord){.term = 3, .type = 2, .payload = SPAN("")});
    assert_int_equal(logrecord_parse(strbuf_span(&value), span_of(key, sizeof(key)), &r), 0);
    assert_int_equal(r.term, 3);
    assert_int_equal(r.type, 2);
    assert_int_equal(r.payload.size, 0);
    strbuf_done(&value);
}

/* Every bit counts, of the value and of the key, and so does every byte's being there. */
static void any_flipped_bit_is_found(void **state)
{
    (void)state;
    struct strbuf value = {0};
    char key[LOGRECORD_KEY_SIZE] = {0};
    struct logrecord r;
    const struct span whole = span_of(key, sizeof(key));
    logrecord_key(key, 0, 1);
    logrecord_format(&value, whole,
                     &(struct logrecord){.term = 3, .type = 1, .payload = SPAN("bytes")});
    for (size_t bit = 0; bit < value.size * 8; bit++) {
        value.data[bit / 8] = (char)(value.data[bit / 8] ^ (1 << bit % 8));
        assert_int_equal(logrecord_parse(strbuf_span(&value), whole, &r), ERR_CORRUPT);
        value.data[bit / 8] = (char)(value.data[bit / 8] ^ (1 << bit % 8));
    }
    for (size_t size = 0; size < value.size; size++)
        assert_int_equal(logrecord_parse(span_of(value.data, size), whole, &r), ERR_CORRUPT);
    for (size_t bit = 0; bit < sizeof(key) * 8; bit++) {
        key[bit / 8] = (char)(key[bit / 8] ^ (1 << bit % 8));
        assert_int_equal(logrecord_parse(strbuf_span(&value), whole, &r), ERR_CORRUPT);
        key[bit / 8] = (char)(key[bit / 8] ^ (1 << bit % 8));
    }
    assert_int_equal(logrecord_parse(strbuf_span(&value), whole, &r), 0);
    strbuf_done(&value);
}

static void impossible_snapshots_are_refused(void **state)
{
    (void)state;
    static const struct logrecord_snapshot bad[] = {
        {.index = 0, .term = 1, .first_index = 1},
        {.index = 5, .term = 0, .first_index = 1},
        {.index = 5, .term = 1, .first_index = 0},
        {.index = 5, .term = 1, .first_index = 7},
        {.index = 5, .term = 1, .first_index = 1, .configuration_index = 6},
    };
    struct strbuf key = {0};
    struct strbuf value = {0};
    struct logrecord_snapshot s;
    logrecord_meta_key(&key, 0, 's');
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        logrecord_format_snapshot(&value, strbuf_span(&key), &bad[i]);
        assert_int_equal(logrecord_parse_snapshot(strbuf_span(&value), strbuf_span(&key), &s),
                         ERR_CORRUPT);
    }
    strbuf_done(&key);
    strbuf_done(&value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_forms_do_not_change),
        cmocka_unit_test(reads_back_what_it_wrote),
        cmocka_unit_test(any_flipped_bit_is_found),
        cmocka_unit_test(impossible_snapshots_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
