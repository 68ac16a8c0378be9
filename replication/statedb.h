/* SPDX-License-Identifier: Apache-2.0 */
/* State database: what the applied log entries have made of the world, in RocksDB.
 *
 * One writer, the replication thread, through batches; reads from any thread through
 * views. The write-ahead log is on but not synced per batch: every batch carries its
 * `applied` row, so a crash leaves a consistent prefix that the Raft log replays onto.
 *
 * Column families are those of keyspace.h; the `applied` row {index, term, configuration
 * index, chained hash} has one of its own. The hash chains every put and delete in order,
 * whatever the batch limits: equal indexes with equal hashes mean equal states.
 *
 * Threads: statedb_view(), statedb_snapshot_*(), get and scan on those views from any; all
 * else, the view of a batch included, on the owning thread only.
 *
 * Errors: ERR_STORAGE when the disk refuses (fail-stop: nothing may be acknowledged any
 * more), ERR_CORRUPT when stored bytes are not what was written. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"
#include "base/strbuf.h"
#include "replication/keyspace.h"

struct statedb;
struct statedb_batch;
struct statedb_scan;
/* Where reads come from: the database as it is, a snapshot of it, or the database with
 * the batch being filled on top. */
struct statedb_view;

struct statedb_applied {
    uint64_t index; /* of the last entry applied; 0 in an empty database */
    uint64_t term;
    uint64_t configuration_index; /* of the last membership entry applied */
    uint64_t hash;
};

/* Opens the database at path, creating what is missing of it if may_create. On failure a
 * sentence is added to why: ERR_STORAGE (also: locked by another process), ERR_CORRUPT,
 * ERR_NOT_FOUND (not there and may not be created). */
int statedb_open(const char *path, bool may_create, struct statedb **ret_db,
                 struct strbuf *why);

/* All scans, snapshots and batches are gone before. NULL is fine. */
void statedb_close(struct statedb *db);

const struct statedb_applied *statedb_get_applied(const struct statedb *db);

/* ---- Reading -------------------------------------------------------------------------- */

/* The database as it is at each call; lives as long as the database. */
const struct statedb_view *statedb_view(const struct statedb *db);

/* The database as it is now, for several reads that must fit together. Hold it briefly:
 * it keeps old versions of rows from being cleaned up. */
const struct statedb_view *statedb_snapshot_open(const struct statedb *db);
void statedb_snapshot_close(const struct statedb_view *snapshot);

/* Sets ret_value to the value of a key. Returns 1 found, 0 not there (ret_value is empty),
 * or a negative error. */
int statedb_get(const struct statedb_view *view, enum keyspace_cf cf, struct span key,
                struct strbuf *ret_value);

/* Scans lower <= key < upper in key order, or from the highest down. An upper of SPAN_NONE
 * means to the end of the column family. The bounds are copied. The batch of the view must
 * not be written to while the scan is open. */
int statedb_scan_open(const struct statedb_view *view, enum keyspace_cf cf, struct span lower,
                      struct span upper, bool is_reverse, struct statedb_scan **ret_scan);

/* The next row, borrowed until the next call; false at the end or on an error. */
bool statedb_scan_next(struct statedb_scan *scan, struct span *ret_key, struct span *ret_value);

/* Returns 0, or the error that ended the scan. NULL is fine. */
int statedb_scan_close(struct statedb_scan *scan);

/* ---- Writing -------------------------------------------------------------------------- */

/* Begins the one batch that may be open. */
struct statedb_batch *statedb_batch_begin(struct statedb *db);

/* Reads its own writes; lives as long as the batch. An error of a read through it is kept
 * and makes the commit fail. */
const struct statedb_view *statedb_batch_view(const struct statedb_batch *b);

void statedb_put(struct statedb_batch *b, enum keyspace_cf cf, struct span key,
                 struct span value);
void statedb_delete(struct statedb_batch *b, enum keyspace_cf cf, struct span key);
/* Deletes the keys lower <= key < upper that are there now, one by one. */
void statedb_delete_range(struct statedb_batch *b, enum keyspace_cf cf, struct span lower,
                          struct span upper);

/* Notes that the entry at index, within this batch, changed the membership. */
void statedb_batch_configuration(struct statedb_batch *b, uint64_t index);

/* Bytes the batch has grown to. */
size_t statedb_batch_size(const struct statedb_batch *b);

/* Writes the batch with its applied row and frees it. On failure nothing of it is visible,
 * and the database takes no further batch. */
int statedb_batch_commit(struct statedb_batch *b, uint64_t index, uint64_t term);

/* Forgets the batch. NULL is fine. */
void statedb_batch_abandon(struct statedb_batch *b);

/* ---- Durability ----------------------------------------------------------------------- */

/* Returns when everything committed so far would survive a power cut. */
int statedb_flush_wal(struct statedb *db);

/* A consistent copy of the database at path (hard links; must not exist, same file
 * system). Any thread. */
int statedb_checkpoint(struct statedb *db, const char *path);

/* Bytes on disk, an estimate. Any thread. */
uint64_t statedb_size(const struct statedb *db);
