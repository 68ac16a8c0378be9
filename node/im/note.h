/* SPDX-License-Identifier: Apache-2.0 */
/* Note: what one user's actor tells another's, on whichever worker that lives.
 *
 * One code path for the same worker and for another. after_index is the log index that the
 * receiver must have seen first: the receiving worker follows its feed up to it before it
 * looks at the note, so that a live stanza never overtakes a stored one (im-semantics M2).
 *
 * Threads: note_post() from the worker given as sender, or from any thread with NULL. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mailbox.h"
#include "base/strbuf.h"
#include "node/im/session.h"

struct im;
struct im_worker;
struct packet;
struct presence;

enum note_kind {
    NOTE_PACKET,   /* a live packet */
    NOTE_BOUNCE,   /* a packet of this user came back, reason says why */
    NOTE_PRESENCE, /* presence of somebody else */
    NOTE_PROBE,    /* presence->from (full) asks for this user's presence */
    NOTE_END,      /* end sessions: of presence->to's resource, or all */
};

struct note {
    struct message message; /* first */
    enum note_kind kind;
    struct im_worker *worker; /* of the receivers; set when posted */
    struct strbuf users;      /* bare addresses, each followed by a NUL */
    struct packet *packet;
    struct presence *presence;
    uint64_t after_index;
    const char *reason; /* static */
    bool is_directed;   /* presence: whether or not the receiver subscribed to it */
    enum session_end why;
    struct note *next; /* in an outbox */
};

/* Presence that a full mailbox refused, to be posted again. One a receiving worker. */
struct note_outbox {
    struct note *head, *tail;
    size_t count;
};
enum { NOTE_OUTBOX_MAX = 100000 }; /* beyond it presence is lost, and the log says so */

struct note *note_new(enum note_kind kind);
void note_add_user(struct note *n, struct span user);
void note_free(struct note *n); /* NULL is fine */

/* Posts to the worker of its first user (all must live there). Returns 0 and the note is
 * gone, or ERR_FULL or ERR_CLOSED and the caller keeps it. */
int note_post(struct im *im, struct im_worker *from, struct note *n);

/* Presence and probes: kept and posted again when the mailbox is full. */
void note_send(struct im_worker *from, struct note *n);
/* Posts again what waits; false: some still does. */
bool note_flush(struct im_worker *from);

/* Puts notes together for a broadcast: one note a worker, all about one presence. */
struct note_fan {
    struct im_worker *from;
    enum note_kind kind;
    struct presence *presence; /* borrowed */
    uint64_t after_index;
    bool is_directed;
    struct note **notes; /* by worker */
};
void note_fan_open(struct note_fan *fan);
void note_fan_add(struct note_fan *fan, struct span user);
void note_fan_close(struct note_fan *fan); /* sends them */
