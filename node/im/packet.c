/* SPDX-License-Identifier: Apache-2.0 */
#include "node/im/packet.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum {
    KIND_MASK = 0xff,
    KIND_CARBON_SENT = 0x100,
    KIND_CARBON_RECEIVED = 0x200,
    KIND_IMPORTANT = 0x400,
};

/* Moves one span into the packet's own memory; what is absent stays absent. */
static char *packet_place(char *at, struct span *s)
{
    if (span_is_none(*s))
        return at;
    if (s->size)
        memcpy(at, s->ptr, s->size);
    s->ptr = at;
    return at + s->size;
}

struct packet *packet_new(const struct packet *fields)
{
    struct packet *p =
        mem_zeroed(1, sizeof(*p) + fields->from.size + fields->to.size + fields->id.size +
                          fields->lang.size + fields->origin_id.size + fields->body.size);
    *p = *fields;
    p->ref_count = 1;
    char *at = (char *)(p + 1);
    at = packet_place(at, &p->from);
    at = packet_place(at, &p->to);
    at = packet_place(at, &p->id);
    at = packet_place(at, &p->lang);
    at = packet_place(at, &p->origin_id);
    packet_place(at, &p->body);
    return p;
}

static struct span packet_optional(const char *text)
{
    return text && *text ? span_text(text) : SPAN_NONE;
}

struct packet *packet_of_row(const Store__MessageRow *row, uint64_t index)
{
    const struct packet fields = {
        .kind = packet_kind_of(row->kind),
        .class = row->class_ == STORE__MESSAGE_CLASS__QUEUE ? PACKET_QUEUE : PACKET_KEEP,
        .is_private = row->is_private,
        .is_carbon_sent = row->kind & KIND_CARBON_SENT,
        .is_carbon_received = row->kind & KIND_CARBON_RECEIVED,
        .is_important = row->kind & KIND_IMPORTANT,
        .from = span_text(row->from),
        .to = span_text(row->to),
        .id = packet_optional(row->id),
        .lang = packet_optional(row->lang),
        .origin_id = packet_optional(row->origin_id),
        .body = span_of(row->body.data ? (const char *)row->body.data : "", row->body.len),
        .index = index,
        .stamp_us = row->stamp_us,
    };
    return packet_new(&fields);
}

struct packet *packet_ref(struct packet *p)
{
    p->ref_count++;
    return p;
}

void packet_unref(struct packet *p)
{
    if (!p)
        return;
    assert(p->ref_count > 0);
    if (--p->ref_count == 0)
        free(p);
}

uint32_t packet_stored_kind(const struct packet *p)
{
    return (uint32_t)p->kind | (p->is_carbon_sent ? KIND_CARBON_SENT : 0U) |
           (p->is_carbon_received ? KIND_CARBON_RECEIVED : 0U) |
           (p->is_important ? KIND_IMPORTANT : 0U);
}

enum packet_kind packet_kind_of(uint32_t stored)
{
    const uint32_t kind = stored & KIND_MASK;
    return kind < PACKET_KINDS ? (enum packet_kind)kind : PACKET_NORMAL;
}
