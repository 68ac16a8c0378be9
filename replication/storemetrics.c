/* SPDX-License-Identifier: Apache-2.0 */
#include "replication/storemetrics.h"

#include "base/metric.h"

void storemetrics_init(struct storemetrics *m)
{
    static const char *const results[STOREMETRICS_RESULTS] = {
        [STOREMETRICS_COMMITTED] = "committed",
        [STOREMETRICS_REFUSED] = "refused",
        [STOREMETRICS_UNKNOWN] = "unknown",
    };
    for (int i = 0; i < STOREMETRICS_RESULTS; i++)
        m->proposals[i] = metric_counter("raft_proposals_total", "Proposals by outcome.",
                                         "result", results[i]);
    m->commit_seconds = metric_histogram("raft_commit_seconds",
                                         "From a proposal's arrival until it is applied.");
    m->fsync_seconds = metric_histogram("raft_fsync_seconds", "Synced writes of the log.");
}

void storemetrics_note(const struct storemetrics *m, enum storemetrics_result result,
                       uint64_t count)
{
    metric_add(m->proposals[result], (int64_t)count);
}

void storemetrics_took(struct metric *histogram, uint64_t from_us, uint64_t to_us)
{
    metric_observe(histogram, (double)(to_us - from_us) / 1e6);
}
