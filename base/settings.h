/* SPDX-License-Identifier: Apache-2.0 */
/* Settings as data. A module describes its settings in one table over one plain struct;
 * parsing, range checks, the admin API and the manual all read that table, so that none of
 * them can disagree.
 *
 *     struct c2s_settings { uint64_t resume_window_ms; char greeting[64]; bool is_on; };
 *     static const struct settings_key c2s_keys[] = {
 *         SETTINGS_DURATION(struct c2s_settings, resume_window_ms, "xmpp.resume_window",
 *                           "300s", "0s", "1d", "How long a lost stream can be resumed."),
 *     };
 *
 * A settings struct is plain data: copied by assignment, shared by base/published.h.
 * Single-threaded, pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"
#include "base/strbuf.h"

enum settings_type {
    SETTINGS_TYPE_U32,      /* uint32_t */
    SETTINGS_TYPE_BOOL,     /* bool; text: true, false (also on, off, yes, no) */
    SETTINGS_TYPE_DURATION, /* uint64_t milliseconds; text: 500ms 10s 5m 2h 7d */
    SETTINGS_TYPE_SIZE,     /* uint64_t bytes; text: 4096 64KiB 1MiB 2GiB */
    SETTINGS_TYPE_TEXT,     /* char[room], NUL-terminated UTF-8 without control characters */
    SETTINGS_TYPE_CHOICE,   /* uint32_t index into choices */
};

struct settings_key {
    const char *name; /* dotted */
    const char *help; /* one sentence for the manual */
    enum settings_type type;
    size_t offset;              /* of the field in the settings struct */
    size_t room;                /* texts: size of the array; others: size of the field */
    const char *standard;       /* the default, as text */
    const char *min, *max;      /* numbers, as text, both allowed values; texts: NULL */
    const char *const *choices; /* ends with NULL */
};

struct settings_table {
    const struct settings_key *keys;
    size_t key_count;
};

#define SETTINGS_FIELD(type_, field_, kind_, name_, standard_, min_, max_, help_)              \
    {                                                                                          \
        .name = (name_), .help = (help_), .type = (kind_), .offset = offsetof(type_, field_),  \
        .room = sizeof(((type_ *)NULL)->field_), .standard = (standard_), .min = (min_),       \
        .max = (max_)                                                                          \
    }
#define SETTINGS_U32(type, field, name, standard, min, max, help)                              \
    SETTINGS_FIELD(type, field, SETTINGS_TYPE_U32, name, standard, min, max, help)
#define SETTINGS_DURATION(type, field, name, standard, min, max, help)                         \
    SETTINGS_FIELD(type, field, SETTINGS_TYPE_DURATION, name, standard, min, max, help)
#define SETTINGS_SIZE(type, field, name, standard, min, max, help)                             \
    SETTINGS_FIELD(type, field, SETTINGS_TYPE_SIZE, name, standard, min, max, help)
#define SETTINGS_BOOL(type, field, name, standard, help)                                       \
    SETTINGS_FIELD(type, field, SETTINGS_TYPE_BOOL, name, standard, NULL, NULL, help)
#define SETTINGS_TEXT(type, field, name, standard, help)                                       \
    SETTINGS_FIELD(type, field, SETTINGS_TYPE_TEXT, name, standard, NULL, NULL, help)
#define SETTINGS_CHOICE(type_, field_, name_, standard_, choices_, help_)                      \
    {                                                                                          \
        .name = (name_), .help = (help_), .type = SETTINGS_TYPE_CHOICE,                        \
        .offset = offsetof(type_, field_), .room = sizeof(((type_ *)NULL)->field_),            \
        .standard = (standard_), .choices = (choices_)                                         \
    }

/* Fills a settings struct with its defaults. A default that its own row refuses aborts. */
void settings_reset(const struct settings_table *t, void *values);

/* Sets one field from text. Returns 0, ERR_NOT_FOUND for an unknown name or ERR_INVALID for
 * a bad value; then nothing has changed and why says what was wrong and what was meant. */
int settings_set(const struct settings_table *t, void *values, struct span name,
                 struct span text, struct strbuf *ret_why);

/* Checks without setting; the same answers. */
int settings_check(const struct settings_table *t, struct span name, struct span text,
                   struct strbuf *ret_why);

/* Back to the default. Returns 0 or ERR_NOT_FOUND. */
int settings_unset(const struct settings_table *t, void *values, struct span name);

/* NULL when there is none. */
const struct settings_key *settings_find(const struct settings_table *t, struct span name);

/* Appends the value as text, in the form settings_set() takes. */
void settings_get_text(const struct settings_key *key, const void *values, struct strbuf *out);

/* Each key in the order of the table. */
void settings_walk(const struct settings_table *t,
                   void (*each)(const struct settings_key *key, void *arg), void *arg);

/* The candidate nearest to a word by edit distance, if near enough to have been meant; else
 * NULL. For unknown names anywhere (commands, YAML keys). candidates ends with NULL. */
const char *settings_nearest(struct span word, const char *const *candidates);

const char *settings_type_name(enum settings_type type); /* "duration" ... */
