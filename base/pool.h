/* SPDX-License-Identifier: Apache-2.0 */
/* Pool: threads for one blocking or long job on loan (password hashing, files).
 *
 * A job owns all it needs and touches nothing else. It is queued, worked on by one of the
 * threads, then comes home as a message. The queue is bounded: a full one refuses and the
 * submitter sheds load.
 *
 * Threads: pool_submit() from any; work() runs on a pool thread, done.deliver on home. */
#pragma once

#include <stddef.h>

#include "base/mailbox.h"

struct loop;
struct pool; /* opaque */

/* Embed it, as the first member; fill in all four. */
struct pool_job {
    struct message done; /* deliver: on home when worked; discard: home or pool is closed */
    void (*work)(struct pool_job *job);
    struct loop *home;
};

/* threads >= 1, queue_max >= 1 (jobs that wait). Returns 0 or a negative error. */
int pool_new(unsigned threads, size_t queue_max, struct pool **ret_pool);

/* Returns 0, and the job comes home or is discarded, exactly once; or ERR_FULL or
 * ERR_CLOSED and the caller keeps it. */
int pool_submit(struct pool *pool, struct pool_job *job);

/* Finishes what is being worked on, discards what waits, ends the threads. Blocks. NULL is
 * fine. The homes must still exist. */
void pool_free(struct pool *pool);
