/* SPDX-License-Identifier: Apache-2.0 */
#include "node/im/progress.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/loop.h"
#include "base/mem.h"
#include "node/im/im_worker.h"
#include "node/im/session_state.h"
#include "node/im/user.h"
#include "replication/replica.h"

/* One session's part of a batch. */
struct progress_part {
    char session_id[SESSION_ID_SIZE];
    struct user *user; /* has a pending count */
    uint64_t epoch, safe, client_h;
    bool has_client_h, is_resumable;
    uint64_t *rows; /* the unmarked first */
    size_t unmarked_count, count;
};

struct progress_batch {
    struct proposal proposal; /* first */
    struct im_worker *worker;
    struct progress_batch *next;
    size_t count;
    struct progress_part parts[];
};

/* ---- A session's list of rows ---------------------------------------------------------- */

/* The low bit says that a mark tells; log indexes are far below 2^63. */
void progress_confirm(struct session *s, uint64_t index, bool is_marked)
{
    if (s->confirmed_count == s->confirmed_capacity) {
        s->confirmed_capacity = s->confirmed_capacity ? s->confirmed_capacity * 2 : 16;
        s->confirmed = mem_resized(s->confirmed, s->confirmed_capacity, sizeof(*s->confirmed));
    }
    s->confirmed[s->confirmed_count++] = index << 1 | is_marked;
    progress_touch(s);
}

static void progress_take_rows(struct session *s, struct progress_part *part)
{
    part->count = s->confirmed_count;
    part->rows = mem_zeroed(part->count + 1, sizeof(*part->rows));
    size_t behind = part->count;
    for (size_t i = 0; i < s->confirmed_count; i++) {
        const uint64_t index = s->confirmed[i] >> 1;
        if (s->confirmed[i] & 1)
            part->rows[--behind] = index;
        else
            part->rows[part->unmarked_count++] = index;
    }
    s->confirmed_count = 0;
}

/* Returns false when there is nothing to tell. */
static bool progress_take(struct session *s, struct progress_part *part)
{
    const bool has_client_h = s->outbound.has_acks && s->outbound.acked_seq > s->acked_stored;
    const bool is_resumable = s->is_resumable && !s->is_resumable_stored;
    if (!has_client_h && !is_resumable && s->inbound.safe <= s->safe_stored &&
        s->confirmed_count == 0)
        return false;
    memcpy(part->session_id, s->id, SESSION_ID_SIZE);
    part->user = s->user;
    part->user->pending++;
    part->epoch = s->epoch;
    part->safe = s->inbound.safe > s->safe_stored ? s->inbound.safe : 0;
    part->has_client_h = has_client_h;
    part->client_h = has_client_h ? s->outbound.acked_seq : 0;
    part->is_resumable = is_resumable;
    progress_take_rows(s, part);
    if (part->safe)
        s->safe_stored = part->safe;
    if (has_client_h)
        s->acked_stored = part->client_h;
    s->is_resumable_stored = s->is_resumable;
    return true;
}

/* ---- Batches -------------------------------------------------------------------------- */

static void progress_batch_free(struct progress_batch *b)
{
    for (size_t i = 0; i < b->count; i++) {
        struct user *u = b->parts[i].user;
        u->pending--;
        user_release(u);
        free(b->parts[i].rows);
    }
    proposal_release(&b->proposal);
    free(b);
}

static void progress_part_command(const struct progress_part *part, Store__SessionProgress *to)
{
    store__session_progress__init(to);
    to->session_id.data = (uint8_t *)part->session_id;
    to->session_id.len = SESSION_ID_SIZE;
    to->epoch = part->epoch;
    to->safe = part->safe;
    to->has_client_h = part->has_client_h;
    to->client_h = part->client_h;
    to->is_resumable = part->is_resumable;
    to->n_delivered = part->unmarked_count;
    to->delivered = part->rows;
}

/* What a fenced or ended session could not tell any more another of its user tells. */
static void progress_settle(struct progress_part *part, bool is_applied)
{
    struct user *u = part->user;
    struct session *other = u->sessions;
    for (size_t i = 0; i < part->count; i++) {
        if (is_applied || i >= part->unmarked_count)
            user_row_forget(u, part->rows[i]);
        else if (other)
            progress_confirm(other, part->rows[i], false);
    }
}

static void progress_answered(struct proposal *p, void *owner)
{
    (void)owner;
    struct progress_batch *b = (struct progress_batch *)p;
    struct im_worker *w = b->worker;
    w->pending--;
    if (p->rc < 0 && p->rc != ERR_CLOSED) {
        proposal_release(p);
        b->next = w->progress.refused;
        w->progress.refused = b;
        if (!wheel_is_set(&w->progress.timer))
            wheel_set(loop_wheel(w->loop), &w->progress.timer,
                      im_worker_now_ms(w) + PROGRESS_DELAY_MS);
        return;
    }
    for (size_t i = 0; p->rc == 0 && i < b->count; i++)
        progress_settle(&b->parts[i], i < p->result->n_rows &&
                                          p->result->rows[i] == STORE__RESULT__OUTCOME__DONE);
    progress_batch_free(b);
    im_worker_settled(w);
}

static void progress_propose(struct progress_batch *b)
{
    struct im_worker *w = b->worker;
    assert(b->count > 0);
    Store__SessionProgress *parts = mem_zeroed(b->count, sizeof(*parts));
    Store__SessionProgress **list =
        (Store__SessionProgress **)mem_zeroed(b->count, sizeof(void *));
    for (size_t i = 0; i < b->count; i++) {
        progress_part_command(&b->parts[i], &parts[i]);
        list[i] = &parts[i];
    }
    Store__Progress body = STORE__PROGRESS__INIT;
    body.n_sessions = b->count;
    body.sessions = list;
    Store__Command command = STORE__COMMAND__INIT;
    command.body_case = STORE__COMMAND__BODY_PROGRESS;
    command.progress = &body;
    proposal_fill(&b->proposal, &command);
    free((void *)list);
    free(parts);
    b->proposal.home = w->loop;
    b->proposal.answered = progress_answered;
    w->pending++;
    const int rc = replica_propose(im_replica(w->im), &b->proposal);
    if (rc < 0) {
        b->proposal.rc = rc;
        progress_answered(&b->proposal, NULL);
    }
}

static struct progress_batch *progress_batch_new(struct im_worker *w, size_t capacity)
{
    struct progress_batch *b = mem_zeroed(1, sizeof(*b) + capacity * sizeof(b->parts[0]));
    b->worker = w;
    return b;
}

/* ---- The list of sessions ------------------------------------------------------------- */

void progress_touch(struct session *s)
{
    struct progress *p = &s->worker->progress;
    if (s->is_in_progress || !s->user)
        return;
    s->is_in_progress = true;
    s->progress_next = NULL;
    if (p->last)
        p->last->progress_next = s;
    else
        p->first = s;
    p->last = s;
    if (!wheel_is_set(&p->timer))
        wheel_set(loop_wheel(s->worker->loop), &p->timer,
                  im_worker_now_ms(s->worker) + PROGRESS_DELAY_MS);
}

void progress_forget(struct session *s)
{
    struct progress *p = &s->worker->progress;
    if (!s->is_in_progress)
        return;
    struct session *before = NULL;
    for (struct session *at = p->first; at != s; at = at->progress_next)
        before = at;
    if (before)
        before->progress_next = s->progress_next;
    else
        p->first = s->progress_next;
    if (p->last == s)
        p->last = before;
    s->is_in_progress = false;
}

void progress_flush_session(struct session *s)
{
    progress_forget(s);
    if (s->is_resuming) {
        progress_touch(s); /* the claim in flight fences what is said under this epoch */
        return;
    }
    struct progress_batch *b = progress_batch_new(s->worker, 1);
    if (progress_take(s, &b->parts[0])) {
        b->count = 1;
        progress_propose(b);
    } else {
        free(b);
    }
}

static void progress_flush_some(struct progress *p)
{
    struct progress_batch *b = progress_batch_new(p->worker, PROGRESS_SESSIONS_MAX);
    struct session *busy = NULL;
    while (p->first && b->count < PROGRESS_SESSIONS_MAX) {
        struct session *s = p->first;
        progress_forget(s);
        if (s->is_resuming) {
            s->progress_next = busy;
            busy = s;
        } else if (progress_take(s, &b->parts[b->count])) {
            b->count++;
        }
    }
    while (busy) {
        struct session *s = busy;
        busy = s->progress_next;
        progress_touch(s);
    }
    if (b->count)
        progress_propose(b);
    else
        free(b);
}

void progress_flush(struct progress *p)
{
    struct progress_batch *refused = p->refused;
    p->refused = NULL;
    while (refused) {
        struct progress_batch *b = refused;
        refused = b->next;
        for (size_t i = 0; i < b->count; i++) {
            const struct session *s = hashmap_find(
                &p->worker->sessions, span_of(b->parts[i].session_id, SESSION_ID_SIZE));
            if (s)
                b->parts[i].epoch = s->epoch;
        }
        progress_propose(b);
    }
    progress_flush_some(p);
}

static void progress_due(struct wheel_timer *t, void *arg)
{
    (void)t;
    struct progress *p = arg;
    progress_flush(p);
    if (p->first && !wheel_is_set(&p->timer))
        wheel_set(loop_wheel(p->worker->loop), &p->timer,
                  im_worker_now_ms(p->worker) + PROGRESS_DELAY_MS);
}

void progress_open(struct progress *p, struct im_worker *w)
{
    p->worker = w;
    p->timer.expired = progress_due;
    p->timer.arg = p;
}

void progress_done(struct progress *p)
{
    wheel_cancel(loop_wheel(p->worker->loop), &p->timer);
}
