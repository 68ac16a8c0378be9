/* SPDX-License-Identifier: Apache-2.0 */
/* Seeded pseudo-random numbers (xoshiro256**, Blackman and Vigna 2018): one seed replays one
 * run. For tests, simulation and jitter; never for secrets (entropy.h). Plain data. */
#pragma once

#include <stdint.h>

struct prng {
    uint64_t state[4];
};

void prng_seed(struct prng *p, uint64_t seed);
uint64_t prng_next(struct prng *p);

/* Even over 0 .. bound - 1; bound > 0. */
uint64_t prng_below(struct prng *p, uint64_t bound);
