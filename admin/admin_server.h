/* SPDX-License-Identifier: Apache-2.0 */
/* Admin server: the admin socket and the TLS listener 9443, on a loop thread of its own,
 * so that a heavy export never delays chat.
 *
 * One handler serves gRPC (h2: the table of admin_api.h and grpc.health.v1), and plain
 * HTTP (h2 and HTTP/1.1): GET /livez and /readyz (open; `?verbose`), GET /metrics (viewer,
 * or a loopback listener).
 *
 * Who calls: on the socket by SO_PEERCRED, uid 0, the server's own uid or a member of the
 * group `presenced` is `admin`, anybody else is refused; on TLS by a client certificate of
 * tls.admin_ca whose subject OU names the role (viewer, auditor, helpdesk, operator,
 * admin). No certificate: only what is open.
 *
 * Threads: admin_server_open() and _close() on the main thread. */
#pragma once

#include <stdint.h>

#include "base/strbuf.h"

struct admin_hooks;
struct admin_server;
struct loop;
struct node_config;
struct pool;
struct replica;
struct tlsctx;

struct admin_server_config {
    const struct node_config *node;  /* borrowed for life */
    const struct admin_hooks *hooks; /* borrowed for life */
    struct replica *replica;         /* borrowed for life */
    struct pool *pool;               /* password hashing; borrowed for life */
    const char *version;             /* of presenced */
    /* Where the main thread learns that the server is gone; may be NULL. */
    void (*closed)(void *arg);
    void *arg;
};

/* Opens both listeners and starts the thread. On failure a sentence is added to why:
 * ERR_TLS, or what binding said (UV_EADDRINUSE, UV_EACCES). */
int admin_server_open(const struct admin_server_config *config,
                      struct admin_server **ret_server, struct strbuf *why);

/* Port of the TLS listener (0 in the configuration: the kernel's); 0 when disabled. */
uint16_t admin_server_port(const struct admin_server *s);

/* Reads certificate, key and admin CA again; the old stay in force when they are bad and a
 * sentence is added to why. Any thread. */
int admin_server_reload(struct admin_server *s, struct strbuf *why);

/* The server's loop, for wake-ups and for the watchdog's loop_beat(). */
struct loop *admin_server_loop(struct admin_server *s);

/* Refuses new calls, ends the open ones, closes the listeners, calls config.closed on the
 * admin thread. */
void admin_server_close(struct admin_server *s);

/* Waits for the thread (closing first if need be) and frees. NULL is fine. */
void admin_server_free(struct admin_server *s);
