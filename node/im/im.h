/* SPDX-License-Identifier: Apache-2.0 */
/* IM core: who talks to whom. Knows users, sessions and messages, and no protocol.
 *
 * Every online user is an actor on one worker, chosen by the hash of the bare address; all
 * sessions of the user live there. Users meet only by messages between workers, on one
 * worker too. The durable truth is the replica's; each worker follows its change feed.
 *
 * Threads: im_new(), im_free() by the owner while no worker is open; im_worker_open() and
 * what takes a worker on that worker's loop; the rest from any. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"
#include "base/strbuf.h"
#include "node/im/session.h"

struct im;
struct im_worker;
struct loop;
struct replica;
struct statedb_view;

struct im_settings {
    uint32_t sessions_max;     /* a user's; over it one is replaced: 20 */
    uint32_t resume_window_ms; /* 300,000 */
    uint32_t roster_max;       /* items a user: 2,000 */
    uint32_t blocked_max;      /* items a user: 1,000 */
    uint32_t inbox_max;        /* messages waiting for a user: 10,000 */
};
/* The defaults above. */
void im_settings_init(struct im_settings *ret_settings);

struct im_config {
    struct replica *replica; /* borrowed, outlives the core */
    const char *domain;      /* the only one served here */
    uint64_t node_id, node_epoch;
    struct loop *const *loops; /* of the workers; borrowed until im_free() */
    unsigned worker_count;
    /* Fills in the current settings; called on each worker when it opens and whenever a
     * setting has changed. NULL: the defaults. */
    void (*load_settings)(struct im_settings *ret_settings, void *arg);
    void *arg;
};

int im_new(const struct im_config *config, struct im **ret_im);
void im_free(struct im *im); /* after all workers closed; NULL is fine */

/* Starts the part of worker `index` on its own loop, which is the calling thread's. */
int im_worker_open(struct im *im, unsigned index);

/* Ends every session (SESSION_END_SHUTDOWN) and flushes what is known of them; closed() is
 * called later on the worker's loop, once everything it proposed is answered. */
void im_worker_close(struct im *im, unsigned index, void (*closed)(void *arg), void *arg);

/* The worker that serves a user, and its loop. Any thread. */
struct im_worker *im_worker_of(struct im *im, struct span user);
struct loop *im_loop_of(struct im *im, struct span user);
struct loop *im_worker_loop(const struct im_worker *w);
struct im *im_worker_im(const struct im_worker *w);

struct replica *im_replica(const struct im *im);
const struct statedb_view *im_view(const struct im *im); /* for reads, any thread */
struct span im_domain(const struct im *im);
/* Does the address belong to our domain? */
bool im_is_local(const struct im *im, struct span address);
/* Parts of an address in its prepared form. */
struct span im_bare(struct span address);
struct span im_resource(struct span address); /* SPAN_NONE when bare */

/* Ends a user's sessions, or the one with that resource. Any thread; ERR_FULL, ERR_CLOSED. */
int im_end_sessions(struct im *im, struct span user, struct span resource,
                    enum session_end why);

/* Numbers of now, for metrics. Any thread; a little old. */
struct im_counts {
    uint64_t users, sessions, detached;
};
void im_counts(const struct im *im, struct im_counts *ret_counts);
