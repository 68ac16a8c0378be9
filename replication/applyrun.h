/* SPDX-License-Identifier: Apache-2.0 */
/* Applies committed log entries to the state database, a run at a time: one batch, with one
 * applied row, for as many entries as are ready. Matches them with the proposals in flight.
 *
 * Plain data on the replication thread; core may be set later than the rest. */
#pragma once

#include <stdint.h>

#include "base/arena.h"
#include "base/strbuf.h"
#include "replication/consensus.h"
#include "replication/proposalqueue.h"

struct raftdb;
struct statedb;

enum {
    APPLYRUN_ENTRIES_MAX = 1024, /* per batch */
    APPLYRUN_SIZE_MAX = 4 << 20, /* bytes of a batch, after which it takes no further entry */
};

struct applyrun {
    struct consensus *core;
    struct raftdb *raftdb;
    struct statedb *statedb;
    struct proposalqueue *in_flight;

    uint64_t applied;
    uint64_t stamp_us;           /* highest of the log so far */
    struct strbuf configuration; /* of the last CHANGE applied */
    uint64_t configuration_index;
    struct arena arena;    /* results of one batch */
    struct strbuf fetched; /* an entry read back from disk */
};

void applyrun_done(struct applyrun *a);

/* Notes the membership in force at index. */
void applyrun_note(struct applyrun *a, uint64_t index, struct span configuration);

/* For consensus_config.read_entry; arg is the applyrun. */
int applyrun_read_back(uint64_t index, struct consensus_entry *ret_entry, void *arg);

/* Applies entries up to apply_to (above applied), to a limit, or to a CHANGE, which the core
 * must be told of before anything behind it. The proposals among them are added to done,
 * their rc set: to be answered with it. Returns 0; 1 when the last entry applied is a
 * CHANGE; or ERR_STORAGE or ERR_CORRUPT: nothing was applied, those in done are unknown. */
int applyrun_step(struct applyrun *a, uint64_t apply_to, struct proposalqueue *done);
