/* SPDX-License-Identifier: Apache-2.0 */
/* The two clocks. Code below the loop gets time handed in; this is where it comes from.
 * Threads: any. */
#pragma once

#include <stdint.h>

/* CLOCK_BOOTTIME: goes on while the machine sleeps, never back, and means nothing on
 * another machine. */
uint64_t monoclock_ms(void);
uint64_t monoclock_us(void);

/* Wall clock, microseconds since 1970. It may jump: for stamps, never for deadlines. */
uint64_t monoclock_wall_us(void);

static inline uint64_t wallclock_us(void)
{
    return monoclock_wall_us();
}
