/* SPDX-License-Identifier: Apache-2.0 */
/* Feeds names and values to a settings table. What it takes must come out as text that it
 * takes again with the same meaning; what it refuses must change nothing and be explained. */
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/settings.h"

struct fuzzed {
    uint32_t number;
    bool is_on;
    uint64_t wait_ms;
    uint64_t size;
    char text[16];
    uint32_t choice;
};

static const char *const choices[] = {"one", "two", NULL};
static const struct settings_key keys[] = {
    SETTINGS_U32(struct fuzzed, number, "a.number", "1", "1", "1000", "."),
    SETTINGS_BOOL(struct fuzzed, is_on, "a.on", "true", "."),
    SETTINGS_DURATION(struct fuzzed, wait_ms, "a.wait", "1s", NULL, "30d", "."),
    SETTINGS_SIZE(struct fuzzed, size, "a.size", "1KiB", "1", NULL, "."),
    SETTINGS_TEXT(struct fuzzed, text, "b.text", "", "."),
    SETTINGS_CHOICE(struct fuzzed, choice, "b.choice", "one", choices, "."),
};
static const struct settings_table table = {keys, sizeof(keys) / sizeof(keys[0])};

/* All values as text, a line each. */
static void dump_values(const struct fuzzed *values, struct strbuf *out)
{
    for (size_t i = 0; i < table.key_count; i++) {
        settings_get_text(&keys[i], values, out);
        strbuf_add_byte(out, '\n');
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct span all = span_of(data, size);
    const struct span name = span_first(all, span_index(all, '='));
    const struct span value = span_from(all, name.size + 1);
    CLEANUP(strbuf_done) struct strbuf why = {0};
    CLEANUP(strbuf_done) struct strbuf text = {0};
    CLEANUP(strbuf_done) struct strbuf first = {0};
    CLEANUP(strbuf_done) struct strbuf second = {0};
    struct fuzzed values;
    struct fuzzed again;
    settings_reset(&table, &values);
    settings_reset(&table, &again);

    const int rc = settings_set(&table, &values, name, value, &why);
    if (rc < 0 && why.size == 0)
        abort();
    if (rc == 0) {
        settings_get_text(settings_find(&table, name), &values, &text);
        if (settings_set(&table, &again, name, strbuf_span(&text), &why) < 0)
            abort();
    }
    dump_values(&values, &first);
    dump_values(&again, &second);
    if (!span_equal(strbuf_span(&first), strbuf_span(&second)))
        abort();
    return 0;
}
