/* SPDX-License-Identifier: Apache-2.0 */
/* Log writer: the thread that puts log entries on the disk, and nothing else.
 *
 * Group commit: all that queued up while a sync was under way goes into the next one, with
 * no timer; it is reported when it is on disk. After a write that failed nothing is
 * reported as written any more.
 *
 * Threads: all calls on the home loop's thread, before it runs or while it does. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "replication/logrecord.h"

struct logwriter;
struct loop;
struct raftdb;

/* On the home loop, handed its owner: the log is on disk up to index, as the request of
 * this generation wrote it (rc 0); or the disk has refused (ERR_STORAGE, ERR_CORRUPT). */
typedef void (*logwriter_written_fn)(int rc, uint64_t generation, uint64_t index, void *owner);

/* Starts the thread. raftdb is borrowed and its batch is the writer's until it is freed. */
int logwriter_open(struct raftdb *raftdb, struct loop *home, logwriter_written_fn written,
                   struct logwriter **ret_writer);

/* What to write: entries from index on, after dropping the log from truncate_from on (0:
 * nothing). Filled by logwriter_add(), then handed over by logwriter_append(). */
struct logwriter_request;
struct logwriter_request *logwriter_request_new(uint64_t generation, uint64_t truncate_from,
                                                uint64_t index);
/* Copies an entry, the next one. */
void logwriter_request_add(struct logwriter_request *request, const struct logrecord *record);

/* Queues it; never refused: what is in flight is bounded by who sends it. */
void logwriter_append(struct logwriter *w, struct logwriter_request *request);

/* Writes what is queued, then ends the thread; waits for it. What it reported and was not
 * delivered before its home loop stopped is discarded. NULL is fine. */
void logwriter_close(struct logwriter *w);
