/* SPDX-License-Identifier: Apache-2.0 */
/* Packet: a message or a request/reply stanza without its protocol.
 *
 * The body is opaque bytes of the front end that made it; everything the IM core decides
 * by is a field. Immutable and shared by reference on one thread; who hands it to another
 * thread hands over a copy. All spans point into the packet's own memory. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"
#include "presenced/store/v1/store.pb-c.h"

/* Stored in MessageRow.kind: never renumber. */
enum packet_kind {
    PACKET_NORMAL = 0,
    PACKET_CHAT = 1,
    PACKET_HEADLINE = 2,
    PACKET_GROUPCHAT = 3,
    PACKET_FAULT = 4,       /* an error that answers a message */
    PACKET_GET = 5,         /* request, reads */
    PACKET_SET = 6,         /* request, changes */
    PACKET_REPLY = 7,       /* answers a request */
    PACKET_REPLY_FAULT = 8, /* answers it with an error */
};
enum { PACKET_KINDS = 9 };

/* What happens to it when nobody is there (im-semantics M1). */
enum packet_class {
    PACKET_PASS,  /* live path, never in the log */
    PACKET_KEEP,  /* archive and inbox */
    PACKET_QUEUE, /* inbox only, erased when acknowledged */
};

/* How a copy is handed to a session: as it is, or as a carbon (XEP-0280). */
enum packet_wrap { PACKET_WRAP_NONE, PACKET_WRAP_CARBON_SENT, PACKET_WRAP_CARBON_RECEIVED };

struct packet {
    uint32_t ref_count;
    enum packet_kind kind;
    enum packet_class class;
    bool is_private;         /* no carbons, told by its sender */
    bool is_carbon_sent;     /* eligible as a `sent` carbon */
    bool is_carbon_received; /* eligible as a `received` carbon */
    bool is_important;       /* wakes an inactive client (XEP-0352) */
    struct span from;        /* full address, prepared */
    struct span to;          /* bare or full address, prepared */
    struct span id, lang, origin_id;
    struct span body;  /* opaque payload without the envelope */
    uint64_t index;    /* log index: the stable id of a kept message; 0 when live */
    uint64_t stamp_us; /* of the log entry; 0 when live */
};

/* A packet with one reference, the fields and spans copied from `fields`. */
struct packet *packet_new(const struct packet *fields);

/* From a stored message. */
struct packet *packet_of_row(const Store__MessageRow *row, uint64_t index);

struct packet *packet_ref(struct packet *p);
void packet_unref(struct packet *p); /* NULL is fine */

/* What MessagePut.kind holds: the kind and the eligibility flags. */
uint32_t packet_stored_kind(const struct packet *p);
/* Kind alone, of a stored value; PACKET_NORMAL for one that is not known. */
enum packet_kind packet_kind_of(uint32_t stored);

static inline bool packet_is_request(const struct packet *p)
{
    return p->kind == PACKET_GET || p->kind == PACKET_SET;
}
static inline bool packet_is_message(const struct packet *p)
{
    return p->kind <= PACKET_FAULT;
}
