/* SPDX-License-Identifier: Apache-2.0 */
#include "base/loop.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/metric.h"
#include "base/monoclock.h"

enum {
    LOOP_BEAT_MS = 1000,
    LOOP_PASSES_MAX = 16,    /* over the local queue before I/O gets its turn again */
    LOOP_CLOCK_SLACK_MS = 5, /* rounding between two clocks; beyond it the machine slept */
};

struct message_queue {
    struct message *head;
    struct message **tail;
};

struct loop {
    uv_loop_t uv;
    uv_prepare_t prepare; /* the end of a turn comes twice: before and after polling */
    uv_check_t check;
    uv_idle_t idle; /* active: do not sleep, the local queue waits */
    uv_timer_t beat;
    uint64_t beat_due_ms;
    struct metric *lag;
    uv_timer_t wheel_due; /* active: the wheel has something at wheel_due_ms */
    uint64_t wheel_due_ms;
    uint64_t asleep_ms; /* CLOCK_BOOTTIME minus libuv's CLOCK_MONOTONIC */

    struct mailbox *mailbox;
    struct wheel *wheel;
    struct message_queue local;
    struct message_queue at_end;
    size_t local_count; /* of loop_post() */
    size_t capacity;
    void *owner;
    void *scratch;
    void (*scratch_release)(void *scratch);
    struct message stop;
    bool has_thread, has_ended;
    pthread_t thread;
    char name[16];

    atomic_bool is_stopping;
    atomic_uint_fast64_t turn_count;
};

static _Thread_local struct loop *loop_of_thread;

static void local_queue_push(struct message_queue *q, struct message *m)
{
    m->next = NULL;
    *q->tail = m;
    q->tail = &m->next;
}

static struct message *local_queue_take(struct message_queue *q)
{
    struct message *batch = q->head;
    q->head = NULL;
    q->tail = &q->head;
    return batch;
}

static void local_queue_deliver(struct message_queue *q, void *owner)
{
    struct message *m = local_queue_take(q);
    while (m) {
        struct message *next = m->next;
        m->deliver(m, owner);
        m = next;
    }
}

static void local_queue_discard(struct message_queue *q)
{
    struct message *m = local_queue_take(q);
    while (m) {
        struct message *next = m->next;
        m->discard(m);
        m = next;
    }
}

static void loop_idle_passed(uv_idle_t *idle)
{
    (void)uv_idle_stop(idle); /* it only kept the loop from sleeping */
}

static void loop_wheel_came_due(uv_timer_t *timer)
{
    struct loop *loop = timer->data;
    wheel_advance(loop->wheel, loop_now_ms(loop));
}

/* The turn that it makes counts; and how late it came says how long the loop was busy. */
static void loop_beat_passed(uv_timer_t *timer)
{
    struct loop *loop = timer->data;
    const uint64_t now_ms = uv_now(&loop->uv);
    if (loop->beat_due_ms && now_ms >= loop->beat_due_ms)
        metric_observe(loop->lag, (double)(now_ms - loop->beat_due_ms) / 1e3);
    loop->beat_due_ms = now_ms + LOOP_BEAT_MS;
}

static void loop_measure_sleep(struct loop *loop)
{
    const uint64_t now_ms = monoclock_ms();
    const uint64_t awake_ms = uv_hrtime() / 1000000;
    const uint64_t asleep_ms = now_ms > awake_ms ? now_ms - awake_ms : 0;
    if (asleep_ms > loop->asleep_ms + LOOP_CLOCK_SLACK_MS) {
        loop->asleep_ms = asleep_ms;
        (void)uv_timer_stop(&loop->wheel_due); /* its clock stood still: arm it anew */
    }
}

/* Has libuv wake us when the wheel wants to be advanced. */
static void loop_arm_wheel(struct loop *loop)
{
    const uint64_t due_ms = wheel_next_ms(loop->wheel);
    if (due_ms == loop->wheel_due_ms && uv_is_active((uv_handle_t *)&loop->wheel_due))
        return;
    loop->wheel_due_ms = due_ms;
    if (due_ms == UINT64_MAX) {
        (void)uv_timer_stop(&loop->wheel_due);
        return;
    }
    const uint64_t now_ms = loop_now_ms(loop);
    (void)uv_timer_start(&loop->wheel_due, loop_wheel_came_due,
                         due_ms > now_ms ? due_ms - now_ms : 0, 0);
}

static void loop_finish_turn(struct loop *loop)
{
    loop_measure_sleep(loop);
    for (int pass = 0; pass < LOOP_PASSES_MAX && (loop->local.head || loop->at_end.head);
         pass++) {
        loop->local_count = 0;
        local_queue_deliver(&loop->local, loop->owner);
        if (!loop->local.head)
            local_queue_deliver(&loop->at_end, loop->owner);
    }
    if (loop->local.head || loop->at_end.head)
        (void)uv_idle_start(&loop->idle, loop_idle_passed);
    loop_arm_wheel(loop);
}

static void loop_before_poll(uv_prepare_t *prepare)
{
    loop_finish_turn(prepare->data);
}

static void loop_after_poll(uv_check_t *check)
{
    struct loop *loop = check->data;
    atomic_fetch_add_explicit(&loop->turn_count, 1, memory_order_relaxed);
    loop_finish_turn(loop);
}

static void loop_stopped(struct message *self, void *owner)
{
    (void)owner;
    struct loop *loop = (struct loop *)((char *)self - offsetof(struct loop, stop));
    mailbox_close(loop->mailbox);
}

static void loop_stop_discarded(struct message *self)
{
    (void)self; /* part of the loop */
}

/* Handles of the loop's own, which keep it alive no longer than its objects' do. */
static void loop_open_handle(struct loop *loop, uv_handle_t *handle)
{
    handle->data = loop;
    uv_unref(handle);
}

static void loop_open_handles(struct loop *loop)
{
    (void)uv_prepare_init(&loop->uv, &loop->prepare);
    (void)uv_check_init(&loop->uv, &loop->check);
    (void)uv_idle_init(&loop->uv, &loop->idle);
    (void)uv_timer_init(&loop->uv, &loop->beat);
    (void)uv_timer_init(&loop->uv, &loop->wheel_due);
    loop_open_handle(loop, (uv_handle_t *)&loop->prepare);
    loop_open_handle(loop, (uv_handle_t *)&loop->check);
    loop_open_handle(loop, (uv_handle_t *)&loop->idle);
    loop_open_handle(loop, (uv_handle_t *)&loop->beat);
    loop_open_handle(loop, (uv_handle_t *)&loop->wheel_due);
    (void)uv_prepare_start(&loop->prepare, loop_before_poll);
    (void)uv_check_start(&loop->check, loop_after_poll);
    loop->lag = metric_histogram("event_loop_lag_seconds",
                                 "How late a timer came: how long loops were busy.");
    (void)uv_timer_start(&loop->beat, loop_beat_passed, LOOP_BEAT_MS, LOOP_BEAT_MS);
}

int loop_new(const char *name, size_t mailbox_capacity, struct loop **ret_loop)
{
    CLEANUP(mem_release) struct loop *loop = mem_zeroed(1, sizeof(*loop));
    int rc = uv_loop_init(&loop->uv);
    if (rc < 0)
        return rc;
    rc = mailbox_open(&loop->uv, mailbox_capacity, &loop->mailbox);
    if (rc < 0) {
        (void)uv_loop_close(&loop->uv);
        return rc;
    }
    loop_open_handles(loop);
    loop->local.tail = &loop->local.head;
    loop->at_end.tail = &loop->at_end.head;
    loop->capacity = mailbox_capacity;
    loop->stop = (struct message){.deliver = loop_stopped, .discard = loop_stop_discarded};
    (void)strncpy(loop->name, name, sizeof(loop->name) - 1);
    atomic_init(&loop->is_stopping, false);
    atomic_init(&loop->turn_count, 0);
    loop_measure_sleep(loop);
    wheel_new(loop_now_ms(loop), &loop->wheel);

    *ret_loop = STEAL(loop);
    return 0;
}

void loop_set_owner(struct loop *loop, void *owner)
{
    loop->owner = owner;
    mailbox_set_owner(loop->mailbox, owner);
}

void *loop_owner(const struct loop *loop)
{
    return loop->owner;
}

const char *loop_name(const struct loop *loop)
{
    return loop->name;
}

static void *loop_thread(void *arg)
{
    struct loop *loop = arg;
    (void)pthread_setname_np(pthread_self(), loop->name);
    loop_run(loop);
    return NULL;
}

int loop_start(struct loop *loop)
{
    sigset_t all;
    sigset_t former;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &former);
    const int failed = pthread_create(&loop->thread, NULL, loop_thread, loop);
    (void)pthread_sigmask(SIG_SETMASK, &former, NULL);
    if (failed)
        return -failed;
    loop->has_thread = true;
    return 0;
}

/* Closes the loop's own handles and runs their close callbacks. */
static void loop_end(struct loop *loop)
{
    mailbox_close(loop->mailbox);
    uv_handle_t *const handles[] = {(uv_handle_t *)&loop->prepare, (uv_handle_t *)&loop->check,
                                    (uv_handle_t *)&loop->idle, (uv_handle_t *)&loop->beat,
                                    (uv_handle_t *)&loop->wheel_due};
    for (size_t i = 0; i < sizeof(handles) / sizeof(handles[0]); i++)
        uv_close(handles[i], NULL);
    (void)uv_run(&loop->uv, UV_RUN_DEFAULT);
    loop->has_ended = true;
}

void loop_run(struct loop *loop)
{
    struct loop *outer = loop_of_thread;
    loop_of_thread = loop;
    do {
        (void)uv_run(&loop->uv, UV_RUN_DEFAULT);
        loop_finish_turn(loop); /* what the last close callbacks left */
    } while (uv_loop_alive(&loop->uv) || loop->local.head || loop->at_end.head);
    loop_end(loop);
    loop_of_thread = outer;
}

void loop_stop(struct loop *loop)
{
    if (!atomic_exchange(&loop->is_stopping, true))
        mailbox_reply(loop->mailbox, &loop->stop);
}

void loop_join(struct loop *loop)
{
    if (!loop->has_thread)
        return;
    (void)pthread_join(loop->thread, NULL);
    loop->has_thread = false;
}

void loop_free(struct loop *loop)
{
    if (!loop)
        return;
    loop_join(loop);
    if (!loop->has_ended)
        loop_end(loop);
    local_queue_discard(&loop->local);
    local_queue_discard(&loop->at_end);
    if (loop->scratch)
        loop->scratch_release(loop->scratch);
    const int rc = uv_loop_close(&loop->uv);
    assert(rc == 0); /* a handle was left open */
    (void)rc;
    wheel_free(loop->wheel);
    mailbox_free(loop->mailbox);
    free(loop);
}

uv_loop_t *loop_uv(struct loop *loop)
{
    return &loop->uv;
}

struct wheel *loop_wheel(struct loop *loop)
{
    return loop->wheel;
}

uint64_t loop_now_ms(const struct loop *loop)
{
    return uv_now(&loop->uv) + loop->asleep_ms;
}

struct loop *loop_current(void)
{
    return loop_of_thread;
}

int loop_post(struct loop *loop, struct message *m)
{
    if (loop_of_thread != loop)
        return mailbox_post(loop->mailbox, m);
    if (mailbox_is_closed(loop->mailbox))
        return ERR_CLOSED;
    if (loop->local_count == loop->capacity)
        return ERR_FULL;
    loop->local_count++;
    local_queue_push(&loop->local, m);
    return 0;
}

void loop_reply(struct loop *loop, struct message *m)
{
    if (loop_of_thread == loop)
        local_queue_push(&loop->local, m);
    else
        mailbox_reply(loop->mailbox, m);
}

void loop_later(struct loop *loop, struct message *m)
{
    assert(loop_of_thread == loop || !loop_of_thread);
    local_queue_push(&loop->local, m);
}

void loop_at_turn_end(struct loop *loop, struct message *m)
{
    local_queue_push(&loop->at_end, m);
}

void loop_drain(struct loop *loop)
{
    mailbox_drain(loop->mailbox);
}

uint64_t loop_beat(const struct loop *loop)
{
    return atomic_load_explicit(&loop->turn_count, memory_order_relaxed);
}

void *loop_scratch(const struct loop *loop)
{
    return loop->scratch;
}

void loop_set_scratch(struct loop *loop, void *scratch, void (*release)(void *scratch))
{
    loop->scratch = scratch;
    loop->scratch_release = release;
}
