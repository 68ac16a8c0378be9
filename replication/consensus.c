/* SPDX-License-Identifier: Apache-2.0 */
#include "replication/consensus.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/mem.h"
#include "replication/consensus_boot.h"
#include "replication/consensus_core.h"
#include "replication/consensus_peer.h"

enum { BARRIER_SIZE = 8 };

void *consensus_block_new(size_t size)
{
    void *block = raft_malloc(size);
    if (!block)
        abort();
    return block;
}

bool consensus_entry(const struct consensus *c, uint64_t index,
                     struct consensus_entry *ret_entry)
{
    const struct logcache_entry *e = logcache_find(&c->cache, index);
    if (!e)
        return false;
    *ret_entry = (struct consensus_entry){
        .term = e->term, .type = (enum consensus_entry_type)e->type, .payload = e->payload};
    return true;
}

static int submit_barrier(struct consensus *c)
{
    void *block = consensus_block_new(BARRIER_SIZE);
    memset(block, 0, BARRIER_SIZE);
    struct raft_entry entry = {.term = raft_current_term(&c->raft),
                               .type = RAFT_BARRIER,
                               .buf = {block, BARRIER_SIZE},
                               .batch = block};
    return consensus_core_submit(c, &entry, 1) < 0 ? consensus_core_break(c) : 0;
}

/* Fence b: a leader commits an entry of its own term before it relies on anything. */
static int ensure_own_entry(struct consensus *c)
{
    const struct consensus_update *out = c->update;
    for (uint64_t i = 0; i < out->append_count; i++) {
        const struct logcache_entry *e = logcache_find(&c->cache, out->append_from + i);
        if (e && e->term == raft_current_term(&c->raft)) {
            c->own_index = out->append_from + i;
            return 0;
        }
    }
    c->own_index = c->last + 1;
    return submit_barrier(c);
}

static int post_durable(struct consensus *c)
{
    const enum raft_state state = raft_state(&c->raft);
    if (c->durable <= c->posted || c->is_installing ||
        (state != RAFT_LEADER && state != RAFT_FOLLOWER))
        return 0;
    struct raft_event event = consensus_core_event(c, RAFT_PERSISTED_ENTRIES);
    event.persisted_entries.index = c->durable;
    c->posted = c->durable;
    return consensus_core_step(c, &event);
}

/* ---- Events --------------------------------------------------------------------------- */

static int step_durable(struct consensus *c, const struct consensus_event *in)
{
    uint64_t index = in->index;
    const uint64_t kept =
        c->cut_count < CONSENSUS_CORE_CUTS_MAX ? c->cut_count : CONSENSUS_CORE_CUTS_MAX;
    if (c->generation - in->generation > kept)
        return 0; /* older than we remember; a newer report covers it */
    for (uint64_t i = c->cut_count - kept; i < c->cut_count; i++) {
        const struct consensus_core_cut *cut = &c->cuts[i % CONSENSUS_CORE_CUTS_MAX];
        if (cut->generation > in->generation && index >= cut->index)
            index = cut->index - 1;
    }
    if (index > c->last)
        return ERR_INVALID;
    if (index > c->durable)
        c->durable = index;
    return post_durable(c);
}

/* A sole voter elects itself without a new term; two lives, or two nodes one after the
 * other, would lead in the same term and could give one (index, term) two contents. */
static int leave_term(struct consensus *c)
{
    char address[CONSENSUS_CORE_ADDRESS_SIZE];
    (void)snprintf(address, sizeof(address), "%" PRIu64, c->config.id);
    /* A vote refused for its empty log, but its term is taken over. */
    struct raft_message message = {
        .type = RAFT_REQUEST_VOTE, .server_id = c->config.id, .server_address = address};
    message.request_vote = (struct raft_request_vote){.version = 2,
                                                      .term = raft_current_term(&c->raft) + 1,
                                                      .candidate_id = c->config.id,
                                                      .disrupt_leader = true};
    struct raft_event event = consensus_core_event(c, RAFT_RECEIVE);
    event.receive.message = &message;
    const size_t said = c->update->message_count;
    const int rc = consensus_core_step(c, &event);
    c->update->message_count = said; /* the refusal */
    return rc;
}

static int step_tick(struct consensus *c)
{
    if (c->raft.now < raft_timeout(&c->raft))
        return 0; /* fence h */
    const struct membership_member *self =
        membership_find(consensus_membership(c), c->config.id);
    if (raft_state(&c->raft) == RAFT_FOLLOWER && self && self->role == MEMBERSHIP_VOTER &&
        membership_voter_count(&c->members) == 1 && c->posted == c->last && !c->is_installing) {
        const int rc = leave_term(c);
        if (rc < 0)
            return rc;
        c->raft.election_timer_start = 0; /* due at once */
    }
    struct raft_event event = consensus_core_event(c, RAFT_TIMEOUT);
    return consensus_core_step(c, &event);
}

static int step_proposed(struct consensus *c, const struct consensus_event *in)
{
    if (raft_state(&c->raft) != RAFT_LEADER || in->payload_count == 0) {
        raft_free(in->block);
        return in->payload_count ? ERR_NOT_LEADER : ERR_INVALID;
    }
    struct raft_entry *entries = arena_zeroed(&c->arena, in->payload_count * sizeof(*entries));
    for (size_t i = 0; i < in->payload_count; i++)
        entries[i] = (struct raft_entry){
            .term = raft_current_term(&c->raft),
            .type = RAFT_COMMAND,
            .buf = {(void *)(uintptr_t)in->payloads[i].ptr, in->payloads[i].size},
            .batch = in->block,
        };
    c->update->proposed_index = c->last + 1;
    c->update->proposed_term = raft_current_term(&c->raft);
    return consensus_core_submit(c, entries, in->payload_count);
}

static int step_changed(struct consensus *c, uint64_t index, struct span payload)
{
    struct raft_event event = consensus_core_event(c, RAFT_CONFIGURATION);
    if (index > c->commit ||
        consensus_core_configuration(payload, &event.configuration.conf) < 0)
        return consensus_core_break(c);
    event.configuration.index = index;
    return consensus_core_step(c, &event);
}

static int step_compacted(struct consensus *c, const struct consensus_event *in)
{
    const struct consensus_snapshot *s = &in->snapshot;
    struct consensus_entry entry;
    if (s->index <= c->snapshot.index || s->index > c->apply_to || c->is_installing ||
        consensus_core_fetch(c, s->index, &entry) < 0 || entry.term != s->term)
        return ERR_INVALID;
    struct raft_event event = consensus_core_event(c, RAFT_SNAPSHOT);
    event.snapshot.metadata.index = s->index;
    event.snapshot.metadata.term = s->term;
    event.snapshot.metadata.configuration_index = s->configuration_index;
    event.snapshot.trailing = in->trailing;
    const int rc =
        consensus_core_configuration(s->configuration, &event.snapshot.metadata.configuration);
    if (rc < 0)
        return ERR_INVALID;
    strbuf_clear(&c->snapshot_configuration);
    strbuf_add(&c->snapshot_configuration, s->configuration);
    c->snapshot = *s;
    c->snapshot.configuration = strbuf_span(&c->snapshot_configuration);
    return consensus_core_step(c, &event);
}

/* Fences b, c, d: one step at a time, alone, by a leader that is sure of its term. */
static int check_can_change(const struct consensus *c)
{
    if (raft_state((struct raft *)&c->raft) != RAFT_LEADER || raft_transferee(&c->raft) != 0)
        return ERR_NOT_LEADER;
    if (!consensus_is_settled(c) || c->raft.configuration_uncommitted_index != 0 ||
        c->raft.leader_state.promotee_id != 0)
        return ERR_FULL;
    return 0;
}

static int step_member(struct consensus *c, const struct consensus_event *in)
{
    int rc = check_can_change(c);
    if (rc < 0)
        return rc;
    const struct membership before = *consensus_membership(c);
    struct membership after = before;
    if (in->type == CONSENSUS_MEMBER_REMOVED) {
        rc = membership_remove(&after, in->member);
    } else {
        int status = RAFT_CATCH_UP_NONE;
        if (in->role == MEMBERSHIP_VOTER &&
            (raft_catch_up(&c->raft, in->member, &status) != 0 ||
             status != RAFT_CATCH_UP_FINISHED))
            return ERR_INVALID;
        rc = in->member ? membership_set(&after, in->member, in->role) : ERR_INVALID;
    }
    if (rc < 0)
        return rc;
    if (!membership_is_one_step(&before, &after))
        return ERR_EXISTS;
    if (membership_voter_count(&after) == 0)
        return ERR_INVALID;

    CLEANUP(strbuf_done) struct strbuf bytes = {0};
    membership_format(&after, &bytes);
    void *block = consensus_block_new(bytes.size);
    memcpy(block, bytes.data, bytes.size);
    struct raft_entry entry = {.term = raft_current_term(&c->raft),
                               .type = RAFT_CHANGE,
                               .buf = {block, bytes.size},
                               .batch = block};
    return consensus_core_submit(c, &entry, 1);
}

static int step_catch_up(struct consensus *c, uint64_t member)
{
    const int rc = check_can_change(c);
    if (rc < 0)
        return rc;
    const struct membership_member *m = membership_find(consensus_membership(c), member);
    if (!m)
        return ERR_NOT_FOUND;
    if (m->role == MEMBERSHIP_VOTER || member == c->config.id)
        return ERR_EXISTS; /* fence g */
    struct raft_event event = consensus_core_event(c, RAFT_CATCH_UP);
    event.catch_up.server_id = member;
    /* The core ends a round only when the member acknowledges a new entry: on a quiet
     * cluster there would be none. */
    const int stepped = consensus_core_step(c, &event);
    return stepped < 0 ? stepped : submit_barrier(c);
}

/* Fence j: a snapshot is fed to the core only when it lies here, verified; the core counts
 * it as from the leader of today, for committed state does not age. */
static int step_pulled(struct consensus *c, const struct consensus_snapshot *s)
{
    const uint64_t leader = consensus_leader(c);
    if (raft_state(&c->raft) != RAFT_FOLLOWER || leader == 0 || c->is_installing)
        return ERR_NOT_LEADER;
    char address[CONSENSUS_CORE_ADDRESS_SIZE];
    (void)snprintf(address, sizeof(address), "%" PRIu64, leader);
    struct raft_message message = {
        .type = RAFT_INSTALL_SNAPSHOT, .server_id = leader, .server_address = address};
    struct raft_install_snapshot *install = &message.install_snapshot;
    install->term = raft_current_term(&c->raft);
    install->last_index = s->index;
    install->last_term = s->term;
    install->conf_index = s->configuration_index;
    if (s->index == 0 || s->term == 0 || s->index <= c->apply_to ||
        consensus_core_configuration(s->configuration, &install->conf) < 0)
        return ERR_INVALID;
    struct raft_event event = consensus_core_event(c, RAFT_RECEIVE);
    event.receive.message = &message;
    return consensus_core_step(c, &event);
}

static int step_installed(struct consensus *c, uint64_t index)
{
    if (!c->is_installing || index != c->installing.index ||
        raft_state(&c->raft) != RAFT_FOLLOWER)
        return consensus_core_break(c);
    struct raft_event event = consensus_core_event(c, RAFT_PERSISTED_SNAPSHOT);
    event.persisted_snapshot.metadata = c->installing;
    event.persisted_snapshot.last = true;
    c->is_installing = false;
    c->installing = (struct raft_snapshot_metadata){0};
    c->durable = c->posted = c->last = index;
    return consensus_core_step(c, &event);
}

/* ---- Life ----------------------------------------------------------------------------- */

static int step_event(struct consensus *c, const struct consensus_event *in)
{
    switch (in->type) {
    case CONSENSUS_RECEIVED:
        return consensus_peer_received(c, in->message);
    case CONSENSUS_DURABLE:
        return step_durable(c, in);
    case CONSENSUS_PULLED:
        return step_pulled(c, &in->snapshot);
    case CONSENSUS_INSTALLED:
        return step_installed(c, in->snapshot.index);
    case CONSENSUS_CHANGED:
        return step_changed(c, in->index, in->payload);
    case CONSENSUS_COMPACTED:
        return step_compacted(c, in);
    case CONSENSUS_TICK:
        return step_tick(c);
    case CONSENSUS_PROPOSED:
        return step_proposed(c, in);
    case CONSENSUS_MEMBER_SET:
    case CONSENSUS_MEMBER_REMOVED:
        return step_member(c, in);
    case CONSENSUS_CATCH_UP:
        return step_catch_up(c, in->member);
    case CONSENSUS_TRANSFER: {
        if (raft_state(&c->raft) != RAFT_LEADER)
            return ERR_NOT_LEADER;
        struct raft_event event = consensus_core_event(c, RAFT_TRANSFER);
        event.transfer.server_id = in->member;
        return consensus_core_step(c, &event);
    }
    }
    return ERR_INVALID;
}

struct position {
    enum consensus_role role;
    uint64_t term, leader, commit;
};

static struct position position_of(const struct consensus *c)
{
    return (struct position){.role = consensus_role(c),
                             .term = consensus_term(c),
                             .leader = consensus_leader(c),
                             .commit = c->commit};
}

/* What follows from any event: a durable report held back, the own barrier, commit news. */
static int conclude(struct consensus *c, const struct position *before)
{
    int rc = post_durable(c);
    struct position now = position_of(c);
    const bool is_new_leader = now.role == CONSENSUS_LEADER &&
                               (before->role != CONSENSUS_LEADER || before->term != now.term);
    if (rc == 0 && is_new_leader)
        rc = ensure_own_entry(c);
    now = position_of(c);
    if (now.role != CONSENSUS_LEADER)
        memset(c->told, 0, sizeof(c->told));
    else if (rc == 0)
        rc = consensus_core_spread(c);
    c->update->has_role_change =
        now.role != before->role || now.term != before->term || now.leader != before->leader;
    const uint64_t ready = c->commit < c->durable ? c->commit : c->durable;
    if (ready > c->apply_to)
        c->apply_to = ready;
    c->update->apply_to = c->apply_to;
    c->update->generation = c->generation;
    return rc;
}

int consensus_step(struct consensus *c, const struct consensus_event *event,
                   struct consensus_update *ret_update)
{
    *ret_update = (struct consensus_update){0};
    if (c->is_broken) {
        if (event->type == CONSENSUS_PROPOSED)
            raft_free(event->block);
        return ERR_CORRUPT;
    }
    arena_reset(&c->arena);
    c->update = ret_update;
    if (event->now_ms > c->raft.now)
        c->raft.now = event->now_ms;
    const struct position before = position_of(c);
    int rc = step_event(c, event);
    const int concluded = c->is_broken ? ERR_CORRUPT : conclude(c, &before);
    if (concluded < 0)
        rc = consensus_core_break(c);
    c->update = NULL;
    return rc;
}

static struct raft_entry *boot_entries(const struct consensus_boot *b)
{
    struct raft_entry *entries = raft_calloc(b->entry_count + 1, sizeof(*entries));
    if (!entries)
        abort();
    for (size_t i = 0; i < b->entry_count; i++) {
        const struct consensus_entry *e = &b->entries[i];
        entries[i].term = e->term;
        entries[i].type = (enum raft_entry_type)e->type;
        entries[i].buf.base = (void *)(uintptr_t)e->payload.ptr;
        entries[i].buf.len = e->payload.size;
    }
    return entries;
}

static int boot_core(struct consensus *c, const struct consensus_boot *b, bool is_sole)
{
    struct raft_snapshot_metadata metadata = {0};
    struct raft_event event = consensus_core_event(c, RAFT_START);
    event.start.term = b->term;
    event.start.voted_for = b->voted_for;
    event.start.start_index = b->start_index;
    if (b->has_snapshot) {
        metadata.index = b->snapshot.index;
        metadata.term = b->snapshot.term;
        metadata.configuration_index = b->snapshot.configuration_index;
        if (consensus_core_configuration(b->snapshot.configuration, &metadata.configuration) <
            0)
            return ERR_CORRUPT;
        event.start.metadata = &metadata;
        strbuf_add(&c->snapshot_configuration, b->snapshot.configuration);
        c->snapshot = b->snapshot;
        c->snapshot.configuration = strbuf_span(&c->snapshot_configuration);
    }
    if (is_sole) { /* see leave_term() */
        event.start.term++;
        event.start.voted_for = c->config.id;
        c->update->has_vote = true;
        c->update->term = event.start.term;
        c->update->voted_for = event.start.voted_for;
    }
    event.start.n_entries = (unsigned)b->entry_count;
    event.start.entries = boot_entries(b);
    c->last = c->durable = c->posted = b->start_index + b->entry_count - 1;
    c->commit = c->apply_to = b->applied;
    const int rc = consensus_core_step(c, &event);
    if (rc == 0)
        raft_free(event.start.entries); /* in failure the core has */
    return rc;
}

static void free_consensus(struct consensus **c)
{
    consensus_free(*c);
}

int consensus_new(const struct consensus_config *config, const struct consensus_boot *boot,
                  uint64_t now_ms, struct consensus **ret_consensus,
                  struct consensus_update *ret_update)
{
    int rc = consensus_boot_check(boot);
    if (rc < 0 || config->id == 0 || config->seed == 0)
        return rc < 0 ? rc : ERR_INVALID;
    struct membership members;
    size_t committed = 0;
    consensus_boot_membership(boot, &members, &committed);
    const struct membership_member *self = membership_find(&members, config->id);
    const bool is_sole =
        self && self->role == MEMBERSHIP_VOTER && membership_voter_count(&members) == 1;

    CLEANUP(free_consensus) struct consensus *c = mem_zeroed(1, sizeof(*c));
    char address[CONSENSUS_CORE_ADDRESS_SIZE];
    (void)snprintf(address, sizeof(address), "%" PRIu64, config->id);
    c->config = *config;
    if (raft_init(&c->raft, NULL, NULL, config->id, address) != 0)
        abort();
    raft_seed(&c->raft, config->seed);
    raft_set_pre_vote(&c->raft, true);
    raft_set_election_timeout(&c->raft, config->election_timeout_ms);
    raft_set_heartbeat_timeout(&c->raft, config->heartbeat_timeout_ms);
    raft_set_max_inflight_entries(&c->raft, config->in_flight_max);
    c->raft.now = now_ms;

    *ret_update = (struct consensus_update){0};
    c->update = ret_update;
    const struct position before = {.role = CONSENSUS_FOLLOWER, .commit = boot->applied};
    rc = boot_core(c, boot, is_sole);
    if (rc == 0 && committed < boot->entry_count)
        rc = step_changed(c, boot->start_index + committed, boot->entries[committed].payload);
    if (rc == 0)
        rc = conclude(c, &before);
    c->update = NULL;
    if (rc < 0)
        return ERR_CORRUPT;
    *ret_consensus = STEAL(c);
    return 0;
}

void consensus_free(struct consensus *c)
{
    if (!c)
        return;
    raft_close(&c->raft, NULL);
    if (c->is_installing)
        raft_configuration_close(&c->installing.configuration);
    logcache_done(&c->cache);
    arena_done(&c->arena);
    strbuf_done(&c->snapshot_configuration);
    free(c->messages);
    free(c);
}

void consensus_release(struct consensus *c, uint64_t index)
{
    logcache_drop(&c->cache, index < c->durable ? index : c->durable);
}

size_t consensus_held_size(const struct consensus *c)
{
    return c->cache.size;
}

uint64_t consensus_held_first(const struct consensus *c)
{
    return c->cache.count ? c->cache.first : 0;
}

/* The library's getters do not write, though some take what they could write to. */
static struct raft *core_of(const struct consensus *c)
{
    return (struct raft *)(uintptr_t)&c->raft;
}

enum consensus_role consensus_role(const struct consensus *c)
{
    switch (raft_state(core_of(c))) {
    case RAFT_LEADER:
        return CONSENSUS_LEADER;
    case RAFT_CANDIDATE:
        return CONSENSUS_CANDIDATE;
    case RAFT_FOLLOWER:
    case RAFT_UNAVAILABLE:
        break;
    }
    return CONSENSUS_FOLLOWER;
}

uint64_t consensus_term(const struct consensus *c)
{
    return raft_current_term(&c->raft);
}

uint64_t consensus_leader(const struct consensus *c)
{
    raft_id id = 0;
    const char *address = NULL;
    raft_leader(core_of(c), &id, &address);
    return id;
}

uint64_t consensus_commit(const struct consensus *c)
{
    return c->commit;
}

uint64_t consensus_last(const struct consensus *c)
{
    return c->last;
}

uint64_t consensus_wake_at_ms(const struct consensus *c)
{
    return raft_timeout(&c->raft);
}

bool consensus_is_settled(const struct consensus *c)
{
    return consensus_role(c) == CONSENSUS_LEADER && c->commit >= c->own_index;
}

const struct membership *consensus_membership(const struct consensus *c)
{
    struct membership *m = &((struct consensus *)(uintptr_t)c)->members;
    const struct raft_configuration *conf = &c->raft.configuration;
    m->count = 0;
    for (unsigned i = 0; i < conf->n && i < MEMBERSHIP_MAX; i++) {
        struct membership_member *member = &m->members[m->count++];
        member->id = conf->servers[i].id;
        member->role = (enum membership_role)conf->servers[i].role;
        (void)snprintf(member->address, sizeof(member->address), "%s",
                       conf->servers[i].address);
    }
    return m;
}

uint64_t consensus_match(const struct consensus *c, uint64_t member)
{
    raft_index index = 0;
    if (consensus_role(c) != CONSENSUS_LEADER ||
        raft_match_index(&c->raft, member, &index) != 0)
        return 0;
    return index;
}
