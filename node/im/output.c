/* SPDX-License-Identifier: Apache-2.0 */
#include "node/im/output.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "node/im/farewell.h"
#include "node/im/im_worker.h"
#include "node/im/session_state.h"
#include "node/im/user.h"
#include "replication/read.h"

static void output_add(struct session *s, struct outbound_item *item)
{
    if (s->is_ending) {
        outbound_item_free(item);
        return;
    }
    if (item->message)
        user_row_hold(s->user, item->message);
    outbound_add(&s->outbound, item);
    if (outbound_is_over(&s->outbound))
        farewell_doom(s, SESSION_END_OVERFLOW);
    output_pump(s);
}

void output_packet(struct session *s, struct packet *p, enum packet_wrap wrap, bool is_delayed,
                   bool is_row)
{
    struct outbound_item *item = outbound_item_new();
    item->packet = packet_ref(p);
    item->wrap = wrap;
    item->is_delayed = is_delayed || s->outbound.is_frozen;
    item->message = is_row ? p->index : 0;
    item->stored = item->message;
    item->can_wait = !p->is_important && packet_is_message(p) && p->kind != PACKET_FAULT;
    output_add(s, item);
}

void output_inbox(struct session *s, uint64_t index)
{
    struct outbound_item *item = outbound_item_new();
    item->message = item->stored = index;
    item->is_delayed = item->is_from_inbox = true;
    output_add(s, item);
}

void output_presence(struct session *s, struct presence *p)
{
    struct outbound_item *item = outbound_item_new();
    item->presence = presence_ref(p);
    item->can_wait = p->kind <= PRESENCE_UNAVAILABLE;
    output_add(s, item);
}

void output_wire(struct session *s, struct span wire)
{
    struct outbound_item *item = outbound_item_new();
    item->wire = mem_text(wire.ptr, wire.size);
    item->wire_size = wire.size;
    output_add(s, item);
}

void output_roster(struct session *s, struct span contact, uint64_t version)
{
    struct outbound_item *item = outbound_item_new();
    item->contact = mem_text(contact.ptr, contact.size);
    item->version = version;
    output_add(s, item);
}

void output_blocks(struct session *s, const Store__FeedRow *change)
{
    struct outbound_item *item = outbound_item_new();
    item->change_size = store__feed_row__get_packed_size(change);
    item->change = mem_zeroed(item->change_size + 1, 1);
    store__feed_row__pack(change, item->change);
    output_add(s, item);
}

void output_bounce(struct session *s, struct packet *p, const char *reason, uint64_t row)
{
    struct outbound_item *item = outbound_item_new();
    item->packet = packet_ref(p);
    item->bounce = reason;
    item->message = row;
    output_add(s, item);
}

/* ---- Writing -------------------------------------------------------------------------- */

static void output_render_roster(struct session *s, const struct outbound_item *item,
                                 struct strbuf *wire)
{
    const struct span contact = span_text(item->contact);
    Store__RosterRow *row = NULL;
    read_roster_item(im_view(s->worker->im), user_name(s->user), contact, &row);
    const uint64_t version = row && row->index > item->version ? row->index : item->version;
    s->front->render_roster_item(s->arg, contact, row, version, wire);
    if (row)
        store__roster_row__free_unpacked(row, NULL);
}

static void output_render_blocks(struct session *s, const struct outbound_item *item,
                                 struct strbuf *wire)
{
    Store__FeedRow *change = store__feed_row__unpack(NULL, item->change_size, item->change);
    if (!change)
        return;
    s->front->render_block_push(s->arg, change, wire);
    store__feed_row__free_unpacked(change, NULL);
}

static void output_render(struct session *s, struct outbound_item *item)
{
    CLEANUP(strbuf_done) struct strbuf wire = {0};
    if (item->bounce)
        s->front->render_bounce(s->arg, item->packet, item->bounce, &wire);
    else if (item->packet)
        s->front->render_packet(s->arg, item->packet, item->wrap, item->is_delayed, &wire);
    else if (item->presence)
        s->front->render_presence(s->arg, item->presence, &wire);
    else if (item->contact)
        output_render_roster(s, item, &wire);
    else if (item->change)
        output_render_blocks(s, item, &wire);
    item->wire_size = wire.size;
    item->wire = strbuf_steal(&wire);
}

/* After the write only what a repetition or an ending needs is kept. */
static void output_slim(struct session *s, struct outbound_item *item)
{
    if (item->packet && !packet_is_request(item->packet)) {
        packet_unref(item->packet);
        item->packet = NULL;
    }
    presence_unref(item->presence);
    item->presence = NULL;
    if (!s->outbound.has_acks) {
        free(item->wire);
        item->wire = NULL;
    }
}

static void output_write(struct session *s, struct outbound_item *item)
{
    if (!item->wire)
        output_render(s, item);
    s->front->write(s->arg, item->seq, span_of(item->wire, item->wire_size));
    output_slim(s, item);
}

/* Another device has the row at the head of the backlog by now, or it is gone. */
static bool output_is_obsolete(struct session *s, const struct outbound_item *item)
{
    if (!item->message || item->bounce)
        return false;
    const struct user_row *row = user_row(s->user, item->message);
    if (item->is_from_inbox && row && row->is_done)
        return true;
    if (item->packet)
        return false;
    Store__MessageRow *message = NULL;
    if (read_message(im_view(s->worker->im), item->stored, &message) < 1)
        return true;
    outbound_load(&s->outbound, packet_of_row(message, item->stored));
    store__message_row__free_unpacked(message, NULL);
    return false;
}

static void output_skim(struct session *s)
{
    for (;;) {
        struct outbound_item *item = outbound_candidate(&s->outbound);
        if (!item || !output_is_obsolete(s, item))
            return;
        user_row_drop(s->user, item->message);
        outbound_discard(&s->outbound);
    }
}

void output_pump(struct session *s)
{
    if (s->is_pumping || s->is_ending || !s->front)
        return;
    s->is_pumping = true;
    enum outbound_action action = OUTBOUND_NOTHING;
    do {
        struct outbound_item *item = NULL;
        output_skim(s);
        action = outbound_step(&s->outbound, &item);
        if (action == OUTBOUND_MARK)
            marks_add(&s->worker->marks, s, item->seq, item->message);
        else if (action == OUTBOUND_WRITE)
            output_write(s, item);
    } while (action != OUTBOUND_NOTHING);
    s->is_pumping = false;
}

void output_confirmed(struct session *s, struct outbound_item *items)
{
    while (items) {
        struct outbound_item *item = items;
        items = item->next;
        if (item->message) {
            user_row_confirm(s->user, item->message);
            progress_confirm(s, item->message, item->is_marked);
        }
        outbound_item_free(item);
    }
}
