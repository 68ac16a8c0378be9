/* SPDX-License-Identifier: Apache-2.0 */
/* The end of the Raft log in memory: contiguous entries by index.
 *
 * Entries that entered together share one block of memory, which the cache owns and frees
 * when the last of them leaves. Single-threaded, plain data; zeroed is an empty cache. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

struct logcache_block;

struct logcache_entry {
    uint64_t term;
    struct span payload; /* in its block */
    struct logcache_block *block;
    uint8_t type;
};

struct logcache {
    struct logcache_entry *ring;
    size_t capacity; /* a power of two, or 0 */
    uint64_t first;  /* index of the first entry here; meaningless when count is 0 */
    size_t count;
    size_t size; /* bytes of all payloads here */
};

void logcache_done(struct logcache *c);

/* A block that frees memory by calling release on it, with the last of its entries. Holds
 * one reference for the caller, who ends it by logcache_block_unref(). */
struct logcache_block *logcache_block_new(void *memory, void (*release)(void *memory));
void logcache_block_unref(struct logcache_block *block);

/* Appends at index, which is one behind the last entry unless the cache is empty. */
void logcache_append(struct logcache *c, uint64_t index, uint64_t term, uint8_t type,
                     struct span payload, struct logcache_block *block);

/* Forgets the entries from index on. */
void logcache_truncate(struct logcache *c, uint64_t index);

/* Forgets the entries up to index, that one included. */
void logcache_drop(struct logcache *c, uint64_t index);

/* NULL when it is not here; else borrowed until the cache changes. */
const struct logcache_entry *logcache_find(const struct logcache *c, uint64_t index);
