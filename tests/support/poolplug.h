/* SPDX-License-Identifier: Apache-2.0 */
/* A job that keeps the only thread of a pool until it is let go: what a test hands to the
 * pool meanwhile waits in its queue. The test's thread; the job comes home to a loop that
 * it turns. */
#pragma once

#include "base/pool.h"
#include "tests/support/imworld.h"

struct poolplug {
    struct pool_job job; /* must stay first */
    uv_sem_t has_begun, may_end;
    bool is_home;
};

static inline void poolplug_work(struct pool_job *job)
{
    struct poolplug *plug = (struct poolplug *)(void *)job;
    uv_sem_post(&plug->has_begun);
    uv_sem_wait(&plug->may_end);
}

static inline void poolplug_came_home(struct message *message, void *owner)
{
    (void)owner;
    ((struct poolplug *)(void *)message)->is_home = true;
}

static inline void poolplug_dropped(struct message *message)
{
    (void)message;
}

static inline void poolplug_hold(struct poolplug *plug, struct imworld *w, struct pool *pool)
{
    *plug = (struct poolplug){
        .job = {.done = {.deliver = poolplug_came_home, .discard = poolplug_dropped},
                .work = poolplug_work,
                .home = w->loops[0]}};
    assert_int_equal(uv_sem_init(&plug->has_begun, 0), 0);
    assert_int_equal(uv_sem_init(&plug->may_end, 0), 0);
    assert_int_equal(pool_submit(pool, &plug->job), 0);
    uv_sem_wait(&plug->has_begun); /* it waits in the queue no more */
}

static inline void poolplug_release(struct poolplug *plug, struct imworld *w)
{
    uv_sem_post(&plug->may_end);
    IMWORLD_UNTIL(w, plug->is_home);
    uv_sem_destroy(&plug->has_begun);
    uv_sem_destroy(&plug->may_end);
}
