/* SPDX-License-Identifier: Apache-2.0 */
#include "node/im/note.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "node/im/availability.h"
#include "node/im/delivery.h"
#include "node/im/farewell.h"
#include "node/im/feed.h"
#include "node/im/im_worker.h"
#include "node/im/packet.h"
#include "node/im/presence.h"

enum { RETRY_MS = 50 };

static void note_deliver_to(struct note *n, struct span user)
{
    struct im_worker *w = n->worker;
    switch (n->kind) {
    case NOTE_PACKET:
        delivery_live(w, user, n->packet);
        break;
    case NOTE_BOUNCE:
        delivery_bounced(w, user, n->packet, n->reason);
        break;
    case NOTE_PRESENCE:
        availability_received(w, user, n->presence, n->is_directed);
        break;
    case NOTE_PROBE:
        availability_probed(w, user, n->presence->from);
        break;
    case NOTE_END:
        farewell_asked(w, user, im_resource(n->presence->to), n->why);
        break;
    }
}

static void note_deliver(struct message *m, void *owner)
{
    (void)owner;
    struct note *n = (struct note *)m;
    struct im_worker *w = n->worker;
    if (w->is_open) {
        if (n->after_index > w->feed.position)
            feed_follow(w, n->after_index);
        struct span rest = strbuf_span(&n->users);
        while (rest.size) {
            const struct span user = span_first(rest, span_index(rest, '\0'));
            note_deliver_to(n, user);
            rest = span_from(rest, user.size + 1);
        }
    }
    note_free(n);
}

static void note_discard(struct message *m)
{
    note_free((struct note *)m);
}

struct note *note_new(enum note_kind kind)
{
    struct note *n = mem_zeroed(1, sizeof(*n));
    n->message.deliver = note_deliver;
    n->message.discard = note_discard;
    n->kind = kind;
    return n;
}

void note_add_user(struct note *n, struct span user)
{
    strbuf_add(&n->users, user);
    strbuf_add_byte(&n->users, '\0');
}

void note_free(struct note *n)
{
    if (!n)
        return;
    strbuf_done(&n->users);
    packet_unref(n->packet);
    presence_unref(n->presence);
    free(n);
}

/* References are counted without atomics: what leaves its thread travels as a copy. */
static void note_own(struct note *n)
{
    if (n->packet && n->packet->ref_count > 1) {
        struct packet *copy = packet_new(n->packet);
        packet_unref(n->packet);
        n->packet = copy;
    }
    if (n->presence && n->presence->ref_count > 1) {
        struct presence *copy = presence_new(n->presence);
        presence_unref(n->presence);
        n->presence = copy;
    }
}

int note_post(struct im *im, struct im_worker *from, struct note *n)
{
    const struct span users = strbuf_span(&n->users);
    n->worker = im_worker_of(im, span_first(users, span_index(users, '\0')));
    if (n->worker == from) {
        loop_later(from->loop, &n->message);
        return 0;
    }
    note_own(n);
    return loop_post(n->worker->loop, &n->message);
}

static void note_retry(struct wheel_timer *t, void *arg)
{
    (void)t;
    note_flush(arg);
}

static void note_keep(struct im_worker *from, struct note *n)
{
    struct note_outbox *box = &from->outboxes[n->worker->index];
    if (box->count >= NOTE_OUTBOX_MAX) {
        log_warn("im: presence lost, a worker does not keep up",
                 LOG_U64("waiting", box->count));
        note_free(n);
        return;
    }
    n->next = NULL;
    if (box->tail)
        box->tail->next = n;
    else
        box->head = n;
    box->tail = n;
    box->count++;
    if (!wheel_is_set(&from->outbox_timer)) {
        from->outbox_timer.expired = note_retry;
        from->outbox_timer.arg = from;
        wheel_set(loop_wheel(from->loop), &from->outbox_timer,
                  im_worker_now_ms(from) + RETRY_MS);
    }
}

void note_send(struct im_worker *from, struct note *n)
{
    const struct span users = strbuf_span(&n->users);
    n->worker = im_worker_of(from->im, span_first(users, span_index(users, '\0')));
    if (from->outboxes[n->worker->index].count) {
        note_keep(from, n); /* behind what waits: presence keeps its order */
        return;
    }
    const int rc = note_post(from->im, from, n);
    if (rc == ERR_FULL)
        note_keep(from, n);
    else if (rc < 0)
        note_free(n); /* the other worker has stopped; so has everybody on it */
}

bool note_flush(struct im_worker *from)
{
    bool is_empty = true;
    for (unsigned i = 0; i < from->im->config.worker_count; i++) {
        struct note_outbox *box = &from->outboxes[i];
        while (box->head) {
            struct note *n = box->head;
            struct note *next = n->next;
            const int rc = note_post(from->im, from, n);
            if (rc == ERR_FULL && from->is_open)
                break;
            if (rc < 0)
                note_free(n);
            box->head = next;
            if (!next)
                box->tail = NULL;
            box->count--;
        }
        is_empty = is_empty && !box->head;
    }
    if (!is_empty)
        wheel_set(loop_wheel(from->loop), &from->outbox_timer,
                  im_worker_now_ms(from) + RETRY_MS);
    return is_empty;
}

/* ---- Broadcast ------------------------------------------------------------------------ */

void note_fan_open(struct note_fan *fan)
{
    fan->notes = (struct note **)mem_zeroed(fan->from->im->config.worker_count, sizeof(void *));
}

void note_fan_add(struct note_fan *fan, struct span user)
{
    struct note **at = &fan->notes[im_worker_of(fan->from->im, user)->index];
    if (!*at) {
        *at = note_new(fan->kind);
        (*at)->presence = presence_ref(fan->presence);
        (*at)->after_index = fan->after_index;
        (*at)->is_directed = fan->is_directed;
    }
    note_add_user(*at, user);
}

void note_fan_close(struct note_fan *fan)
{
    for (unsigned i = 0; i < fan->from->im->config.worker_count; i++)
        if (fan->notes[i])
            note_send(fan->from, fan->notes[i]);
    free(fan->notes);
    fan->notes = NULL;
}
