/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/unit.h"

#include "base/mem.h"
#include "base/prng.h"
#include "base/wheel.h"

struct alarm {
    struct wheel_timer timer;
    struct wheel *wheel;
    struct wheel_timer *victim; /* cancelled when this one fires */
    uint64_t due_ms;
    uint64_t again_ms; /* set again this much later, once */
    uint64_t *now_ms;
    uint64_t fired_ms;
    unsigned fired_count;
};

static void alarm_expired(struct wheel_timer *t, void *arg)
{
    struct alarm *a = arg;
    assert_false(wheel_is_set(t));
    a->fired_ms = *a->now_ms;
    a->fired_count++;
    if (a->victim)
        wheel_cancel(a->wheel, a->victim);
    if (a->again_ms) {
        wheel_set(a->wheel, t, *a->now_ms + a->again_ms);
        a->again_ms = 0;
    }
}

static void alarm_set(struct alarm *a, struct wheel *w, uint64_t due_ms, uint64_t *now_ms)
{
    a->timer.expired = alarm_expired;
    a->timer.arg = a;
    a->wheel = w;
    a->due_ms = due_ms;
    a->now_ms = now_ms;
    wheel_set(w, &a->timer, due_ms);
}

/* Runs from one next_ms to the next until the end, as a loop does. */
static void wheel_run(struct wheel *w, uint64_t *now_ms, uint64_t end_ms)
{
    while (wheel_next_ms(w) <= end_ms) {
        if (wheel_next_ms(w) > *now_ms)
            *now_ms = wheel_next_ms(w);
        wheel_advance(w, *now_ms);
    }
    *now_ms = end_ms;
    wheel_advance(w, end_ms);
}

struct distance_case {
    const char *name;
    uint64_t start_ms, after_ms;
};

static const struct distance_case distances[] = {
    {"at once", 1000, 0},
    {"one ms", 1000, 1},
    {"one grain", 1000, 8},
    {"end of the first level", 1000, 511},
    {"second level begins", 1000, 512},
    {"second level begins, odd start", 1003, 513},
    {"second level ends", 1000, 32767},
    {"third level begins", 1000, 32768},
    {"an hour", 123457, 3600000},
    {"fourth level", 123457, 2097152},
    {"two days", 7, 172800000},
    {"fifth level ends", 0, 8589934591},
    {"beyond the wheel", 5, 20000000000},
};

static void fires_on_time(void **state)
{
    const struct distance_case *c = *state;
    struct wheel *w = NULL;
    uint64_t now_ms = c->start_ms;
    wheel_new(now_ms, &w);
    struct alarm a = {0};

    alarm_set(&a, w, c->start_ms + c->after_ms, &now_ms);
    assert_true(wheel_is_set(&a.timer));
    assert_true(wheel_next_ms(w) <= a.due_ms + WHEEL_GRAIN_MS);
    wheel_run(w, &now_ms, a.due_ms + 2 * (uint64_t)WHEEL_GRAIN_MS);
    assert_int_equal(a.fired_count, 1);
    assert_true(a.fired_ms >= a.due_ms);
    assert_true(a.fired_ms <= a.due_ms + WHEEL_GRAIN_MS + WHEEL_GRAIN_MS);
    assert_int_equal(wheel_next_ms(w), UINT64_MAX);
    wheel_free(w);
}

static void does_not_fire_early_in_one_jump(void **state)
{
    const struct distance_case *c = *state;
    struct wheel *w = NULL;
    uint64_t now_ms = c->start_ms;
    wheel_new(now_ms, &w);
    struct alarm a = {0};

    alarm_set(&a, w, c->start_ms + c->after_ms, &now_ms);
    if (c->after_ms > 0) {
        now_ms = a.due_ms - 1;
        wheel_advance(w, now_ms);
        assert_int_equal(a.fired_count, 0);
    }
    now_ms = a.due_ms + WHEEL_GRAIN_MS;
    wheel_advance(w, now_ms);
    assert_int_equal(a.fired_count, 1);
    wheel_free(w);
}

static void cancelled_does_not_fire(void **state)
{
    (void)state;
    struct wheel *w = NULL;
    uint64_t now_ms = 0;
    wheel_new(now_ms, &w);
    struct alarm a = {0};
    struct alarm b = {0};

    alarm_set(&a, w, 100, &now_ms);
    alarm_set(&b, w, 100, &now_ms);
    wheel_cancel(w, &a.timer);
    wheel_cancel(w, &a.timer);
    assert_false(wheel_is_set(&a.timer));
    wheel_run(w, &now_ms, 1000);
    assert_int_equal(a.fired_count, 0);
    assert_int_equal(b.fired_count, 1);

    alarm_set(&a, w, 2000, &now_ms);
    wheel_cancel(w, &a.timer);
    assert_int_equal(wheel_next_ms(w), UINT64_MAX);
    wheel_free(w);
}

static void moved_fires_once_at_the_new_time(void **state)
{
    (void)state;
    struct wheel *w = NULL;
    uint64_t now_ms = 0;
    wheel_new(now_ms, &w);
    struct alarm a = {0};

    alarm_set(&a, w, 100, &now_ms);
    alarm_set(&a, w, 5000, &now_ms);
    wheel_run(w, &now_ms, 4990);
    assert_int_equal(a.fired_count, 0);
    wheel_run(w, &now_ms, 5100);
    assert_int_equal(a.fired_count, 1);
    wheel_free(w);
}

static void fired_may_set_itself_and_cancel_its_neighbour(void **state)
{
    (void)state;
    struct wheel *w = NULL;
    uint64_t now_ms = 0;
    wheel_new(now_ms, &w);
    struct alarm first = {0};
    struct alarm second = {0};

    alarm_set(&first, w, 100, &now_ms);
    alarm_set(&second, w, 100, &now_ms);
    first.victim = &second.timer;
    second.victim = &first.timer; /* whichever comes first stops the other */
    first.again_ms = second.again_ms = 300;
    wheel_run(w, &now_ms, 10000);
    assert_int_equal(first.fired_count + second.fired_count, 2);
    assert_true(first.fired_count == 0 || second.fired_count == 0);
    wheel_free(w);
}

static void set_in_the_past_fires_within_a_grain(void **state)
{
    (void)state;
    struct wheel *w = NULL;
    uint64_t now_ms = 100000;
    wheel_new(now_ms, &w);
    struct alarm a = {0};
    alarm_set(&a, w, 5, &now_ms);
    wheel_run(w, &now_ms, 100000 + WHEEL_GRAIN_MS);
    assert_int_equal(a.fired_count, 1);
    wheel_free(w);
}

static void freed_wheel_forgets_its_timers(void **state)
{
    (void)state;
    struct wheel *w = NULL;
    uint64_t now_ms = 0;
    wheel_new(now_ms, &w);
    struct alarm a = {0};
    alarm_set(&a, w, 100, &now_ms);
    wheel_free(w);
    assert_false(wheel_is_set(&a.timer));
    wheel_free(NULL);
}

static void many_random_timers_all_fire_on_time(void **state)
{
    (void)state;
    enum { ALARMS = 2000, ROUNDS = 20000 };
    struct prng chance;
    prng_seed(&chance, 42);
    struct wheel *w = NULL;
    uint64_t now_ms = 99;
    wheel_new(now_ms, &w);
    struct alarm *alarms = mem_zeroed(ALARMS, sizeof(*alarms));

    for (int round = 0; round < ROUNDS; round++) {
        struct alarm *a = &alarms[prng_below(&chance, ALARMS)];
        if (prng_below(&chance, 4) == 0) {
            wheel_cancel(w, &a->timer);
        } else {
            a->fired_count = 0;
            alarm_set(a, w, now_ms + prng_below(&chance, 1U << prng_below(&chance, 24)),
                      &now_ms);
        }
        wheel_run(w, &now_ms, now_ms + prng_below(&chance, 200));
        if (a->due_ms + 2 * (uint64_t)WHEEL_GRAIN_MS < now_ms)
            assert_false(wheel_is_set(&a->timer));
    }
    now_ms += 1U << 25;
    for (int i = 0; i < ALARMS; i++)
        if (!wheel_is_set(&alarms[i].timer) && alarms[i].fired_count)
            assert_true(alarms[i].fired_ms >= alarms[i].due_ms &&
                        alarms[i].fired_ms <= alarms[i].due_ms + 2 * (uint64_t)WHEEL_GRAIN_MS);
    wheel_free(w);
    free(alarms);
}

int main(void)
{
    struct CMUnitTest tests[2 * COUNT_OF(distances)];
    for (size_t i = 0; i < COUNT_OF(distances); i++) {
        tests[2 * i] = (struct CMUnitTest){.name = distances[i].name,
                                           .test_func = fires_on_time,
                                           .initial_state = (void *)&distances[i]};
        tests[2 * i + 1] = tests[2 * i];
        tests[2 * i + 1].test_func = does_not_fire_early_in_one_jump;
    }
    const struct CMUnitTest others[] = {
        cmocka_unit_test(cancelled_does_not_fire),
        cmocka_unit_test(moved_fires_once_at_the_new_time),
        cmocka_unit_test(fired_may_set_itself_and_cancel_its_neighbour),
        cmocka_unit_test(set_in_the_past_fires_within_a_grain),
        cmocka_unit_test(freed_wheel_forgets_its_timers),
        cmocka_unit_test(many_random_timers_all_fire_on_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) +
           cmocka_run_group_tests(others, NULL, NULL);
}
