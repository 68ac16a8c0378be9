/* SPDX-License-Identifier: Apache-2.0 */
/* Bounded reading of wire data.
 *
 * A cursor borrows its bytes. The first read past the end marks it short; from
 * then on every read yields zero and moves nothing, so a parser reads all its
 * fields in a row and asks once, at the end, whether they were there. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cursor {
    const uint8_t *pos;
    const uint8_t *end;
    bool is_short; /* some read wanted more than there was */
};

static inline struct cursor cursor_of(const void *bytes, size_t size)
{
    return (struct cursor){.pos = bytes, .end = (const uint8_t *)bytes + size};
}

static inline size_t cursor_left(const struct cursor *c)
{
    return (size_t)(c->end - c->pos);
}

/* Skips size bytes and returns where they start, or NULL when they are not all there. */
static inline const uint8_t *cursor_take(struct cursor *c, size_t size)
{
    if (c->is_short || cursor_left(c) < size) {
        c->is_short = true;
        return NULL;
    }
    const uint8_t *taken = c->pos;
    c->pos += size;
    return taken;
}

static inline uint8_t cursor_u8(struct cursor *c)
{
    const uint8_t *b = cursor_take(c, 1);
    return b ? b[0] : 0;
}

static inline uint32_t cursor_u32be(struct cursor *c)
{
    const uint8_t *b = cursor_take(c, 4);
    return b ? (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3] : 0;
}
