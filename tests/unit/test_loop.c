/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/unit.h"

#include <pthread.h>

#include "base/err.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/monoclock.h"
#include "tests/support/turnedclock.h"

/* What a test's loop owns: a journal of what was delivered, in order. */
struct diary {
    struct loop *loop;
    int entries[16];
    int entry_count;
    int discarded_count;
    uint64_t received_count;
    uint64_t stop_after;
};

struct note {
    struct message message;
    struct diary *diary;
    int entry;
    int more; /* notes to send to the own loop from deliver() */
};

static void diary_note_delivered(struct message *self, void *owner);
static void diary_note_discarded(struct message *self);

static struct message *diary_note_new(struct diary *diary, int entry, int more)
{
    struct note *n = mem_zeroed(1, sizeof(*n));
    n->message =
        (struct message){.deliver = diary_note_delivered, .discard = diary_note_discarded};
    n->diary = diary;
    n->entry = entry;
    n->more = more;
    return &n->message;
}

static void diary_note_delivered(struct message *self, void *owner)
{
    struct note *n = (struct note *)self;
    struct diary *d = owner;
    assert_ptr_equal(d, n->diary);
    assert_ptr_equal(loop_current(), d->loop);
    d->entries[d->entry_count++ % 16] = n->entry;
    if (n->more) {
        loop_at_turn_end(d->loop, diary_note_new(d, n->entry * 10 + 3, 0));
        loop_later(d->loop, diary_note_new(d, n->entry * 10 + 1, 0));
        assert_int_equal(loop_post(d->loop, diary_note_new(d, n->entry * 10 + 2, 0)), 0);
    }
    free(n);
}

static void diary_note_discarded(struct message *self)
{
    ((struct note *)self)->diary->discarded_count++;
    free(self);
}

static void make_loop(struct diary *d, size_t capacity)
{
    assert_int_equal(loop_new("test", capacity, &d->loop), 0);
    loop_set_owner(d->loop, d);
}

static void delivers_in_order_then_local_then_turn_end(void **state)
{
    (void)state;
    struct diary d = {0};
    make_loop(&d, 8);
    assert_null(loop_current());
    assert_int_equal(loop_post(d.loop, diary_note_new(&d, 1, 1)), 0);
    assert_int_equal(loop_post(d.loop, diary_note_new(&d, 2, 0)), 0);
    loop_stop(d.loop);
    loop_stop(d.loop);
    loop_run(d.loop);
    assert_null(loop_current());

    const int wanted[] = {1, 2, 11, 12, 13};
    assert_int_equal(d.entry_count, 5);
    assert_memory_equal(d.entries, wanted, sizeof(wanted));
    assert_int_equal(d.discarded_count, 0);
    assert_true(loop_beat(d.loop) > 0);
    assert_string_equal(loop_name(d.loop), "test");
    loop_free(d.loop);
}

static void full_and_closed_refuse_but_replies_pass(void **state)
{
    (void)state;
    struct diary d = {0};
    make_loop(&d, 2);
    assert_int_equal(loop_post(d.loop, diary_note_new(&d, 1, 0)), 0);
    assert_int_equal(loop_post(d.loop, diary_note_new(&d, 2, 0)), 0);
    struct message *kept = diary_note_new(&d, 3, 0);
    assert_int_equal(loop_post(d.loop, kept), ERR_FULL);
    loop_reply(d.loop, kept);
    loop_stop(d.loop);
    struct message *late = diary_note_new(&d, 4, 0);
    loop_reply(d.loop, late); /* behind the stop: discarded */
    loop_run(d.loop);
    assert_int_equal(d.entry_count, 3);
    assert_int_equal(d.discarded_count, 1);

    struct message *refused = diary_note_new(&d, 5, 0);
    assert_int_equal(loop_post(d.loop, refused), ERR_CLOSED);
    loop_reply(d.loop, refused);
    assert_int_equal(d.discarded_count, 2);
    loop_free(d.loop);
}

static void loop_that_never_ran_discards_what_it_has(void **state)
{
    (void)state;
    struct diary d = {0};
    make_loop(&d, 8);
    assert_int_equal(loop_post(d.loop, diary_note_new(&d, 1, 0)), 0);
    loop_later(d.loop, diary_note_new(&d, 2, 0));
    loop_free(d.loop);
    assert_int_equal(d.entry_count, 0);
    assert_int_equal(d.discarded_count, 2);
    loop_free(NULL);
}

/* A note that posts itself again keeps I/O and the stop from waiting for ever. */
struct endless {
    struct message message;
    struct diary *diary;
    int left;
};

static void endless_delivered(struct message *self, void *owner)
{
    struct endless *e = (struct endless *)self;
    (void)owner;
    if (--e->left > 0)
        loop_later(e->diary->loop, self);
    else
        loop_stop(e->diary->loop);
}

static void endless_discarded(struct message *self)
{
    (void)self;
}

static void local_queue_longer_than_a_turn_goes_on(void **state)
{
    (void)state;
    struct diary d = {0};
    make_loop(&d, 8);
    struct endless e = {.message = {.deliver = endless_delivered, .discard = endless_discarded},
                        .diary = &d,
                        .left = 1000};
    assert_int_equal(loop_post(d.loop, &e.message), 0);
    loop_run(d.loop);
    assert_int_equal(e.left, 0);
    assert_true(loop_beat(d.loop) > 10);
    loop_free(d.loop);
}

struct clock_check {
    struct wheel_timer timer;
    struct loop *loop;
    uint64_t due_ms;
};

static void clock_expired(struct wheel_timer *t, void *arg)
{
    struct clock_check *c = arg;
    (void)t;
    assert_true(loop_now_ms(c->loop) >= c->due_ms);
    const uint64_t now_ms = monoclock_ms();
    assert_true(now_ms + 10 >= loop_now_ms(c->loop));
    c->due_ms = 0;
    loop_stop(c->loop);
}

static void wheel_of_a_loop_turns(void **state)
{
    (void)state;
    struct clock_check c = {.timer = {.expired = clock_expired, .arg = &c}};
    assert_int_equal(loop_new("wheel", 1, &c.loop), 0);
    c.due_ms = loop_now_ms(c.loop) + 20;
    wheel_set(loop_wheel(c.loop), &c.timer, c.due_ms);
    loop_run(c.loop);
    assert_int_equal(c.due_ms, 0);
    loop_free(c.loop);
}

static void nap_expired(struct wheel_timer *t, void *arg)
{
    (void)t;
    *(bool *)arg = true;
}

/* What came due while the machine slept fires when it wakes, not as much later. */
static void a_sleep_counts(void **state)
{
    bool is_fired = false;
    struct wheel_timer timer = {.expired = nap_expired, .arg = &is_fired};
    struct loop *loop;
    (void)state;
    assert_int_equal(loop_new("nap", 1, &loop), 0);
    wheel_set(loop_wheel(loop), &timer, loop_now_ms(loop) + 3600000);
    (void)uv_run(loop_uv(loop), UV_RUN_NOWAIT);
    assert_false(is_fired);
    turnedclock_add(3600000 + WHEEL_GRAIN_MS);
    const uint64_t deadline_ms = monoclock_ms() + 20000;
    while (!is_fired && monoclock_ms() < deadline_ms)
        (void)uv_run(loop_uv(loop), UV_RUN_NOWAIT);
    assert_true(is_fired);
    loop_stop(loop);
    loop_run(loop);
    loop_free(loop);
}

/* Objects go on after the stop until their handles are closed; the wheel serves them. */
struct lingering {
    struct wheel_timer timer;
    uv_async_t handle;
    struct loop *loop;
    bool is_closed;
};

static void lingering_closed(uv_handle_t *handle)
{
    struct lingering *l = handle->data;
    l->is_closed = true;
}

static void lingering_expired(struct wheel_timer *t, void *arg)
{
    struct lingering *l = arg;
    (void)t;
    uv_close((uv_handle_t *)&l->handle, lingering_closed);
}

static void stopped_loop_waits_for_its_objects(void **state)
{
    (void)state;
    struct lingering l = {.timer = {.expired = lingering_expired, .arg = &l}};
    assert_int_equal(loop_new("linger", 1, &l.loop), 0);
    assert_int_equal(uv_async_init(loop_uv(l.loop), &l.handle, NULL), 0);
    l.handle.data = &l;
    wheel_set(loop_wheel(l.loop), &l.timer, loop_now_ms(l.loop) + 30);
    loop_stop(l.loop);
    loop_run(l.loop);
    assert_true(l.is_closed);
    loop_free(l.loop);
}

enum { SENDERS = 3, NOTES = 20000 };

struct counted {
    struct message message;
};

static void counted_delivered(struct message *self, void *owner)
{
    struct diary *d = owner;
    free(self);
    if (++d->received_count == d->stop_after)
        loop_stop(d->loop);
}

static void counted_discarded(struct message *self)
{
    free(self);
}

static void *send_notes(void *arg)
{
    struct diary *d = arg;
    for (int i = 0; i < NOTES; i++) {
        struct counted *c = mem_zeroed(1, sizeof(*c));
        c->message =
            (struct message){.deliver = counted_delivered, .discard = counted_discarded};
        while (loop_post(d->loop, &c->message) == ERR_FULL)
            (void)sched_yield();
    }
    return NULL;
}

static void threads_post_and_nothing_is_lost(void **state)
{
    (void)state;
    struct diary d = {.stop_after = (uint64_t)SENDERS * NOTES};
    make_loop(&d, 64);
    assert_int_equal(loop_start(d.loop), 0);
    pthread_t senders[SENDERS];
    for (int i = 0; i < SENDERS; i++)
        assert_int_equal(pthread_create(&senders[i], NULL, send_notes, &d), 0);
    for (int i = 0; i < SENDERS; i++)
        (void)pthread_join(senders[i], NULL);
    loop_join(d.loop);
    assert_int_equal(d.received_count, d.stop_after);
    loop_free(d.loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(delivers_in_order_then_local_then_turn_end),
        cmocka_unit_test(full_and_closed_refuse_but_replies_pass),
        cmocka_unit_test(loop_that_never_ran_discards_what_it_has),
        cmocka_unit_test(local_queue_longer_than_a_turn_goes_on),
        cmocka_unit_test(wheel_of_a_loop_turns),
        cmocka_unit_test(a_sleep_counts),
        cmocka_unit_test(stopped_loop_waits_for_its_objects),
        cmocka_unit_test(threads_post_and_nothing_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
