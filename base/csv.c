/* SPDX-License-Identifier: Apache-2.0 */
#include "base/csv.h"

#include "base/err.h"

void csv_reader_init(struct csv_reader *r, struct span bytes)
{
    *r = (struct csv_reader){.rest = bytes, .next_line = 1};
    if (span_has_prefix(bytes, SPAN("\xef\xbb\xbf")))
        r->rest = span_from(bytes, 3);
}

void csv_reader_done(struct csv_reader *r)
{
    strbuf_done(&r->text);
}

static bool csv_take(struct csv_reader *r, char *ret_byte)
{
    if (r->rest.size == 0)
        return false;
    *ret_byte = r->rest.ptr[0];
    r->rest = span_from(r->rest, 1);
    if (*ret_byte == '\n')
        r->next_line++;
    return true;
}

static void csv_skip_line(struct csv_reader *r)
{
    char c;
    while (csv_take(r, &c) && c != '\n')
        ;
}

enum csv_end { CSV_FIELD, CSV_RECORD, CSV_BROKEN };

static const struct span csv_special = {",\n\r\"", 4}; /* a field with one of these is quoted */

/* One field into the text; says what it ended with. */
static enum csv_end csv_field(struct csv_reader *r)
{
    char c;
    const bool is_quoted = r->rest.size > 0 && r->rest.ptr[0] == '"';
    bool is_open = is_quoted;
    if (is_quoted)
        (void)csv_take(r, &c);
    while (csv_take(r, &c)) {
        if (is_open && c == '"' && r->rest.size > 0 && r->rest.ptr[0] == '"') {
            (void)csv_take(r, &c);
            strbuf_add_byte(&r->text, '"');
        } else if (is_open && c == '"') {
            is_open = false;
        } else if (is_open || (!is_quoted && span_index(csv_special, c) == csv_special.size)) {
            strbuf_add_byte(&r->text, c);
        } else if (c == ',') {
            return CSV_FIELD;
        } else if (c == '\n') {
            return CSV_RECORD;
        } else if (c == '\r' && (r->rest.size == 0 || r->rest.ptr[0] == '\n')) {
            continue;
        } else {
            csv_skip_line(r);
            return CSV_BROKEN;
        }
    }
    return is_open ? CSV_BROKEN : CSV_RECORD;
}

/* Reads a record; its fields are offsets until it is whole, for the text may move. */
static int csv_record(struct csv_reader *r)
{
    size_t ends[CSV_FIELDS_MAX];
    strbuf_clear(&r->text);
    r->field_count = 0;
    r->line = r->next_line;
    for (;;) {
        const enum csv_end end = csv_field(r);
        if (end == CSV_BROKEN)
            return ERR_INVALID;
        if (r->field_count == CSV_FIELDS_MAX) {
            if (end == CSV_FIELD)
                csv_skip_line(r);
            return ERR_INVALID;
        }
        ends[r->field_count++] = r->text.size;
        if (end == CSV_RECORD)
            break;
    }
    size_t start = 0;
    for (size_t i = 0; i < r->field_count; i++) {
        r->fields[i] = span_of(strbuf_span(&r->text).ptr + start, ends[i] - start);
        start = ends[i];
    }
    return 1;
}

int csv_reader_next(struct csv_reader *r)
{
    while (r->rest.size > 0) {
        const int rc = csv_record(r);
        if (rc < 0 || r->field_count > 1 || r->fields[0].size > 0)
            return rc;
    }
    return 0;
}
