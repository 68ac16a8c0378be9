/* SPDX-License-Identifier: Apache-2.0 */
/* Fault points: places that a test can make fail.
 *
 *     if (FAULT("raftdb.write"))
 *         return ERR_STORAGE;
 *
 * Compiled in always; while nothing is armed a point costs one predictable branch. The set
 * of armed points is the process's. Threads: any. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/strbuf.h"

enum { FAULTS_MAX = 32, FAULTS_NAME_MAX = 48 };

extern atomic_bool faults_armed; /* read by FAULT() only */

#define FAULT(name)                                                                            \
    (atomic_load_explicit(&faults_armed, memory_order_relaxed) && faults_hit(name))

/* True when this call of the point shall fail. */
bool faults_hit(const char *name);

/* Arms a point: calls nth .. nth + count - 1 fail (the first call is 1; count 0: all from
 * nth on). Returns 0, ERR_INVALID for a name too long or nth 0, ERR_FULL. */
int faults_arm(const char *name, uint64_t nth, uint64_t count);

/* Arms a point to fail by chance, in `permille` of 1000 calls; the seed repeats the run. */
int faults_arm_random(const char *name, unsigned permille, uint64_t seed);

/* Arms from text: "raftdb.write=3 statedb.open=1+2 link.send=~50/7": nth, nth+count,
 * ~permille/seed. Returns 0 or ERR_INVALID with a word why; then nothing is armed. */
int faults_arm_text(const char *text, struct strbuf *ret_why);

/* How often an armed point was passed, failing or not. */
uint64_t faults_passed(const char *name);

/* Disarms all. */
void faults_reset(void);
