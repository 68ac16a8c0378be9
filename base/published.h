/* SPDX-License-Identifier: Apache-2.0 */
/* Published: an immutable value that one thread replaces and all threads read.
 *
 * A reader takes a reference, reads as long as it likes, gives it back. Replacing never
 * changes a value somebody holds. Threads: any, for every function but init and done. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

/* Embed as the first member of the value. */
struct published_value {
    atomic_uint ref_count;
    void (*release)(struct published_value *self); /* at the last unref, on that thread */
};

struct published {
    pthread_mutex_t lock; /* guards current */
    struct published_value *current;
};

/* Readies a value, with one reference that is the caller's. */
void published_value_init(struct published_value *v,
                          void (*release)(struct published_value *self));

/* Takes over the caller's reference to first, which may be NULL. */
void published_init(struct published *p, struct published_value *first);
void published_done(struct published *p);

/* Replaces the value; takes over the caller's reference to it. */
void published_set(struct published *p, struct published_value *v);

/* The current value with a reference for the caller, or NULL when none was set. */
struct published_value *published_get(struct published *p);

struct published_value *published_ref(struct published_value *v);
void published_unref(struct published_value *v); /* NULL is fine */
