/* SPDX-License-Identifier: Apache-2.0 */
#include "node/im/outbound.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct outbound_item *outbound_item_new(void)
{
    return mem_zeroed(1, sizeof(struct outbound_item));
}

void outbound_item_free(struct outbound_item *item)
{
    if (!item)
        return;
    packet_unref(item->packet);
    presence_unref(item->presence);
    free(item->contact);
    free(item->change);
    free(item->wire);
    free(item);
}

static void outbound_append(struct outbound_list *list, struct outbound_item *item)
{
    item->next = NULL;
    if (list->tail)
        list->tail->next = item;
    else
        list->head = item;
    list->tail = item;
    list->count++;
}

static struct outbound_item *outbound_pop(struct outbound_list *list)
{
    struct outbound_item *item = list->head;
    list->head = item->next;
    if (!list->head)
        list->tail = NULL;
    list->count--;
    item->next = NULL;
    return item;
}

static void outbound_free_list(struct outbound_list *list)
{
    while (list->head)
        outbound_item_free(outbound_pop(list));
}

void outbound_done(struct outbound *o)
{
    outbound_free_list(&o->sent);
    outbound_free_list(&o->backlog);
    outbound_free_list(&o->former);
    hashmap_done(&o->presences);
    memset(o, 0, sizeof(*o));
}

static bool outbound_is_mergeable(const struct outbound_item *item)
{
    return item->presence && item->presence->kind <= PRESENCE_UNAVAILABLE;
}

/* ---- Backlog -------------------------------------------------------------------------- */

/* An older presence of the same sender that still waits says nothing any more. */
static void outbound_merge(struct outbound *o, struct outbound_item *item)
{
    struct outbound_item *former = hashmap_set(&o->presences, item->presence->from, item);
    if (!former)
        return;
    struct outbound_item *before = NULL;
    size_t position = 0;
    for (struct outbound_item *at = o->backlog.head; at != former; at = at->next) {
        before = at;
        position++;
    }
    if (before)
        before->next = former->next;
    else
        o->backlog.head = former->next;
    if (o->backlog.tail == former)
        o->backlog.tail = before;
    o->backlog.count--;
    o->release_count -= position < o->release_count;
    o->other_count--;
    o->other_size -= former->weight;
    outbound_item_free(former);
}

void outbound_add(struct outbound *o, struct outbound_item *item)
{
    assert(item->seq == 0);
    if (!item->message) {
        item->weight = item->wire_size + item->change_size +
                       (item->packet ? item->packet->body.size : 0) +
                       (item->presence ? item->presence->body.size : 0);
        o->other_count++;
        o->other_size += item->weight;
    } else if (item->packet && o->packet_count >= OUTBOUND_PACKETS_MAX && item->stored) {
        packet_unref(item->packet);
        item->packet = NULL;
    }
    if (item->message && item->packet)
        o->packet_count++;
    if (outbound_is_mergeable(item))
        outbound_merge(o, item);
    outbound_append(&o->backlog, item);
    if (!item->can_wait)
        o->release_count = o->backlog.count;
}

static bool outbound_may_number(const struct outbound *o)
{
    const struct outbound_item *item = o->backlog.head;
    if (!item || (o->is_inactive && o->release_count == 0))
        return false;
    return item->message ? o->message_count < OUTBOUND_MESSAGES_MAX
                         : o->other_sent_count < OUTBOUND_OTHERS_NUMBERED_MAX;
}

static void outbound_number(struct outbound *o)
{
    struct outbound_item *item = outbound_pop(&o->backlog);
    o->release_count -= o->release_count > 0;
    if (outbound_is_mergeable(item) &&
        hashmap_find(&o->presences, item->presence->from) == item)
        hashmap_remove(&o->presences, item->presence->from);
    item->seq = ++o->last_seq;
    if (item->message) {
        o->message_count++;
        o->unasked_count += o->has_marks;
        o->packet_count -= item->packet != NULL;
    } else {
        o->other_sent_count++;
    }
    outbound_append(&o->sent, item);
    if (!o->unwritten)
        o->unwritten = item;
}

/* ---- Numbering and writing ------------------------------------------------------------ */

static bool outbound_needs_mark(const struct outbound *o, const struct outbound_item *item)
{
    return o->has_marks && item->message && !item->is_marked;
}

static struct outbound_item *outbound_unasked(const struct outbound *o)
{
    if (o->unasked_count == 0)
        return NULL;
    struct outbound_item *item = o->unwritten;
    while (item && (item->is_mark_asked || !outbound_needs_mark(o, item)))
        item = item->next;
    return item;
}

static bool list_has_message(const struct outbound_list *list, uint64_t message)
{
    for (const struct outbound_item *item = list->head; item; item = item->next)
        if (item->message == message)
            return true;
    return false;
}

bool outbound_has_message(const struct outbound *o, uint64_t message)
{
    return list_has_message(&o->sent, message) || list_has_message(&o->backlog, message) ||
           list_has_message(&o->former, message);
}

struct outbound_item *outbound_candidate(const struct outbound *o)
{
    return !o->is_frozen && outbound_may_number(o) ? o->backlog.head : NULL;
}

void outbound_discard(struct outbound *o)
{
    assert(o->backlog.head && o->backlog.head->message);
    struct outbound_item *item = outbound_pop(&o->backlog);
    o->release_count -= o->release_count > 0;
    o->packet_count -= item->packet != NULL;
    outbound_item_free(item);
}

void outbound_load(struct outbound *o, struct packet *packet)
{
    assert(o->backlog.head->message && !o->backlog.head->packet);
    o->backlog.head->packet = packet;
    o->packet_count++;
}

enum outbound_action outbound_step(struct outbound *o, struct outbound_item **ret_item)
{
    if (o->is_frozen)
        return OUTBOUND_NOTHING;
    struct outbound_item *item = outbound_unasked(o);
    if (!item && !o->unwritten && outbound_may_number(o))
        outbound_number(o);
    if (!item)
        item = outbound_unasked(o);
    if (!item && o->unwritten && outbound_needs_mark(o, o->unwritten) &&
        outbound_may_number(o)) {
        /* The head waits for its mark: those behind it get their numbers meanwhile, so that
         * their marks ride in the same batch. */
        outbound_number(o);
        item = outbound_unasked(o);
        if (!item)
            return OUTBOUND_AGAIN;
    }
    if (item) {
        item->is_mark_asked = true;
        o->unasked_count--;
        *ret_item = item;
        return OUTBOUND_MARK;
    }
    item = o->unwritten;
    if (!item || outbound_needs_mark(o, item))
        return OUTBOUND_NOTHING;
    item->is_written = true;
    o->written_seq = item->seq;
    o->unwritten = item->next;
    *ret_item = item;
    return OUTBOUND_WRITE;
}

static struct outbound_item *outbound_find(const struct outbound *o, uint64_t seq)
{
    struct outbound_item *item = o->unwritten;
    while (item && item->seq != seq)
        item = item->next;
    return item;
}

void outbound_marked(struct outbound *o, uint64_t seq)
{
    struct outbound_item *item = outbound_find(o, seq);
    if (item && item->is_mark_asked)
        item->is_marked = true;
}

void outbound_unmarked(struct outbound *o, uint64_t seq)
{
    struct outbound_item *item = outbound_find(o, seq);
    if (!item || !item->is_mark_asked || item->is_marked)
        return;
    item->is_mark_asked = false;
    o->unasked_count++;
}

/* ---- Confirming and resuming ---------------------------------------------------------- */

void outbound_enable(struct outbound *o, bool has_marks)
{
    assert(!o->unwritten && !o->has_acks);
    while (o->sent.head)
        outbound_append(&o->former, outbound_pop(&o->sent));
    o->last_seq = o->written_seq = o->acked_seq = 0;
    o->message_count = 0;
    o->other_sent_count = 0;
    o->has_acks = true;
    o->has_marks = has_marks;
}

uint64_t outbound_full_count(const struct outbound *o, uint32_t h)
{
    const uint32_t ahead = h - (uint32_t)o->acked_seq;
    return ahead <= o->written_seq - o->acked_seq ? o->acked_seq + ahead : UINT64_MAX;
}

static void outbound_uncount(struct outbound *o, const struct outbound_item *item)
{
    if (item->message) {
        o->message_count--;
        return;
    }
    o->other_sent_count--;
    o->other_count--;
    o->other_size -= item->weight;
}

struct outbound_item *outbound_confirm(struct outbound *o, uint64_t seq)
{
    struct outbound_list confirmed = o->former;
    o->former = (struct outbound_list){0};
    for (struct outbound_item *item = confirmed.head; item; item = item->next)
        if (!item->message) {
            o->other_count--;
            o->other_size -= item->weight;
        }
    while (o->sent.head && o->sent.head->is_written && o->sent.head->seq <= seq) {
        struct outbound_item *item = outbound_pop(&o->sent);
        outbound_uncount(o, item);
        o->acked_seq = item->seq;
        outbound_append(&confirmed, item);
    }
    return confirmed.head;
}

struct outbound_item *outbound_resume(struct outbound *o, uint64_t h)
{
    assert(o->is_frozen && h >= o->acked_seq && h <= o->written_seq);
    struct outbound_item *confirmed = outbound_confirm(o, h);
    uint64_t seq = h;
    o->unasked_count = 0;
    for (struct outbound_item *item = o->sent.head; item; item = item->next) {
        item->seq = ++seq;
        item->is_written = item->is_mark_asked = item->is_marked = false;
        o->unasked_count += item->message != 0;
    }
    o->unwritten = o->sent.head;
    o->last_seq = seq;
    o->written_seq = o->acked_seq = h;
    return confirmed;
}

void outbound_freeze(struct outbound *o)
{
    o->is_frozen = true;
}

void outbound_thaw(struct outbound *o)
{
    o->is_frozen = false;
}

void outbound_set_active(struct outbound *o, bool is_active)
{
    o->is_inactive = !is_active;
}

bool outbound_is_over(const struct outbound *o)
{
    return o->other_count > OUTBOUND_OTHERS_MAX || o->other_size > OUTBOUND_BYTES_MAX;
}

struct outbound_item *outbound_take_all(struct outbound *o)
{
    struct outbound_list all = o->former;
    while (o->sent.head)
        outbound_append(&all, outbound_pop(&o->sent));
    while (o->backlog.head)
        outbound_append(&all, outbound_pop(&o->backlog));
    o->former = (struct outbound_list){0};
    hashmap_done(&o->presences);
    const bool has_acks = o->has_acks;
    const bool has_marks = o->has_marks;
    const uint64_t acked_seq = o->acked_seq;
    *o = (struct outbound){.has_acks = has_acks,
                           .has_marks = has_marks,
                           .acked_seq = acked_seq,
                           .is_frozen = true};
    return all.head;
}
