/* SPDX-License-Identifier: Apache-2.0 */
/* Log database: the Raft log, term and vote of this node, synced to disk (logrecord.h).
 *
 * It was written by the rule "a write begins only after the one before is synced", so what
 * recovery gives back must have no hole. raftdb_load() proves it: indexes contiguous,
 * checksums right, terms never falling. That its end was not lost, the caller proves
 * against the applied row of the state database, which never runs ahead of the disk. A
 * database that fails either may not vote: it would break promises it has forgotten.
 *
 * Threads: a batch is filled and committed on one thread (the log writer); the rest on the
 * replication thread; raftdb_read() on any. Errors: ERR_STORAGE, ERR_CORRUPT. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/strbuf.h"
#include "replication/logrecord.h"

struct raftdb;

struct raftdb_config {
    const char *path;
    uint32_t group;
    uint64_t node_id;
    const char *node_name;
    bool may_create;
};

/* Opens it, and creates an empty one if allowed. On failure a sentence is added to why:
 * ERR_FOREIGN when it belongs to another node, ERR_NOT_FOUND, ERR_CORRUPT, ERR_STORAGE. */
int raftdb_open(const struct raftdb_config *config, struct raftdb **ret_db, struct strbuf *why);
void raftdb_close(struct raftdb *db);

/* True as long as no node has been given this directory. */
bool raftdb_is_blank(const struct raftdb *db);

/* Makes a blank one the log of a new cluster: entry 1 = this membership, term 1; synced. */
int raftdb_bootstrap(struct raftdb *db, struct span membership);

struct raftdb_boot {
    struct logrecord_vote vote;
    struct logrecord_snapshot snapshot; /* its strings live as long as the database */
    uint64_t first_index;               /* of the log; last_index + 1 when it is empty */
    uint64_t last_index;
};

/* Reads and checks everything; each is called for every entry in order, the payload being
 * borrowed. On ERR_CORRUPT a sentence is added to why. */
int raftdb_load(struct raftdb *db,
                void (*each)(uint64_t index, const struct logrecord *r, void *arg), void *arg,
                struct raftdb_boot *ret_boot, struct strbuf *why);

/* Writes term and vote, synced. */
int raftdb_write_vote(struct raftdb *db, const struct logrecord_vote *vote);

/* Writes the snapshot's description and drops the log below its first_index; synced. */
int raftdb_compact(struct raftdb *db, const struct logrecord_snapshot *snapshot);

/* Reads one entry into buffer, which the payload points to. ERR_CORRUPT when it is not
 * there, or not as it was written. */
int raftdb_read(const struct raftdb *db, uint64_t index, struct strbuf *buffer,
                struct logrecord *ret_record);

/* ---- One synced write ----------------------------------------------------------------- */

/* Begins to fill the database's one batch; it is kept for the next. */
void raftdb_batch_truncate(struct raftdb *db, uint64_t from);
void raftdb_batch_put(struct raftdb *db, uint64_t index, const struct logrecord *r);
/* Writes what the batch holds and empties it. Returns when it is on disk. After a failure
 * every further write fails: what the disk holds is not known any more. */
int raftdb_batch_commit(struct raftdb *db);

/* Bytes on disk, an estimate. Any thread. */
uint64_t raftdb_size(const struct raftdb *db);
