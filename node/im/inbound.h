/* SPDX-License-Identifier: Apache-2.0 */
/* Inbound: the counts of what a session's client sent, and in which order its durable
 * stanzas go into the log. Pure: no store, no clock.
 *
 * Every stanza gets a number n. A durable one names the durable one before it (`prev`), so
 * the applier takes them in order or not at all. When one did not get in (it was refused
 * before it reached the log, its outcome is unknown, or a gap was found), nothing more is
 * proposed until all that are in flight are answered; then those that were not applied go
 * again, in order, behind the last one that was.
 *
 * `safe` is the highest count up to which every effect has taken place: the only thing a
 * client may be told (XEP-0198's h). A durable stanza carries the safe that will hold once
 * it is applied: everything up to it is either done or stands before it in the log.
 *
 * n = generation << 32 | count. Enabling acknowledgements begins a new generation with
 * count 0, as XEP-0198 wants, while n still only grows; h is the low half. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    INBOUND_UNCOMMITTED_MAX = 256, /* over it the session stops reading */
    INBOUND_TRIES_MAX = 8,         /* proposals of one stanza before it is given up */
};

enum inbound_state {
    INBOUND_OPEN,      /* counted; its effect is under way */
    INBOUND_DEFERRED,  /* will be durable; later durable ones wait for it */
    INBOUND_WAITING,   /* durable, to be proposed */
    INBOUND_FLIGHT,    /* proposed, not answered */
    INBOUND_RETRY,     /* answered, not applied; goes again */
    INBOUND_EFFECTIVE, /* its effect has taken place, or it was refused and told so */
};

enum inbound_verdict {
    INBOUND_APPLIED, /* applied, or had been; a refusal by a rule counts */
    INBOUND_AGAIN,   /* not applied because of a gap, or nobody knows */
    INBOUND_NEVER,   /* never entered the log: the client has been told */
};

struct inbound_entry {
    uint64_t n;
    enum inbound_state state;
    unsigned tries;
    void *work; /* the caller's, of a durable one */
};

struct inbound {
    struct inbound_entry *entries; /* by n; the first is not effective */
    size_t first, count, capacity;
    uint64_t last_n;
    uint64_t safe;
    uint64_t proposed_n; /* of the last that was proposed: the next prev */
    size_t open_count;   /* entries that are not effective */
    size_t flight_count;
    bool is_repairing;
};

/* What a proposal carries besides session and epoch. */
struct inbound_origin {
    uint64_t n, prev, safe;
};

/* Ready when zeroed. The works of waiting entries are the caller's. */
void inbound_done(struct inbound *in);

/* Counts a stanza: its n, state OPEN. */
uint64_t inbound_count(struct inbound *in);
/* Begins the next generation, count 0. */
void inbound_enable(struct inbound *in);

/* OPEN to EFFECTIVE. A number that is effective already is left alone. */
void inbound_finish(struct inbound *in, uint64_t n);
/* OPEN to DEFERRED. */
void inbound_defer(struct inbound *in, uint64_t n);
/* OPEN or DEFERRED to WAITING. */
void inbound_wait(struct inbound *in, uint64_t n, void *work);
/* What is OPEN or DEFERRED becomes EFFECTIVE: nobody is left who could finish it. Entries
 * for which is_kept(n, arg) holds stay. */
void inbound_abandon(struct inbound *in, bool (*is_kept)(uint64_t n, void *arg), void *arg);

/* The work that may be proposed now, and its origin; NULL: none. It stays WAITING until
 * inbound_proposed() or inbound_refused(). A work that has had INBOUND_TRIES_MAX tries is
 * returned all the same: see inbound_is_stuck(). */
void *inbound_next(struct inbound *in, struct inbound_origin *ret_origin);
bool inbound_is_stuck(const struct inbound *in);
void inbound_proposed(struct inbound *in, uint64_t n);
/* It was not taken and the client was told: EFFECTIVE. */
void inbound_refused(struct inbound *in, uint64_t n);
/* The answer to what is in FLIGHT. */
void inbound_answered(struct inbound *in, uint64_t n, enum inbound_verdict verdict);

/* A repair waits for the truth: no flight is left. The caller reads the session's row and
 * says the n of its last durable stanza; what was not applied then waits again. */
bool inbound_wants_repair(const struct inbound *in);
void inbound_repair(struct inbound *in, uint64_t durable_n);

/* Everything counted is effective. */
static inline bool inbound_is_quiet(const struct inbound *in)
{
    return in->open_count == 0;
}
static inline bool inbound_is_full(const struct inbound *in)
{
    return in->open_count >= INBOUND_UNCOMMITTED_MAX;
}
/* What the client may be told: safe within the current generation. */
static inline uint64_t inbound_safe_h(const struct inbound *in)
{
    return in->safe >> 32 == in->last_n >> 32 ? in->safe & UINT32_MAX : 0;
}
/* Of an n: the count that the client knows. */
static inline uint64_t inbound_h(uint64_t n)
{
    return n & UINT32_MAX;
}
/* The h of a stored `safe` for a client that has acknowledgements on. */
static inline uint64_t inbound_stored_h(uint64_t safe)
{
    return safe >> 32 ? inbound_h(safe) : 0;
}
