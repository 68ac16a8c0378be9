/* SPDX-License-Identifier: Apache-2.0 */
/* One connection of an administrator, a probe or a scraper: a byte stream, an HTTP
 * connection on it, and who calls (admin_server.h says how that is known).
 *
 * Admin loop only. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>

struct admin_api;
struct admin_conn;
struct listener;
struct loop;
struct rpc_host;
struct tlsctx;

/* What all connections share; the server's. */
struct admin_conn_home {
    struct loop *loop;
    struct admin_api *api;
    const struct rpc_host *host;
    struct tlsctx *tls;
    struct listener *tcp, *local;
    gid_t group;      /* whose members are admins on the socket; (gid_t)-1: none */
    bool is_loopback; /* of the TLS listener: /metrics is open */
    bool is_closing;
    struct admin_conn *first;
    size_t count;
    void (*ended)(void *arg); /* a connection is gone */
    void *arg;
};

/* For listener_open() and listener_open_unix(); arg is the home. */
void admin_conn_accepted_tcp(int fd, const struct sockaddr_storage *peer, void *arg);
void admin_conn_accepted_local(int fd, const struct sockaddr_storage *peer, void *arg);

/* Hands the socket file to the group `presenced` where there is one; returns its id, or
 * (gid_t)-1. Main thread, at start. */
gid_t admin_conn_share(const char *socket_path);

/* Ends all connections; open calls lose their client. */
void admin_conn_end_all(struct admin_conn_home *home);
