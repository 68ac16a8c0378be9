/* SPDX-License-Identifier: Apache-2.0 */
/* Intake: what a session's client sent, on its way to have its effect: durable commands
 * into the log in order, live stanzas to other users, each not before what it must not
 * overtake (im-semantics M2).
 *
 * A work stands for a stanza that waits: a command to be proposed or answered, or a note
 * that is held behind an uncommitted message to the same bare address. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mailbox.h"
#include "base/span.h"
#include "node/im/session.h"
#include "presenced/store/v1/store.pb-c.h"

struct note;
struct packet;
struct presence;

/* The whole of session_send() and session_subscribe(). */
void intake_packet(struct session *s, uint64_t n, struct packet *p);
void intake_subscription(struct session *s, uint64_t n, struct presence *p);

/* A durable request. Takes over the command: every field from malloc(), no origin yet. */
void intake_command(struct session *s, uint64_t n, Store__Command *command, struct span ticket,
                    session_done_fn done);

/* Whether a message of the session to the bare address is not committed yet. */
bool intake_is_behind(const struct session *s, struct span bare);
/* Posts the note, now or when nothing to its user is uncommitted. Takes it over. n = 0: of
 * the session's end. */
void intake_hold(struct session *s, uint64_t n, struct note *note);

/* Whether the stanza has a work. */
bool intake_has_work(const struct session *s, uint64_t n);

/* Proposes what may be proposed. */
void intake_pump(struct session *s);
/* After a change of the inbound: tells the front, wakes who waits. */
void intake_moved(struct session *s);
/* The stream is gone: what only it could finish counts as finished. */
void intake_abandon(struct session *s);
/* At the end: drops what was never proposed. */
void intake_drop(struct session *s);

/* malloc()ed copies for commands. */
char *intake_text(struct span text);
ProtobufCBinaryData intake_bytes(struct span bytes);
