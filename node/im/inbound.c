/* SPDX-License-Identifier: Apache-2.0 */
#include "node/im/inbound.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void inbound_done(struct inbound *in)
{
    free(in->entries);
    memset(in, 0, sizeof(*in));
}

static struct inbound_entry *inbound_at(struct inbound *in, size_t i)
{
    return &in->entries[in->first + i];
}

/* Appends; the effective ones at the front have been dropped, so the array moves to its
 * start now and then instead of growing for ever. */
static struct inbound_entry *inbound_append(struct inbound *in, uint64_t n)
{
    if (in->first + in->count == in->capacity) {
        if (in->first > in->count) {
            memmove(in->entries, inbound_at(in, 0), in->count * sizeof(*in->entries));
        } else {
            in->capacity = in->capacity ? in->capacity * 2 : 16;
            struct inbound_entry *grown = mem_zeroed(in->capacity, sizeof(*grown));
            if (in->count)
                memcpy(grown, inbound_at(in, 0), in->count * sizeof(*grown));
            free(in->entries);
            in->entries = grown;
        }
        in->first = 0;
    }
    struct inbound_entry *e = inbound_at(in, in->count++);
    *e = (struct inbound_entry){.n = n};
    return e;
}

/* NULL when n is effective and forgotten. */
static struct inbound_entry *inbound_find(struct inbound *in, uint64_t n)
{
    size_t low = 0;
    size_t high = in->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (inbound_at(in, middle)->n < n)
            low = middle + 1;
        else
            high = middle;
    }
    return low < in->count && inbound_at(in, low)->n == n ? inbound_at(in, low) : NULL;
}

static void inbound_advance(struct inbound *in)
{
    while (in->count && inbound_at(in, 0)->state == INBOUND_EFFECTIVE) {
        in->safe = inbound_at(in, 0)->n;
        in->first++;
        in->count--;
    }
}

static void inbound_effective(struct inbound *in, struct inbound_entry *e)
{
    assert(e->state != INBOUND_EFFECTIVE && e->state != INBOUND_FLIGHT);
    e->state = INBOUND_EFFECTIVE;
    e->work = NULL;
    in->open_count--;
    inbound_advance(in);
}

uint64_t inbound_count(struct inbound *in)
{
    in->last_n++;
    in->open_count++;
    return inbound_append(in, in->last_n)->n;
}

void inbound_enable(struct inbound *in)
{
    in->last_n = ((in->last_n >> 32) + 1) << 32;
    inbound_append(in, in->last_n)->state = INBOUND_EFFECTIVE;
    inbound_advance(in);
}

void inbound_finish(struct inbound *in, uint64_t n)
{
    struct inbound_entry *e = inbound_find(in, n);
    if (e && (e->state == INBOUND_OPEN || e->state == INBOUND_DEFERRED))
        inbound_effective(in, e);
}

void inbound_defer(struct inbound *in, uint64_t n)
{
    struct inbound_entry *e = inbound_find(in, n);
    if (e && e->state == INBOUND_OPEN)
        e->state = INBOUND_DEFERRED;
}

void inbound_wait(struct inbound *in, uint64_t n, void *work)
{
    struct inbound_entry *e = inbound_find(in, n);
    assert(e && (e->state == INBOUND_OPEN || e->state == INBOUND_DEFERRED));
    e->state = INBOUND_WAITING;
    e->work = work;
}

void inbound_abandon(struct inbound *in, bool (*is_kept)(uint64_t n, void *arg), void *arg)
{
    for (size_t i = 0; i < in->count; i++) {
        struct inbound_entry *e = inbound_at(in, i);
        if ((e->state == INBOUND_OPEN || e->state == INBOUND_DEFERRED) && !is_kept(e->n, arg)) {
            e->state = INBOUND_EFFECTIVE;
            in->open_count--;
        }
    }
    inbound_advance(in);
}

/* The first that waits, unless one before it is still to become durable. */
static struct inbound_entry *inbound_waiting(struct inbound *in)
{
    for (size_t i = 0; i < in->count; i++) {
        struct inbound_entry *e = inbound_at(in, i);
        if (e->state == INBOUND_WAITING)
            return e;
        if (e->state == INBOUND_DEFERRED)
            return NULL;
    }
    return NULL;
}

/* The count up to which all is effective or stands before n in the log. */
static uint64_t inbound_safe_with(struct inbound *in, uint64_t n)
{
    uint64_t safe = in->safe;
    for (size_t i = 0; i < in->count; i++) {
        const struct inbound_entry *e = inbound_at(in, i);
        if (e->n > n ||
            (e->n < n && e->state != INBOUND_EFFECTIVE && e->state != INBOUND_FLIGHT))
            break;
        safe = e->n;
    }
    return safe;
}

void *inbound_next(struct inbound *in, struct inbound_origin *ret_origin)
{
    if (in->is_repairing)
        return NULL;
    struct inbound_entry *e = inbound_waiting(in);
    if (!e)
        return NULL;
    *ret_origin = (struct inbound_origin){
        .n = e->n, .prev = in->proposed_n, .safe = inbound_safe_with(in, e->n)};
    return e->work;
}

bool inbound_is_stuck(const struct inbound *in)
{
    for (size_t i = 0; i < in->count; i++) {
        const struct inbound_entry *e = &in->entries[in->first + i];
        if (e->state == INBOUND_WAITING && e->tries >= INBOUND_TRIES_MAX)
            return true;
    }
    return false;
}

void inbound_proposed(struct inbound *in, uint64_t n)
{
    struct inbound_entry *e = inbound_find(in, n);
    assert(e && e->state == INBOUND_WAITING && !in->is_repairing);
    e->state = INBOUND_FLIGHT;
    e->tries++;
    in->flight_count++;
    /* One whose outcome was unknown may lie behind what is known to be applied. */
    in->proposed_n = n > in->proposed_n ? n : in->proposed_n;
}

void inbound_refused(struct inbound *in, uint64_t n)
{
    struct inbound_entry *e = inbound_find(in, n);
    assert(e && e->state == INBOUND_WAITING);
    inbound_effective(in, e);
}

void inbound_answered(struct inbound *in, uint64_t n, enum inbound_verdict verdict)
{
    struct inbound_entry *e = inbound_find(in, n);
    assert(e && e->state == INBOUND_FLIGHT && in->flight_count > 0);
    in->flight_count--;
    e->state = INBOUND_RETRY;
    if (verdict != INBOUND_APPLIED)
        in->is_repairing = true;
    if (verdict != INBOUND_AGAIN)
        inbound_effective(in, e);
}

bool inbound_wants_repair(const struct inbound *in)
{
    return in->is_repairing && in->flight_count == 0;
}

void inbound_repair(struct inbound *in, uint64_t durable_n)
{
    assert(inbound_wants_repair(in));
    in->is_repairing = false;
    in->proposed_n = durable_n;
    for (size_t i = 0; i < in->count; i++) {
        struct inbound_entry *e = inbound_at(in, i);
        if (e->state == INBOUND_RETRY)
            e->state = INBOUND_WAITING;
    }
}
