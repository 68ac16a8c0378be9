/* SPDX-License-Identifier: Apache-2.0 */
#include "replication/replica.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/monoclock.h"
#include "base/wakeup.h"
#include "replication/command.h"
#include "replication/freespace.h"
#include "replication/membership.h"
#include "replication/raftdb.h"
#include "replication/replicator.h"
#include "replication/statedb.h"

struct replica {
    struct replica_config config;
    char *data_dir;
    char *node_name;
    struct loop *loop;
    bool is_loop_started;
    struct raftdb *raftdb;
    struct statedb *statedb;
    struct replicator *replicator; /* of the loop's thread */
    struct replicator_shared shared;
};

/* ---- Opening -------------------------------------------------------------------------- */

static void fill_defaults(struct replica_config *c)
{
    if (!c->in_flight_max)
        c->in_flight_max = 16384;
    if (!c->in_flight_size_max)
        c->in_flight_size_max = 64 << 20;
    if (!c->compact_after)
        c->compact_after = 50000;
    if (!c->keep_entries)
        c->keep_entries = 100000;
    if (!c->election_timeout_ms)
        c->election_timeout_ms = 500;
    if (!c->heartbeat_timeout_ms)
        c->heartbeat_timeout_ms = 100;
    if (!c->now_us)
        c->now_us = monoclock_wall_us;
}

/* A cluster of one: entry 1 names this node as the only voter. */
static int bootstrap(struct replica *r, struct strbuf *why)
{
    CLEANUP(strbuf_done) struct strbuf bytes = {0};
    struct membership self = {.count = 0};
    (void)membership_set(&self, r->config.node_id, MEMBERSHIP_VOTER);
    membership_format(&self, &bytes);
    const int rc = raftdb_bootstrap(r->raftdb, strbuf_span(&bytes));
    if (rc < 0)
        strbuf_printf(why, "%s: the disk refused the first log entry", r->data_dir);
    return rc;
}

static int open_databases(struct replica *r, struct strbuf *why)
{
    CLEANUP(strbuf_done) struct strbuf log_path = {0};
    CLEANUP(strbuf_done) struct strbuf state_path = {0};
    strbuf_printf(&log_path, "%s/raftdb", r->data_dir);
    strbuf_printf(&state_path, "%s/statedb", r->data_dir);
    if (access(r->data_dir, R_OK | W_OK | X_OK) != 0) {
        const int rc = -errno;
        strbuf_printf(why, "%s: %s", r->data_dir, err_name(rc));
        return rc;
    }
    const struct raftdb_config config = {.path = log_path.data,
                                         .group = r->config.group,
                                         .node_id = r->config.node_id,
                                         .node_name = r->node_name,
                                         .may_create = r->config.may_create};
    int rc = raftdb_open(&config, &r->raftdb, why);
    if (rc < 0)
        return rc;
    /* A state without its log belongs to something else, or the log was lost. */
    const bool is_new = raftdb_is_blank(r->raftdb);
    rc = statedb_open(state_path.data, true, &r->statedb, why);
    if (rc < 0)
        return rc;
    if (is_new && statedb_get_applied(r->statedb)->index > 0) {
        strbuf_printf(why, "%s has a state but no log: the log was lost", r->data_dir);
        return ERR_CORRUPT;
    }
    return is_new ? bootstrap(r, why) : 0;
}

static void free_replica(struct replica **r)
{
    replica_free(*r);
}

int replica_open(const struct replica_config *config, const struct replica_events *events,
                 struct replica **ret_replica, struct strbuf *why)
{
    const size_t name_size = strlen(config->node_name);
    if (name_size == 0 || name_size > REPLICA_NAME_MAX || config->node_id == 0 ||
        config->seed == 0 || !events->failed) {
        strbuf_add_text(why, "node name, id, seed and the failed event are needed");
        return ERR_INVALID;
    }
    CLEANUP(free_replica) struct replica *r = mem_zeroed(1, sizeof(*r));
    r->config = *config;
    fill_defaults(&r->config);
    r->config.data_dir = r->data_dir = mem_text(config->data_dir, strlen(config->data_dir));
    r->config.node_name = r->node_name = mem_text(config->node_name, name_size);
    int rc = open_databases(r, why);
    if (rc < 0)
        return rc; /* NOLINT(clang-analyzer-unix.Malloc): CLEANUP() frees it */
    rc = loop_new("replication", r->config.in_flight_max, &r->loop);
    if (rc < 0)
        return rc;
    rc = replicator_new(&r->config, events, r->loop, r->raftdb, r->statedb, &r->shared,
                        &r->replicator, why);
    if (rc < 0)
        return rc;
    rc = loop_start(r->loop);
    if (rc < 0)
        return rc;
    r->is_loop_started = true;
    *ret_replica = STEAL(r);
    return 0;
}

/* ---- Requests to the replication thread ----------------------------------------------- */

struct replica_request {
    struct message message;
    struct wakeup *wakeup; /* with a reference; NULL: close */
    bool is_end;
};

static void request_discarded(struct message *self)
{
    struct replica_request *request = (struct replica_request *)self;
    if (request->wakeup)
        wakeup_unref(request->wakeup);
    free(request);
}

static void request_came(struct message *self, void *owner)
{
    struct replica_request *request = (struct replica_request *)self;
    struct replicator *replicator = owner;
    if (!request->wakeup)
        replicator_close(replicator);
    else if (request->is_end)
        replicator_unlisten(replicator, request->wakeup);
    else
        replicator_listen(replicator, wakeup_ref(request->wakeup));
    request_discarded(self);
}

static void request(struct replica *r, struct wakeup *w, bool is_end)
{
    struct replica_request *m = mem_zeroed(1, sizeof(*m));
    m->message.deliver = request_came;
    m->message.discard = request_discarded;
    m->wakeup = w ? wakeup_ref(w) : NULL;
    m->is_end = is_end;
    loop_reply(r->loop, &m->message);
}

void replica_listen(struct replica *r, struct wakeup *w)
{
    request(r, w, false);
}

void replica_unlisten(struct replica *r, struct wakeup *w)
{
    request(r, w, true);
}

void replica_close(struct replica *r)
{
    if (cell_get(&r->shared.is_closing))
        return;
    cell_set(&r->shared.is_closing, true);
    request(r, NULL, true);
}

void replica_free(struct replica *r)
{
    if (!r)
        return;
    if (r->is_loop_started) {
        replica_close(r);
        loop_join(r->loop);
    }
    replicator_stop(r->replicator);
    loop_free(r->loop);
    replicator_free(r->replicator);
    statedb_close(r->statedb);
    raftdb_close(r->raftdb);
    free(r->data_dir);
    free(r->node_name);
    free(r);
}

/* ---- Proposing ------------------------------------------------------------------------ */

int replica_propose(struct replica *r, struct proposal *p)
{
    if (p->command.size <= COMMAND_HEADER_SIZE)
        return ERR_TOO_BIG;
    if (cell_get(&r->shared.is_closing) || cell_get(&r->shared.is_failed))
        return ERR_CLOSED;
    p->message.deliver = replicator_proposed;
    p->message.discard = replicator_turned_away;
    return loop_post(r->loop, &p->message);
}

/* ---- Reading -------------------------------------------------------------------------- */

const struct statedb_view *replica_view(struct replica *r)
{
    return statedb_view(r->statedb);
}

struct loop *replica_loop(const struct replica *r)
{
    return r->loop;
}

uint64_t replica_applied(const struct replica *r)
{
    return cell_get(&r->shared.applied_index);
}

void replica_status(struct replica *r, struct replica_status *ret_status)
{
    const struct replicator_shared *s = &r->shared;
    struct freespace space = {.free = cell_get(&s->disk_free), .size = cell_get(&s->disk_size)};
    (void)freespace_read(r->data_dir, &space);
    *ret_status = (struct replica_status){
        .is_leader = cell_get(&s->is_leader),
        .is_ready = cell_get(&s->is_ready),
        .is_failed = cell_get(&s->is_failed),
        .node_id = r->config.node_id,
        .epoch = cell_get(&s->epoch),
        .leader_id = cell_get(&s->leader_id),
        .term = cell_get(&s->term),
        .first_index = cell_get(&s->first_index),
        .last_index = cell_get(&s->last_index),
        .commit_index = cell_get(&s->commit_index),
        .applied_index = cell_get(&s->applied_index),
        .in_flight_count = cell_get(&s->in_flight_count),
        .in_flight_size = cell_get(&s->in_flight_size),
        .disk_free = space.free,
        .disk_size = space.size,
        .free_space_min = r->config.free_space_min ? r->config.free_space_min
                                                   : freespace_default_min(space.size),
        .store_size = statedb_size(r->statedb) + raftdb_size(r->raftdb),
    };
}
