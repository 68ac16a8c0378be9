/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/unit.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/metric.h"

static double metric_answer(void *arg)
{
    return *(double *)arg;
}

static bool rendered_has(bool is_openmetrics, const char *text)
{
    CLEANUP(strbuf_done) struct strbuf out = {0};
    metric_render(&out, is_openmetrics);
    return strstr(out.data, text) != NULL;
}

static void counter_counts(void **state)
{
    (void)state;
    struct metric *ok =
        metric_counter("logins_total", "Logins \"by\"\nresult.", "result", "ok");
    struct metric *bad =
        metric_counter("logins_total", "Logins by result.", "result", "b\\a\"d\n", "x", "y");
    assert_ptr_equal(ok, metric_counter("logins_total", "", "result", "ok"));
    assert_ptr_not_equal(ok, bad);
    metric_add(ok, 2);
    metric_add(ok, 0);
    metric_add(ok, 1);
    assert_true(metric_value(ok) == 3);
    assert_true(rendered_has(false,
                             "# HELP presenced_logins_total Logins \"by\"\\nresult.\n"
                             "# TYPE presenced_logins_total counter\n"
                             "presenced_logins_total{result=\"ok\"} 3\n"
                             "presenced_logins_total{result=\"b\\\\a\\\"d\\n\",x=\"y\"} 0\n"));
    assert_true(rendered_has(true, "# HELP presenced_logins Logins \\\"by\\\"\\nresult.\n"
                                   "# TYPE presenced_logins counter\n"
                                   "presenced_logins_total{result=\"ok\"} 3\n"));
    assert_true(rendered_has(true, "# EOF\n"));
    assert_false(rendered_has(false, "# EOF\n"));
}

static void gauge_is_set_or_added_to(void **state)
{
    (void)state;
    struct metric *set = metric_gauge("not_after_seconds", "When.");
    metric_set(set, 1795377323.5);
    metric_set(set, 2.25);
    assert_true(rendered_has(false, "\npresenced_not_after_seconds 2.25\n"));
    struct metric *added = metric_gauge("sessions", "Sessions.");
    metric_add(added, 5);
    metric_add(added, -7);
    assert_true(metric_value(added) == -2);
    assert_true(rendered_has(false, "\npresenced_sessions -2\n"));
}

static void functions_are_asked_until_forgotten(void **state)
{
    (void)state;
    double value = 7.5;
    struct metric *m = metric_gauge_fn("asked", "Asked.", metric_answer, &value, "k", "v");
    struct metric *cpu =
        metric_counter_fn("process_cpu_seconds_total", "CPU.", metric_answer, &value);
    assert_true(rendered_has(false, "presenced_asked{k=\"v\"} 7.5\n"));
    assert_true(rendered_has(false, "\nprocess_cpu_seconds_total 7.5\n"));
    value = 1.0 / 0.0;
    assert_true(rendered_has(false, "presenced_asked{k=\"v\"} +Inf\n"));
    value = -value;
    assert_true(rendered_has(false, "presenced_asked{k=\"v\"} -Inf\n"));
    metric_forget(m);
    metric_forget(cpu);
    assert_false(rendered_has(false, "asked"));
    assert_false(rendered_has(false, "process_cpu"));
}

struct bucket_case {
    const char *name;
    double seconds;
    const char *last_empty; /* NULL: it falls into the first bucket */
    const char *first_full;
};

static const struct bucket_case bucket_cases[] = {
    {"nothing", 0, NULL, "0.0005"},         {"less than nothing", -1, NULL, "0.0005"},
    {"at a bound", 0.0005, NULL, "0.0005"}, {"above a bound", 0.00051, "0.0005", "0.001"},
    {"a second", 1, "0.5", "1.0"},          {"thirty", 30, "10.0", "30.0"},
    {"for ever", 31, "30.0", "+Inf"},
};

static void observation_falls_into_its_bucket(void **state)
{
    const struct bucket_case *c = *state;
    static int number;
    char name[32];
    char text[96];
    (void)snprintf(name, sizeof(name), "wait%d_seconds", number++);
    struct metric *m = metric_histogram(name, "Waits.");
    metric_observe(m, c->seconds);
    assert_true(metric_value(m) == 1);
    if (c->last_empty) {
        (void)snprintf(text, sizeof(text), "presenced_%s_bucket{le=\"%s\"} 0\n", name,
                       c->last_empty);
        assert_true(rendered_has(false, text));
    }
    (void)snprintf(text, sizeof(text), "presenced_%s_bucket{le=\"%s\"} 1\n", name,
                   c->first_full);
    assert_true(rendered_has(true, text));
    (void)snprintf(text, sizeof(text), "presenced_%s_count 1\n", name);
    assert_true(rendered_has(true, text));
    (void)snprintf(text, sizeof(text), "presenced_%s_sum %.15g\n", name,
                   c->seconds > 0 ? c->seconds : 0);
    assert_true(rendered_has(true, text));
}

enum { THREADS = 4, ADDS = 20000 };

static void *count_much(void *arg)
{
    struct metric *m = metric_histogram("much_seconds", "Much.", "k", "v");
    for (int i = 0; i < ADDS; i++) {
        metric_add(arg, 1);
        metric_observe(m, 0.001);
    }
    return NULL;
}

static void threads_that_ended_still_count(void **state)
{
    (void)state;
    struct metric *m = metric_counter("much_total", "Much.");
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, count_much, m), 0);
    double last = 0;
    for (int i = 0; i < 50; i++) {
        const double now = metric_value(m);
        assert_true(now >= last);
        last = now;
    }
    for (int i = 0; i < THREADS; i++)
        (void)pthread_join(threads[i], NULL);
    assert_true(metric_value(m) == (double)THREADS * ADDS);
    assert_true(rendered_has(false, "presenced_much_seconds_sum{k=\"v\"} 80\n"));
}

static void too_many_metrics_are_counted_but_not_shown(void **state)
{
    (void)state;
    char value[16];
    struct metric *last = NULL;
    for (int i = 0; i < METRIC_METRICS_MAX + 2; i++) {
        (void)snprintf(value, sizeof(value), "v%d", i);
        last = metric_counter("flood_total", "Flood.", "k", value);
        metric_add(last, 1);
    }
    metric_observe(metric_histogram("beyond_seconds", "Beyond."), 1);
    assert_ptr_equal(last, metric_gauge("beyond", "Beyond."));
    assert_false(rendered_has(false, "beyond"));
}

int main(void)
{
    struct CMUnitTest rows[COUNT_OF(bucket_cases)];
    for (size_t i = 0; i < COUNT_OF(bucket_cases); i++)
        rows[i] = (struct CMUnitTest){.name = bucket_cases[i].name,
                                      .test_func = observation_falls_into_its_bucket,
                                      .initial_state = (void *)&bucket_cases[i]};
    const struct CMUnitTest others[] = {
        cmocka_unit_test(counter_counts),
        cmocka_unit_test(gauge_is_set_or_added_to),
        cmocka_unit_test(functions_are_asked_until_forgotten),
        cmocka_unit_test(threads_that_ended_still_count),
        cmocka_unit_test(too_many_metrics_are_counted_but_not_shown),
    };
    return cmocka_run_group_tests(rows, NULL, NULL) +
           cmocka_run_group_tests(others, NULL, NULL);
}
