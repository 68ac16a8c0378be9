/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of consensus.c: libraft's state, and one step of it with its answers taken over
 * into the update that is being made. Included by consensus*.c only, which are the only
 * files that know raft.h. */
#pragma once

#include <raft.h>

#include "base/arena.h"
#include "base/strbuf.h"
#include "replication/consensus.h"
#include "replication/logcache.h"

enum { CONSENSUS_CORE_CUTS_MAX = 64, CONSENSUS_CORE_ADDRESS_SIZE = MEMBERSHIP_ADDRESS_MAX + 1 };

/* A truncation from index on, which began a generation of the log. */
struct consensus_core_cut {
    uint64_t generation;
    uint64_t index;
};

/* As a leader: the commit index a member was told, as far as it has the entries. */
struct consensus_core_told {
    uint64_t id; /* 0: free */
    uint64_t commit;
};

struct consensus {
    struct raft raft;
    struct consensus_config config;
    struct logcache cache;
    struct arena arena; /* what the current update points to */
    struct consensus_update *update;
    size_t messages_capacity;
    struct consensus_message *messages;
    struct membership members; /* filled by consensus_membership() */
    uint64_t last;             /* index of the last entry of the log */
    uint64_t generation;
    struct consensus_core_cut
        cuts[CONSENSUS_CORE_CUTS_MAX]; /* a ring, newest at cut_count - 1 */
    uint64_t cut_count;
    uint64_t durable; /* on disk, in this generation's log */
    uint64_t posted;  /* what of it the core was told */
    uint64_t commit;
    uint64_t apply_to;
    uint64_t own_index; /* as a leader: first entry of the own term */
    struct consensus_core_told told[MEMBERSHIP_MAX];
    struct consensus_snapshot snapshot;
    struct strbuf snapshot_configuration;
    uint64_t wanted_index; /* last snapshot asked for */
    bool is_installing;
    struct raft_snapshot_metadata installing; /* its configuration is ours till fed back */
    bool is_broken;
};

/* Marks the core as broken; returns ERR_CORRUPT. */
int consensus_core_break(struct consensus *c);

/* An entry from memory, or a copy of what is on disk, for the time of this step. */
int consensus_core_fetch(struct consensus *c, uint64_t index,
                         struct consensus_entry *ret_entry);

/* Adds an append message of the core's to the update, in pieces: fence i, and a on the
 * sending side. Together they carry all the core asked for, each with a CHANGE only at its
 * head. */
int consensus_core_append(struct consensus *c, uint64_t to,
                          const struct raft_append_entries *in);

/* What a member was told of the commit index; NULL when there are too many. */
uint64_t *consensus_core_told(struct consensus *c, uint64_t member);

struct raft_event consensus_core_event(const struct consensus *c, enum raft_event_type type);

/* One step of the core; its answers are added to the update. Returns 0, an ordinary
 * refusal, or ERR_CORRUPT. */
int consensus_core_step(struct consensus *c, struct raft_event *event);

/* Submits entries that share the block of the first, which passes to the core. */
int consensus_core_submit(struct consensus *c, struct raft_entry *entries, size_t count);

/* A membership as the core wants it, checked first: the core's decoder does not. ERR_PROTOCOL
 * or ERR_TOO_BIG as membership_parse(). */
int consensus_core_configuration(struct span bytes, struct raft_configuration *ret_conf);

/* Fence k: the core keeps a new commit index to itself until the next entry or heartbeat.
 * A member is told as soon as it has the entries, unless a message of this step does. */
int consensus_core_spread(struct consensus *c);
