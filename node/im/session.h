/* SPDX-License-Identifier: Apache-2.0 */
/* Session: one bound resource of a user, from bind to its end, over all its streams.
 *
 * Every stanza from the client is counted by session_count() and then handed to exactly
 * one of the calls that take `n`; every stanza to the client passes through the session,
 * is numbered there and kept until the client has it. `safe` is the inbound count up to
 * which every effect has taken place; only that may be told to the client.
 *
 * Durable requests are answered by a done function. It gets the bytes (`ticket`) that the
 * caller gave with the request, because the stream and its objects may be gone by then
 * while the session lives on; it answers with session_write(). It is not called any more
 * when the session has ended.
 *
 * All of it on the worker of the user (im_worker_of()). Spans given in are copied. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"
#include "presenced/store/v1/store.pb-c.h"

struct front;
struct im_worker;
struct packet;
struct presence;
struct session;
struct session_request;

enum { SESSION_ID_SIZE = 16 };

enum session_end {
    SESSION_END_CLOSED,   /* it cannot go on here; the client may sign in again */
    SESSION_END_REPLACED, /* a newer session took its resource (RFC 6120, 7.7.2.2) */
    SESSION_END_RESUMED,  /* the session goes on over another stream (XEP-0198) */
    SESSION_END_REVOKED,  /* by an administrator, or the credentials changed */
    SESSION_END_REMOVED,  /* the user was removed */
    SESSION_END_EXPIRED,  /* the resume window passed */
    SESSION_END_SHUTDOWN, /* the node stops */
    SESSION_END_OVERFLOW, /* the client does not take what it is sent */
};

/* ---- Life ----------------------------------------------------------------------------- */

/* rc 0: bound, session is set and goes on until front.ended() or session_close(). Else
 * ERR_NOT_FOUND (no such user), ERR_DENIED (disabled), ERR_FULL, ERR_NO_SPACE, ERR_CLOSED. */
typedef void (*session_bound_fn)(void *arg, int rc, struct session *s);

/* Binds a resource (empty: one is made up). bound() is called later, never from inside,
 * once the claim is applied here. ret_request serves to cancel until then. */
void session_bind(struct im_worker *w, struct span user, struct span resource,
                  const struct front *front, void *arg, session_bound_fn bound,
                  struct session_request **ret_request);

enum session_resumed {
    SESSION_RESUMED,          /* h is what to answer; what the client lacks follows on return */
    SESSION_RESUME_FAILED,    /* the session is over; h is exact and may be told */
    SESSION_RESUME_UNKNOWN,   /* no such session of this user */
    SESSION_RESUME_BAD_COUNT, /* the client claims more than it was sent; it still stands */
    SESSION_RESUME_BUSY,      /* the store takes no claim now; try again later */
};
typedef void (*session_resumed_fn)(void *arg, enum session_resumed outcome, struct session *s,
                                   uint64_t h);

/* Resumes a session by its id; client_h as the client told it. resumed() is called later.
 * The front of a stream that was still open is ended with SESSION_END_RESUMED first. */
void session_resume(struct im_worker *w, struct span user, struct span session_id,
                    uint32_t client_h, const struct front *front, void *arg,
                    session_resumed_fn resumed, struct session_request **ret_request);

/* The caller loses interest; the callback is not called. A session bound meanwhile is
 * closed, one resumed meanwhile is detached. */
void session_request_cancel(struct session_request *r);

/* The stream is lost. A stanza that was counted and handed to none of the calls below counts
 * as handled from here on. A resumable session waits for the resume window; else it ends. The
 * front is not called any more. */
void session_detach(struct session *s);

/* The client closed its stream in order: what was written to it arrived. The session is
 * gone after it; the front is not called any more. */
void session_close(struct session *s);

/* ---- What it is ----------------------------------------------------------------------- */

struct span session_id(const struct session *s);      /* SESSION_ID_SIZE bytes */
struct span session_user(const struct session *s);    /* bare address */
struct span session_address(const struct session *s); /* full address */
struct span session_resource(const struct session *s);
uint64_t session_epoch(const struct session *s);
uint64_t session_safe(const struct session *s); /* h */
struct im_worker *session_worker(const struct session *s);
uint32_t session_resume_window_ms(const struct session *s);

/* ---- From the client ------------------------------------------------------------------ */

/* A stanza begins; its n, which goes into exactly one of the calls below. */
uint64_t session_count(struct session *s);

/* A message, or a request or reply for another address. Its from is the session's. */
void session_send(struct session *s, uint64_t n, struct packet *p);
/* Available or unavailable, broadcast or directed (to is set). */
void session_presence(struct session *s, uint64_t n, struct presence *p);
/* A subscription stanza; to is a bare address. */
void session_subscribe(struct session *s, uint64_t n, struct presence *p);
/* The front end dealt with it itself. */
void session_handled(struct session *s, uint64_t n);

/* rc 0: result is what the applier answered (see store.proto); else ERR_FULL,
 * ERR_NO_SPACE: nothing was changed. */
typedef void (*session_done_fn)(struct session *s, struct span ticket, int rc,
                                const Store__Result *result);

struct session_roster_item {
    struct span contact, name;
    const struct span *groups;
    size_t group_count;
};
void session_roster_set(struct session *s, uint64_t n, const struct session_roster_item *item,
                        struct span ticket, session_done_fn done);
void session_roster_remove(struct session *s, uint64_t n, struct span contact,
                           struct span ticket, session_done_fn done);

struct session_block_change {
    const struct span *add, *remove;
    size_t add_count, remove_count;
    bool remove_all;
};
void session_block(struct session *s, uint64_t n, const struct session_block_change *change,
                   struct span ticket, session_done_fn done);
void session_archive_prefs(struct session *s, uint64_t n, const Store__ArchivePrefs *prefs,
                           struct span ticket, session_done_fn done);

/* The stanza will change something durable, but its request needs time to be made (a
 * password to be hashed): later durable stanzas wait for it. */
void session_defer(struct session *s, uint64_t n);
/* The user's own account, say a new password; the session stays when the others end. */
void session_put_user(struct session *s, uint64_t n, const Store__UserPut *put,
                      struct span ticket, session_done_fn done);

/* ---- To the client -------------------------------------------------------------------- */

/* A stanza the front end made (an answer, say), in order with all others. May be called
 * while the session is detached. */
void session_write(struct session *s, struct span wire);

/* Stream management is on from here; both counts begin at 0. */
void session_enable_acks(struct session *s, bool is_resumable);
bool session_has_acks(const struct session *s);

/* The client has h stanzas (XEP-0198 count, modulo 2^32). ERR_PROTOCOL: more than it was sent.
 */
int session_acked(struct session *s, uint32_t h);

/* Without acknowledgements: the peer's TCP has taken everything up to seq. */
void session_delivered(struct session *s, uint64_t seq);

/* Stanzas written and not acknowledged. */
size_t session_unacked(const struct session *s);

/* ---- Switches ------------------------------------------------------------------------- */

void session_set_carbons(struct session *s, bool is_on);
void session_set_active(struct session *s, bool is_active); /* XEP-0352 */
void session_want_roster(struct session *s);                /* push roster changes to it */
void session_want_blocks(struct session *s);                /* push block list changes to it */
/* It queried the archive: before its first presence, kept messages leave the inbox (M6). */
void session_archive_queried(struct session *s);
