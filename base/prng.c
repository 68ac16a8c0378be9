/* SPDX-License-Identifier: Apache-2.0 */
#include "base/prng.h"

#include <assert.h>

static uint64_t prng_rotated(uint64_t x, int bits)
{
    return x << bits | x >> (64 - bits);
}

/* splitmix64: spreads one number over the state, which must not be all zero. */
void prng_seed(struct prng *p, uint64_t seed)
{
    for (int i = 0; i < 4; i++) {
        seed += 0x9e3779b97f4a7c15U;
        uint64_t z = seed;
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9U;
        z = (z ^ z >> 27) * 0x94d049bb133111ebU;
        p->state[i] = z ^ z >> 31;
    }
}

uint64_t prng_next(struct prng *p)
{
    uint64_t *s = p->state;
    const uint64_t result = prng_rotated(s[1] * 5, 7) * 9;
    const uint64_t shifted = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = prng_rotated(s[3], 45);
    return result;
}

uint64_t prng_below(struct prng *p, uint64_t bound)
{
    assert(bound > 0);
    const uint64_t uneven = -bound % bound; /* 2^64 mod bound: the part that would weigh more */
    uint64_t number = prng_next(p);
    while (number < uneven)
        number = prng_next(p);
    return number % bound;
}
