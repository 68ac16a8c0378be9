/* SPDX-License-Identifier: Apache-2.0 */
/* Consensus core of one Raft group: a pure machine. Events and time go in, updates come
 * out; it knows no clock, disk, network or log file, and two runs of the same events with
 * the same seed are equal. Behind it stands libraft's step API, which nothing but
 * consensus.c knows; the known defects of that library are fenced there.
 *
 * The caller carries an update out in the order of its fields: term and vote are written
 * and synced before anything else of this or a later update; then entries go to the log
 * writer, in one write with the truncation before them; messages may leave while that
 * write is under way; entries are applied up to apply_to only.
 *
 * Single-threaded. What an update or a getter points to lives until the next step.
 *
 * Errors of consensus_step(): ERR_PROTOCOL, a message no correct peer sends, dropped;
 * ERR_NOT_LEADER, ERR_FULL (a change is under way; not yet committed in the own term),
 * ERR_NOT_FOUND, ERR_EXISTS, ERR_INVALID: refused, nothing has changed. ERR_CORRUPT: an
 * invariant is broken; the node stops, every later step fails too. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"
#include "replication/membership.h"

struct consensus;

enum {
    CONSENSUS_MESSAGE_ENTRIES_MAX = 1024, /* per append message, see also: */
    CONSENSUS_MESSAGE_SIZE_MAX = 1 << 20, /* bytes of payload, one entry at least */
};

enum consensus_role { CONSENSUS_FOLLOWER, CONSENSUS_CANDIDATE, CONSENSUS_LEADER };

enum consensus_entry_type { /* stored: never renumber */
                            CONSENSUS_COMMAND = 1,
                            CONSENSUS_BARRIER =
                                2,                /* 8 zero bytes: a new leader's first entry */
                            CONSENSUS_CHANGE = 3, /* a membership */
};

struct consensus_entry {
    uint64_t term;
    enum consensus_entry_type type;
    struct span payload;
};

struct consensus_snapshot {
    uint64_t index; /* last entry it contains */
    uint64_t term;
    uint64_t configuration_index;
    struct span configuration; /* membership.h */
};

struct consensus_config {
    uint64_t id;   /* > 0 */
    uint32_t seed; /* of the election timers; not 0 */
    uint32_t election_timeout_ms;
    uint32_t heartbeat_timeout_ms;
    uint32_t in_flight_max; /* entries sent to a follower and not yet acknowledged */
    /* Reads an entry that consensus_release() let go. Returns 0 and a payload that lives
     * until the next call, or a negative error: then the store is damaged. */
    int (*read_entry)(uint64_t index, struct consensus_entry *ret_entry, void *arg);
    void *arg;
};

/* ---- Messages ------------------------------------------------------------------------- */

enum consensus_message_type {
    CONSENSUS_APPEND = 1,
    CONSENSUS_APPEND_RESULT,
    CONSENSUS_VOTE,
    CONSENSUS_VOTE_RESULT,
    CONSENSUS_INSTALL,
    CONSENSUS_TIMEOUT_NOW,
};

struct consensus_message {
    enum consensus_message_type type;
    uint8_t version; /* carried as it is */
    uint64_t from;   /* authenticated by who delivers it */
    uint64_t to;
    uint64_t term;
    /* APPEND */
    uint64_t prev_log_index, prev_log_term, leader_commit;
    const struct consensus_entry *entries;
    size_t entry_count;
    /* APPEND_RESULT: rejected 0 or the refused index, last_log_index. VOTE, TIMEOUT_NOW:
     * last_log_index and _term. */
    uint64_t rejected, last_log_index, last_log_term;
    bool is_disruptive, is_pre_vote, is_granted;
    uint16_t features, capacity;
    struct consensus_snapshot snapshot; /* INSTALL */
};

/* ---- Events --------------------------------------------------------------------------- */

enum consensus_event_type {
    CONSENSUS_RECEIVED,       /* message */
    CONSENSUS_DURABLE,        /* generation, index: the log up to index is on disk */
    CONSENSUS_PULLED,         /* snapshot: fetched and verified, may be installed */
    CONSENSUS_INSTALLED,      /* snapshot: it is the state now, durably */
    CONSENSUS_CHANGED,        /* index, payload: this CHANGE entry is being applied */
    CONSENSUS_COMPACTED,      /* snapshot, trailing: state at snapshot.index is durable */
    CONSENSUS_TICK,           /* ignored before consensus_wake_at_ms() */
    CONSENSUS_PROPOSED,       /* block, payloads: COMMAND entries */
    CONSENSUS_MEMBER_SET,     /* member, role: add it, or change its role. A STANDBY becomes
                               * VOTER only after CONSENSUS_CATCH_UP has finished */
    CONSENSUS_MEMBER_REMOVED, /* member */
    CONSENSUS_CATCH_UP,       /* member: bring it up to date before it may vote */
    CONSENSUS_TRANSFER,       /* member (0: the best): make it the leader */
};

struct consensus_event {
    enum consensus_event_type type;
    uint64_t now_ms; /* monotonic */
    const struct consensus_message *message;
    uint64_t generation, index;
    struct span payload;
    struct consensus_snapshot snapshot;
    uint32_t trailing; /* entries up to and with snapshot.index that stay in the log */
    /* PROPOSED: payloads lie in block, from consensus_block_new(); the core's after the
     * step, whatever it returns. */
    void *block;
    const struct span *payloads;
    size_t payload_count;
    uint64_t member;
    enum membership_role role;
};

struct consensus_update {
    /* 1. Write {term, voted_for} and sync, before anything else. */
    bool has_vote;
    uint64_t term, voted_for;
    /* 2. Drop the log from truncate_from on (0: nothing), and append the entries
     * append_from to append_from + append_count - 1; they are had by consensus_entry().
     * Report the write as CONSENSUS_DURABLE with this generation. */
    uint64_t truncate_from, append_from, append_count, generation;
    /* 3. Make the pulled snapshot the state and the log empty; then CONSENSUS_INSTALLED. */
    bool must_install;
    struct consensus_snapshot install;
    /* A leader wants us to have this snapshot: fetch it, then CONSENSUS_PULLED. The
     * strings are borrowed like all else. */
    bool has_wanted;
    uint64_t wanted_from;
    struct consensus_snapshot wanted;
    /* 4. Send. */
    struct consensus_message *messages;
    size_t message_count;
    /* 5. Apply up to here: committed, and on this node's disk. Never goes back. */
    uint64_t apply_to;
    /* 6. The role, the term or the leader is another than before the step. */
    bool has_role_change;
    /* PROPOSED: index of the first of the entries, and their term. */
    uint64_t proposed_index, proposed_term;
};

/* What is on disk. A new cluster's first node has one entry: CHANGE, index 1, term 1, and
 * term 1. A joining node has nothing: all zero, start_index 1. */
struct consensus_boot {
    uint64_t term, voted_for;
    bool has_snapshot;
    struct consensus_snapshot snapshot;
    uint64_t start_index;                  /* of the first entry; >= 1 */
    const struct consensus_entry *entries; /* payloads needed of CHANGE only */
    size_t entry_count;
    uint64_t applied; /* by the state database: all up to it is known to be committed */
};

/* Starts the core; its first update is to be carried out like any other. ERR_CORRUPT when
 * the boot image breaks a rule. */
int consensus_new(const struct consensus_config *config, const struct consensus_boot *boot,
                  uint64_t now_ms, struct consensus **ret_consensus,
                  struct consensus_update *ret_update);
void consensus_free(struct consensus *c);

int consensus_step(struct consensus *c, const struct consensus_event *event,
                   struct consensus_update *ret_update);

/* Memory for the payloads of one CONSENSUS_PROPOSED; size > 0. */
void *consensus_block_new(size_t size);

/* An entry of the log; false when it was let go or never there. */
bool consensus_entry(const struct consensus *c, uint64_t index,
                     struct consensus_entry *ret_entry);
/* Lets go of the memory of the entries up to index; they are durable. */
void consensus_release(struct consensus *c, uint64_t index);
size_t consensus_held_size(const struct consensus *c);    /* bytes of payloads in memory */
uint64_t consensus_held_first(const struct consensus *c); /* 0: none */

enum consensus_role consensus_role(const struct consensus *c);
uint64_t consensus_term(const struct consensus *c);
uint64_t consensus_leader(const struct consensus *c); /* 0: not known */
uint64_t consensus_commit(const struct consensus *c);
uint64_t consensus_last(const struct consensus *c);
uint64_t consensus_wake_at_ms(const struct consensus *c);
/* Leader that has committed an entry of its own term: proposals may be acknowledged,
 * members changed. */
bool consensus_is_settled(const struct consensus *c);
const struct membership *consensus_membership(const struct consensus *c);
/* Highest index known to be on a member's disk; 0 when not leading or unknown. */
uint64_t consensus_match(const struct consensus *c, uint64_t member);
