/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/unit.h"

#include <pthread.h>

#include "base/loop.h"
#include "base/wakeup.h"

enum { SENDERS = 3, SENDS = 20000 };

struct ear {
    struct loop *loop;
    struct wakeup *wakeup;
    uint64_t heard, stop_at;
    int heard_count;
};

static void ear_woken(uint64_t value, void *arg)
{
    struct ear *e = arg;
    assert_ptr_equal(loop_current(), e->loop);
    assert_true(value > e->heard);
    e->heard = value;
    e->heard_count++;
    if (value == e->stop_at) {
        wakeup_close(e->wakeup);
        loop_stop(e->loop);
    }
}

static void ear_open(struct ear *e, uint64_t stop_at)
{
    *e = (struct ear){.stop_at = stop_at};
    assert_int_equal(loop_new("ear", 1, &e->loop), 0);
    assert_int_equal(wakeup_open(e->loop, ear_woken, e, &e->wakeup), 0);
}

static void sends_before_a_turn_become_one(void **state)
{
    (void)state;
    struct ear e;
    ear_open(&e, 9);
    wakeup_send(e.wakeup, 3);
    wakeup_send(e.wakeup, 9);
    wakeup_send(e.wakeup, 5); /* not above the largest */
    wakeup_send(e.wakeup, 9);
    loop_run(e.loop);
    assert_int_equal(e.heard_count, 1);
    assert_int_equal(e.heard, 9);
    loop_free(e.loop);
    wakeup_close(NULL);
}

static void *send_much(void *arg)
{
    struct ear *e = arg;
    for (uint64_t i = 1; i <= SENDS; i++)
        wakeup_send(e->wakeup, i);
    wakeup_unref(e->wakeup); /* perhaps the last one: the loop may have closed it */
    return NULL;
}

static void the_last_value_arrives_and_late_sends_are_harmless(void **state)
{
    (void)state;
    struct ear e;
    pthread_t senders[SENDERS];
    ear_open(&e, SENDS);
    for (int i = 0; i < SENDERS; i++) {
        (void)wakeup_ref(e.wakeup);
        assert_int_equal(pthread_create(&senders[i], NULL, send_much, &e), 0);
    }
    loop_run(e.loop);
    assert_int_equal(e.heard, SENDS);
    for (int i = 0; i < SENDERS; i++)
        (void)pthread_join(senders[i], NULL);
    loop_free(e.loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sends_before_a_turn_become_one),
        cmocka_unit_test(the_last_value_arrives_and_late_sends_are_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
