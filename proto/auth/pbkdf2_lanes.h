/* SPDX-License-Identifier: Apache-2.0 */
/* PBKDF2's iterations for many passwords at once, each in a lane of 512-bit vectors: 16
 * lanes for SHA-1 and SHA-256, 8 for SHA-512. For processors with AVX-512; with vectors of
 * 256 bits there is hardly anything to gain (docs/performance.md). pbkdf2.h has the numbers
 * and is what to call.
 *
 * Pure; any thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "proto/auth/pbkdf2.h"

/* One password on its way. The states after a block of padded key are the hash's chaining
 * words in the order and byte order of the machine. The caller wipes it. */
struct pbkdf2_lane {
    uint8_t inner[PBKDF2_OUT_MAX];
    uint8_t outer[PBKDF2_OUT_MAX];
    uint8_t sum[PBKDF2_OUT_MAX]; /* in: U1; out: the sum of all; bytes as they are sent */
};

/* How many lanes there are for this hash, at most PBKDF2_MANY; 0 when this processor has none.
 */
size_t pbkdf2_lanes_width(enum pbkdf2_hash hash);

/* All iterations but the first. 1 <= count <= pbkdf2_lanes_width(hash); takes as long for
 * one as for all. */
void pbkdf2_lanes_iterate(enum pbkdf2_hash hash, struct pbkdf2_lane *lanes, size_t count,
                          uint32_t iterations);
