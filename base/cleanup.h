/* SPDX-License-Identifier: Apache-2.0 */
/* Scope-bound release of locals (GCC and Clang `cleanup` attribute). */
#pragma once

/* Declare a local that FN releases on every way out of the scope. FN takes the
 * address of the local and accepts a local that was never filled in. */
#define CLEANUP(fn) __attribute__((cleanup(fn)))

/* Hand an owned pointer on: yields its value and leaves NULL behind, so that
 * the local's cleanup has nothing left to do. */
#define STEAL(ptr)                                                                             \
    __extension__({                                                                            \
        __typeof__(ptr) stolen_ = (ptr);                                                       \
        (ptr) = NULL;                                                                          \
        stolen_;                                                                               \
    })
