/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/node_yaml.h"

#include <assert.h>
#include <stdarg.h>
#include <yaml.h>

#include "base/cleanup.h"
#include "base/err.h"

struct yaml_reader {
    const struct node_yaml *schema;
    const char *file;
    struct span text;
    yaml_parser_t parser;
    struct strbuf *faults;
    size_t fault_count;
    bool is_broken;                       /* no YAML any more: nothing follows */
    bool is_seen[NODE_YAML_KEYS_MAX + 1]; /* the last: the list */
    char sections[NODE_YAML_KEYS_MAX][NODE_YAML_NAME_MAX];
    size_t section_count;
};

/* ---- Faults --------------------------------------------------------------------------- */

/* The line of the file, what is not printable shown as '?'. */
static void fault_line(struct yaml_reader *r, size_t number, struct span *ret_line)
{
    struct span rest = r->text;
    for (size_t i = 0; i < number && rest.size > 0; i++)
        rest = span_from(rest, span_index(rest, '\n') + 1);
    *ret_line = span_first(rest, span_index(rest, '\n'));
}

static void fault_caret(struct yaml_reader *r, yaml_mark_t at, size_t width, const char *hint)
{
    struct span line;
    fault_line(r, at.line, &line);
    if (line.size == 0)
        return;
    strbuf_add_text(r->faults, "    ");
    for (size_t i = 0; i < line.size && i < 200; i++) {
        const char c = line.ptr[i];
        if (c == '\t')
            strbuf_add_byte(r->faults, ' ');
        else if (c != '\r')
            strbuf_add_byte(r->faults, (char)((uint8_t)c < ' ' || c == 0x7f ? '?' : c));
    }
    strbuf_printf(r->faults, "\n    %*s^", (int)(at.column < 200 ? at.column : 200), "");
    for (size_t i = 1; i < width && i < 60; i++)
        strbuf_add_byte(r->faults, '~');
    if (hint && hint[0])
        strbuf_printf(r->faults, "   %s", hint);
    strbuf_add_byte(r->faults, '\n');
}

static void fault_at(struct yaml_reader *r, yaml_mark_t at, size_t width, const char *hint,
                     const char *format, ...) __attribute__((format(printf, 5, 6)));

static void fault_at(struct yaml_reader *r, yaml_mark_t at, size_t width, const char *hint,
                     const char *format, ...)
{
    if (r->fault_count++ >= r->schema->faults_max)
        return;
    char what[512];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(what, sizeof(what), format, args);
    va_end(args);
    strbuf_printf(r->faults, "%s:%zu:%zu: %s\n", r->file, at.line + 1, at.column + 1, what);
    fault_caret(r, at, width, hint);
}

static size_t event_width(const yaml_event_t *e)
{
    return e->end_mark.line == e->start_mark.line && e->end_mark.column > e->start_mark.column
               ? e->end_mark.column - e->start_mark.column
               : 1;
}

/* ---- Events --------------------------------------------------------------------------- */

/* The next event, which the caller deletes; false when the text is no YAML (told). */
static bool reader_next(struct yaml_reader *r, yaml_event_t *ret_event)
{
    if (r->is_broken)
        return false;
    if (yaml_parser_parse(&r->parser, ret_event))
        return true;
    r->is_broken = true;
    fault_at(r, r->parser.problem_mark, 1, NULL, "%s",
             r->parser.problem ? r->parser.problem : "this is no YAML");
    return false;
}

/* Over the rest of a node whose first event is e. */
static void reader_skip(struct yaml_reader *r, const yaml_event_t *first)
{
    int depth =
        first->type == YAML_MAPPING_START_EVENT || first->type == YAML_SEQUENCE_START_EVENT;
    while (depth > 0) {
        yaml_event_t e;
        if (!reader_next(r, &e))
            return;
        if (e.type == YAML_MAPPING_START_EVENT || e.type == YAML_SEQUENCE_START_EVENT)
            depth++;
        else if (e.type == YAML_MAPPING_END_EVENT || e.type == YAML_SEQUENCE_END_EVENT)
            depth--;
        yaml_event_delete(&e);
    }
}

static struct span scalar_text(const yaml_event_t *e)
{
    return span_of(e->data.scalar.value, e->data.scalar.length);
}

/* ---- Keys ----------------------------------------------------------------------------- */

/* Whether some key of the table lies within this section. */
static bool is_section(const struct yaml_reader *r, const char *path)
{
    const size_t size = strlen(path);
    for (size_t i = 0; i < r->schema->table->key_count; i++) {
        const char *name = r->schema->table->keys[i].name;
        if (strncmp(name, path, size) == 0 && name[size] == '.')
            return true;
    }
    return false;
}

static void tell_unknown(struct yaml_reader *r, const char *prefix, const yaml_event_t *key)
{
    /* What could stand here: the next words behind the prefix. */
    char words[NODE_YAML_KEYS_MAX + 1][NODE_YAML_NAME_MAX];
    const char *candidates[NODE_YAML_KEYS_MAX + 2];
    size_t count = 0;
    const size_t size = strlen(prefix);
    for (size_t i = 0; i < r->schema->table->key_count; i++) {
        const char *name = r->schema->table->keys[i].name;
        if (strncmp(name, prefix, size) != 0)
            continue;
        (void)snprintf(words[count], NODE_YAML_NAME_MAX, "%.*s", (int)strcspn(name + size, "."),
                       name + size);
        candidates[count] = words[count];
        count++;
    }
    if (size == 0)
        candidates[count++] = r->schema->list_key;
    candidates[count] = NULL;
    const struct span word = scalar_text(key);
    const char *meant = settings_nearest(word, candidates);
    if (meant)
        fault_at(r, key->start_mark, event_width(key), NULL,
                 "unknown key \"%.*s\", did you mean \"%s\"?", SPAN_ARG(word), meant);
    else
        fault_at(r, key->start_mark, event_width(key), NULL, "unknown key \"%.*s\"",
                 SPAN_ARG(word));
}

/* Notes a key or section; tells and returns false when it came before. */
static bool note_seen(struct yaml_reader *r, bool *is_seen, const yaml_event_t *key)
{
    if (*is_seen)
        fault_at(r, key->start_mark, event_width(key), NULL, "key \"%.*s\" stands twice",
                 SPAN_ARG(scalar_text(key)));
    const bool is_new = !*is_seen;
    *is_seen = true;
    return is_new;
}

static bool note_section(struct yaml_reader *r, const char *path, const yaml_event_t *key)
{
    bool is_seen = false;
    for (size_t i = 0; i < r->section_count; i++)
        is_seen = is_seen || strcmp(r->sections[i], path) == 0;
    if (!note_seen(r, &is_seen, key))
        return false;
    if (r->section_count < NODE_YAML_KEYS_MAX)
        (void)snprintf(r->sections[r->section_count++], NODE_YAML_NAME_MAX, "%s", path);
    return true;
}

/* ---- Values --------------------------------------------------------------------------- */

static bool is_number_with_leading_zero(const struct settings_key *key, struct span text)
{
    return key->type != SETTINGS_TYPE_TEXT && text.size > 1 && text.ptr[0] == '0' &&
           text.ptr[1] >= '0' && text.ptr[1] <= '9';
}

static void read_scalar(struct yaml_reader *r, const struct settings_key *key,
                        const yaml_event_t *e)
{
    const struct span text = scalar_text(e);
    CLEANUP(strbuf_done) struct strbuf why = {0};
    char hint[NODE_YAML_NAME_MAX] = "";
    if (key->standard[0])
        (void)snprintf(hint, sizeof(hint), "default is %s", key->standard);

    if (is_number_with_leading_zero(key, text)) {
        fault_at(r, e->start_mark, event_width(e), "write it without the zero",
                 "%s: %.*s begins with a zero: an octal number to others", key->name,
                 SPAN_ARG(text));
        return;
    }
    if (text.size == 0) {
        fault_at(r, e->start_mark, 1, hint, "%s: a value is missing", key->name);
        return;
    }
    if (settings_set(r->schema->table, r->schema->values, span_text(key->name), text, &why) <
        0) {
        const char *said = why.data ? why.data : "is not allowed";
        const size_t named = strlen(key->name);
        if (strncmp(said, key->name, named) == 0 && strncmp(said + named, ": ", 2) == 0)
            said += named + 2; /* it may name the key itself */
        fault_at(r, e->start_mark, event_width(e), hint, "%s: %s", key->name, said);
        return;
    }
    char copy[4096];
    (void)snprintf(copy, sizeof(copy), "%.*s", SPAN_ARG(text));
    const char *wrong = r->schema->judge(r->schema->values, key->name, copy);
    if (wrong)
        fault_at(r, e->start_mark, event_width(e), hint, "%s: \"%s\" %s", key->name, copy,
                 wrong);
}

static void read_list(struct yaml_reader *r)
{
    size_t count = 0;
    yaml_mark_t at = {0};
    for (;;) {
        yaml_event_t e;
        if (!reader_next(r, &e))
            return;
        const yaml_event_type_t type = e.type;
        at = e.start_mark;
        if (type == YAML_SCALAR_EVENT) {
            const char *wrong = r->schema->add_item(r->schema->values, scalar_text(&e));
            if (wrong)
                fault_at(r, e.start_mark, event_width(&e), NULL, "%s: \"%.*s\" %s",
                         r->schema->list_key, SPAN_ARG(scalar_text(&e)), wrong);
            count++;
        } else if (type != YAML_SEQUENCE_END_EVENT) {
            fault_at(r, e.start_mark, event_width(&e), NULL, "%s: a list of plain values",
                     r->schema->list_key);
            reader_skip(r, &e);
        }
        yaml_event_delete(&e);
        if (type == YAML_SEQUENCE_END_EVENT)
            break;
    }
    if (count == 0)
        fault_at(r, at, 1, NULL, "%s: at least one is needed", r->schema->list_key);
}

static void read_mapping(struct yaml_reader *r, const char *prefix, int depth);

/* The value behind a key, whatever it is. */
static void read_value(struct yaml_reader *r, const char *prefix, const yaml_event_t *key,
                       const yaml_event_t *e, int depth)
{
    char path[NODE_YAML_NAME_MAX];
    (void)snprintf(path, sizeof(path), "%s%.*s", prefix, SPAN_ARG(scalar_text(key)));
    const struct settings_key *known = settings_find(r->schema->table, span_text(path));
    const bool is_list = strcmp(path, r->schema->list_key) == 0;
    char below[NODE_YAML_NAME_MAX + 1];

    if (e->type == YAML_ALIAS_EVENT) {
        fault_at(r, e->start_mark, event_width(e), NULL, "aliases are not allowed");
    } else if (e->type == YAML_SCALAR_EVENT && e->data.scalar.tag) {
        fault_at(r, e->start_mark, event_width(e), NULL, "tags are not allowed");
    } else if (is_list) {
        bool *is_seen = &r->is_seen[NODE_YAML_KEYS_MAX];
        if (!note_seen(r, is_seen, key)) {
            reader_skip(r, e);
        } else if (e->type == YAML_SEQUENCE_START_EVENT) {
            read_list(r);
        } else {
            fault_at(r, e->start_mark, event_width(e), "write it as [ … ]",
                     "%s: a list is needed", path);
            reader_skip(r, e);
        }
    } else if (known) {
        const size_t index = (size_t)(known - r->schema->table->keys);
        if (!note_seen(r, &r->is_seen[index], key) || e->type != YAML_SCALAR_EVENT) {
            if (e->type != YAML_SCALAR_EVENT)
                fault_at(r, e->start_mark, 1, NULL, "%s: one value is needed", path);
            reader_skip(r, e);
        } else {
            read_scalar(r, known, e);
        }
    } else if (!is_section(r, path)) {
        tell_unknown(r, prefix, key);
        reader_skip(r, e);
    } else if (!note_section(r, path, key) || e->type != YAML_MAPPING_START_EVENT) {
        if (e->type != YAML_MAPPING_START_EVENT)
            fault_at(r, e->start_mark, 1, NULL, "%s: keys and values are needed", path);
        reader_skip(r, e);
    } else {
        (void)snprintf(below, sizeof(below), "%s.", path);
        read_mapping(r, below, depth + 1);
    }
}

/* Behind its start event, up to and with its end. */
static void read_mapping(struct yaml_reader *r, const char *prefix, int depth)
{
    assert(depth < NODE_YAML_DEPTH_MAX); /* no deeper than the keys' dots */
    for (;;) {
        yaml_event_t key;
        if (!reader_next(r, &key))
            return;
        if (key.type == YAML_MAPPING_END_EVENT) {
            yaml_event_delete(&key);
            return;
        }
        const bool is_plain =
            key.type == YAML_SCALAR_EVENT && key.data.scalar.length < NODE_YAML_NAME_MAX / 2;
        if (!is_plain) {
            fault_at(r, key.start_mark, 1, NULL, "a key is a short word");
            reader_skip(r, &key);
        }
        yaml_event_t value;
        if (reader_next(r, &value)) {
            if (is_plain)
                read_value(r, prefix, &key, &value, depth);
            else
                reader_skip(r, &value);
            yaml_event_delete(&value);
        }
        yaml_event_delete(&key);
    }
}

static void read_document(struct yaml_reader *r)
{
    bool has_document = false, is_over = false;
    while (!is_over) {
        yaml_event_t e;
        if (!reader_next(r, &e))
            return;
        is_over = e.type == YAML_STREAM_END_EVENT;
        if (e.type == YAML_DOCUMENT_START_EVENT && has_document) {
            fault_at(r, e.start_mark, event_width(&e), NULL,
                     "a second document: the file holds one");
            is_over = true;
        } else if (e.type == YAML_DOCUMENT_START_EVENT) {
            has_document = true;
        } else if (e.type == YAML_MAPPING_START_EVENT) {
            read_mapping(r, "", 0);
        } else if (e.type == YAML_SCALAR_EVENT || e.type == YAML_SEQUENCE_START_EVENT) {
            fault_at(r, e.start_mark, event_width(&e), NULL,
                     "the file must hold keys and values, as \"name: n1\"");
            reader_skip(r, &e);
        }
        yaml_event_delete(&e);
    }
}

static void tell_missing(struct yaml_reader *r)
{
    for (size_t i = 0; r->schema->required[i]; i++) {
        const char *name = r->schema->required[i];
        const struct settings_key *key = settings_find(r->schema->table, span_text(name));
        const size_t index =
            key ? (size_t)(key - r->schema->table->keys) : (size_t)NODE_YAML_KEYS_MAX;
        if (r->is_seen[index] || r->fault_count++ >= r->schema->faults_max)
            continue;
        strbuf_printf(r->faults, "%s:1:1: the key \"%s\" is missing\n", r->file, name);
    }
}

int node_yaml_read(const struct node_yaml *schema, const char *file, struct span text,
                   struct strbuf *ret_faults)
{
    assert(schema->table->key_count <= NODE_YAML_KEYS_MAX);
    struct yaml_reader r = {.schema = schema, .file = file, .text = text, .faults = ret_faults};
    if (!yaml_parser_initialize(&r.parser))
        abort(); /* out of memory */
    yaml_parser_set_input_string(&r.parser, (const uint8_t *)text.ptr, text.size);
    read_document(&r);
    yaml_parser_delete(&r.parser);
    if (!r.is_broken)
        tell_missing(&r);
    if (r.fault_count > schema->faults_max)
        strbuf_printf(ret_faults, "%s: and %zu faults more\n", file,
                      r.fault_count - schema->faults_max);
    return r.fault_count ? ERR_INVALID : 0;
}
