/* SPDX-License-Identifier: Apache-2.0 */
#include "base/wakeup.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/cleanup.h"
#include "base/loop.h"
#include "base/mem.h"

struct wakeup {
    uv_async_t async;
    void (*woken)(uint64_t value, void *arg); /* loop's thread, as is arg */
    void *arg;
    uint64_t told; /* loop's thread: the last value handed on */
    atomic_uint ref_count;
    atomic_uint_fast64_t value;
    pthread_mutex_t lock; /* keeps the handle from closing under a send */
    bool is_closed;       /* guarded by lock */
};

static void wakeup_async_woken(uv_async_t *async)
{
    struct wakeup *w = async->data;
    const uint64_t value = atomic_load(&w->value);
    if (value == w->told)
        return;
    w->told = value;
    w->woken(value, w->arg);
}

int wakeup_open(struct loop *loop, void (*woken)(uint64_t value, void *arg), void *arg,
                struct wakeup **ret_wakeup)
{
    CLEANUP(mem_release) struct wakeup *w = mem_zeroed(1, sizeof(*w));
    const int rc = uv_async_init(loop_uv(loop), &w->async, wakeup_async_woken);
    if (rc < 0)
        return rc;
    w->async.data = w;
    w->woken = woken;
    w->arg = arg;
    atomic_init(&w->ref_count, 1);
    atomic_init(&w->value, 0);
    (void)pthread_mutex_init(&w->lock, NULL);

    *ret_wakeup = STEAL(w);
    return 0;
}

void wakeup_send(struct wakeup *w, uint64_t value)
{
    uint64_t former = atomic_load(&w->value);
    do {
        if (value <= former)
            return;
    } while (!atomic_compare_exchange_weak(&w->value, &former, value));

    (void)pthread_mutex_lock(&w->lock);
    if (!w->is_closed)
        (void)uv_async_send(&w->async);
    (void)pthread_mutex_unlock(&w->lock);
}

static void wakeup_async_closed(uv_handle_t *async)
{
    wakeup_unref(async->data);
}

void wakeup_close(struct wakeup *w)
{
    if (!w)
        return;
    (void)pthread_mutex_lock(&w->lock);
    w->is_closed = true;
    uv_close((uv_handle_t *)&w->async, wakeup_async_closed);
    (void)pthread_mutex_unlock(&w->lock);
}

struct wakeup *wakeup_ref(struct wakeup *w)
{
    atomic_fetch_add_explicit(&w->ref_count, 1, memory_order_relaxed);
    return w;
}

void wakeup_unref(struct wakeup *w)
{
    if (atomic_fetch_sub_explicit(&w->ref_count, 1, memory_order_acq_rel) != 1)
        return;
    (void)pthread_mutex_destroy(&w->lock);
    free(w);
}
