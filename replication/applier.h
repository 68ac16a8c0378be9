/* SPDX-License-Identifier: Apache-2.0 */
/* Applier: what a log entry does to the state. A pure function of the state, the command
 * and the leader's stamp: no clock, no random number, no log, so that every node comes to
 * the same bytes and an old log replays to the same end.
 *
 * Exactly once: a proposer (node, epoch) numbers its proposals. The result of each is kept
 * until the proposer says that it needs it no more (oldest_unanswered); an entry seen
 * before changes nothing and gets the result of the first time. Below the window the
 * outcome is DUPLICATE, reason "already-applied". An epoch older than the node's newest is
 * STALE. Node 0 is nobody: its entries are not in the table.
 *
 * A refusal is a result, not an error. The words of Result.reason, for REFUSED:
 *   blocked, blocked-by-sender, no-such-user, over-quota, remote-server-not-found,
 *   disabled, self, wrong-domain, has-domain.
 *
 * Threads: the one that owns the batch. */
#pragma once

#include <stdint.h>

#include "base/arena.h"
#include "presenced/store/v1/store.pb-c.h"
#include "replication/command.h"

struct statedb_batch;

enum {
    APPLIER_INBOX_MAX = 10000,    /* rows of a user's inbox; the sender is refused beyond */
    APPLIER_FEED_KEPT = 200000,   /* log entries whose feed rows are kept */
    APPLIER_PENDING_MAX = 1000,   /* requests that wait for a user who has not answered */
    APPLIER_IMPORT_MAX = 1000,    /* rows of one UserImport */
    APPLIER_ENDED_KEPT_S = 600,   /* an ended session's row and marks */
    APPLIER_DEDUPE_KEPT_S = 4200, /* origin ids: the longest resume window + 10 min */
};

/* Applies the entry at index. A NULL command stands for one that could not be parsed, whose
 * outcome is MALFORMED. The result, index and stamp filled in, is made of memory of the
 * arena, of the command and of constants: valid while all of them are. Returns 0; or
 * ERR_STORAGE or ERR_CORRUPT, and the batch must be abandoned. */
int applier_apply(struct statedb_batch *batch, uint64_t index,
                  const struct command_header *header, const Store__Command *command,
                  struct arena *arena, Store__Result *ret_result);
