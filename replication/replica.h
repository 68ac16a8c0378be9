/* SPDX-License-Identifier: Apache-2.0 */
/* Replica: this node's copy of the durable truth; what everybody outside this folder uses.
 *
 * It owns the replication thread (consensus core, term and vote, applier, state database)
 * and the log writer. A proposal is a message that comes back: embed it, fill it, propose
 * it; it is answered on its home loop exactly once, after the entry is committed on a
 * majority and applied here, so that a read that follows the answer sees it.
 *
 * A write that the disk refuses stops the store for good: events.failed is called once,
 * and nothing is acknowledged any more. The process must exit (status 4) within a second.
 *
 * Threads: what is not marked otherwise, from any. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/strbuf.h"
#include "replication/proposal.h"

struct replica;
struct statedb_view;
struct wakeup;

enum { REPLICA_NAME_MAX = 63 }; /* bytes of a node name */

struct replica_config {
    const char *data_dir;  /* exists; raftdb/ and statedb/ are made in it */
    const char *node_name; /* 1 to REPLICA_NAME_MAX bytes */
    uint64_t node_id;      /* > 0, never used again after a wipe */
    bool may_create;       /* an empty data_dir becomes a cluster of one */
    uint32_t seed;         /* of the election timers; not 0 */

    /* Below, 0 stands for the default. */
    uint32_t group;                /* Raft group id; 0 is the only one so far */
    uint32_t in_flight_max;        /* proposals accepted and unanswered: 16,384 */
    uint64_t in_flight_size_max;   /* their bytes: 64 MiB */
    uint64_t free_space_min;       /* bytes; max(5 % of the disk, 1 GB) */
    uint64_t compact_after;        /* applied entries beyond those kept: 50,000 */
    uint64_t keep_entries;         /* kept in the log after a compaction: 100,000 */
    uint32_t election_timeout_ms;  /* 500 */
    uint32_t heartbeat_timeout_ms; /* 100 */
    uint64_t (*now_us)(void);      /* wall clock of the stamps; wallclock_us() */
};

/* Filled in by the owner; called on the replication thread, which they must not block. */
struct replica_events {
    /* The store is failed; called once. rc: ERR_STORAGE or ERR_CORRUPT. */
    void (*failed)(int rc, const char *why, void *arg);
    /* Role, term or readiness may have changed: see replica_status(). May be NULL. */
    void (*changed)(void *arg);
    /* After replica_close(): everything accepted is answered. May be NULL. */
    void (*closed)(void *arg);
    void *arg;
};

/* Opens (or creates) the store and starts its threads. On failure a sentence is added to
 * why: ERR_CORRUPT (damaged; do not restart), ERR_FOREIGN (of another node),
 * ERR_NOT_FOUND (empty and may not be created), ERR_STORAGE (disk, or another process has
 * it open), -errno (data_dir cannot be used). ERR_FOREIGN also when a later version of this
 * program has written it. Blocks on the disk; call it from the main thread. */
int replica_open(const struct replica_config *config, const struct replica_events *events,
                 struct replica **ret_replica, struct strbuf *why);

/* Refuses new proposals, answers what was accepted, then calls events.closed. */
void replica_close(struct replica *r);

/* Waits for the threads (closing first if need be) and frees everything; from the thread
 * that opened it. Views, and wake-ups that listen, are not used any more. NULL is fine. */
void replica_free(struct replica *r);

/* ---- Proposing ------------------------------------------------------------------------ */

/* Returns 0 and the proposal is the replica's until answered; or ERR_FULL, ERR_CLOSED or
 * ERR_TOO_BIG, and the caller keeps it. One thread's proposals enter the log in the order of
 * its calls. Never blocks. */
int replica_propose(struct replica *r, struct proposal *p);

/* ---- Reading -------------------------------------------------------------------------- */

/* For ordinary local reads; lives as long as the replica. */
const struct statedb_view *replica_view(struct replica *r);

/* From now on w is sent the applied index, at once and after each run of entries. The
 * replica holds a reference until replica_unlisten() or its end, so that w may be closed at
 * any time. */
void replica_listen(struct replica *r, struct wakeup *w);
void replica_unlisten(struct replica *r, struct wakeup *w);

/* Index of the last entry whose effects replica_view() shows. */
uint64_t replica_applied(const struct replica *r);

/* The replication thread's loop, for the watchdog's loop_beat(); borrowed. */
struct loop *replica_loop(const struct replica *r);

struct replica_status {
    bool is_leader;
    bool is_ready; /* proposals are accepted: leader with its own NodeUp applied */
    bool is_failed;
    uint64_t node_id, epoch, leader_id, term;
    uint64_t first_index, last_index; /* of the log */
    uint64_t commit_index, applied_index;
    uint64_t in_flight_count, in_flight_size;
    uint64_t disk_free, disk_size, free_space_min; /* bytes */
    uint64_t store_size;                           /* bytes, state database */
};
void replica_status(struct replica *r, struct replica_status *ret_status);
