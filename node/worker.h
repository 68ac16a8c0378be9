/* SPDX-License-Identifier: Apache-2.0 */
/* Worker: one of the threads that serve clients. It owns its listeners (all workers share
 * the ports by SO_REUSEPORT), its connections, and the users whose hash falls to it.
 *
 * Threads: worker_new() and worker_free() the main thread's, before and after the loop runs;
 * worker_close() from any. */
#pragma once

#include <stdint.h>

#include "base/strbuf.h"
#include "node/xmpp/c2s.h"

struct credentials;
struct im;
struct loop;
struct node_config;
struct pool;
struct replica;
struct tlsctx;
struct worker;
struct xmpp_metrics;

struct worker_config {     /* everything borrowed for the worker's life */
    unsigned index, count; /* of how many */
    struct loop *loop;
    struct im *im;
    const struct node_config *node;
    const char *domain;
    struct tlsctx *starttls, *direct_tls;
    struct credentials *credentials;
    const struct xmpp_metrics *metrics;
    struct pool *pool;
    struct replica *replica;
    /* Called once on the worker's loop: rc 0, it serves; else why (ret_why of the port). */
    void (*opened)(struct worker *worker, int rc, const char *why, void *arg);
    void (*closed)(struct worker *worker, void *arg);
    void *arg;
};

/* Makes a worker on a loop that does not run yet, and starts that loop: listeners and the IM
 * core's part open on its thread. Returns 0 or why the thread could not start. */
int worker_start(const struct worker_config *config, struct worker **ret_worker);

/* Stops listening, ends every session and connection with the protocol's own word, flushes
 * what is known of them; closed() follows. Any thread. */
void worker_close(struct worker *worker);

/* Settings have changed: reads them again. Any thread. */
void worker_refresh(struct worker *worker);

struct loop *worker_loop(const struct worker *worker);
unsigned worker_index(const struct worker *worker);

/* After closed() and when the loop has ended. NULL is fine. */
void worker_free(struct worker *worker);
