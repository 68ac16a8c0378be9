/* SPDX-License-Identifier: Apache-2.0 */
#include "replication/logcache.h"

#include <assert.h>

#include "base/mem.h"

enum { FIRST_CAPACITY = 256 };

struct logcache_block {
    void *memory;
    void (*release)(void *memory);
    size_t refs;
};

struct logcache_block *logcache_block_new(void *memory, void (*release)(void *memory))
{
    struct logcache_block *block = mem_zeroed(1, sizeof(*block));
    block->memory = memory;
    block->release = release;
    block->refs = 1;
    return block;
}

void logcache_block_unref(struct logcache_block *block)
{
    if (!block || --block->refs > 0)
        return;
    block->release(block->memory);
    free(block);
}

static struct logcache_entry *logcache_slot(const struct logcache *c, uint64_t index)
{
    return &c->ring[index & (c->capacity - 1)];
}

static void logcache_forget(struct logcache *c, uint64_t index)
{
    struct logcache_entry *e = logcache_slot(c, index);
    c->size -= e->payload.size;
    c->count--;
    logcache_block_unref(e->block);
    *e = (struct logcache_entry){0};
}

static void logcache_grow(struct logcache *c)
{
    const struct logcache old = *c;
    c->capacity = old.capacity ? old.capacity * 2 : FIRST_CAPACITY;
    c->ring = mem_zeroed(c->capacity, sizeof(*c->ring));
    for (uint64_t i = old.first; i < old.first + old.count; i++)
        *logcache_slot(c, i) = *logcache_slot(&old, i);
    free(old.ring);
}

void logcache_done(struct logcache *c)
{
    logcache_truncate(c, 0);
    free(c->ring);
    *c = (struct logcache){0};
}

void logcache_append(struct logcache *c, uint64_t index, uint64_t term, uint8_t type,
                     struct span payload, struct logcache_block *block)
{
    if (c->count == 0)
        c->first = index;
    assert(index == c->first + c->count);
    if (c->count == c->capacity)
        logcache_grow(c);
    block->refs++;
    *logcache_slot(c, index) =
        (struct logcache_entry){.term = term, .payload = payload, .block = block, .type = type};
    c->count++;
    c->size += payload.size;
}

void logcache_truncate(struct logcache *c, uint64_t index)
{
    while (c->count > 0 && c->first + c->count > index)
        logcache_forget(c, c->first + c->count - 1);
}

void logcache_drop(struct logcache *c, uint64_t index)
{
    while (c->count > 0 && c->first <= index)
        logcache_forget(c, c->first++);
}

const struct logcache_entry *logcache_find(const struct logcache *c, uint64_t index)
{
    if (c->count == 0 || index < c->first || index >= c->first + c->count)
        return NULL;
    return logcache_slot(c, index);
}
