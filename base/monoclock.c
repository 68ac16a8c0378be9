/* SPDX-License-Identifier: Apache-2.0 */
#include "base/monoclock.h"

#include <stdlib.h>
#include <time.h>

static uint64_t clock_us(clockid_t clock)
{
    struct timespec now;
    if (clock_gettime(clock, &now) != 0)
        abort(); /* both clocks exist on every kernel we run on */
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

uint64_t monoclock_us(void)
{
    return clock_us(CLOCK_BOOTTIME);
}

uint64_t monoclock_ms(void)
{
    return clock_us(CLOCK_BOOTTIME) / 1000;
}

uint64_t monoclock_wall_us(void)
{
    return clock_us(CLOCK_REALTIME);
}
