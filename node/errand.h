/* SPDX-License-Identifier: Apache-2.0 */
/* Errand: a function call that another loop's thread shall make; for start, stop and news,
 * not for traffic. Threads: any. */
#pragma once

struct loop;

/* Calls fn(arg) on the loop's thread, never from inside. A loop that is closed drops it. */
void errand_send(struct loop *loop, void (*fn)(void *arg), void *arg);
