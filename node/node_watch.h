/* SPDX-License-Identifier: Apache-2.0 */
/* Node watch: what the main thread looks after while the node serves: signals, certificate
 * files, the age of ticket keys, and whether every loop still turns (systemd's watchdog is
 * fed only then).
 *
 * Threads: the main loop's. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct loop;
struct node_watch;
struct tlsctx;

enum node_watch_signal {
    NODE_WATCH_STOP,   /* TERM, INT */
    NODE_WATCH_RELOAD, /* HUP */
    NODE_WATCH_DEBUG,  /* USR1 */
    NODE_WATCH_DUMP,   /* USR2 */
};

struct node_watch_events {
    void (*signalled)(enum node_watch_signal signal, void *arg);
    void (*certificates_changed)(void *arg); /* on disk, since they were last read */
    void *arg;
};

enum { NODE_WATCH_LOOPS_MAX = 80, NODE_WATCH_CONTEXTS_MAX = 4 };

/* Starts watching on the (main) loop. */
int node_watch_open(struct loop *loop, const struct node_watch_events *events,
                    struct node_watch **ret_watch);

/* From now on this loop must turn; it outlives the watch. At most NODE_WATCH_LOOPS_MAX. */
void node_watch_add_loop(struct node_watch *watch, struct loop *loop);

/* From now on its files are looked at and its ticket keys are renewed. */
void node_watch_add_context(struct node_watch *watch, struct tlsctx *ctx);

/* Handles are closed on a later turn of the loop; the watch is freed then. NULL is fine. */
void node_watch_close(struct node_watch *watch);
