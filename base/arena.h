/* SPDX-License-Identifier: Apache-2.0 */
/* Arena: many small allocations that die together (one stanza, one request).
 *
 * Single-threaded. Everything taken from an arena lives until arena_reset() or
 * arena_done(). A limit bounds what strangers can make us take: a caller that feeds it
 * from outside checks arena_size() against its own maximum. */
#pragma once

#include <stddef.h>

#include "base/span.h"

struct arena_block;

struct arena {
    struct arena_block *blocks; /* newest first; the oldest survives a reset */
    size_t size;                /* bytes handed out since the last reset */
};

/* An arena is ready when zeroed. */
void arena_done(struct arena *a);

/* The same, and what was in it is overwritten: passwords were. */
void arena_wipe(struct arena *a);

/* Forgets all allocations; keeps one block for the next round. */
void arena_reset(struct arena *a);

/* Zeroed memory, aligned for any type. size may be 0. */
void *arena_zeroed(struct arena *a, size_t size);

/* A copy of the bytes with a NUL behind them (not counted in the span). */
struct span arena_copy(struct arena *a, struct span bytes);

static inline size_t arena_size(const struct arena *a)
{
    return a->size;
}
