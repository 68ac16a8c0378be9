/* SPDX-License-Identifier: Apache-2.0 */
#include "base/pool.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/loop.h"
#include "base/mem.h"

struct pool {
    pthread_mutex_t lock; /* guards what follows, down to the blank line */
    pthread_cond_t changed;
    struct message *head; /* the done messages of waiting jobs */
    struct message **tail;
    size_t waiting_count;
    bool is_closed;

    size_t queue_max;
    unsigned thread_count;
    pthread_t threads[];
};

/* The next job, or NULL when the pool closes. */
static struct pool_job *pool_wait_for_job(struct pool *pool)
{
    (void)pthread_mutex_lock(&pool->lock);
    while (!pool->head && !pool->is_closed)
        (void)pthread_cond_wait(&pool->changed, &pool->lock);
    struct message *first = pool->is_closed ? NULL : pool->head;
    if (first) {
        pool->head = first->next;
        if (!pool->head)
            pool->tail = &pool->head;
        pool->waiting_count--;
    }
    (void)pthread_mutex_unlock(&pool->lock);
    return (struct pool_job *)first; /* done is a job's first member */
}

static void *pool_thread(void *arg)
{
    struct pool *pool = arg;
    (void)pthread_setname_np(pthread_self(), "pool");
    for (struct pool_job *job = pool_wait_for_job(pool); job; job = pool_wait_for_job(pool)) {
        job->work(job);
        loop_reply(job->home, &job->done);
    }
    return NULL;
}

static void pool_free_half_built(struct pool **pool)
{
    pool_free(*pool);
}

int pool_new(unsigned threads, size_t queue_max, struct pool **ret_pool)
{
    assert(threads >= 1);
    assert(queue_max >= 1);

    CLEANUP(pool_free_half_built)
    struct pool *pool = mem_zeroed(1, sizeof(*pool) + threads * sizeof(pool->threads[0]));
    pool->tail = &pool->head;
    pool->queue_max = queue_max;
    (void)pthread_mutex_init(&pool->lock, NULL);
    (void)pthread_cond_init(&pool->changed, NULL);

    sigset_t all;
    sigset_t former;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &former);
    int failed = 0;
    while (!failed && pool->thread_count < threads) {
        failed = pthread_create(&pool->threads[pool->thread_count], NULL, pool_thread, pool);
        if (!failed)
            pool->thread_count++;
    }
    (void)pthread_sigmask(SIG_SETMASK, &former, NULL);
    if (failed)
        return -failed;

    *ret_pool = STEAL(pool);
    return 0;
}

int pool_submit(struct pool *pool, struct pool_job *job)
{
    assert(job->work && job->home);
    int rc = 0;

    job->done.next = NULL;
    (void)pthread_mutex_lock(&pool->lock);
    if (pool->is_closed) {
        rc = ERR_CLOSED;
    } else if (pool->waiting_count == pool->queue_max) {
        rc = ERR_FULL;
    } else {
        *pool->tail = &job->done;
        pool->tail = &job->done.next;
        pool->waiting_count++;
        (void)pthread_cond_signal(&pool->changed);
    }
    (void)pthread_mutex_unlock(&pool->lock);
    return rc;
}

void pool_free(struct pool *pool)
{
    if (!pool)
        return;
    (void)pthread_mutex_lock(&pool->lock);
    pool->is_closed = true;
    (void)pthread_cond_broadcast(&pool->changed);
    (void)pthread_mutex_unlock(&pool->lock);

    for (unsigned i = 0; i < pool->thread_count; i++)
        (void)pthread_join(pool->threads[i], NULL);
    while (pool->head) {
        struct message *next = pool->head->next;
        pool->head->discard(pool->head);
        pool->head = next;
    }
    (void)pthread_cond_destroy(&pool->changed);
    (void)pthread_mutex_destroy(&pool->lock);
    free(pool);
}
