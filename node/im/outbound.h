/* SPDX-License-Identifier: Apache-2.0 */
/* Outbound: what goes to a session's client, in which order and under which number.
 *
 * Pure: no store, no clock, no bytes; an item carries what the session renders it from.
 * Items wait in the backlog, get their number, are written, and stay until the client has
 * them. Rules (DESIGN 4, im-semantics M11, M13):
 *
 * - A message to a client that may resume is written after its send mark is in the log;
 *   its number is reserved meanwhile: nothing later is written before it.
 * - At most OUTBOUND_MESSAGES_MAX messages and OUTBOUND_OTHERS_NUMBERED_MAX other stanzas
 *   are numbered and not confirmed; what comes after waits in the backlog, in order.
 * - An inactive client (CSI) is sent nothing that can wait; what cannot takes along all
 *   that waits before it.
 * - Of presence in the backlog the newest per sender is enough.
 * - After a resume what the client lacks is numbered on from its count, under new marks. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hashmap.h"
#include "base/span.h"
#include "node/im/packet.h"
#include "node/im/presence.h"

enum {
    OUTBOUND_MESSAGES_MAX = 256,
    OUTBOUND_OTHERS_NUMBERED_MAX = 2500,
    OUTBOUND_OTHERS_MAX = 5000,   /* numbered and waiting; over it the session ends */
    OUTBOUND_BYTES_MAX = 4 << 20, /* of them */
    OUTBOUND_PACKETS_MAX = 256,   /* messages in the backlog kept in memory; of the rest
                                   * only the index */
};

struct outbound_item {
    struct outbound_item *next;
    uint64_t seq;     /* 0: in the backlog */
    uint64_t message; /* log index of an inbox row that leaves when confirmed; or 0 */
    uint64_t stored;  /* log index to read the packet from when packet is NULL; or 0 */
    struct packet *packet;
    enum packet_wrap wrap;
    const char *bounce; /* reason: packet is rendered as the error that answers it */
    struct presence *presence;
    char *contact;    /* a roster push about it, rendered from what the store says then */
    uint64_t version; /* of the roster, at least */
    uint8_t *change;  /* a block list push: packed Store__FeedRow */
    size_t change_size;
    char *wire; /* rendered bytes, or NULL */
    size_t wire_size;
    size_t weight;      /* bytes it counts for while it is not confirmed */
    bool is_delayed;    /* show its stamp */
    bool is_from_inbox; /* sent by the sign-in flush: skip it if another device has it */
    bool can_wait;      /* CSI may hold it */
    bool is_mark_asked, is_marked, is_written;
};

struct outbound_list {
    struct outbound_item *head, *tail;
    size_t count;
};

struct outbound {
    struct outbound_list sent;       /* numbered, ascending */
    struct outbound_list backlog;    /* not numbered */
    struct outbound_list former;     /* written before acknowledgements were enabled */
    struct outbound_item *unwritten; /* first of sent that is not written; NULL */
    struct hashmap presences;        /* sender to its item in the backlog */
    uint64_t last_seq, written_seq, acked_seq;
    size_t message_count; /* messages in sent */
    size_t unasked_count; /* messages in sent whose mark is not asked for */
    size_t packet_count;  /* packets of messages in the backlog */
    size_t other_count;   /* items that are not messages, everywhere */
    size_t other_sent_count;
    size_t other_size;    /* their weight */
    size_t release_count; /* this many of the backlog go even to an inactive client */
    bool has_acks, has_marks;
    bool is_inactive; /* CSI */
    bool is_frozen;   /* no stream, or a resume is under way */
};

struct outbound_item *outbound_item_new(void);
/* Releases what it holds. NULL is fine. */
void outbound_item_free(struct outbound_item *item);

/* Ready when zeroed. Frees all items. */
void outbound_done(struct outbound *o);

/* Takes over an item. */
void outbound_add(struct outbound *o, struct outbound_item *item);

enum outbound_action {
    OUTBOUND_NOTHING,
    OUTBOUND_AGAIN, /* an item got its number; look at the next candidate */
    OUTBOUND_MARK,  /* propose a mark for the item, which has its seq */
    OUTBOUND_WRITE, /* render it unless it has its wire, and write it */
};
/* The next thing to do; call until OUTBOUND_NOTHING. The item is borrowed. */
enum outbound_action outbound_step(struct outbound *o, struct outbound_item **ret_item);

/* Whether the message of a log index is in it, on its way or written. */
bool outbound_has_message(const struct outbound *o, uint64_t message);

/* What the next step would number, or NULL: the caller may find that another device has it
 * by now, and discard it. */
struct outbound_item *outbound_candidate(const struct outbound *o);
void outbound_discard(struct outbound *o);
/* Gives the candidate the packet it was kept without; takes over the reference. */
void outbound_load(struct outbound *o, struct packet *packet);

/* The mark of seq is applied. Unknown numbers are left alone. */
void outbound_marked(struct outbound *o, uint64_t seq);
/* The mark of seq was not taken: ask again. */
void outbound_unmarked(struct outbound *o, uint64_t seq);

/* Acknowledgements are on from here, numbers begin at 1. What was written is confirmed by
 * the first acknowledgement, for the client saw it before the answer to its request. */
void outbound_enable(struct outbound *o, bool has_marks);

/* The full count for one told modulo 2^32; UINT64_MAX when the client cannot have it. */
uint64_t outbound_full_count(const struct outbound *o, uint32_t h);

/* Confirms up to seq (at most what is written). Returns the confirmed items, a list that
 * the caller frees. */
struct outbound_item *outbound_confirm(struct outbound *o, uint64_t seq);

/* The client has h stanzas and goes on over a new stream: confirms, numbers the rest on
 * from h. The outbound stays frozen until outbound_thaw(). */
struct outbound_item *outbound_resume(struct outbound *o, uint64_t h);
void outbound_freeze(struct outbound *o);
void outbound_thaw(struct outbound *o);

void outbound_set_active(struct outbound *o, bool is_active);

/* Whether the client takes too little of what it is sent. */
bool outbound_is_over(const struct outbound *o);

/* All that is not confirmed, in order; the outbound is empty after it. */
struct outbound_item *outbound_take_all(struct outbound *o);
