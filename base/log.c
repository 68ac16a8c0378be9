/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/monoclock.h"
#include "base/utf8char.h"

enum { LOG_NODE_MAX = 63, LOG_US_PER_S = 1000000 };

struct module_level {
    char name[LOG_MODULE_MAX + 1];
    enum log_level level;
};

/* The one log of the process. */
static struct {
    pthread_mutex_t lock; /* guards what follows, down to the blank line */
    enum log_format format;
    char node[LOG_NODE_MAX + 1];
    void (*sink)(struct span line, void *arg);
    void *sink_arg;
    enum log_level general;
    struct module_level modules[LOG_MODULES_MAX];
    size_t module_count;

    atomic_int lowest; /* level that any module lets through: the question without a lock */
} journal = {
    .lock = PTHREAD_MUTEX_INITIALIZER, .general = LOG_LEVEL_INFO, .lowest = LOG_LEVEL_INFO};

static const char *const level_names[] = {"debug", "info", "warn", "error"};

/* The word before the sentence's colon; all of a sentence that has none is its text. */
static struct span sentence_module(const char *sentence)
{
    const struct span all = span_text(sentence);
    const size_t colon = span_index(all, ':');
    return colon < all.size ? span_first(all, colon) : span_of(sentence, 0);
}

/* Controls, and the marks that turn the direction of what follows them. */
static bool log_is_unsafe(uint32_t character)
{
    return character < ' ' || (character >= 0x7f && character < 0xa0) ||
           (character >= 0x2028 && character <= 0x202e) ||
           (character >= 0x2066 && character <= 0x2069);
}

/* A quoted string that is well-formed UTF-8 in both formats. What is no character, or an
 * unsafe one, becomes \xNN byte by byte (in JSON the backslash itself is escaped). */
static void line_add_quoted(struct strbuf *out, enum log_format format, struct span text)
{
    const bool is_cut = text.size > LOG_TEXT_MAX;
    struct span left = span_first(text, LOG_TEXT_MAX);

    strbuf_add_byte(out, '"');
    while (left.size > 0) {
        uint32_t character = 0;
        size_t size = utf8char_size(left, &character);
        const bool is_plain = size > 0 && !log_is_unsafe(character);
        size = size ? size : 1;
        if (is_plain) {
            if (character == '"' || character == '\\')
                strbuf_add_byte(out, '\\');
            strbuf_add(out, span_first(left, size));
        }
        for (size_t i = 0; !is_plain && i < size; i++)
            strbuf_printf(out, format == LOG_JSON ? "\\\\x%02x" : "\\x%02x",
                          (unsigned char)left.ptr[i]);
        left = span_from(left, size);
    }
    strbuf_add_text(out, is_cut ? "...\"" : "\"");
}

static void line_add_stamp(struct strbuf *out, uint64_t wall_us)
{
    const time_t seconds = (time_t)(wall_us / LOG_US_PER_S);
    struct tm utc;
    (void)gmtime_r(&seconds, &utc);
    strbuf_printf(out, "%04d-%02d-%02dT%02d:%02d:%02d.%03uZ", utc.tm_year + 1900,
                  utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
                  (unsigned)(wall_us % LOG_US_PER_S / 1000));
}

static void line_add_key(struct strbuf *out, enum log_format format, const char *key,
                         const char *unit)
{
    if (format == LOG_JSON)
        strbuf_printf(out, ",\"%s%s\":", key, unit);
    else
        strbuf_printf(out, " %s%s=", key, unit);
}

static void line_add_value(struct strbuf *out, enum log_format format,
                           const struct log_field *f)
{
    switch (f->kind) {
    case LOG_KIND_TEXT:
        if (span_is_none(f->text))
            strbuf_add_text(out, format == LOG_JSON ? "null" : "-");
        else
            line_add_quoted(out, format, f->text);
        break;
    case LOG_KIND_INT:
        strbuf_printf(out, "%lld", (long long)(int64_t)f->number);
        break;
    case LOG_KIND_U64:
        strbuf_add_number(out, f->number);
        break;
    case LOG_KIND_BOOL:
        strbuf_add_text(out, f->number ? "true" : "false");
        break;
    case LOG_KIND_END:
        break;
    }
}

void log_write(struct strbuf *out, enum log_format format, uint64_t wall_us, const char *node,
               enum log_level level, const char *sentence, const struct log_field *fields)
{
    const bool is_json = format == LOG_JSON;
    const struct span module = sentence_module(sentence);
    struct span text = span_text(sentence);
    if (module.size > 0)
        text = span_from(text, module.size + 1);
    if (text.size > 0 && text.ptr[0] == ' ')
        text = span_from(text, 1);

    strbuf_add_text(out, is_json ? "{\"ts\":\"" : "ts=");
    line_add_stamp(out, wall_us);
    strbuf_printf(out, is_json ? "\",\"level\":\"%s\"" : " level=%s", level_names[level]);
    if (node && node[0]) {
        line_add_key(out, format, "node", "");
        line_add_quoted(out, format, span_text(node));
    }
    if (module.size > 0)
        strbuf_printf(out, is_json ? ",\"component\":\"%.*s\"" : " component=%.*s",
                      SPAN_ARG(module));
    line_add_key(out, format, "msg", "");
    line_add_quoted(out, format, text);
    for (const struct log_field *f = fields; f->kind != LOG_KIND_END; f++) {
        line_add_key(out, format, f->key, f->unit ? f->unit : "");
        line_add_value(out, format, f);
    }
    strbuf_add_text(out, is_json ? "}\n" : "\n");
}

/* A reader of the error stream that is gone or slow must not stop us: what it does not take
 * is lost. */
static void log_to_stderr(struct span line)
{
    while (line.size > 0) {
        const ssize_t written = write(STDERR_FILENO, line.ptr, line.size);
        if (written <= 0)
            return;
        line = span_from(line, (size_t)written);
    }
}

void log_line(enum log_level level, const char *sentence, const struct log_field *fields)
{
    CLEANUP(strbuf_done) struct strbuf line = {0};
    (void)pthread_mutex_lock(&journal.lock);
    log_write(&line, journal.format, wallclock_us(), journal.node, level, sentence, fields);
    if (journal.sink)
        journal.sink(strbuf_span(&line), journal.sink_arg);
    else
        log_to_stderr(strbuf_span(&line));
    (void)pthread_mutex_unlock(&journal.lock);
}

/* Under the lock. */
static struct module_level *log_find_module(struct span name)
{
    for (size_t i = 0; i < journal.module_count; i++)
        if (span_is(name, journal.modules[i].name))
            return &journal.modules[i];
    return NULL;
}

static enum log_level log_level_of(struct span module)
{
    (void)pthread_mutex_lock(&journal.lock);
    const struct module_level *own = log_find_module(module);
    const enum log_level level = own ? own->level : journal.general;
    (void)pthread_mutex_unlock(&journal.lock);
    return level;
}

bool log_is_on(enum log_level level, const char *sentence)
{
    if ((int)level < atomic_load_explicit(&journal.lowest, memory_order_relaxed))
        return false;
    return level >= log_level_of(sentence_module(sentence));
}

/* Under the lock. */
static void log_update_lowest(void)
{
    enum log_level lowest = journal.general;
    for (size_t i = 0; i < journal.module_count; i++)
        if (journal.modules[i].level < lowest)
            lowest = journal.modules[i].level;
    atomic_store_explicit(&journal.lowest, (int)lowest, memory_order_relaxed);
}

/* Under the lock. */
static int log_set_module(struct span name, enum log_level level)
{
    struct module_level *own = log_find_module(name);
    if (!own && journal.module_count == LOG_MODULES_MAX)
        return ERR_FULL;
    if (!own) {
        own = &journal.modules[journal.module_count++];
        *own = (struct module_level){0};
        memcpy(own->name, name.ptr, name.size);
    }
    own->level = level;
    return 0;
}

static bool log_is_module_name(struct span name)
{
    if (name.size == 0 || name.size > LOG_MODULE_MAX)
        return false;
    for (size_t i = 0; i < name.size; i++)
        if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789_-/", name.ptr[i]) || !name.ptr[i])
            return false;
    return true;
}

int log_set_level(const char *module, enum log_level level)
{
    if (module && !log_is_module_name(span_text(module)))
        return ERR_INVALID;

    int rc = 0;
    (void)pthread_mutex_lock(&journal.lock);
    if (module)
        rc = log_set_module(span_text(module), level);
    else
        journal.general = level;
    log_update_lowest();
    (void)pthread_mutex_unlock(&journal.lock);
    return rc;
}

enum log_level log_module_level(const char *module)
{
    return log_level_of(module ? span_text(module) : span_of("", 0));
}

void log_clear_levels(void)
{
    (void)pthread_mutex_lock(&journal.lock);
    journal.module_count = 0;
    log_update_lowest();
    (void)pthread_mutex_unlock(&journal.lock);
}

void log_walk_levels(void (*each)(const char *module, enum log_level level, void *arg),
                     void *arg)
{
    struct module_level copy[LOG_MODULES_MAX];
    (void)pthread_mutex_lock(&journal.lock);
    const size_t count = journal.module_count;
    memcpy(copy, journal.modules, count * sizeof(copy[0]));
    (void)pthread_mutex_unlock(&journal.lock);

    for (size_t i = 0; i < count; i++)
        each(copy[i].name, copy[i].level, arg);
}

void log_set_format(enum log_format format)
{
    (void)pthread_mutex_lock(&journal.lock);
    journal.format = format;
    (void)pthread_mutex_unlock(&journal.lock);
}

void log_set_node(const char *name)
{
    (void)pthread_mutex_lock(&journal.lock);
    (void)snprintf(journal.node, sizeof(journal.node), "%s", name ? name : "");
    (void)pthread_mutex_unlock(&journal.lock);
}

void log_set_sink(void (*sink)(struct span line, void *arg), void *arg)
{
    (void)pthread_mutex_lock(&journal.lock);
    journal.sink = sink;
    journal.sink_arg = arg;
    (void)pthread_mutex_unlock(&journal.lock);
}

const char *log_level_name(enum log_level level)
{
    return level_names[level];
}

int log_level_parse(struct span name, enum log_level *ret_level)
{
    for (size_t i = 0; i < sizeof(level_names) / sizeof(level_names[0]); i++)
        if (span_is(name, level_names[i])) {
            *ret_level = (enum log_level)i;
            return 0;
        }
    return ERR_INVALID;
}
