/* SPDX-License-Identifier: Apache-2.0 */
/* The numbers of the store, for /metrics: what became of proposals, how long a commit and a
 * sync of the log take. Filled once, used by the replication thread and the log writer. */
#pragma once

#include <stdint.h>

struct metric;

enum storemetrics_result {
    STOREMETRICS_COMMITTED,
    STOREMETRICS_REFUSED, /* never entered the log */
    STOREMETRICS_UNKNOWN, /* leadership or the store was lost meanwhile */
    STOREMETRICS_RESULTS
};

struct storemetrics {
    struct metric *proposals[STOREMETRICS_RESULTS];
    struct metric *commit_seconds; /* from arrival at the replication thread to applied */
    struct metric *fsync_seconds;
};

void storemetrics_init(struct storemetrics *m);

/* Notes that count proposals ended so. */
void storemetrics_note(const struct storemetrics *m, enum storemetrics_result result,
                       uint64_t count);

/* Notes one duration: monoclock_us() at its beginning and at its end. */
void storemetrics_took(struct metric *histogram, uint64_t from_us, uint64_t to_us);
