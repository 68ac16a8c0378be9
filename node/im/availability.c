/* SPDX-License-Identifier: Apache-2.0 */
#include "node/im/availability.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/monoclock.h"
#include "node/im/im_worker.h"
#include "node/im/inbox.h"
#include "node/im/intake.h"
#include "node/im/output.h"
#include "node/im/session_state.h"
#include "node/im/user.h"
#include "replication/read.h"

/* ---- Sending -------------------------------------------------------------------------- */

/* Presence from the session; p NULL: unavailable without a word. */
static struct presence *availability_made(const struct session *s, const struct presence *p,
                                          struct span to)
{
    struct presence fields = p ? *p : (struct presence){.kind = PRESENCE_UNAVAILABLE};
    fields.from = session_address(s);
    fields.to = to;
    if (!fields.stamp_us)
        fields.stamp_us = wallclock_us();
    return presence_new(&fields);
}

static void availability_send(struct session *s, struct span to, const struct presence *p,
                              uint64_t after_index, bool is_directed)
{
    struct im_worker *w = s->worker;
    if (!im_is_local(w->im, to))
        return;
    struct note *n = note_new(NOTE_PRESENCE);
    note_add_user(n, im_bare(to));
    n->presence = availability_made(s, p, is_directed ? to : SPAN_NONE);
    n->after_index = after_index > s->last_put ? after_index : s->last_put;
    n->is_directed = is_directed;
    note_send(w, n);
}

/* To everybody who is subscribed and to the user's own resources. Where a message of this
 * session to a contact is not committed yet, the presence waits behind it (M2). */
static void availability_broadcast(struct session *s, uint64_t n, struct presence *p)
{
    struct note_fan fan = {
        .from = s->worker, .kind = NOTE_PRESENCE, .presence = p, .after_index = s->last_put};
    note_fan_open(&fan);
    struct span contact;
    void *value = NULL;
    for (size_t position = 0; hashmap_next(&s->user->roster, &position, &contact, &value);) {
        const struct user_contact *c = value;
        if (!c->is_from || !im_is_local(s->worker->im, contact) ||
            user_blocks(s->user, contact) || span_equal(contact, s->bare))
            continue;
        if (intake_is_behind(s, contact)) {
            struct note *note = note_new(NOTE_PRESENCE);
            note_add_user(note, contact);
            note->presence = presence_ref(p);
            intake_hold(s, n, note);
        } else {
            note_fan_add(&fan, contact);
        }
    }
    note_fan_add(&fan, s->bare);
    note_fan_close(&fan);
}

static void availability_undirect(struct session *s, const struct presence *p)
{
    struct hashmap directed = s->directed;
    s->directed = (struct hashmap){0};
    void *value = NULL;
    for (size_t position = 0; hashmap_next(&directed, &position, NULL, &value);) {
        const struct span to = span_text(value);
        const struct user_contact *c = user_contact(s->user, im_bare(to));
        /* A subscriber has been told by the broadcast, unless it was to one resource. */
        if (!c || !c->is_from)
            availability_send(s, to, p, 0, true);
    }
    for (size_t position = 0; hashmap_next(&directed, &position, NULL, &value);)
        free(value);
    hashmap_done(&directed);
}

/* ---- Initial presence ----------------------------------------------------------------- */

struct availability_arrival {
    struct session *session;
    struct note_fan probes;
};

static bool availability_arrive(struct span contact, const Store__RosterRow *row, void *arg)
{
    struct availability_arrival *a = arg;
    struct session *s = a->session;
    if (row->is_pending_in && !user_blocks(s->user, contact)) {
        const struct presence fields = {
            .kind = PRESENCE_ASK,
            .from = contact,
            .to = s->bare,
            .body = span_of(row->pending_body.data ? (const char *)row->pending_body.data : "",
                            row->pending_body.len)};
        struct presence *ask = presence_new(&fields);
        output_presence(s, ask);
        presence_unref(ask);
    }
    if (row->is_to && im_is_local(s->worker->im, contact) && !user_blocks(s->user, contact) &&
        !span_equal(contact, s->bare))
        note_fan_add(&a->probes, contact);
    return true;
}

/* Shows what waits, asks the contacts, shows the user's other resources. */
static void availability_arrived(struct session *s)
{
    const struct presence fields = {.kind = PRESENCE_AVAILABLE, .from = session_address(s)};
    struct presence *asker = presence_new(&fields);
    struct availability_arrival arrival = {
        s, {.from = s->worker, .kind = NOTE_PROBE, .presence = asker}};
    for (const struct session *other = s->user->sessions; other; other = other->next)
        if (other != s && other->shown)
            output_presence(s, other->shown);
    note_fan_open(&arrival.probes);
    read_roster(im_view(s->worker->im), s->bare, availability_arrive, &arrival);
    note_fan_close(&arrival.probes);
    presence_unref(asker);
}

void availability_set(struct session *s, uint64_t n, struct presence *p)
{
    struct presence *made = availability_made(s, p, SPAN_NONE);
    const bool is_first = !s->presence;
    presence_unref(s->presence);
    s->presence = p->kind == PRESENCE_AVAILABLE ? presence_ref(made) : NULL;
    const bool was_shown = s->shown != NULL;
    presence_unref(s->shown);
    s->shown = s->presence ? presence_ref(made) : NULL;
    if (s->presence) {
        availability_broadcast(s, n, made);
        if (is_first)
            availability_arrived(s);
        if (s->presence->priority >= 0 && !s->flushed_to)
            inbox_flush(s);
    } else if (was_shown || hashmap_count(&s->directed)) {
        availability_broadcast(s, n, made);
        availability_undirect(s, made);
    }
    if (!s->presence || s->presence->priority < 0)
        s->flushed_to = 0; /* what comes from here on waits for the next sign-in */
    presence_unref(made);
}

void availability_direct(struct session *s, uint64_t n, struct presence *p)
{
    const struct span to = p->to;
    if (!im_is_local(s->worker->im, to) || p->kind == PRESENCE_FAULT ||
        user_blocks(s->user, to)) {
        const bool is_quiet = p->kind != PRESENCE_AVAILABLE;
        const struct presence fault = {
            .kind = PRESENCE_FAULT,
            .from = to,
            .to = session_address(s),
            .id = p->id,
            .reason = user_blocks(s->user, to) ? "blocked" : "remote-server-not-found"};
        struct presence *made = presence_new(&fault);
        if (!is_quiet)
            output_presence(s, made);
        presence_unref(made);
        return;
    }
    if (p->kind == PRESENCE_AVAILABLE) {
        if (hashmap_count(&s->directed) >= SESSION_STATE_DIRECTED_MAX)
            return;
        free(hashmap_set(&s->directed, to, mem_text(to.ptr, to.size)));
    } else {
        free(hashmap_remove(&s->directed, to));
    }
    struct note *note = note_new(NOTE_PRESENCE);
    note_add_user(note, im_bare(to));
    note->presence = availability_made(s, p, to);
    note->is_directed = true;
    intake_hold(s, n, note);
}

void availability_gone(struct session *s)
{
    presence_unref(s->presence);
    s->presence = NULL;
    struct presence *made = availability_made(s, NULL, SPAN_NONE);
    if (s->shown && !s->worker->is_closing)
        availability_broadcast(s, 0, made);
    presence_unref(s->shown);
    s->shown = NULL;
    availability_undirect(s, made);
    presence_unref(made);
}

void availability_inherit(struct session *to, struct session *from)
{
    to->shown = from->shown;
    to->directed = from->directed;
    to->last_put = from->last_put;
    from->shown = NULL;
    from->directed = (struct hashmap){0};
    presence_unref(from->presence);
    from->presence = NULL;
}

/* ---- Receiving ------------------------------------------------------------------------ */

void availability_received(struct im_worker *w, struct span user, struct presence *p,
                           bool is_directed)
{
    struct user *u = user_find(w, user);
    const struct span bare = im_bare(p->from);
    if (!u || user_blocks(u, p->from))
        return;
    const struct user_contact *c = user_contact(u, bare);
    /* The last unavailable of who was removed finds no subscription any more. */
    if (!is_directed && p->kind == PRESENCE_AVAILABLE && !(c && c->is_to) &&
        !span_equal(bare, user))
        return;
    const struct span resource = im_resource(p->to);
    for (struct session *s = u->sessions; s; s = s->next) {
        const bool is_meant =
            span_is_none(resource) ? s->presence != NULL : span_equal(resource, s->resource);
        if (is_meant)
            output_presence(s, p);
    }
}

void availability_probed(struct im_worker *w, struct span user, struct span from)
{
    struct user *u = user_find(w, user);
    if (!u || user_blocks(u, from))
        return;
    const struct user_contact *c = user_contact(u, im_bare(from));
    if (!c || !c->is_from)
        return;
    for (struct session *s = u->sessions; s; s = s->next)
        if (s->shown)
            availability_send(s, from, s->shown, 0, true);
}

/* ---- Changes of rights ---------------------------------------------------------------- */

void availability_granted(struct user *u, struct span contact, uint64_t index)
{
    if (user_blocks(u, contact))
        return;
    for (struct session *s = u->sessions; s; s = s->next)
        if (s->shown)
            availability_send(s, contact, s->shown, index, true);
}

void availability_revoked(struct user *u, struct span contact, uint64_t index)
{
    for (struct session *s = u->sessions; s; s = s->next)
        if (s->shown)
            availability_send(s, contact, NULL, index, true);
}

/* XEP-0191, 3.1: does the entry of a block list cover the bare address? */
static bool availability_covers(struct span entry, struct span bare)
{
    if (span_equal(entry, bare))
        return true;
    const size_t at = span_index(bare, '@');
    return at < bare.size && span_equal(entry, span_from(bare, at + 1));
}

static void availability_block_one(struct user *u, struct span entry, uint64_t index)
{
    struct span contact;
    void *value = NULL;
    for (size_t position = 0; hashmap_next(&u->roster, &position, &contact, &value);)
        if (((const struct user_contact *)value)->is_from &&
            availability_covers(entry, contact))
            availability_revoked(u, contact, index);
    for (struct session *s = u->sessions; s; s = s->next)
        for (size_t position = 0; hashmap_next(&s->directed, &position, &contact, &value);)
            if (span_equal(entry, contact) || availability_covers(entry, im_bare(contact)))
                availability_send(s, contact, NULL, index, true);
}

static void availability_probe(struct user *u, struct span contact)
{
    for (const struct session *s = u->sessions; s; s = s->next) {
        if (!s->presence)
            continue;
        const struct presence fields = {.kind = PRESENCE_AVAILABLE, .from = session_address(s)};
        struct note *n = note_new(NOTE_PROBE);
        note_add_user(n, contact);
        n->presence = presence_new(&fields);
        note_send(u->worker, n);
    }
}

static void availability_unblock_one(struct user *u, struct span entry, uint64_t index)
{
    struct span contact;
    void *value = NULL;
    for (size_t position = 0; hashmap_next(&u->roster, &position, &contact, &value);) {
        const struct user_contact *c = value;
        if (!availability_covers(entry, contact) || user_blocks(u, contact) ||
            !im_is_local(u->worker->im, contact))
            continue;
        if (c->is_from)
            availability_granted(u, contact, index);
        if (c->is_to)
            availability_probe(u, contact);
    }
}

void availability_blocked(struct user *u, const Store__FeedRow *change, uint64_t index)
{
    for (size_t i = 0; i < change->n_added; i++)
        availability_block_one(u, span_text(change->added[i]), index);
    for (size_t i = 0; i < change->n_removed; i++)
        availability_unblock_one(u, span_text(change->removed[i]), index);
}

void availability_subscription(struct user *u, const Store__FeedRow *row)
{
    static const enum presence_kind kinds[] = {
        [STORE__SUBSCRIBE_KIND__SUBSCRIBE_ASK] = PRESENCE_ASK,
        [STORE__SUBSCRIBE_KIND__SUBSCRIBE_GRANT] = PRESENCE_GRANT,
        [STORE__SUBSCRIBE_KIND__SUBSCRIBE_CANCEL] = PRESENCE_CANCEL,
        [STORE__SUBSCRIBE_KIND__SUBSCRIBE_DENY] = PRESENCE_DENY,
    };
    if (row->subscription < STORE__SUBSCRIBE_KIND__SUBSCRIBE_ASK ||
        row->subscription > STORE__SUBSCRIBE_KIND__SUBSCRIBE_DENY)
        return;
    const struct presence fields = {
        .kind = kinds[row->subscription],
        .from = span_text(row->contact),
        .to = user_name(u),
        .body = span_of(row->body.data ? (const char *)row->body.data : "", row->body.len)};
    struct presence *p = presence_new(&fields);
    for (struct session *s = u->sessions; s; s = s->next)
        if (s->presence)
            output_presence(s, p);
    presence_unref(p);
}
