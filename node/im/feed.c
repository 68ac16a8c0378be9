/* SPDX-License-Identifier: Apache-2.0 */
#include "node/im/feed.h"

#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/wakeup.h"
#include "node/im/availability.h"
#include "node/im/binding.h"
#include "node/im/delivery.h"
#include "node/im/farewell.h"
#include "node/im/im_worker.h"
#include "node/im/output.h"
#include "node/im/session_state.h"
#include "node/im/user.h"
#include "replication/read.h"
#include "replication/replica.h"

enum { ROWS_A_TURN_MAX = 1024 };

/* ---- Rows ----------------------------------------------------------------------------- */

static struct packet *feed_packet(const struct im_worker *w, uint64_t index)
{
    Store__MessageRow *row = NULL;
    if (read_message(im_view(w->im), index, &row) < 1)
        return NULL; /* erased meanwhile */
    struct packet *p = packet_of_row(row, index);
    store__message_row__free_unpacked(row, NULL);
    return p;
}

static struct span feed_session_id(const Store__FeedRow *row)
{
    return span_of(row->session_id.data, row->session_id.len);
}

static struct session *feed_session(const struct im_worker *w, const Store__FeedRow *row)
{
    return hashmap_find(&w->sessions, feed_session_id(row));
}

/* The applier's word for a refusal, as the sender is told. */
static const char *feed_reason(const char *word)
{
    if (strcmp(word, "blocked-by-sender") == 0)
        return "blocked";
    if (strcmp(word, "remote-server-not-found") == 0)
        return "remote-server-not-found";
    return "service-unavailable"; /* no such user looks the same as blocked (M7) */
}

static void feed_message(struct user *u, uint64_t index, const Store__FeedRow *row)
{
    struct packet *p = feed_packet(u->worker, index);
    if (!p)
        return;
    if (row->kind == STORE__FEED_ROW__KIND__MESSAGE) {
        delivery_stored(u, p, false);
    } else if (row->kind == STORE__FEED_ROW__KIND__SENT) {
        /* To oneself it is delivered, so nobody needs a copy. */
        if (!span_equal(im_bare(p->to), user_name(u)))
            delivery_carbons(u, feed_session_id(row), p);
    } else {
        struct session *s = feed_session(u->worker, row);
        if (s && s->user == u)
            output_bounce(s, p, feed_reason(row->reason), index);
    }
    packet_unref(p);
}

static void feed_roster(struct user *u, uint64_t index, const Store__FeedRow *row)
{
    const struct span contact = span_text(row->contact);
    user_refresh_contact(u, contact);
    for (struct session *s = u->sessions; s; s = s->next)
        if (s->wants_roster)
            output_roster(s, contact, index);
}

/* A push says either what was blocked or what no longer is. */
static void feed_push_block(struct session *s, const Store__FeedRow *row)
{
    Store__FeedRow half = *row;
    if (row->n_added > 0 && row->n_removed > 0) {
        half.n_added = 0;
        output_blocks(s, &half);
        half.n_added = row->n_added;
        half.n_removed = 0;
    }
    output_blocks(s, &half);
}

static void feed_block(struct user *u, uint64_t index, const Store__FeedRow *row)
{
    user_refresh_blocks(u);
    for (struct session *s = u->sessions; s; s = s->next)
        if (s->wants_blocks)
            feed_push_block(s, row);
    availability_blocked(u, row, index);
}

/* The store has ended a session without our asking, or a newer one took its resource: then
 * the bind under way takes over from it. */
static void feed_session_over(struct im_worker *w, const Store__FeedRow *row)
{
    struct session *s = feed_session(w, row);
    if (!s)
        return;
    const bool is_replaced = row->kind == STORE__FEED_ROW__KIND__SESSION_REPLACED;
    s->is_fenced = true;
    if (is_replaced && binding_expects(s->user, s->resource))
        return;
    farewell_end(s, is_replaced ? SESSION_END_REPLACED : SESSION_END_REVOKED);
}

static void feed_user_over(struct user *u, const Store__FeedRow *row)
{
    const bool is_removed = row->kind == STORE__FEED_ROW__KIND__USER_REMOVED;
    struct session *next = u->sessions;
    while (next) {
        struct session *s = next;
        next = s->next;
        if (!is_removed && span_equal(session_id(s), feed_session_id(row)))
            continue; /* its own change of password */
        s->is_fenced = s->is_fenced || is_removed;
        farewell_end(s, is_removed ? SESSION_END_REMOVED : SESSION_END_REVOKED);
    }
}

static void feed_user_row(struct user *u, uint64_t index, const Store__FeedRow *row)
{
    switch (row->kind) {
    case STORE__FEED_ROW__KIND__MESSAGE:
    case STORE__FEED_ROW__KIND__SENT:
    case STORE__FEED_ROW__KIND__BOUNCE:
        feed_message(u, index, row);
        break;
    case STORE__FEED_ROW__KIND__ROSTER:
        feed_roster(u, index, row);
        break;
    case STORE__FEED_ROW__KIND__SUBSCRIPTION:
        availability_subscription(u, row);
        break;
    case STORE__FEED_ROW__KIND__BLOCK:
        feed_block(u, index, row);
        break;
    case STORE__FEED_ROW__KIND__PRESENCE_GRANTED:
        availability_granted(u, span_text(row->contact), index);
        break;
    case STORE__FEED_ROW__KIND__PRESENCE_REVOKED:
        availability_revoked(u, span_text(row->contact), index);
        break;
    case STORE__FEED_ROW__KIND__SESSION_REPLACED:
    case STORE__FEED_ROW__KIND__SESSION_ENDED:
        feed_session_over(u->worker, row);
        break;
    case STORE__FEED_ROW__KIND__USER_REMOVED:
    case STORE__FEED_ROW__KIND__USER_CHANGED:
        feed_user_over(u, row);
        break;
    case STORE__FEED_ROW__KIND__SETTING:
    case STORE__FEED_ROW__KIND__KIND_UNSPECIFIED:
    case _STORE__FEED_ROW__KIND_IS_INT_SIZE:
        break;
    }
}

struct feed_walk {
    struct im_worker *worker;
    uint64_t limit, last;
    size_t count;
    bool is_bounded, is_cut;
};

static bool feed_row(uint64_t index, const Store__FeedRow *row, void *arg)
{
    struct feed_walk *walk = arg;
    struct im_worker *w = walk->worker;
    if (index > walk->limit)
        return false;
    if (index != walk->last) {
        /* All rows of an entry are dealt with together. */
        if (walk->is_bounded && walk->count >= ROWS_A_TURN_MAX) {
            walk->is_cut = true;
            return false;
        }
        w->feed.position = index - 1;
        walk->last = index;
    }
    walk->count++;
    if (row->kind == STORE__FEED_ROW__KIND__SETTING) {
        im_worker_load_settings(w);
        return true;
    }
    struct user *u = user_find(w, span_text(row->user));
    if (u)
        feed_user_row(u, index, row);
    return true;
}

/* ---- Following ------------------------------------------------------------------------ */

static bool feed_catch_up_row(uint64_t index, const Store__InboxRow *row, void *arg)
{
    struct user *u = arg;
    struct packet *p = NULL;
    if (row->kind == STORE__INBOX_ROW__KIND__MESSAGE && index > u->worker->feed.position)
        p = feed_packet(u->worker, index);
    if (p)
        delivery_stored(u, p, true);
    packet_unref(p);
    return true;
}

/* The rows behind our position were trimmed: everybody here starts again from the truth.
 * Pushes that were missed are not made up for; who asks sees the state. */
static void feed_resync(struct im_worker *w, uint64_t index)
{
    log_warn("im: change feed trimmed, reading the state again",
             LOG_U64("position", w->feed.position), LOG_U64("applied", index));
    void *value = NULL;
    for (size_t position = 0; hashmap_next(&w->users, &position, NULL, &value);) {
        struct user *u = value;
        user_refresh(u);
        read_inbox(im_view(w->im), user_name(u), w->feed.position, feed_catch_up_row, u);
    }
    im_worker_load_settings(w);
    w->feed.position = index;
}

/* Returns false when the turn's measure was full before the limit. */
static bool feed_read(struct im_worker *w, uint64_t limit, bool is_bounded)
{
    uint64_t trimmed = 0;
    if (w->feed.is_following || w->feed.position >= limit)
        return true;
    w->feed.is_following = true;
    int rc = read_feed_trimmed(im_view(w->im), &trimmed);
    struct feed_walk walk = {.worker = w, .limit = limit, .is_bounded = is_bounded};
    if (rc >= 0 && trimmed > w->feed.position + 1)
        feed_resync(w, limit);
    else if (rc >= 0)
        rc = read_feed(im_view(w->im), w->feed.position, feed_row, &walk);
    if (rc < 0)
        log_error("im: change feed cannot be read", LOG_RC(rc));
    else
        w->feed.position = walk.is_cut ? walk.last : limit;
    w->feed.is_following = false;
    return !walk.is_cut;
}

void feed_follow(struct im_worker *w, uint64_t index)
{
    feed_read(w, index, false);
}

static void feed_ask(struct feed *f)
{
    if (f->is_turn_asked)
        return;
    f->is_turn_asked = true;
    loop_at_turn_end(f->worker->loop, &f->turn);
}

static void feed_turn(struct message *m, void *owner)
{
    (void)owner;
    struct feed *f = (struct feed *)((char *)m - offsetof(struct feed, turn));
    struct im_worker *w = f->worker;
    f->is_turn_asked = false;
    if (!f->wakeup)
        return;
    const uint64_t applied = replica_applied(im_replica(w->im));
    loop_drain(w->loop);
    if (!feed_read(w, applied, true))
        feed_ask(f);
}

static void feed_turn_discard(struct message *m)
{
    struct feed *f = (struct feed *)((char *)m - offsetof(struct feed, turn));
    f->is_turn_asked = false;
}

static void feed_woken(uint64_t value, void *arg)
{
    struct feed *f = arg;
    if (value > f->position)
        feed_ask(f);
}

int feed_open(struct feed *f, struct im_worker *w)
{
    f->worker = w;
    f->turn.deliver = feed_turn;
    f->turn.discard = feed_turn_discard;
    f->position = replica_applied(im_replica(w->im));
    const int rc = wakeup_open(w->loop, feed_woken, f, &f->wakeup);
    if (rc < 0)
        return rc;
    replica_listen(im_replica(w->im), f->wakeup);
    feed_ask(f); /* what was applied meanwhile */
    return 0;
}

void feed_close(struct feed *f)
{
    if (!f->wakeup)
        return;
    replica_unlisten(im_replica(f->worker->im), f->wakeup);
    wakeup_close(f->wakeup);
    f->wakeup = NULL;
}
