/* SPDX-License-Identifier: Apache-2.0 */
/* Borrowed bytes: pointer and size, never NUL-terminated by contract.
 *
 * Wire text travels as spans. A span does not own its bytes; whoever hands one out says
 * how long they live. An absent value is SPAN_NONE (ptr NULL), an empty one has a ptr. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct span {
    const char *ptr;
    size_t size; /* bytes */
};

#define SPAN_NONE     ((struct span){NULL, 0})
#define SPAN(literal) ((struct span){("" literal ""), sizeof(literal) - 1})
/* printf("%.*s", SPAN_ARG(s)) */
#define SPAN_ARG(s) (int)(s).size, (s).ptr

static inline struct span span_of(const void *bytes, size_t size)
{
    return (struct span){bytes, size};
}

/* Of a C string; SPAN_NONE for NULL. */
static inline struct span span_text(const char *text)
{
    return text ? (struct span){text, strlen(text)} : SPAN_NONE;
}

static inline bool span_is_none(struct span s)
{
    return s.ptr == NULL;
}

static inline bool span_equal(struct span a, struct span b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.ptr, b.ptr, a.size) == 0);
}

static inline bool span_is(struct span s, const char *text)
{
    return span_equal(s, span_text(text));
}

/* memcmp() order, a shorter prefix first. */
static inline int span_compare(struct span a, struct span b)
{
    const size_t size = a.size < b.size ? a.size : b.size;
    const int order = size ? memcmp(a.ptr, b.ptr, size) : 0;
    return order ? order : (a.size > b.size) - (a.size < b.size);
}

static inline bool span_has_prefix(struct span s, struct span prefix)
{
    return s.size >= prefix.size && memcmp(s.ptr, prefix.ptr, prefix.size) == 0;
}

/* The part from `from` to the end; empty when from lies beyond it. */
static inline struct span span_from(struct span s, size_t from)
{
    return from < s.size ? span_of(s.ptr + from, s.size - from) : span_of(s.ptr + s.size, 0);
}

/* The first `size` bytes, or all there are. */
static inline struct span span_first(struct span s, size_t size)
{
    return span_of(s.ptr, size < s.size ? size : s.size);
}

/* Position of a byte, or s.size when it is not there. */
static inline size_t span_index(struct span s, char byte)
{
    const char *found = s.size ? memchr(s.ptr, byte, s.size) : NULL;
    return found ? (size_t)(found - s.ptr) : s.size;
}
