/* SPDX-License-Identifier: Apache-2.0 */
/* Crew: the workers of a node and the IM core they carry together.
 *
 * Their loops are made when the node starts; they begin to serve when the cluster's domain
 * is known, and end as one.
 *
 * Threads: the main thread; callbacks come on the main loop. */
#pragma once

#include <stdint.h>

struct admin_hooks_ask;
struct credentials;
struct crew;
struct loop;
struct node_config;
struct pool;
struct replica;
struct tlsctx;

enum { CREW_WORKERS_MAX = 64 };

struct crew_config { /* borrowed for the crew's life */
    struct loop *main;
    const struct node_config *node;
    struct tlsctx *starttls, *direct_tls;
    struct credentials *credentials;
    struct pool *pool;
    struct replica *replica;
    /* Once: rc 0, all workers serve; else why one of them cannot. */
    void (*opened)(int rc, const char *why, void *arg);
    void (*closed)(void *arg);
    void *arg;
};

/* Makes the workers' loops; nothing runs yet. Returns 0 or a negative error. */
int crew_new(const struct crew_config *config, struct crew **ret_crew);

/* Starts the workers for a domain (copied). Returns 0 and opened() follows; or a negative
 * error, and what was started must still be closed. */
int crew_open(struct crew *crew, const char *domain);

/* Ends every session and connection; closed() follows, at once when nothing was started. */
void crew_close(struct crew *crew);

/* After closed(), or when crew_open() was never called; and after the replica is gone,
 * whose answers the loops take until then. NULL is fine. */
void crew_free(struct crew *crew);

unsigned crew_worker_count(const struct crew *crew);
struct loop *crew_loop(const struct crew *crew, unsigned index);
const char *crew_domain(const struct crew *crew); /* NULL before crew_open() */

/* Sessions of this node; any thread, a little old. */
uint64_t crew_session_count(const struct crew *crew);

/* A question of the administration about live sessions (admin/admin_hooks.h). Any thread,
 * while the crew serves. Returns 0, or a negative error: not taken. */
int crew_ask(struct crew *crew, struct admin_hooks_ask *ask);
