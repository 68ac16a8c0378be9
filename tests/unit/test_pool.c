/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/unit.h"

#include <pthread.h>

#include "base/err.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/pool.h"

enum { JOBS = 200 };

struct office {
    struct loop *loop;
    struct pool *pool;
    int done_count, wanted;
    uint64_t sum;
    int discarded_count;
    pthread_mutex_t gate; /* held: jobs cannot end */
    pthread_mutex_t entered;
};

struct sum_job {
    struct pool_job job;
    struct office *office;
    uint64_t number, square;
};

static void sum_done(struct message *self, void *owner)
{
    struct sum_job *j = (struct sum_job *)self;
    struct office *o = owner;
    o->sum += j->square;
    free(j);
    if (++o->done_count == o->wanted)
        loop_stop(o->loop);
}

static void sum_discarded(struct message *self)
{
    struct sum_job *j = (struct sum_job *)self;
    j->office->discarded_count++;
    free(j);
}

static void sum_work(struct pool_job *job)
{
    struct sum_job *j = (struct sum_job *)job;
    assert_null(loop_current());
    j->square = j->number * j->number;
}

static void gated_work(struct pool_job *job)
{
    struct sum_job *j = (struct sum_job *)job;
    (void)pthread_mutex_unlock(&j->office->entered);
    (void)pthread_mutex_lock(&j->office->gate);
    (void)pthread_mutex_unlock(&j->office->gate);
}

static struct sum_job *sum_new(struct office *o, uint64_t number)
{
    struct sum_job *j = mem_zeroed(1, sizeof(*j));
    j->job = (struct pool_job){.done = {.deliver = sum_done, .discard = sum_discarded},
                               .work = sum_work,
                               .home = o->loop};
    j->office = o;
    j->number = number;
    return j;
}

static void office_open(struct office *o, unsigned threads, size_t queue_max)
{
    *o = (struct office){.wanted = JOBS};
    assert_int_equal(loop_new("office", 1, &o->loop), 0);
    loop_set_owner(o->loop, o);
    assert_int_equal(pool_new(threads, queue_max, &o->pool), 0);
}

static void jobs_come_home_more_than_a_mailbox_holds(void **state)
{
    (void)state;
    struct office o;
    office_open(&o, 3, JOBS);
    for (uint64_t i = 1; i <= JOBS; i++)
        assert_int_equal(pool_submit(o.pool, &sum_new(&o, i)->job), 0);
    loop_run(o.loop);
    assert_int_equal(o.sum, (uint64_t)JOBS * (JOBS + 1) * (2 * JOBS + 1) / 6);
    pool_free(o.pool);
    loop_free(o.loop);
}

static void full_refuses_and_the_rest_is_discarded_at_the_end(void **state)
{
    (void)state;
    struct office o;
    office_open(&o, 1, 2);
    (void)pthread_mutex_init(&o.gate, NULL);
    (void)pthread_mutex_init(&o.entered, NULL);
    (void)pthread_mutex_lock(&o.gate);

    struct sum_job *first = sum_new(&o, 1);
    first->job.work = gated_work;
    (void)pthread_mutex_lock(&o.entered);
    assert_int_equal(pool_submit(o.pool, &first->job), 0);
    (void)pthread_mutex_lock(&o.entered); /* until the thread is in it */
    assert_int_equal(pool_submit(o.pool, &sum_new(&o, 2)->job), 0);
    assert_int_equal(pool_submit(o.pool, &sum_new(&o, 3)->job), 0);
    struct sum_job *kept = sum_new(&o, 4);
    assert_int_equal(pool_submit(o.pool, &kept->job), ERR_FULL);
    free(kept);

    (void)pthread_mutex_unlock(&o.gate);
    pool_free(o.pool);
    loop_stop(o.loop);
    loop_run(o.loop);
    assert_int_equal(o.done_count + o.discarded_count, 3);
    assert_true(o.done_count >= 1);
    loop_free(o.loop);
    pool_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jobs_come_home_more_than_a_mailbox_holds),
        cmocka_unit_test(full_refuses_and_the_rest_is_discarded_at_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
