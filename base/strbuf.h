/* SPDX-License-Identifier: Apache-2.0 */
/* A growing byte buffer that owns its bytes. They are kept NUL-terminated for the
 * convenience of logs and printf; size does not count that NUL.
 *
 * Plain data: init with {0}, release with strbuf_done() or CLEANUP(strbuf_done).
 * Growth aborts on lack of memory: hold outside sizes against a limit first. */
#pragma once

#include <stdint.h>

#include "base/span.h"

struct strbuf {
    char *data; /* NULL while nothing was ever added */
    size_t size;
    size_t capacity;
};

void strbuf_done(struct strbuf *b);

/* The same, and what was in it is overwritten: passwords were. */
void strbuf_wipe(struct strbuf *b);

/* Makes it empty; keeps the memory. */
void strbuf_clear(struct strbuf *b);

/* Room for at least `more` bytes behind size; returns where they begin. */
char *strbuf_reserve(struct strbuf *b, size_t more);

void strbuf_add(struct strbuf *b, struct span bytes);
void strbuf_add_text(struct strbuf *b, const char *text);
void strbuf_add_byte(struct strbuf *b, char byte);
void strbuf_add_u32be(struct strbuf *b, uint32_t number);
void strbuf_add_u64be(struct strbuf *b, uint64_t number);
void strbuf_add_number(struct strbuf *b, uint64_t number); /* decimal */
void strbuf_printf(struct strbuf *b, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Removes the first `size` bytes (at most all). */
void strbuf_consume(struct strbuf *b, size_t size);

/* Hands the bytes to the caller, who frees them, and leaves the buffer empty. Never NULL. */
char *strbuf_steal(struct strbuf *b);

/* Borrowed until the buffer changes. */
static inline struct span strbuf_span(const struct strbuf *b)
{
    return span_of(b->data ? b->data : "", b->size);
}
