/* SPDX-License-Identifier: Apache-2.0 */
#include "replication/rostertable.h"

#include <assert.h>

enum { ROSTERTABLE_KINDS = 4 };

/* One column a kind, in the order of enum SubscribeKind: ask (subscribe), grant
 * (subscribed), cancel (unsubscribe), deny (unsubscribed). */
#define PASS(state)                                                                            \
    {                                                                                          \
        ROSTERTABLE_##state, true, false                                                       \
    }
#define DROP(state)                                                                            \
    {                                                                                          \
        ROSTERTABLE_##state, false, false                                                      \
    }
#define AUTO(state)                                                                            \
    {                                                                                          \
        ROSTERTABLE_##state, false, true                                                       \
    }

/* RFC 6121, A.2.1, A.2.3, A.2.2, A.2.4. */
static const struct rostertable_move outbound[ROSTERTABLE_STATES][ROSTERTABLE_KINDS] = {
    [ROSTERTABLE_NONE] = {PASS(NONE_OUT), DROP(NONE), PASS(NONE), DROP(NONE)},
    [ROSTERTABLE_NONE_OUT] = {PASS(NONE_OUT), DROP(NONE_OUT), PASS(NONE), DROP(NONE_OUT)},
    [ROSTERTABLE_NONE_IN] = {PASS(NONE_OUT_IN), PASS(FROM), PASS(NONE_IN), PASS(NONE)},
    [ROSTERTABLE_NONE_OUT_IN] = {PASS(NONE_OUT_IN), PASS(FROM_OUT), PASS(NONE_IN),
                                 PASS(NONE_OUT)},
    [ROSTERTABLE_TO] = {PASS(TO), DROP(TO), PASS(NONE), DROP(TO)},
    [ROSTERTABLE_TO_IN] = {PASS(TO_IN), PASS(BOTH), PASS(NONE_IN), PASS(TO)},
    [ROSTERTABLE_FROM] = {PASS(FROM_OUT), DROP(FROM), PASS(FROM), PASS(NONE)},
    [ROSTERTABLE_FROM_OUT] = {PASS(FROM_OUT), DROP(FROM_OUT), PASS(FROM), PASS(NONE_OUT)},
    [ROSTERTABLE_BOTH] = {PASS(BOTH), DROP(BOTH), PASS(FROM), PASS(TO)},
};

/* RFC 6121, A.3.1, A.3.3, A.3.2, A.3.4. */
static const struct rostertable_move inbound[ROSTERTABLE_STATES][ROSTERTABLE_KINDS] = {
    [ROSTERTABLE_NONE] = {PASS(NONE_IN), DROP(NONE), DROP(NONE), DROP(NONE)},
    [ROSTERTABLE_NONE_OUT] = {PASS(NONE_OUT_IN), PASS(TO), DROP(NONE_OUT), PASS(NONE)},
    [ROSTERTABLE_NONE_IN] = {DROP(NONE_IN), DROP(NONE_IN), PASS(NONE), DROP(NONE_IN)},
    [ROSTERTABLE_NONE_OUT_IN] = {DROP(NONE_OUT_IN), PASS(TO_IN), PASS(NONE_OUT), PASS(NONE_IN)},
    [ROSTERTABLE_TO] = {PASS(TO_IN), DROP(TO), DROP(TO), PASS(NONE)},
    [ROSTERTABLE_TO_IN] = {DROP(TO_IN), DROP(TO_IN), PASS(TO), PASS(NONE_IN)},
    [ROSTERTABLE_FROM] = {AUTO(FROM), DROP(FROM), PASS(NONE), DROP(FROM)},
    [ROSTERTABLE_FROM_OUT] = {AUTO(FROM_OUT), PASS(BOTH), PASS(NONE_OUT), PASS(FROM)},
    [ROSTERTABLE_BOTH] = {AUTO(BOTH), DROP(BOTH), PASS(TO), PASS(FROM)},
};

static unsigned rostertable_column(Store__SubscribeKind kind)
{
    assert(kind >= STORE__SUBSCRIBE_KIND__SUBSCRIBE_ASK &&
           kind <= STORE__SUBSCRIBE_KIND__SUBSCRIBE_DENY);
    return (unsigned)kind - STORE__SUBSCRIBE_KIND__SUBSCRIBE_ASK;
}

struct rostertable_move rostertable_out(enum rostertable_state state, Store__SubscribeKind kind)
{
    assert(state < ROSTERTABLE_STATES);
    return outbound[state][rostertable_column(kind)];
}

struct rostertable_move rostertable_in(enum rostertable_state state, Store__SubscribeKind kind)
{
    assert(state < ROSTERTABLE_STATES);
    return inbound[state][rostertable_column(kind)];
}

static const struct rostertable_flags {
    bool is_to, is_from, is_out, is_in;
} rostertable_flags[ROSTERTABLE_STATES] = {
    [ROSTERTABLE_NONE] = {0},
    [ROSTERTABLE_NONE_OUT] = {.is_out = true},
    [ROSTERTABLE_NONE_IN] = {.is_in = true},
    [ROSTERTABLE_NONE_OUT_IN] = {.is_out = true, .is_in = true},
    [ROSTERTABLE_TO] = {.is_to = true},
    [ROSTERTABLE_TO_IN] = {.is_to = true, .is_in = true},
    [ROSTERTABLE_FROM] = {.is_from = true},
    [ROSTERTABLE_FROM_OUT] = {.is_from = true, .is_out = true},
    [ROSTERTABLE_BOTH] = {.is_to = true, .is_from = true},
};

enum rostertable_state rostertable_of_row(const Store__RosterRow *row)
{
    const bool is_out = row->is_pending_out && !row->is_to;
    const bool is_in = row->is_pending_in && !row->is_from;

    for (enum rostertable_state s = ROSTERTABLE_NONE; s < ROSTERTABLE_STATES; s++) {
        const struct rostertable_flags *f = &rostertable_flags[s];
        if (f->is_to == (bool)row->is_to && f->is_from == (bool)row->is_from &&
            f->is_out == is_out && f->is_in == is_in)
            return s;
    }
    return ROSTERTABLE_NONE; /* not reached: the flags above leave no other case */
}

void rostertable_to_row(enum rostertable_state state, Store__RosterRow *row)
{
    const struct rostertable_flags *f = &rostertable_flags[state];

    row->is_to = f->is_to;
    row->is_from = f->is_from;
    row->is_pending_out = f->is_out;
    row->is_pending_in = f->is_in;
}
