/* SPDX-License-Identifier: Apache-2.0 */
#include "node/im/marks.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/loop.h"
#include "base/mem.h"
#include "node/im/im_worker.h"
#include "node/im/output.h"
#include "node/im/session_state.h"
#include "replication/replica.h"

enum { RETRY_MS = 100 };

static void marks_propose(struct marks *m);

static void marks_ask(struct marks *m)
{
    if (m->is_turn_asked || m->flight_count || m->count == 0 || wheel_is_set(&m->retry))
        return;
    m->is_turn_asked = true;
    loop_at_turn_end(m->worker->loop, &m->turn);
}

static void marks_turn(struct message *message, void *owner)
{
    (void)owner;
    struct marks *m = (struct marks *)((char *)message - offsetof(struct marks, turn));
    m->is_turn_asked = false;
    marks_propose(m);
}

static void marks_turn_discard(struct message *message)
{
    struct marks *m = (struct marks *)((char *)message - offsetof(struct marks, turn));
    m->is_turn_asked = false;
}

static void marks_retry(struct wheel_timer *t, void *arg)
{
    (void)t;
    marks_propose(arg);
}

/* One mark is applied, or refused because its session went on or ended; then it is asked
 * for again, if at all, under the new epoch. */
static void marks_settle(struct im_worker *w, const struct marks_mark *mark, bool is_applied)
{
    struct session *s = hashmap_find(&w->sessions, span_of(mark->session_id, SESSION_ID_SIZE));
    if (!s || s->epoch != mark->epoch)
        return;
    if (is_applied) {
        outbound_marked(&s->outbound, mark->seq);
        output_pump(s);
    }
}

static void marks_answered(struct proposal *p, void *owner)
{
    (void)owner;
    struct marks *m = (struct marks *)p;
    struct im_worker *w = m->worker;
    w->pending--;
    const size_t count = m->flight_count;
    assert(count > 0);
    m->flight_count = 0;
    if (p->rc == 0 || p->rc == ERR_CLOSED) {
        struct marks_mark *flight = mem_zeroed(count, sizeof(*flight));
        memcpy(flight, m->waiting, count * sizeof(*flight));
        m->count -= count;
        memmove(m->waiting, m->waiting + count, m->count * sizeof(*m->waiting));
        for (size_t i = 0; i < count; i++) {
            const bool is_applied = p->rc == 0 && i < p->result->n_rows &&
                                    p->result->rows[i] == STORE__RESULT__OUTCOME__DONE;
            marks_settle(w, &flight[i], is_applied);
        }
        free(flight);
    } else if (!wheel_is_set(&m->retry)) {
        wheel_set(loop_wheel(w->loop), &m->retry, im_worker_now_ms(w) + RETRY_MS);
    }
    proposal_release(p);
    marks_ask(m);
    im_worker_settled(w);
}

/* A mark whose session went on under a new epoch meanwhile is worthless. */
static void marks_drop_stale(struct marks *m)
{
    size_t kept = 0;
    for (size_t i = 0; i < m->count; i++) {
        const struct marks_mark *mark = &m->waiting[i];
        const struct session *s =
            hashmap_find(&m->worker->sessions, span_of(mark->session_id, SESSION_ID_SIZE));
        if (s && s->epoch == mark->epoch && !s->is_resuming)
            m->waiting[kept++] = *mark;
    }
    m->count = kept;
}

static void marks_propose(struct marks *m)
{
    struct im_worker *w = m->worker;
    if (m->flight_count)
        return;
    marks_drop_stale(m);
    const size_t count = m->count < MARKS_BATCH_MAX ? m->count : MARKS_BATCH_MAX;
    if (count == 0)
        return;
    Store__SendMark *marks = mem_zeroed(count, sizeof(*marks));
    Store__SendMark **list = (Store__SendMark **)mem_zeroed(count, sizeof(void *));
    for (size_t i = 0; i < count; i++) {
        store__send_mark__init(&marks[i]);
        marks[i].session_id.data = (uint8_t *)m->waiting[i].session_id;
        marks[i].session_id.len = SESSION_ID_SIZE;
        marks[i].epoch = m->waiting[i].epoch;
        marks[i].seq = m->waiting[i].seq;
        marks[i].message = m->waiting[i].message;
        list[i] = &marks[i];
    }
    Store__SendMarks batch = STORE__SEND_MARKS__INIT;
    batch.n_marks = count;
    batch.marks = list;
    Store__Command command = STORE__COMMAND__INIT;
    command.body_case = STORE__COMMAND__BODY_SEND_MARKS;
    command.send_marks = &batch;
    proposal_fill(&m->proposal, &command);
    free((void *)list);
    free(marks);
    m->proposal.home = w->loop;
    m->proposal.answered = marks_answered;
    const int rc = replica_propose(im_replica(w->im), &m->proposal);
    if (rc < 0) {
        proposal_release(&m->proposal);
        if (rc != ERR_CLOSED)
            wheel_set(loop_wheel(w->loop), &m->retry, im_worker_now_ms(w) + RETRY_MS);
        return;
    }
    m->flight_count = count;
    w->pending++;
}

void marks_open(struct marks *m, struct im_worker *w)
{
    m->worker = w;
    m->turn.deliver = marks_turn;
    m->turn.discard = marks_turn_discard;
    m->retry.expired = marks_retry;
    m->retry.arg = m;
}

void marks_add(struct marks *m, const struct session *s, uint64_t seq, uint64_t message)
{
    if (m->count == m->capacity) {
        m->capacity = m->capacity ? m->capacity * 2 : 64;
        m->waiting = mem_resized(m->waiting, m->capacity, sizeof(*m->waiting));
    }
    struct marks_mark *mark = &m->waiting[m->count++];
    memcpy(mark->session_id, s->id, SESSION_ID_SIZE);
    mark->epoch = s->epoch;
    mark->seq = seq;
    mark->message = message;
    marks_ask(m);
}

void marks_done(struct marks *m)
{
    wheel_cancel(loop_wheel(m->worker->loop), &m->retry);
    free(m->waiting);
    m->waiting = NULL;
    m->count = m->capacity = 0;
}
