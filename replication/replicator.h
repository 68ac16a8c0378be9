/* SPDX-License-Identifier: Apache-2.0 */
/* Replicator: what lives on the replication thread. It feeds the consensus core, carries out
 * its updates in their order, applies what is committed and answers proposals.
 *
 *     proposals -> turn's batch -> core -> log writer -> durable -> core -> commit
 *       -> apply (one state batch) -> answers, applied index to the listeners
 *
 * Made and first stepped on the thread that opens the store, before the loop runs; then on
 * the loop's thread. What others read of it stands in struct replicator_shared. */
#pragma once

#include <stdint.h>

#include "base/cell.h"
#include "base/strbuf.h"
#include "replication/replica.h"

struct loop;
struct raftdb;
struct replicator;
struct statedb;

/* For any thread to read; see struct replica_status. */
struct replicator_shared {
    struct cell is_leader, is_ready, is_failed, is_closing;
    struct cell epoch, leader_id, term, first_index, last_index, commit_index, applied_index;
    struct cell in_flight_count, in_flight_size, disk_free, disk_size;
};

/* config with its defaults filled in; it, the databases and the loop are borrowed. Checks
 * the log against the state. ERR_CORRUPT with a sentence added to why. */
int replicator_new(const struct replica_config *config, const struct replica_events *events,
                   struct loop *loop, struct raftdb *raftdb, struct statedb *statedb,
                   struct replicator_shared *shared, struct replicator **ret_replicator,
                   struct strbuf *why);
/* After the loop has ended: ends the log writer, which knows the loop. NULL is fine. */
void replicator_stop(struct replicator *r);
/* After the loop was freed, which may still hold messages of its. NULL is fine. */
void replicator_free(struct replicator *r);

/* For message.deliver of a proposal; owner is the replicator. */
void replicator_proposed(struct message *self, void *owner);
/* For message.discard of a proposal that met a loop already stopped: answers ERR_CLOSED. */
void replicator_turned_away(struct message *self);
/* Refuses from now on; when all is answered, calls events.closed and stops the loop. */
void replicator_close(struct replicator *r);
/* Takes over the caller's reference to w. */
void replicator_listen(struct replicator *r, struct wakeup *w);
void replicator_unlisten(struct replicator *r, struct wakeup *w);
