/* SPDX-License-Identifier: Apache-2.0 */
/* Allowance: how many bytes a peer may send before it must wait (a token bucket). Pure. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct allowance {
    int64_t bytes; /* left; negative: the peer is ahead of its rate */
    uint64_t at_ms;
};

/* Takes size bytes off. rate: bytes a second in the long run, > 0; burst: bytes a peer may
 * be ahead of that. Returns for how many ms to stop reading, mostly 0. */
static inline uint64_t allowance_charge(struct allowance *a, uint32_t rate, uint32_t burst,
                                        size_t size, uint64_t now_ms)
{
    a->bytes += (int64_t)((now_ms - a->at_ms) * rate / 1000);
    if (a->bytes > (int64_t)burst)
        a->bytes = (int64_t)burst;
    a->at_ms = now_ms;
    a->bytes -= (int64_t)size;
    return a->bytes >= 0 ? 0 : (uint64_t)-a->bytes * 1000 / rate + 1;
}
