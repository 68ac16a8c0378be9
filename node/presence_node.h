/* SPDX-License-Identifier: Apache-2.0 */
/* Presence node: the running daemon. Starts everything from the ground up, wires it, and
 * stops it in the reverse order:
 *
 *     pool -> replica -> admin server -> (cluster known, replica ready) -> workers
 *
 * A node whose cluster is not initialised yet runs without workers: the admin socket is
 * there for `presencectl cluster init`, and the node serves as soon as that is applied.
 *
 * Signals: TERM, INT stop it in order, a second one at once; HUP reads certificates and log
 * settings again; USR1 logs at debug level for 10 minutes. systemd is told when the node is
 * ready, and its watchdog is fed only while every loop turns (sd_notify(3)).
 *
 * Threads: presence_node_run() is the main thread's. */
#pragma once

enum presence_node_exit { /* exit statuses of presenced(8) */
                          PRESENCE_NODE_EXIT_STOPPED = 0,
                          PRESENCE_NODE_EXIT_CANNOT_START = 1,
                          PRESENCE_NODE_EXIT_CONFIG = 2,
                          PRESENCE_NODE_EXIT_STORE_DAMAGED = 3,
                          PRESENCE_NODE_EXIT_STORE_FAILED = 4,
};

struct node_config;

/* Runs the node until a signal or a failure ends it; returns the exit status. The
 * configuration is borrowed. */
int presence_node_run(const struct node_config *config, const char *version);
