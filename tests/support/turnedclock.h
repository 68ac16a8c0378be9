/* SPDX-License-Identifier: Apache-2.0 */
/* A clock that a test turns forward, instead of sleeping: for its own thread the machine
 * seems to have been asleep. CLOCK_BOOTTIME, which base/monoclock.h and with it every loop
 * of that thread goes by, has then moved on by more than CLOCK_MONOTONIC. Other threads see
 * the time as it is. Included by one file of a program. */
#pragma once

#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static _Thread_local uint64_t turnedclock_ms;

static inline void turnedclock_add(uint64_t ms)
{
    turnedclock_ms += ms;
}

/* In place of the C library's, whose declaration has names that are reserved to it. */
int turnedclock_gettime(clockid_t clock, struct timespec *ret_now) __asm__("clock_gettime");
int turnedclock_gettime(clockid_t clock, struct timespec *ret_now)
{
    const int rc = (int)syscall(SYS_clock_gettime, clock, ret_now);
    if (rc == 0 && clock == CLOCK_BOOTTIME) {
        ret_now->tv_sec += (time_t)(turnedclock_ms / 1000);
        ret_now->tv_nsec += (long)(turnedclock_ms % 1000) * 1000000;
        if (ret_now->tv_nsec >= 1000000000) {
            ret_now->tv_nsec -= 1000000000;
            ret_now->tv_sec++;
        }
    }
    return rc;
}
