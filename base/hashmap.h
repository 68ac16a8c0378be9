/* SPDX-License-Identifier: Apache-2.0 */
/* Hash map from bytes to a pointer, safe against chosen keys (SipHash-2-4 with a
 * process-wide random key).
 *
 * The map copies its keys and borrows its values. Open addressing, grows as needed: who
 * fills it from outside holds hashmap_count() against a limit. Single-threaded. */
#pragma once

#include <stdint.h>

#include "base/span.h"

struct hashmap_slot;

struct hashmap {
    struct hashmap_slot *slots;
    size_t count;
    size_t capacity; /* a power of two, or 0 */
};

/* A map is ready when zeroed. Releases keys and table, not the values. */
void hashmap_done(struct hashmap *m);

/* The value, or NULL. */
void *hashmap_find(const struct hashmap *m, struct span key);

/* Sets the value (not NULL) of a key; returns the former one, or NULL. */
void *hashmap_set(struct hashmap *m, struct span key, void *value);

/* Removes a key; returns its value, or NULL when it was not there. */
void *hashmap_remove(struct hashmap *m, struct span key);

/* Walks the map in no order: start with *position = 0. False at the end. The map must
 * not grow or shrink meanwhile, except that the entry just returned may be removed only
 * after the walk. Key and value are borrowed; either out pointer may be NULL. */
bool hashmap_next(const struct hashmap *m, size_t *position, struct span *ret_key,
                  void **ret_value);

static inline size_t hashmap_count(const struct hashmap *m)
{
    return m->count;
}

/* The keyed hash itself, stable within the process only. */
uint64_t hashmap_hash(struct span key);
