/* SPDX-License-Identifier: Apache-2.0 */
/* Comma-separated values (RFC 4180): quoted fields, doubled quotes, line breaks inside
 * quotes, CRLF or LF, a byte order mark at the start. Pure. */
#pragma once

#include "base/strbuf.h"

enum { CSV_FIELDS_MAX = 16 };

struct csv_reader {
    struct span rest;
    size_t line; /* of the record last read, from 1 */
    size_t next_line;
    struct strbuf text; /* of the record's fields */
    struct span fields[CSV_FIELDS_MAX];
    size_t field_count;
};

/* Borrows the bytes. */
void csv_reader_init(struct csv_reader *r, struct span bytes);
void csv_reader_done(struct csv_reader *r);

/* The next record that is not an empty line. Returns 1 with fields set (borrowed until the
 * next call); 0 at the end; ERR_INVALID for a record with a quote out of place, none at the
 * end, or more than CSV_FIELDS_MAX fields: `line` says where, and reading goes on behind
 * it. */
int csv_reader_next(struct csv_reader *r);
