/* SPDX-License-Identifier: Apache-2.0 */
#include "node/im/orphans.h"

#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/loop.h"
#include "node/im/im_worker.h"
#include "replication/read.h"
#include "replication/replica.h"

enum { ORPHANS_RETRY_MS = 1000 };

struct orphans_search {
    const struct im_worker *worker;
    char session_id[SESSION_ID_SIZE];
    uint64_t epoch;
    bool is_found;
};

static bool orphans_look(const Store__SessionRow *row, void *arg)
{
    struct orphans_search *search = arg;
    const struct im_config *config = &search->worker->im->config;
    if (row->node_id != config->node_id || row->node_epoch >= config->node_epoch ||
        row->session_id.len != SESSION_ID_SIZE)
        return true;
    memcpy(search->session_id, row->session_id.data, SESSION_ID_SIZE);
    search->epoch = row->epoch;
    search->is_found = true;
    return false;
}

static void orphans_later(struct orphans *o)
{
    wheel_set(loop_wheel(o->worker->loop), &o->timer,
              im_worker_now_ms(o->worker) + ORPHANS_RETRY_MS);
}

static void orphans_next(struct orphans *o);

static void orphans_answered(struct proposal *p, void *owner)
{
    (void)owner;
    struct orphans *o = (struct orphans *)p;
    struct im_worker *w = o->worker;
    const int rc = p->rc;
    o->is_in_flight = false;
    w->pending--;
    proposal_release(p);
    if (rc == 0 && w->is_open && !w->is_closing)
        orphans_next(o);
    else if (rc < 0 && rc != ERR_CLOSED && !w->is_closing)
        orphans_later(o);
    im_worker_settled(w);
}

/* One after the other: there is no hurry, and the log has better things to do. */
static void orphans_next(struct orphans *o)
{
    struct im_worker *w = o->worker;
    struct orphans_search search = {.worker = w};
    const int rc = read_sessions(im_view(w->im), orphans_look, &search);
    if (rc < 0) {
        log_error("im: sessions cannot be read", LOG_RC(rc));
        return;
    }
    if (!search.is_found)
        return;
    memcpy(o->session_id, search.session_id, SESSION_ID_SIZE);
    Store__SessionEnd end = STORE__SESSION_END__INIT;
    end.session_id.data = (uint8_t *)o->session_id;
    end.session_id.len = SESSION_ID_SIZE;
    end.epoch = search.epoch;
    Store__Command command = STORE__COMMAND__INIT;
    command.body_case = STORE__COMMAND__BODY_SESSION_END;
    command.session_end = &end;
    proposal_fill(&o->proposal, &command);
    o->proposal.home = w->loop;
    o->proposal.answered = orphans_answered;
    const int proposed = replica_propose(im_replica(w->im), &o->proposal);
    if (proposed == 0) {
        o->is_in_flight = true;
        w->pending++;
        return;
    }
    proposal_release(&o->proposal);
    if (proposed != ERR_CLOSED)
        orphans_later(o);
}

static void orphans_due(struct wheel_timer *t, void *arg)
{
    (void)t;
    orphans_next(arg);
}

void orphans_open(struct orphans *o, struct im_worker *w)
{
    o->worker = w;
    o->timer.expired = orphans_due;
    o->timer.arg = o;
    wheel_set(loop_wheel(w->loop), &o->timer,
              im_worker_now_ms(w) + w->settings.resume_window_ms);
}

void orphans_close(struct orphans *o)
{
    if (o->worker)
        wheel_cancel(loop_wheel(o->worker->loop), &o->timer);
}
