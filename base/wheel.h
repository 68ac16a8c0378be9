/* SPDX-License-Identifier: Apache-2.0 */
/* Timer wheel: many timers embedded in the objects they serve, set and cancelled in O(1).
 *
 * Hierarchical: five levels of 64 slots, the finest slot WHEEL_GRAIN_MS wide. A timer never
 * fires early and at most one grain (plus the loop's own delay) late. Times are absolute
 * milliseconds on the caller's clock (loop_now_ms() for a loop's wheel). A wheel reads no
 * clock: tests and the simulator advance it themselves.
 *
 * Single-threaded: a loop's wheel belongs to that loop. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WHEEL_GRAIN_MS = 8 };

struct wheel; /* opaque */

/* Ready when zeroed but for expired and arg. It must be cancelled before its memory goes. */
struct wheel_timer {
    struct wheel_timer *next;
    struct wheel_timer **where; /* the pointer that points here; NULL: not set */
    uint64_t due_tick;
    void (*expired)(struct wheel_timer *t, void *arg); /* may set it again, or free it */
    void *arg;
};

void wheel_new(uint64_t now_ms, struct wheel **ret_wheel);

/* Timers that are still set are forgotten. NULL is fine. */
void wheel_free(struct wheel *w);

/* Sets (or moves) a timer. One that is due already fires within one grain. */
void wheel_set(struct wheel *w, struct wheel_timer *t, uint64_t due_ms);

/* A timer that is not set is left alone. */
void wheel_cancel(struct wheel *w, struct wheel_timer *t);

static inline bool wheel_is_set(const struct wheel_timer *t)
{
    return t->where != NULL;
}

/* Fires what is due at now_ms, which never goes back. */
void wheel_advance(struct wheel *w, uint64_t now_ms);

/* When wheel_advance() has work again (never late, perhaps early), UINT64_MAX: no timer. */
uint64_t wheel_next_ms(const struct wheel *w);
