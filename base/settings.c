/* SPDX-License-Identifier: Apache-2.0 */
#include "base/settings.h"

#include <assert.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/utf8char.h"

enum { SETTINGS_WORD_MAX = 64, SETTINGS_DIGITS_MAX = 15, SETTINGS_SHOWN_MAX = 100 };

struct unit {
    const char *name;
    uint64_t worth;
};

static const struct unit durations[] = {
    {"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}, {NULL, 0},
};
static const struct unit sizes[] = {
    {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"", 1}, {NULL, 0},
};
static const char *const type_names[] = {"number", "boolean", "duration",
                                         "size",   "text",    "choice"};

const char *settings_type_name(enum settings_type type)
{
    return type_names[type];
}

/* ---- what was meant ---- */

/* Edits (insert, delete, replace, swap neighbours) between two words of at most
 * SETTINGS_WORD_MAX bytes: Damerau-Levenshtein, optimal string alignment. */
static size_t edit_distance(struct span a, struct span b)
{
    size_t rows[3][SETTINGS_WORD_MAX + 1];
    for (size_t j = 0; j <= b.size; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a.size; i++) {
        size_t *row = rows[i % 3];
        const size_t *above = rows[(i + 2) % 3];
        const size_t *before = rows[(i + 1) % 3]; /* two rows above */
        row[0] = i;
        for (size_t j = 1; j <= b.size; j++) {
            const bool is_same = a.ptr[i - 1] == b.ptr[j - 1];
            size_t best = above[j - 1] + (is_same ? 0 : 1);
            if (above[j] + 1 < best)
                best = above[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            if (i > 1 && j > 1 && a.ptr[i - 1] == b.ptr[j - 2] &&
                a.ptr[i - 2] == b.ptr[j - 1] && before[j - 2] + 1 < best)
                best = before[j - 2] + 1;
            row[j] = best;
        }
    }
    return rows[a.size % 3][b.size];
}

/* How far a candidate is from the word; SIZE_MAX: it cannot have been meant. */
static size_t setting_distance(struct span word, struct span candidate)
{
    if (word.size == 0 || word.size > SETTINGS_WORD_MAX || candidate.size > SETTINGS_WORD_MAX)
        return SIZE_MAX;
    size_t distance = edit_distance(word, candidate);
    struct span part = candidate; /* "resume_window" means "xmpp.resume_window" */
    for (size_t dot = span_index(part, '.'); dot < part.size; dot = span_index(part, '.')) {
        part = span_from(part, dot + 1);
        const size_t part_distance = edit_distance(word, part);
        if (part_distance < distance)
            distance = part_distance;
    }
    return distance <= (word.size + 2) / 3 ? distance : SIZE_MAX;
}

const char *settings_nearest(struct span word, const char *const *candidates)
{
    const char *nearest = NULL;
    size_t nearest_distance = SIZE_MAX;
    for (size_t i = 0; candidates[i]; i++) {
        const size_t distance = setting_distance(word, span_text(candidates[i]));
        if (distance < nearest_distance) {
            nearest = candidates[i];
            nearest_distance = distance;
        }
    }
    return nearest;
}

static void setting_say_meant(struct strbuf *why, const char *meant)
{
    if (meant)
        strbuf_printf(why, "; did you mean %s?", meant);
}

/* ---- text to number ---- */

static struct span setting_shown(struct span text)
{
    return span_first(text, SETTINGS_SHOWN_MAX);
}

/* Digits off the front of text; false when there are none or too many. */
static bool setting_take_digits(struct span *text, uint64_t *ret_number)
{
    uint64_t number = 0;
    size_t size = 0;
    while (size < text->size && text->ptr[size] >= '0' && text->ptr[size] <= '9')
        number = number * 10 + (uint64_t)(text->ptr[size++] - '0') % 10;
    if (size == 0 || size > SETTINGS_DIGITS_MAX)
        return false;
    *text = span_from(*text, size);
    *ret_number = number;
    return true;
}

static int setting_parse_units(struct span text, const struct unit *units, const char *example,
                               uint64_t *ret_number, struct strbuf *why)
{
    struct span left = text;
    uint64_t number = 0;
    if (!setting_take_digits(&left, &number)) {
        strbuf_printf(why, "\"%.*s\" is not a %s", SPAN_ARG(setting_shown(text)), example);
        return ERR_INVALID;
    }
    for (const struct unit *u = units; u->name; u++)
        if (span_is(left, u->name)) {
            *ret_number = number > UINT64_MAX / u->worth ? UINT64_MAX : number * u->worth;
            return 0;
        }
    if (left.size == 0 && number == 0) {
        *ret_number = 0;
        return 0;
    }
    strbuf_printf(why, "\"%.*s\" has %s; write a %s", SPAN_ARG(setting_shown(text)),
                  left.size ? "an unknown unit" : "no unit", example);
    if (left.size == 0)
        strbuf_printf(why, "; did you mean %llus?", (unsigned long long)number);
    return ERR_INVALID;
}

static int setting_parse_bool(struct span text, uint64_t *ret_number, struct strbuf *why)
{
    static const char *const words[] = {"false", "true", "off", "on", "no", "yes", NULL};
    for (size_t i = 0; words[i]; i++)
        if (span_is(text, words[i])) {
            *ret_number = i % 2;
            return 0;
        }
    strbuf_printf(why, "\"%.*s\" is not true or false", SPAN_ARG(setting_shown(text)));
    setting_say_meant(why, settings_nearest(text, words));
    return ERR_INVALID;
}

static int setting_parse_choice(const struct settings_key *key, struct span text,
                                uint64_t *ret_number, struct strbuf *why)
{
    for (size_t i = 0; key->choices[i]; i++)
        if (span_is(text, key->choices[i])) {
            *ret_number = i;
            return 0;
        }
    strbuf_printf(why, "\"%.*s\" is not one of", SPAN_ARG(setting_shown(text)));
    for (size_t i = 0; key->choices[i]; i++)
        strbuf_printf(why, "%s %s", i ? "," : "", key->choices[i]);
    setting_say_meant(why, settings_nearest(text, key->choices));
    return ERR_INVALID;
}

static int setting_parse_u32(struct span text, uint64_t *ret_number, struct strbuf *why)
{
    struct span left = text;
    if (setting_take_digits(&left, ret_number) && left.size == 0)
        return 0;
    strbuf_printf(why, "\"%.*s\" is not a whole number", SPAN_ARG(setting_shown(text)));
    return ERR_INVALID;
}

static int setting_parse_number(const struct settings_key *key, struct span text,
                                uint64_t *ret_number, struct strbuf *why)
{
    switch (key->type) {
    case SETTINGS_TYPE_U32:
        return setting_parse_u32(text, ret_number, why);
    case SETTINGS_TYPE_BOOL:
        return setting_parse_bool(text, ret_number, why);
    case SETTINGS_TYPE_DURATION:
        return setting_parse_units(text, durations, "duration like 500ms, 10s, 5m, 2h or 7d",
                                   ret_number, why);
    case SETTINGS_TYPE_SIZE:
        return setting_parse_units(text, sizes, "size like 4096, 64KiB, 1MiB or 2GiB",
                                   ret_number, why);
    case SETTINGS_TYPE_CHOICE:
        return setting_parse_choice(key, text, ret_number, why);
    case SETTINGS_TYPE_TEXT:
        break;
    }
    return ERR_INVALID;
}

static uint64_t setting_bound(const struct settings_key *key, const char *text,
                              uint64_t otherwise)
{
    CLEANUP(strbuf_done) struct strbuf why = {0};
    uint64_t bound = otherwise;
    if (text && setting_parse_number(key, span_text(text), &bound, &why) < 0)
        abort(); /* the table is wrong */
    return bound;
}

static int setting_parse_in_range(const struct settings_key *key, struct span text,
                                  uint64_t *ret_number, struct strbuf *why)
{
    const uint64_t top = key->type == SETTINGS_TYPE_U32 ? UINT32_MAX : UINT64_MAX;
    uint64_t number = 0;
    const int rc = setting_parse_number(key, text, &number, why);
    if (rc < 0)
        return rc;
    if (number < setting_bound(key, key->min, 0)) {
        strbuf_printf(why, "%.*s is less than %s", SPAN_ARG(setting_shown(text)), key->min);
        return ERR_INVALID;
    }
    if (number > setting_bound(key, key->max, top)) {
        strbuf_printf(why, "%.*s is more than %s", SPAN_ARG(setting_shown(text)),
                      key->max ? key->max : "can be stored");
        return ERR_INVALID;
    }
    *ret_number = number;
    return 0;
}

static int setting_check_text(const struct settings_key *key, struct span text,
                              struct strbuf *why)
{
    if (text.size >= key->room) {
        strbuf_printf(why, "the text is longer than %zu bytes", key->room - 1);
        return ERR_INVALID;
    }
    while (text.size > 0) {
        uint32_t character = 0;
        const size_t size = utf8char_size(text, &character);
        if (size == 0 || character < ' ' || (character >= 0x7f && character < 0xa0)) {
            strbuf_add_text(why, "the text has control characters or is not UTF-8");
            return ERR_INVALID;
        }
        text = span_from(text, size);
    }
    return 0;
}

/* ---- the struct ---- */

static void setting_store(const struct settings_key *key, void *values, uint64_t number)
{
    char *field = (char *)values + key->offset;
    const uint32_t narrow = (uint32_t)number;
    const bool is_true = number != 0;
    switch (key->type) {
    case SETTINGS_TYPE_U32:
    case SETTINGS_TYPE_CHOICE:
        assert(key->room == sizeof(narrow) && number <= UINT32_MAX);
        memcpy(field, &narrow, sizeof(narrow));
        break;
    case SETTINGS_TYPE_BOOL:
        assert(key->room == sizeof(is_true));
        memcpy(field, &is_true, sizeof(is_true));
        break;
    case SETTINGS_TYPE_DURATION:
    case SETTINGS_TYPE_SIZE:
        assert(key->room == sizeof(number));
        memcpy(field, &number, sizeof(number));
        break;
    case SETTINGS_TYPE_TEXT:
        break;
    }
}

static uint64_t setting_load(const struct settings_key *key, const void *values)
{
    const char *field = (const char *)values + key->offset;
    uint64_t number = 0;
    uint32_t narrow = 0;
    bool is_true = false;
    switch (key->type) {
    case SETTINGS_TYPE_U32:
    case SETTINGS_TYPE_CHOICE:
        memcpy(&narrow, field, sizeof(narrow));
        return narrow;
    case SETTINGS_TYPE_BOOL:
        memcpy(&is_true, field, sizeof(is_true));
        return is_true;
    case SETTINGS_TYPE_DURATION:
    case SETTINGS_TYPE_SIZE:
        memcpy(&number, field, sizeof(number));
        return number;
    case SETTINGS_TYPE_TEXT:
        break;
    }
    return 0;
}

/* values NULL: only checks. */
static int setting_apply(const struct settings_key *key, void *values, struct span text,
                         struct strbuf *why)
{
    if (key->type == SETTINGS_TYPE_TEXT) {
        const int rc = setting_check_text(key, text, why);
        if (rc < 0 || !values)
            return rc;
        char *field = (char *)values + key->offset;
        memset(field, 0, key->room);
        if (text.size)
            memcpy(field, text.ptr, text.size);
        return 0;
    }
    uint64_t number = 0;
    const int rc = setting_parse_in_range(key, text, &number, why);
    if (rc == 0 && values)
        setting_store(key, values, number);
    return rc;
}

static void setting_set_standard(const struct settings_key *key, void *values)
{
    CLEANUP(strbuf_done) struct strbuf why = {0};
    if (setting_apply(key, values, span_text(key->standard), &why) < 0)
        abort(); /* the table is wrong */
}

void settings_reset(const struct settings_table *t, void *values)
{
    for (size_t i = 0; i < t->key_count; i++)
        setting_set_standard(&t->keys[i], values);
}

const struct settings_key *settings_find(const struct settings_table *t, struct span name)
{
    for (size_t i = 0; i < t->key_count; i++)
        if (span_is(name, t->keys[i].name))
            return &t->keys[i];
    return NULL;
}

static const char *setting_nearest_key(const struct settings_table *t, struct span name)
{
    const char *nearest = NULL;
    size_t nearest_distance = SIZE_MAX;
    for (size_t i = 0; i < t->key_count; i++) {
        const size_t distance = setting_distance(name, span_text(t->keys[i].name));
        if (distance < nearest_distance) {
            nearest = t->keys[i].name;
            nearest_distance = distance;
        }
    }
    return nearest;
}

int settings_set(const struct settings_table *t, void *values, struct span name,
                 struct span text, struct strbuf *ret_why)
{
    const struct settings_key *key = settings_find(t, name);
    if (!key) {
        strbuf_printf(ret_why, "there is no setting \"%.*s\"", SPAN_ARG(setting_shown(name)));
        setting_say_meant(ret_why, setting_nearest_key(t, name));
        return ERR_NOT_FOUND;
    }
    CLEANUP(strbuf_done) struct strbuf why = {0};
    const int rc = setting_apply(key, values, text, &why);
    if (rc < 0)
        strbuf_printf(ret_why, "%s: %s", key->name, why.data);
    return rc;
}

int settings_check(const struct settings_table *t, struct span name, struct span text,
                   struct strbuf *ret_why)
{
    return settings_set(t, NULL, name, text, ret_why);
}

int settings_unset(const struct settings_table *t, void *values, struct span name)
{
    const struct settings_key *key = settings_find(t, name);
    if (!key)
        return ERR_NOT_FOUND;
    setting_set_standard(key, values);
    return 0;
}

static void setting_add_units(struct strbuf *out, const struct unit *units, uint64_t number)
{
    while (units[1].name && (number == 0 || number % units->worth != 0))
        units++;
    strbuf_add_number(out, number / units->worth);
    strbuf_add_text(out, units->name);
}

void settings_get_text(const struct settings_key *key, const void *values, struct strbuf *out)
{
    const uint64_t number = setting_load(key, values);
    switch (key->type) {
    case SETTINGS_TYPE_U32:
        strbuf_add_number(out, number);
        break;
    case SETTINGS_TYPE_BOOL:
        strbuf_add_text(out, number ? "true" : "false");
        break;
    case SETTINGS_TYPE_DURATION:
        setting_add_units(out, durations, number);
        break;
    case SETTINGS_TYPE_SIZE:
        setting_add_units(out, sizes, number);
        break;
    case SETTINGS_TYPE_TEXT:
        strbuf_add_text(out, (const char *)values + key->offset);
        break;
    case SETTINGS_TYPE_CHOICE:
        strbuf_add_text(out, key->choices[number]);
        break;
    }
}

void settings_walk(const struct settings_table *t,
                   void (*each)(const struct settings_key *key, void *arg), void *arg)
{
    for (size_t i = 0; i < t->key_count; i++)
        each(&t->keys[i], arg);
}
