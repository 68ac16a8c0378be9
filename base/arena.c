/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <stdalign.h>
#include <stdint.h>

#include "base/mem.h"

enum { ARENA_BLOCK_SIZE = 2048 }; /* most stanzas fit one */

struct arena_block {
    struct arena_block *next;
    size_t capacity;
    size_t used;
    alignas(max_align_t) unsigned char bytes[];
};

static struct arena_block *block_new(size_t capacity, struct arena_block *next)
{
    struct arena_block *block = mem_resized(NULL, sizeof(*block) + capacity, 1);
    *block = (struct arena_block){.next = next, .capacity = capacity};
    return block;
}

void arena_done(struct arena *a)
{
    while (a->blocks) {
        struct arena_block *next = a->blocks->next;
        free(a->blocks);
        a->blocks = next;
    }
    a->size = 0;
}

void arena_wipe(struct arena *a)
{
    for (struct arena_block *block = a->blocks; block; block = block->next)
        explicit_bzero(block->bytes, block->used);
    arena_done(a);
}

void arena_reset(struct arena *a)
{
    while (a->blocks && (a->blocks->next || a->blocks->capacity > ARENA_BLOCK_SIZE)) {
        struct arena_block *next = a->blocks->next;
        free(a->blocks);
        a->blocks = next;
    }
    if (a->blocks)
        a->blocks->used = 0;
    a->size = 0;
}

void *arena_zeroed(struct arena *a, size_t size)
{
    const size_t grain = alignof(max_align_t);
    const size_t room = (size + grain - 1) / grain * grain;

    if (!a->blocks || a->blocks->capacity - a->blocks->used < room)
        a->blocks = block_new(room > ARENA_BLOCK_SIZE ? room : ARENA_BLOCK_SIZE, a->blocks);

    void *memory = a->blocks->bytes + a->blocks->used;
    a->blocks->used += room;
    a->size += room;
    memset(memory, 0, size);
    return memory;
}

struct span arena_copy(struct arena *a, struct span bytes)
{
    if (span_is_none(bytes))
        return SPAN_NONE;
    char *copy = arena_zeroed(a, bytes.size + 1);
    if (bytes.size)
        memcpy(copy, bytes.ptr, bytes.size);
    return span_of(copy, bytes.size);
}
