/* SPDX-License-Identifier: Apache-2.0 */
#include "base/wheel.h"

#include <assert.h>

#include "base/mem.h"

enum {
    WHEEL_LEVELS = 5,
    WHEEL_BITS = 6, /* of a tick number that one level looks at */
    WHEEL_SLOTS = 1 << WHEEL_BITS,
};

/* A timer stands on the lowest level whose turn reaches its due tick, in the slot of that
 * tick. When time reaches a slot of a higher level, its timers move down. */
struct wheel {
    uint64_t tick; /* all that was due up to here has fired */
    uint64_t occupied[WHEEL_LEVELS];
    struct wheel_timer *slots[WHEEL_LEVELS][WHEEL_SLOTS];
};

void wheel_new(uint64_t now_ms, struct wheel **ret_wheel)
{
    struct wheel *w = mem_zeroed(1, sizeof(*w));
    w->tick = now_ms / WHEEL_GRAIN_MS;
    *ret_wheel = w;
}

void wheel_free(struct wheel *w)
{
    if (!w)
        return;
    for (int level = 0; level < WHEEL_LEVELS; level++)
        for (int slot = 0; slot < WHEEL_SLOTS; slot++)
            for (struct wheel_timer *t = w->slots[level][slot]; t;) {
                struct wheel_timer *next = t->next;
                t->next = NULL;
                t->where = NULL;
                t = next;
            }
    free(w);
}

static void wheel_timer_link(struct wheel_timer **head, struct wheel_timer *t)
{
    t->next = *head;
    t->where = head;
    if (t->next)
        t->next->where = &t->next;
    *head = t;
}

static void wheel_timer_unlink(struct wheel_timer *t)
{
    *t->where = t->next;
    if (t->next)
        t->next->where = t->where;
    t->next = NULL;
    t->where = NULL;
}

static void wheel_timer_place(struct wheel *w, struct wheel_timer *t)
{
    const uint64_t distance_max = ((uint64_t)1 << (WHEEL_BITS * WHEEL_LEVELS)) - 1;
    uint64_t tick = t->due_tick;
    if (tick - w->tick > distance_max)
        tick = w->tick + distance_max; /* placed anew when that comes */

    int level = 0;
    while (level < WHEEL_LEVELS - 1 && (tick - w->tick) >> (WHEEL_BITS * (level + 1)))
        level++;
    const uint64_t slot = tick >> (WHEEL_BITS * level) & (WHEEL_SLOTS - 1);
    wheel_timer_link(&w->slots[level][slot], t);
    w->occupied[level] |= (uint64_t)1 << slot;
}

void wheel_set(struct wheel *w, struct wheel_timer *t, uint64_t due_ms)
{
    assert(t->expired);
    wheel_cancel(w, t);
    t->due_tick = due_ms / WHEEL_GRAIN_MS + (due_ms % WHEEL_GRAIN_MS != 0);
    if (t->due_tick <= w->tick)
        t->due_tick = w->tick + 1;
    wheel_timer_place(w, t);
}

void wheel_cancel(struct wheel *w, struct wheel_timer *t)
{
    if (!t->where)
        return;
    const uintptr_t where = (uintptr_t)t->where;
    wheel_timer_unlink(t);

    const uintptr_t first = (uintptr_t)&w->slots[0][0];
    if (where < first || where >= first + sizeof(w->slots))
        return; /* it was not the first of its slot */
    const size_t index = (where - first) / sizeof(struct wheel_timer *);
    if (!w->slots[index / WHEEL_SLOTS][index % WHEEL_SLOTS])
        w->occupied[index / WHEEL_SLOTS] &= ~((uint64_t)1 << (index % WHEEL_SLOTS));
}

/* The next tick at which some slot's turn comes; UINT64_MAX: none is occupied. */
static uint64_t wheel_next_tick(const struct wheel *w)
{
    uint64_t nearest = UINT64_MAX;
    for (int level = 0; level < WHEEL_LEVELS; level++) {
        if (!w->occupied[level])
            continue;
        const uint64_t here = w->tick >> (WHEEL_BITS * level);
        const unsigned first = (unsigned)(here + 1) & (WHEEL_SLOTS - 1);
        const uint64_t bits = w->occupied[level];
        const uint64_t turned = first ? bits >> first | bits << (WHEEL_SLOTS - first) : bits;
        const uint64_t ahead = 1 + (uint64_t)__builtin_ctzll(turned);
        const uint64_t tick = (here + ahead) << (WHEEL_BITS * level);
        if (tick < nearest)
            nearest = tick;
    }
    return nearest;
}

/* Takes all timers of a slot onto a list of the caller's. */
static void wheel_take_slot(struct wheel *w, int level, struct wheel_timer **ret_list)
{
    const uint64_t slot = w->tick >> (WHEEL_BITS * level) & (WHEEL_SLOTS - 1);
    *ret_list = w->slots[level][slot];
    if (*ret_list)
        (*ret_list)->where = ret_list;
    w->slots[level][slot] = NULL;
    w->occupied[level] &= ~((uint64_t)1 << slot);
}

static void wheel_fire_tick(struct wheel *w)
{
    struct wheel_timer *list = NULL;

    for (int level = WHEEL_LEVELS - 1; level > 0; level--) {
        if (w->tick & (((uint64_t)1 << (WHEEL_BITS * level)) - 1))
            continue;
        wheel_take_slot(w, level, &list);
        while (list) {
            struct wheel_timer *t = list;
            wheel_timer_unlink(t);
            wheel_timer_place(w, t);
        }
    }
    wheel_take_slot(w, 0, &list);
    while (list) { /* expired() may cancel others of the list: they leave it then */
        struct wheel_timer *t = list;
        wheel_timer_unlink(t);
        t->expired(t, t->arg);
    }
}

void wheel_advance(struct wheel *w, uint64_t now_ms)
{
    const uint64_t target = now_ms / WHEEL_GRAIN_MS;
    for (;;) {
        const uint64_t tick = wheel_next_tick(w);
        if (tick > target)
            break;
        w->tick = tick;
        wheel_fire_tick(w);
    }
    if (target > w->tick)
        w->tick = target;
}

uint64_t wheel_next_ms(const struct wheel *w)
{
    const uint64_t tick = wheel_next_tick(w);
    return tick == UINT64_MAX ? UINT64_MAX : tick * WHEEL_GRAIN_MS;
}
