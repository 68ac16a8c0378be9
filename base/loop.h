/* SPDX-License-Identifier: Apache-2.0 */
/* Loop: a thread's event loop: a libuv loop, a mailbox, a timer wheel and a local queue.
 *
 * Objects belong to the loop they live on and are touched on its thread only. Other threads
 * reach them by messages. A turn of the loop is: timers, I/O callbacks, then what these put
 * into the local queue, then what they asked for at the end of the turn (flushing output).
 *
 * Life: loop_new, loop_set_owner, loop_start (or loop_run on a thread one has), loop_stop,
 * loop_join, loop_free. Stopping drops nothing that was accepted before: messages posted
 * before loop_stop() are delivered, later ones refused. After that the loop (its wheel too)
 * goes on until every handle that its objects opened is closed.
 *
 * Threads: each function says which; "own thread" is the one that runs the loop, and before
 * the loop runs whoever sets it up. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/mailbox.h"
#include "base/wheel.h"

struct loop; /* opaque */

/* name: for the thread, at most 15 bytes are shown. mailbox_capacity: messages, >= 1.
 * Returns 0 and a loop that the caller frees, or a negative error. */
int loop_new(const char *name, size_t mailbox_capacity, struct loop **ret_loop);

/* Whom deliver() is handed; borrowed; before the loop runs. */
void loop_set_owner(struct loop *loop, void *owner);
void *loop_owner(const struct loop *loop);
const char *loop_name(const struct loop *loop);

/* Runs it on a new thread, which takes no signals. Returns 0 or a negative error. */
int loop_start(struct loop *loop);

/* Runs it on the calling thread until it was stopped and no active handles are left. */
void loop_run(struct loop *loop);

/* Any thread, any number of times. */
void loop_stop(struct loop *loop);

/* Waits for the thread of loop_start(); without one does nothing. */
void loop_join(struct loop *loop);

/* After the run (or instead of one), when no sender is left. NULL is fine. */
void loop_free(struct loop *loop);

/* Own thread. Handles opened here keep the loop alive until they are closed. */
uv_loop_t *loop_uv(struct loop *loop);
struct wheel *loop_wheel(struct loop *loop);

/* Own thread: CLOCK_BOOTTIME in ms, as of the last time the loop woke. */
uint64_t loop_now_ms(const struct loop *loop);

/* The loop that runs on the calling thread, or NULL. */
struct loop *loop_current(void);

/* Any thread. Returns 0, and the loop owns m; or ERR_FULL or ERR_CLOSED, and the caller
 * still does. From the own thread it takes no lock and runs after the current callback. */
int loop_post(struct loop *loop, struct message *m);

/* Any thread, never refused: for answers to what was counted when it was accepted. A loop
 * that is stopped discards it. */
void loop_reply(struct loop *loop, struct message *m);

/* Own thread: runs m after the current callback; unbounded, works until the loop ends. */
void loop_later(struct loop *loop, struct message *m);

/* Own thread: runs m when the local queue is empty, before the loop sleeps or polls. */
void loop_at_turn_end(struct loop *loop, struct message *m);

/* Own thread, at the end of a turn: delivers what other threads have posted so far. Who
 * reads shared state next has then seen every message that was sent before it became so. */
void loop_drain(struct loop *loop);

/* Any thread: a counter that moves at least once a second while the loop is healthy. */
uint64_t loop_beat(const struct loop *loop);

/* Own thread: one pointer a loop keeps for base/bytestream.c; released with the loop. */
void *loop_scratch(const struct loop *loop);
void loop_set_scratch(struct loop *loop, void *scratch, void (*release)(void *scratch));
