/* SPDX-License-Identifier: Apache-2.0 */
/* Metrics: counters, gauges and histograms of the process, for Prometheus.
 *
 *     struct metric *logins = metric_counter("session_logins_total", "Logins by result.",
 *                                            "protocol", "xmpp", "result", "ok");
 *     metric_add(logins, 1);
 *
 * Registering is slow and idempotent: the same name and labels give the same metric; keep
 * the pointer. Counting is a plain add in a cell of the calling thread; the renderer sums
 * the cells, those of ended threads included. Names get the prefix presenced_ unless they
 * begin with process_; base units (seconds, bytes); counters end in _total; labels are
 * pairs of constant-cardinality texts, never a user or an address. Beyond the maximum below
 * a metric still counts but is not shown.
 *
 * Threads: any. Metrics live as long as the process. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/strbuf.h"

struct metric; /* opaque */
typedef double (*metric_read_fn)(void *arg);

enum { METRIC_LABELS_MAX = 4, METRIC_CELLS_MAX = 16384, METRIC_METRICS_MAX = 2048 };

/* name, help, then label, value pairs. All texts are copied. */
#define metric_counter(...)   metric_counter_labeled(__VA_ARGS__, (const char *)NULL)
#define metric_gauge(...)     metric_gauge_labeled(__VA_ARGS__, (const char *)NULL)
#define metric_histogram(...) metric_histogram_labeled(__VA_ARGS__, (const char *)NULL)
/* name, help, fn, arg, then label, value pairs. fn is asked at each rendering, on that
 * thread, and must not use this registry; metric_forget() before arg goes. */
#define metric_gauge_fn(...)   metric_gauge_fn_labeled(__VA_ARGS__, (const char *)NULL)
#define metric_counter_fn(...) metric_counter_fn_labeled(__VA_ARGS__, (const char *)NULL)

struct metric *metric_counter_labeled(const char *name, const char *help, ...)
    __attribute__((sentinel));
struct metric *metric_gauge_labeled(const char *name, const char *help, ...)
    __attribute__((sentinel));
/* Buckets for durations in seconds: 0.5 ms to 30 s. */
struct metric *metric_histogram_labeled(const char *name, const char *help, ...)
    __attribute__((sentinel));
struct metric *metric_gauge_fn_labeled(const char *name, const char *help, metric_read_fn fn,
                                       void *arg, ...) __attribute__((sentinel));
struct metric *metric_counter_fn_labeled(const char *name, const char *help, metric_read_fn fn,
                                         void *arg, ...) __attribute__((sentinel));

/* A counter only grows (n >= 0); a gauge may go down. */
void metric_add(struct metric *m, int64_t n);

/* Gauges: the value from now on. A gauge is either set or added to, never both. */
void metric_set(struct metric *m, double value);

/* Histograms: one duration, in seconds. */
void metric_observe(struct metric *m, double seconds);

/* The sum over all threads: a counter's or gauge's value, a histogram's count. */
double metric_value(struct metric *m);

/* Takes a function metric out of the registry; when it returns fn is not called any more. */
void metric_forget(struct metric *m);

/* Text format 0.0.4, or OpenMetrics 1.0 (content types below). */
void metric_render(struct strbuf *out, bool is_openmetrics);
#define METRIC_TYPE_TEXT        "text/plain; version=0.0.4; charset=utf-8"
#define METRIC_TYPE_OPENMETRICS "application/openmetrics-text; version=1.0.0; charset=utf-8"
