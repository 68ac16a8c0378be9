/* SPDX-License-Identifier: Apache-2.0 */
/* Cell: one number that a thread sets and any thread reads, with all that the writer did
 * before it set it. Plain data; zeroed is 0. */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

struct cell {
    atomic_uint_fast64_t value;
};

static inline uint64_t cell_get(const struct cell *c)
{
    return atomic_load_explicit(&((struct cell *)(uintptr_t)c)->value, memory_order_acquire);
}

static inline void cell_set(struct cell *c, uint64_t value)
{
    atomic_store_explicit(&c->value, value, memory_order_release);
}
