/* SPDX-License-Identifier: Apache-2.0 */
/* Retention: the job that lets messages older than the setting archive.days leave every
 * archive, in bounded steps so that chat goes on between them.
 *
 * Only the leader's node proposes; a step that is refused is tried at the next round.
 *
 * Threads: the loop it is opened on. */
#pragma once

#include <stdint.h>

struct loop;
struct replica;
struct retention;

struct retention_config {
    struct loop *loop;
    struct replica *replica;  /* borrowed for the job's life */
    uint64_t first_ms;        /* until the first round; sign-ins come first after a start */
    uint64_t (*now_us)(void); /* wall clock */
};

/* Starts the rounds, an hour from end to beginning. */
struct retention *retention_open(const struct retention_config *config);

/* No step begins any more; one that is under way is answered before closed() is called, on
 * a later turn, and the job freed. NULL is fine: closed() is called at once. */
void retention_close(struct retention *r, void (*closed)(void *arg), void *arg);
