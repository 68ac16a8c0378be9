/* SPDX-License-Identifier: Apache-2.0 */
#include "node/im/farewell.h"

#include <assert.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "base/loop.h"
#include "node/im/availability.h"
#include "node/im/binding.h"
#include "node/im/delivery.h"
#include "node/im/im_worker.h"
#include "node/im/inbox.h"
#include "node/im/intake.h"
#include "node/im/output.h"
#include "node/im/session_state.h"
#include "node/im/user.h"
#include "replication/replica.h"

enum { FAREWELL_RETRY_MS = 500 };

void farewell_free(struct session *s)
{
    struct im_worker *w = s->worker;
    struct user *u = s->user;
    assert(!s->works);
    void *value = NULL;
    for (size_t position = 0; hashmap_next(&s->directed, &position, NULL, &value);)
        free(value);
    hashmap_done(&s->directed);
    wheel_cancel(loop_wheel(w->loop), &s->timer);
    wheel_cancel(loop_wheel(w->loop), &s->farewell_retry);
    progress_forget(s);
    inbound_done(&s->inbound);
    outbound_done(&s->outbound);
    presence_unref(s->presence);
    presence_unref(s->shown);
    proposal_release(&s->farewell);
    free(s->confirmed);
    free(s->address);
    free(s);
    w->pending--;
    u->pending--;
    user_release(u);
    im_worker_settled(w);
}

/* ---- SessionEnd ----------------------------------------------------------------------- */

static void farewell_propose(struct session *s);

static void farewell_again(struct wheel_timer *t, void *arg)
{
    (void)t;
    farewell_propose(arg);
}

static void farewell_answered(struct proposal *p, void *owner)
{
    (void)owner;
    struct session *s = (struct session *)((char *)p - offsetof(struct session, farewell));
    if (p->rc < 0 && p->rc != ERR_CLOSED) {
        wheel_set(loop_wheel(s->worker->loop), &s->farewell_retry,
                  im_worker_now_ms(s->worker) + FAREWELL_RETRY_MS);
        return;
    }
    farewell_free(s);
}

static void farewell_propose(struct session *s)
{
    Store__SessionEnd end = STORE__SESSION_END__INIT;
    end.session_id.data = (uint8_t *)s->id;
    end.session_id.len = SESSION_ID_SIZE;
    end.epoch = s->epoch;
    /* Only an orderly close makes the count final; else a late resume may still tell more. */
    end.has_client_h = s->is_orderly && s->outbound.has_acks;
    end.client_h = s->outbound.acked_seq;
    Store__Command command = STORE__COMMAND__INIT;
    command.body_case = STORE__COMMAND__BODY_SESSION_END;
    command.session_end = &end;
    proposal_fill(&s->farewell, &command);
    s->farewell.home = s->worker->loop;
    s->farewell.answered = farewell_answered;
    const int rc = replica_propose(im_replica(s->worker->im), &s->farewell);
    if (rc < 0)
        wheel_set(loop_wheel(s->worker->loop),
                  rc == ERR_CLOSED ? &s->timer : &s->farewell_retry,
                  im_worker_now_ms(s->worker) + (rc == ERR_CLOSED ? 0 : FAREWELL_RETRY_MS));
}

void farewell_settle(struct session *s)
{
    if (!s->is_ending || s->works || s->claim_count || s->is_farewell_sent)
        return;
    s->is_farewell_sent = true;
    if (s->end == SESSION_END_REPLACED || s->end == SESSION_END_REMOVED || s->is_fenced) {
        /* The store ended it itself. Its memory goes after the current callback. */
        wheel_set(loop_wheel(s->worker->loop), &s->timer, im_worker_now_ms(s->worker));
        return;
    }
    progress_flush_session(s);
    farewell_propose(s);
}

static void farewell_over(struct wheel_timer *t, void *arg)
{
    (void)t;
    farewell_free(arg);
}

/* ---- The end -------------------------------------------------------------------------- */

/* Returns whether a row became free. Unanswered requests are answered (M14). */
static bool farewell_unload(struct session *s)
{
    bool is_any_free = false;
    struct outbound_item *items = outbound_take_all(&s->outbound);
    while (items) {
        struct outbound_item *item = items;
        items = item->next;
        if (item->message)
            is_any_free = user_row_drop(s->user, item->message) || is_any_free;
        else if (item->packet && packet_is_request(item->packet) && !item->bounce)
            delivery_bounce(s->worker, item->packet, "service-unavailable");
        outbound_item_free(item);
    }
    return is_any_free;
}

/* What the store could not be told by an ended session its successor tells. */
static void farewell_bequeath(struct session *s, struct session *heir)
{
    for (size_t i = 0; heir && i < s->confirmed_count; i++)
        progress_confirm(heir, s->confirmed[i] >> 1, false);
    if (heir)
        s->confirmed_count = 0;
}

static void farewell_leave(struct session *s, enum session_end why)
{
    struct im_worker *w = s->worker;
    s->is_ending = true;
    s->end = why;
    if (!s->front)
        im_worker_count(w, IM_WORKER_DETACHED, -1);
    hashmap_remove(&w->sessions, session_id(s));
    wheel_cancel(loop_wheel(w->loop), &s->timer);
    s->timer.expired = farewell_over;
    s->timer.arg = s;
    s->farewell_retry.expired = farewell_again;
    s->farewell_retry.arg = s;
    const struct front *front = s->front;
    void *arg = s->arg;
    s->front = NULL;
    s->arg = NULL;
    outbound_freeze(&s->outbound);
    if (front)
        front->ended(arg, why);
    if (s->resume)
        binding_failed(s);
    s->is_resuming = false;
    intake_abandon(s);
    im_worker_count(w, IM_WORKER_SESSIONS, -1);
}

void farewell_end(struct session *s, enum session_end why)
{
    if (s->is_ending)
        return;
    farewell_leave(s, why);
    struct user *u = s->user;
    user_remove_session(u, s);
    const bool is_any_free = farewell_unload(s);
    if (s->is_fenced || why == SESSION_END_REPLACED)
        farewell_bequeath(s, u->sessions);
    availability_gone(s);
    if (is_any_free && !s->worker->is_closing)
        inbox_spread(u);
    if (s->is_fenced)
        intake_drop(s);
    else
        intake_pump(s);
    farewell_settle(s);
}

void farewell_replaced(struct session *s, struct session *heir)
{
    /* Its rows wait for the new session's first presence, not for the others. */
    farewell_leave(s, SESSION_END_REPLACED);
    user_remove_session(s->user, s);
    farewell_unload(s);
    farewell_bequeath(s, heir);
    s->is_fenced = true;
    intake_drop(s);
    farewell_settle(s);
}

void farewell_close(struct session *s)
{
    if (s->is_ending)
        return;
    if (!s->outbound.has_acks)
        output_confirmed(s, outbound_confirm(&s->outbound, UINT64_MAX));
    if (s->front)
        im_worker_count(s->worker, IM_WORKER_DETACHED,
                        1); /* farewell_leave() counts it out again */
    s->front = NULL;
    s->arg = NULL;
    s->is_orderly = true;
    farewell_end(s, SESSION_END_CLOSED);
}

/* ---- Detached ------------------------------------------------------------------------- */

static void farewell_expired(struct wheel_timer *t, void *arg)
{
    (void)t;
    farewell_end(arg, SESSION_END_EXPIRED);
}

void farewell_wait(struct session *s)
{
    s->timer.expired = farewell_expired;
    s->timer.arg = s;
    wheel_set(loop_wheel(s->worker->loop), &s->timer,
              im_worker_now_ms(s->worker) + s->worker->settings.resume_window_ms);
}

void farewell_detach(struct session *s)
{
    if (s->is_ending || !s->front)
        return;
    s->front = NULL;
    s->arg = NULL;
    im_worker_count(s->worker, IM_WORKER_DETACHED, 1);
    outbound_freeze(&s->outbound);
    if (!s->is_resumable || !s->outbound.has_acks) {
        farewell_end(s, SESSION_END_EXPIRED);
        return;
    }
    intake_abandon(s);
    intake_moved(s);
    progress_flush_session(s);
    farewell_wait(s);
}

/* ---- Asked for ------------------------------------------------------------------------ */

static void farewell_doomed(struct message *m, void *owner)
{
    (void)owner;
    struct session *s = (struct session *)((char *)m - offsetof(struct session, doom));
    s->is_doomed = false;
    if (s->is_ending)
        farewell_settle(s);
    else
        farewell_end(s, s->end);
}

static void farewell_doom_discard(struct message *m)
{
    struct session *s = (struct session *)((char *)m - offsetof(struct session, doom));
    s->is_doomed = false;
}

void farewell_doom(struct session *s, enum session_end why)
{
    if (s->is_ending || s->is_doomed)
        return;
    s->is_doomed = true;
    s->end = why;
    s->doom.deliver = farewell_doomed;
    s->doom.discard = farewell_doom_discard;
    loop_later(s->worker->loop, &s->doom);
}

void farewell_fence(struct session *s)
{
    s->is_fenced = true;
    if (s->is_ending)
        intake_drop(s);
    else
        farewell_doom(s, SESSION_END_CLOSED);
}

void farewell_asked(struct im_worker *w, struct span user, struct span resource,
                    enum session_end why)
{
    struct user *u = user_find(w, user);
    struct session *next = u ? u->sessions : NULL;
    while (next) {
        struct session *s = next;
        next = s->next;
        if (span_is_none(resource) || span_equal(resource, s->resource))
            farewell_end(s, why);
    }
}
