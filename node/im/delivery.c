/* SPDX-License-Identifier: Apache-2.0 */
#include "node/im/delivery.h"

#include <string.h>

#include "node/im/im_worker.h"
#include "node/im/output.h"
#include "node/im/session_state.h"
#include "node/im/user.h"
#include "replication/read.h"

enum { PLACES_MAX = 256 }; /* above any sessions_max */

/* ---- The choice ----------------------------------------------------------------------- */

/* RFC 6121, 8.5.2 and 8.5.3.2: what is to happen when nobody takes it. */
static enum delivery_end delivery_nobody(const struct packet *p)
{
    switch (p->kind) {
    case PACKET_NORMAL:
    case PACKET_CHAT:
        return p->class == PACKET_PASS ? DELIVERY_DROP : DELIVERY_STORED;
    case PACKET_HEADLINE:
    case PACKET_FAULT:
    case PACKET_REPLY:
    case PACKET_REPLY_FAULT:
        return DELIVERY_DROP;
    case PACKET_GROUPCHAT:
    case PACKET_GET:
    case PACKET_SET:
        return DELIVERY_BOUNCE;
    }
    return DELIVERY_DROP;
}

static bool delivery_has_addressee(const struct delivery_place *places, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (places[i].is_addressed)
            return true;
    return false;
}

/* Whether everybody there takes what no single resource was meant or found for. */
static bool delivery_is_for_all(const struct packet *p, bool is_bare)
{
    if (p->kind == PACKET_NORMAL || p->kind == PACKET_CHAT)
        return true;
    return p->kind == PACKET_HEADLINE && is_bare;
}

enum delivery_end delivery_choose(const struct packet *p, const struct delivery_place *places,
                                  size_t count, enum delivery_share *ret_shares)
{
    const bool is_bare = span_is_none(im_resource(p->to));
    const bool has_addressee = delivery_has_addressee(places, count);
    bool is_taken = has_addressee;
    for (size_t i = 0; i < count; i++) {
        const struct delivery_place *at = &places[i];
        const bool is_there = at->is_available && at->priority >= 0;
        const bool takes =
            has_addressee ? at->is_addressed : is_there && delivery_is_for_all(p, is_bare);
        ret_shares[i] = takes ? DELIVERY_TAKE : DELIVERY_SKIP;
        is_taken = is_taken || takes;
    }
    if (!is_taken)
        return delivery_nobody(p);
    /* XEP-0280, 6.1: the enabled rest gets carbons. */
    for (size_t i = 0; i < count; i++)
        if (ret_shares[i] == DELIVERY_SKIP && places[i].has_carbons && p->is_carbon_received &&
            !p->is_private)
            ret_shares[i] = DELIVERY_CARBON;
    return DELIVERY_DONE;
}

/* ---- Carrying it out ------------------------------------------------------------------ */

static enum delivery_end delivery_hand_out(struct user *u, struct packet *p, bool is_delayed,
                                           bool is_row)
{
    struct session *sessions[PLACES_MAX];
    struct delivery_place places[PLACES_MAX] = {0};
    enum delivery_share shares[PLACES_MAX];
    const struct span resource = im_resource(p->to);
    size_t count = 0;
    for (struct session *s = u->sessions; s && count < PLACES_MAX; s = s->next) {
        sessions[count] = s;
        places[count++] = (struct delivery_place){
            .is_addressed = !span_is_none(resource) && span_equal(resource, s->resource),
            .is_available = s->presence != NULL,
            .priority = s->presence ? s->presence->priority : 0,
            .has_carbons = s->has_carbons,
        };
    }
    const enum delivery_end end = delivery_choose(p, places, count, shares);
    for (size_t i = 0; i < count; i++) {
        if (shares[i] == DELIVERY_TAKE)
            output_packet(sessions[i], p, PACKET_WRAP_NONE, is_delayed, is_row);
        else if (shares[i] == DELIVERY_CARBON)
            output_packet(sessions[i], p, PACKET_WRAP_CARBON_RECEIVED, is_delayed, is_row);
    }
    return end;
}

void delivery_bounce(struct im_worker *w, struct packet *p, const char *reason)
{
    if (p->kind == PACKET_FAULT || p->kind == PACKET_REPLY || p->kind == PACKET_REPLY_FAULT)
        return; /* nothing ever answers an error */
    struct note *n = note_new(NOTE_BOUNCE);
    note_add_user(n, im_bare(p->from));
    n->packet = packet_ref(p);
    n->reason = reason;
    note_send(w, n);
}

void delivery_bounced(struct im_worker *w, struct span user, struct packet *p,
                      const char *reason)
{
    const struct user *u = user_find(w, user);
    struct session *s = u ? user_session(u, im_resource(p->from)) : NULL;
    if (s)
        output_bounce(s, p, reason, 0);
}

/* Nobody by that name is told apart from somebody who is away only by what an unknown
 * recipient of a message would be told. */
static bool delivery_is_known(struct im_worker *w, struct span user)
{
    Store__UserRow *row = NULL;
    if (read_user(im_view(w->im), user, &row) < 1)
        return false;
    store__user_row__free_unpacked(row, NULL);
    return true;
}

void delivery_live(struct im_worker *w, struct span user, struct packet *p)
{
    struct user *u = user_find(w, user);
    if (u && user_blocks(u, p->from)) {
        delivery_bounce(w, p, "service-unavailable");
        return;
    }
    enum delivery_end end = DELIVERY_DROP;
    if (u)
        end = delivery_hand_out(u, p, false, false);
    else
        end = delivery_nobody(p);
    const bool is_chat = p->kind == PACKET_CHAT || p->kind == PACKET_NORMAL;
    if (end == DELIVERY_BOUNCE || (!u && is_chat && !delivery_is_known(w, user)))
        delivery_bounce(w, p, "service-unavailable");
}

void delivery_stored(struct user *u, struct packet *p, bool is_delayed)
{
    if (user_row(u, p->index))
        return; /* on its way already: the sign-in flush took it */
    delivery_hand_out(u, p, is_delayed, true);
}

void delivery_carbons(struct user *u, struct span sender_id, struct packet *p)
{
    if (!p->is_carbon_sent || p->is_private)
        return;
    for (struct session *s = u->sessions; s; s = s->next)
        if (s->has_carbons && !span_equal(session_id(s), sender_id))
            output_packet(s, p, PACKET_WRAP_CARBON_SENT, false, false);
}
