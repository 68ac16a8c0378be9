/* SPDX-License-Identifier: Apache-2.0 */
/* Structured logging: a constant sentence, then typed fields.
 *
 *     log_warn("failover: peer silent, taking over its users",
 *              LOG_STR("peer", name), LOG_MS("silent", silent_ms));
 *
 * The sentence never varies, so it can be grepped and counted; what varies goes into
 * fields. The word before its colon is the module (`component` in the line), whose level
 * can be set at run time. Floors below admin/ and node/ return errors instead and log at
 * debug level at most. Text from outside goes into a field, where it is escaped: it can
 * neither forge a line nor steer a terminal. Never a password, token or message body.
 *
 * Threads: any; a line is written whole. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"
#include "base/strbuf.h"

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };
enum log_format { LOG_LOGFMT, LOG_JSON };
enum log_kind { LOG_KIND_END, LOG_KIND_TEXT, LOG_KIND_INT, LOG_KIND_U64, LOG_KIND_BOOL };

enum {
    LOG_TEXT_MAX = 1024,   /* bytes of one field; the rest is cut, shown as ... */
    LOG_MODULE_MAX = 31,   /* bytes of a module name */
    LOG_MODULES_MAX = 128, /* modules with a level of their own */
};

struct log_field {
    const char *key;
    enum log_kind kind;
    const char *unit; /* appended to the key as _unit; "" for none */
    struct span text; /* borrowed for the call; SPAN_NONE is shown as - or null */
    uint64_t number;  /* two's complement for LOG_KIND_INT */
};

#define LOG_STR(k, v)                                                                          \
    ((struct log_field){.key = (k), .kind = LOG_KIND_TEXT, .text = span_text(v)})
#define LOG_SPAN(k, v) ((struct log_field){.key = (k), .kind = LOG_KIND_TEXT, .text = (v)})
#define LOG_INT(k, v)                                                                          \
    ((struct log_field){                                                                       \
        .key = (k), .kind = LOG_KIND_INT, .unit = "", .number = (uint64_t)(int64_t)(v)})
#define LOG_U64(k, v)                                                                          \
    ((struct log_field){.key = (k), .kind = LOG_KIND_U64, .unit = "", .number = (uint64_t)(v)})
#define LOG_MS(k, v)                                                                           \
    ((struct log_field){                                                                       \
        .key = (k), .kind = LOG_KIND_U64, .unit = "_ms", .number = (uint64_t)(v)})
#define LOG_BOOL(k, v)                                                                         \
    ((struct log_field){.key = (k), .kind = LOG_KIND_BOOL, .number = (v) ? 1 : 0})
#define LOG_RC(rc) LOG_STR("error", err_name(rc)) /* include base/err.h */
#define LOG_END    ((struct log_field){.kind = LOG_KIND_END})

#define LOG_AT(level, sentence, ...)                                                           \
    (log_is_on((level), "" sentence "")                                                        \
         ? log_line((level), "" sentence "", (const struct log_field[]){__VA_ARGS__})          \
         : (void)0)
#define log_error(...) LOG_AT(LOG_LEVEL_ERROR, __VA_ARGS__, LOG_END)
#define log_warn(...)  LOG_AT(LOG_LEVEL_WARN, __VA_ARGS__, LOG_END)
#define log_info(...)  LOG_AT(LOG_LEVEL_INFO, __VA_ARGS__, LOG_END)
#define log_debug(...) LOG_AT(LOG_LEVEL_DEBUG, __VA_ARGS__, LOG_END)

/* Whether a line would be written: the level of the sentence's module, else the general. */
bool log_is_on(enum log_level level, const char *sentence);

/* Writes one line to the sink, standard error unless set otherwise. Asks no level. */
void log_line(enum log_level level, const char *sentence, const struct log_field *fields);

/* Appends one line, newline included; wall_us stamps it. */
void log_write(struct strbuf *out, enum log_format format, uint64_t wall_us, const char *node,
               enum log_level level, const char *sentence, const struct log_field *fields);

/* Level of a module, or the general one (module NULL), which is info at first. Returns 0,
 * ERR_INVALID for a bad name, ERR_FULL when LOG_MODULES_MAX modules have their own. */
int log_set_level(const char *module, enum log_level level);
enum log_level log_module_level(const char *module); /* NULL: the general one */
void log_clear_levels(void);                         /* forgets all levels but the general */

/* Calls each with every module that has a level of its own. */
void log_walk_levels(void (*each)(const char *module, enum log_level level, void *arg),
                     void *arg);

void log_set_format(enum log_format format); /* at first: logfmt */
void log_set_node(const char *name);         /* copied; NULL: lines carry no node */

/* Where lines go, one call a line, newline included, under the log's own lock: the sink must
 * not log. NULL: standard error. */
void log_set_sink(void (*sink)(struct span line, void *arg), void *arg);

/* "debug" and so on. Parsing returns 0 or ERR_INVALID. */
const char *log_level_name(enum log_level level);
int log_level_parse(struct span name, enum log_level *ret_level);
