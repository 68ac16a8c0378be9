/* SPDX-License-Identifier: Apache-2.0 */
#include "replication/replicator.h"

#include <assert.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/monoclock.h"
#include "base/wakeup.h"
#include "replication/applyrun.h"
#include "replication/command.h"
#include "replication/consensus.h"
#include "replication/freespace.h"
#include "replication/logwriter.h"
#include "replication/proposalqueue.h"
#include "replication/raftdb.h"
#include "replication/read.h"
#include "replication/replicaboot.h"
#include "replication/statedb.h"
#include "replication/storemetrics.h"

enum {
    HELD_SIZE_MAX = 64 << 20,     /* of the log in memory, when there are followers */
    IN_FLIGHT_ENTRIES_MAX = 8192, /* sent to a follower, not acknowledged */
};

struct replicator {
    const struct replica_config *config;
    struct replica_events events;
    struct loop *loop;
    struct raftdb *raftdb;
    struct statedb *statedb;
    struct replicator_shared *shared;
    struct consensus *consensus;
    struct logwriter *writer;
    struct wheel_timer tick;
    uint64_t tick_ms;

    struct message submit; /* queued when waiting has something, runs after the mail */
    bool is_submit_queued;
    struct proposalqueue waiting;   /* arrived, not yet in the log */
    struct proposalqueue in_flight; /* in the log, not yet applied; by index */
    struct proposal node_up;        /* the node's own first proposal */
    bool is_node_up_out;
    bool is_open; /* the owner has a replica: failures are events, not return codes */
    bool is_ready, is_failed, is_closing;
    uint64_t epoch, sequence;

    struct applyrun run;
    uint64_t apply_to, first_index;
    struct wakeup **listeners;
    size_t listener_count;
    struct storemetrics metrics;
};

/* ---- Proposals ------------------------------------------------------------------------ */

/* The first write error is the last: nothing is acknowledged from here on. */
static void fail(struct replicator *r, int rc, const char *why)
{
    if (r->is_failed)
        return;
    r->is_failed = true;
    r->is_ready = false;
    cell_set(&r->shared->is_ready, false);
    cell_set(&r->shared->is_failed, true);
    wheel_cancel(loop_wheel(r->loop), &r->tick);
    if (r->is_open)
        r->events.failed(rc, why, r->events.arg);
    proposalqueue_answer_all(&r->in_flight, ERR_UNKNOWN);
    proposalqueue_answer_all(&r->waiting, ERR_CLOSED);
}

static void share(struct replicator *r)
{
    struct replicator_shared *s = r->shared;
    cell_set(&s->is_leader, consensus_role(r->consensus) == CONSENSUS_LEADER);
    cell_set(&s->is_ready, r->is_ready);
    cell_set(&s->epoch, r->epoch);
    cell_set(&s->leader_id, consensus_leader(r->consensus));
    cell_set(&s->term, consensus_term(r->consensus));
    cell_set(&s->first_index, r->first_index);
    cell_set(&s->last_index, consensus_last(r->consensus));
    cell_set(&s->commit_index, consensus_commit(r->consensus));
    cell_set(&s->in_flight_count, r->in_flight.count + r->waiting.count);
    cell_set(&s->in_flight_size, r->in_flight.size + r->waiting.size);
}

/* ---- Carrying out an update ----------------------------------------------------------- */

static void append_entries(struct replicator *r, const struct consensus_update *u)
{
    struct logwriter_request *request =
        logwriter_request_new(u->generation, u->truncate_from, u->append_from);
    for (uint64_t i = 0; i < u->append_count; i++) {
        struct consensus_entry e;
        const bool is_there = consensus_entry(r->consensus, u->append_from + i, &e);
        assert(is_there); /* it came with this step */
        logwriter_request_add(
            request,
            &(struct logrecord){.term = e.term, .type = (uint8_t)e.type, .payload = e.payload});
    }
    logwriter_append(r->writer, request);
}

/* Messages find no member to go to while the group is a group of one. */
static void carry_out(struct replicator *r, const struct consensus_update *u)
{
    if (u->has_vote) {
        const struct logrecord_vote vote = {.term = u->term, .voted_for = u->voted_for};
        const int rc = raftdb_write_vote(r->raftdb, &vote);
        if (rc < 0) {
            fail(r, rc, "the log database refused to store term and vote");
            return;
        }
    }
    if (u->append_count > 0)
        append_entries(r, u);
    if (u->apply_to > r->apply_to)
        r->apply_to = u->apply_to;
    if (u->has_role_change) {
        if (consensus_role(r->consensus) != CONSENSUS_LEADER) {
            r->is_ready = false;
            r->is_node_up_out = false;
            storemetrics_note(&r->metrics, STOREMETRICS_UNKNOWN, r->in_flight.count);
            proposalqueue_answer_all(&r->in_flight, ERR_UNKNOWN);
        }
        share(r);
        if (r->events.changed)
            r->events.changed(r->events.arg);
    }
}

/* ---- Applying ------------------------------------------------------------------------- */

static void finish_run(struct replicator *r, struct proposalqueue *done)
{
    cell_set(&r->shared->applied_index, r->run.applied);
    storemetrics_note(&r->metrics, STOREMETRICS_COMMITTED, done->count);
    const uint64_t now_us = monoclock_us();
    while (done->head) {
        struct proposal *p = proposalqueue_pop(done);
        if (p->since_us)
            storemetrics_took(r->metrics.commit_seconds, p->since_us, now_us);
        proposalqueue_answer(p, p->rc);
    }
    for (size_t i = 0; i < r->listener_count; i++)
        wakeup_send(r->listeners[i], r->run.applied);
    if (consensus_membership(r->consensus)->count <= 1 ||
        consensus_held_size(r->consensus) > HELD_SIZE_MAX)
        consensus_release(r->consensus, r->run.applied);
}

static void apply_ready(struct replicator *r)
{
    while (!r->is_failed && r->run.applied < r->apply_to) {
        struct proposalqueue done = {0};
        const int rc = applyrun_step(&r->run, r->apply_to, &done);
        if (rc < 0) {
            proposalqueue_answer_all(&done, ERR_UNKNOWN);
            fail(r, rc, "the state database refused to read or write");
            return;
        }
        if (rc > 0) {
            const struct consensus_event event = {.type = CONSENSUS_CHANGED,
                                                  .now_ms = loop_now_ms(r->loop),
                                                  .index = r->run.configuration_index,
                                                  .payload =
                                                      strbuf_span(&r->run.configuration)};
            struct consensus_update update;
            if (consensus_step(r->consensus, &event, &update) < 0) {
                proposalqueue_answer_all(&done, ERR_UNKNOWN);
                fail(r, ERR_CORRUPT, "the consensus core refused a committed membership");
                return;
            }
            carry_out(r, &update);
        }
        finish_run(r, &done);
    }
}

/* ---- Compaction ----------------------------------------------------------------------- */

/* Entries may go only when the state that holds their effects is on the disk itself. */
static void compact(struct replicator *r)
{
    const struct replica_config *c = r->config;
    if (r->is_failed || r->run.applied < r->first_index + c->keep_entries + c->compact_after)
        return;
    const struct consensus_event event = {
        .type = CONSENSUS_COMPACTED,
        .now_ms = loop_now_ms(r->loop),
        .snapshot = {.index = r->run.applied,
                     .term = statedb_get_applied(r->statedb)->term,
                     .configuration_index = r->run.configuration_index,
                     .configuration = strbuf_span(&r->run.configuration)},
        .trailing = (uint32_t)c->keep_entries,
    };
    const struct logrecord_snapshot snapshot = {
        .index = event.snapshot.index,
        .term = event.snapshot.term,
        .configuration_index = r->run.configuration_index,
        .first_index = r->run.applied - c->keep_entries + 1,
        .stamp_us = r->run.stamp_us,
        .configuration = event.snapshot.configuration};
    struct consensus_update update;
    int rc = statedb_flush_wal(r->statedb);
    if (rc == 0)
        rc = raftdb_compact(r->raftdb, &snapshot);
    if (rc < 0) {
        fail(r, rc, "the disk refused a snapshot");
        return;
    }
    if (consensus_step(r->consensus, &event, &update) < 0) {
        fail(r, ERR_CORRUPT, "the consensus core refused a snapshot");
        return;
    }
    carry_out(r, &update);
    r->first_index = snapshot.first_index;
}

/* ---- Submitting ----------------------------------------------------------------------- */

static int check_space(struct replicator *r)
{
    struct freespace space;
    const int rc = freespace_read(r->config->data_dir, &space);
    if (rc < 0)
        return ERR_STORAGE;
    const uint64_t min = r->config->free_space_min ? r->config->free_space_min
                                                   : freespace_default_min(space.size);
    cell_set(&r->shared->disk_free, space.free);
    cell_set(&r->shared->disk_size, space.size);
    return space.free < min ? ERR_NO_SPACE : 0;
}

/* The turn's proposals become consecutive entries in one block of memory. */
static void submit_batch(struct replicator *r, struct proposalqueue *batch)
{
    const uint64_t now_us = r->config->now_us();
    if (now_us > r->run.stamp_us)
        r->run.stamp_us = now_us; /* stamps never go back, whatever the clock does */
    const uint64_t oldest = r->in_flight.head ? r->in_flight.head->sequence : r->sequence + 1;
    char *block = consensus_block_new(batch->size);
    struct span *payloads = mem_zeroed(batch->count, sizeof(*payloads));
    size_t used = 0;
    size_t count = 0;
    for (struct proposal *p = batch->head; p; p = p->next) {
        char *entry = memcpy(block + used, p->command.data, p->command.size);
        command_stamp(entry, r->run.stamp_us);
        if (p != &r->node_up) {
            p->sequence = ++r->sequence;
            command_propose(entry, r->config->node_id, r->epoch, p->sequence, oldest);
        }
        payloads[count++] = span_of(entry, p->command.size);
        used += p->command.size;
    }
    const struct consensus_event event = {.type = CONSENSUS_PROPOSED,
                                          .now_ms = loop_now_ms(r->loop),
                                          .block = block,
                                          .payloads = payloads,
                                          .payload_count = count};
    struct consensus_update update;
    const int rc = consensus_step(r->consensus, &event, &update);
    free(payloads);
    if (rc < 0) {
        proposalqueue_answer_all(batch, ERR_NOT_LEADER);
        if (rc == ERR_CORRUPT)
            fail(r, rc, "the consensus core is broken");
        return;
    }
    for (uint64_t i = 0; batch->head; i++) {
        struct proposal *p = proposalqueue_pop(batch);
        p->index = update.proposed_index + i;
        p->term = update.proposed_term;
        proposalqueue_push(&r->in_flight, p);
    }
    carry_out(r, &update);
}

static void submit_waiting(struct replicator *r)
{
    if (r->is_failed || !r->waiting.head)
        return;
    int rc = 0;
    if (consensus_role(r->consensus) != CONSENSUS_LEADER)
        rc = ERR_NOT_LEADER;
    else if (!r->is_ready)
        return; /* they wait for the node's own first entry */
    else
        rc = check_space(r);
    if (rc < 0) {
        storemetrics_note(&r->metrics, STOREMETRICS_REFUSED, r->waiting.count);
        proposalqueue_answer_all(&r->waiting, rc);
        return;
    }
    struct proposalqueue batch = {0};
    while (r->waiting.head)
        proposalqueue_push(&batch, proposalqueue_pop(&r->waiting));
    submit_batch(r, &batch);
}

/* A new leader's life begins with NodeUp of the next epoch: what earlier lives of this
 * process proposed and never got into the log is refused from then on. */
static void propose_node_up(struct replicator *r)
{
    CLEANUP(strbuf_done) struct strbuf name = {0};
    Store__NodeRow *row = NULL;
    const int rc = read_node(statedb_view(r->statedb), r->config->node_id, &row);
    if (rc < 0) {
        fail(r, rc, "the state database refused to read this node's row");
        return;
    }
    strbuf_add_text(&name, r->config->node_name);
    Store__NodeUp up = STORE__NODE_UP__INIT;
    up.node_id = r->config->node_id;
    up.node_name = name.data;
    up.epoch = row ? row->epoch + 1 : 1;
    Store__Command command = STORE__COMMAND__INIT;
    command.body_case = STORE__COMMAND__BODY_NODE_UP;
    command.node_up = &up;
    proposal_fill(&r->node_up, &command);
    r->node_up.rc = 1; /* not answered */
    r->epoch = up.epoch;
    r->is_node_up_out = true;
    if (row)
        store__node_row__free_unpacked(row, NULL);
    struct proposalqueue batch = {0};
    proposalqueue_push(&batch, &r->node_up);
    submit_batch(r, &batch);
}

static void become_ready(struct replicator *r)
{
    if (r->is_failed || r->is_ready || !consensus_is_settled(r->consensus))
        return;
    if (!r->is_node_up_out) {
        if (r->run.applied == consensus_commit(r->consensus))
            propose_node_up(r);
        return;
    }
    if (r->node_up.rc > 0)
        return;
    r->is_node_up_out = false;
    if (r->node_up.rc < 0)
        return; /* leadership was lost meanwhile */
    if (r->node_up.result->outcome != STORE__RESULT__OUTCOME__DONE) {
        fail(r, ERR_CORRUPT, "the state refused this node's new epoch");
        return;
    }
    r->is_ready = true;
    share(r);
    if (r->events.changed)
        r->events.changed(r->events.arg);
}

/* ---- Turning -------------------------------------------------------------------------- */

static void arm_tick(struct replicator *r)
{
    const uint64_t due_ms = consensus_wake_at_ms(r->consensus);
    if (r->is_failed || (due_ms == r->tick_ms && wheel_is_set(&r->tick)))
        return;
    r->tick_ms = due_ms;
    wheel_set(loop_wheel(r->loop), &r->tick, due_ms);
}

static void close_if_drained(struct replicator *r)
{
    if (!r->is_closing || r->in_flight.head || r->waiting.head)
        return;
    r->is_closing = false; /* once */
    wheel_cancel(loop_wheel(r->loop), &r->tick);
    if (!r->is_failed)
        (void)statedb_flush_wal(r->statedb); /* saves the next start a replay, no more */
    r->is_failed = true;
    if (r->events.closed)
        r->events.closed(r->events.arg);
    loop_stop(r->loop);
}

/* After every event: apply, get on with what was waiting, and see when to wake. */
static void settle(struct replicator *r)
{
    apply_ready(r);
    become_ready(r);
    submit_waiting(r);
    compact(r);
    arm_tick(r);
    share(r);
    close_if_drained(r);
}

static void replicator_step(struct replicator *r, const struct consensus_event *event)
{
    struct consensus_update update;
    if (r->is_failed)
        return;
    if (consensus_step(r->consensus, event, &update) < 0) {
        fail(r, ERR_CORRUPT, "the consensus core is broken");
        return;
    }
    carry_out(r, &update);
    settle(r);
}

static void log_written(int rc, uint64_t generation, uint64_t index, void *owner)
{
    struct replicator *r = owner;
    if (rc < 0) {
        fail(r, rc, "the log database refused to write");
        close_if_drained(r);
        return;
    }
    replicator_step(r, &(struct consensus_event){.type = CONSENSUS_DURABLE,
                                                 .now_ms = loop_now_ms(r->loop),
                                                 .generation = generation,
                                                 .index = index});
}

static void tick_expired(struct wheel_timer *t, void *arg)
{
    (void)t;
    struct replicator *r = arg;
    replicator_step(
        r, &(struct consensus_event){.type = CONSENSUS_TICK, .now_ms = loop_now_ms(r->loop)});
}

static void submit_due(struct message *self, void *owner)
{
    (void)self;
    struct replicator *r = owner;
    r->is_submit_queued = false;
    if (!r->is_failed)
        settle(r);
}

static void submit_discarded(struct message *self)
{
    (void)self; /* part of the replicator */
}

void replicator_proposed(struct message *self, void *owner)
{
    struct replicator *r = owner;
    struct proposal *p = (struct proposal *)self;
    if (r->is_closing || r->is_failed) {
        proposalqueue_answer(p, ERR_CLOSED);
        return;
    }
    if (r->waiting.count + r->in_flight.count >= r->config->in_flight_max ||
        r->waiting.size + r->in_flight.size + p->command.size > r->config->in_flight_size_max) {
        storemetrics_note(&r->metrics, STOREMETRICS_REFUSED, 1);
        proposalqueue_answer(p, ERR_FULL);
        return;
    }
    p->since_us = monoclock_us();
    proposalqueue_push(&r->waiting, p);
    if (!r->is_submit_queued)
        loop_later(r->loop, &r->submit);
    r->is_submit_queued = true;
}

void replicator_turned_away(struct message *self)
{
    proposalqueue_answer((struct proposal *)self, ERR_CLOSED);
}

void replicator_close(struct replicator *r)
{
    r->is_closing = true;
    cell_set(&r->shared->is_ready, false);
    if (!r->is_failed && consensus_role(r->consensus) != CONSENSUS_LEADER) {
        proposalqueue_answer_all(&r->waiting, ERR_CLOSED);
        proposalqueue_answer_all(&r->in_flight, ERR_UNKNOWN);
    }
    close_if_drained(r);
}

void replicator_listen(struct replicator *r, struct wakeup *w)
{
    r->listeners = mem_resized(r->listeners, r->listener_count + 1, sizeof(struct wakeup *));
    r->listeners[r->listener_count++] = w;
    if (r->run.applied > 0)
        wakeup_send(w, r->run.applied);
}

void replicator_unlisten(struct replicator *r, struct wakeup *w)
{
    for (size_t i = 0; i < r->listener_count; i++)
        if (r->listeners[i] == w) {
            r->listeners[i] = r->listeners[--r->listener_count];
            wakeup_unref(w);
            return;
        }
}

/* ---- Life ----------------------------------------------------------------------------- */

static void free_replicator(struct replicator **r)
{
    replicator_free(*r);
}

static int start_core(struct replicator *r, const struct replicaboot *image, struct strbuf *why)
{
    const struct consensus_config core = {.id = r->config->node_id,
                                          .seed = r->config->seed,
                                          .election_timeout_ms = r->config->election_timeout_ms,
                                          .heartbeat_timeout_ms =
                                              r->config->heartbeat_timeout_ms,
                                          .in_flight_max = IN_FLIGHT_ENTRIES_MAX,
                                          .read_entry = applyrun_read_back,
                                          .arg = &r->run};
    struct consensus_update update;
    int rc = consensus_new(&core, &image->boot, monoclock_ms(), &r->consensus, &update);
    if (rc < 0) {
        strbuf_add_text(why, "the log breaks a rule of consensus: it is damaged");
        return rc;
    }
    r->run.core = r->consensus;
    carry_out(r, &update);
    if (r->is_failed) {
        strbuf_add_text(why, "the log database refused to store term and vote");
        return ERR_STORAGE;
    }
    loop_later(r->loop, &r->submit); /* the first turn goes on from here */
    r->is_submit_queued = true;
    return 0;
}

int replicator_new(const struct replica_config *config, const struct replica_events *events,
                   struct loop *loop, struct raftdb *raftdb, struct statedb *statedb,
                   struct replicator_shared *shared, struct replicator **ret_replicator,
                   struct strbuf *why)
{
    CLEANUP(replicaboot_done) struct replicaboot image = {0};
    int rc = replicaboot_load(raftdb, statedb, &image, why);
    if (rc < 0)
        return rc;
    CLEANUP(free_replicator) struct replicator *r = mem_zeroed(1, sizeof(*r));
    r->config = config;
    r->events = *events;
    r->loop = loop;
    r->raftdb = raftdb;
    r->statedb = statedb;
    r->shared = shared;
    storemetrics_init(&r->metrics);
    r->submit.deliver = submit_due;
    r->submit.discard = submit_discarded;
    r->tick.expired = tick_expired;
    r->tick.arg = r;
    r->run.stamp_us = image.stamp_us;
    r->first_index = image.boot.start_index;
    r->run.raftdb = raftdb;
    r->run.statedb = statedb;
    r->run.in_flight = &r->in_flight;
    r->run.applied = r->apply_to = image.boot.applied;
    applyrun_note(&r->run, image.configuration_index, image.configuration);
    loop_set_owner(loop, r);
    rc = logwriter_open(raftdb, loop, log_written, &r->writer);
    if (rc < 0)
        return rc;
    rc = start_core(r, &image, why);
    if (rc < 0)
        return rc;
    (void)check_space(r); /* for who asks before the first proposal */
    cell_set(&shared->applied_index, r->run.applied);
    r->is_open = true;
    *ret_replicator = STEAL(r);
    return 0;
}

void replicator_stop(struct replicator *r)
{
    if (!r)
        return;
    logwriter_close(r->writer);
    r->writer = NULL;
}

void replicator_free(struct replicator *r)
{
    if (!r)
        return;
    replicator_stop(r);
    consensus_free(r->consensus);
    proposal_release(&r->node_up);
    for (size_t i = 0; i < r->listener_count; i++)
        wakeup_unref(r->listeners[i]);
    free(r->listeners);
    applyrun_done(&r->run);
    free(r);
}
