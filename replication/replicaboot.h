/* SPDX-License-Identifier: Apache-2.0 */
/* What a node knows when it starts: the log and the state on its disk, held against each
 * other. The state never runs ahead of the synced log, so it is the witness of a log that
 * has lost its end; a log that begins behind the state's end cannot be replayed onto it. */
#pragma once

#include <stdint.h>

#include "base/arena.h"
#include "base/strbuf.h"
#include "replication/consensus.h"

struct raftdb;
struct statedb;

struct replicaboot {
    struct consensus_boot boot;
    uint64_t stamp_us;            /* highest stamp in the log */
    struct span configuration;    /* of the last membership applied; may be empty */
    uint64_t configuration_index; /* 0: none was applied */

    struct consensus_entry *entries; /* what boot points to */
    size_t entry_count, entry_capacity;
    uint64_t term_at_applied;
    struct arena arena;
};

/* Fills a zeroed image. ERR_CORRUPT, ERR_STORAGE with a sentence added to why. The image is
 * to be released in failure, too. */
int replicaboot_load(struct raftdb *raftdb, const struct statedb *statedb,
                     struct replicaboot *image, struct strbuf *why);
void replicaboot_done(struct replicaboot *image);
