/* SPDX-License-Identifier: Apache-2.0 */
#include "base/published.h"

#include <stddef.h>

void published_value_init(struct published_value *v,
                          void (*release)(struct published_value *self))
{
    atomic_init(&v->ref_count, 1);
    v->release = release;
}

void published_init(struct published *p, struct published_value *first)
{
    (void)pthread_mutex_init(&p->lock, NULL);
    p->current = first;
}

void published_done(struct published *p)
{
    published_unref(p->current);
    p->current = NULL;
    (void)pthread_mutex_destroy(&p->lock);
}

void published_set(struct published *p, struct published_value *v)
{
    (void)pthread_mutex_lock(&p->lock);
    struct published_value *former = p->current;
    p->current = v;
    (void)pthread_mutex_unlock(&p->lock);
    published_unref(former);
}

struct published_value *published_get(struct published *p)
{
    (void)pthread_mutex_lock(&p->lock);
    struct published_value *v = p->current;
    if (v)
        (void)published_ref(v);
    (void)pthread_mutex_unlock(&p->lock);
    return v;
}

struct published_value *published_ref(struct published_value *v)
{
    atomic_fetch_add_explicit(&v->ref_count, 1, memory_order_relaxed);
    return v;
}

void published_unref(struct published_value *v)
{
    if (v && atomic_fetch_sub_explicit(&v->ref_count, 1, memory_order_acq_rel) == 1)
        v->release(v);
}
