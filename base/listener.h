/* SPDX-License-Identifier: Apache-2.0 */
/* Listener: accepts connections on a loop, at a pace the loop can bear.
 *
 * TCP listeners set SO_REUSEPORT, so that each worker opens its own on the same port and
 * the kernel spreads the connections. At the connection limit, newcomers are accepted and
 * reset at once: a client that knows waits less than one that hangs. Out of descriptors, the
 * listener rests a moment instead of spinning.
 *
 * Threads: the loop's own thread (or before it runs). */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "base/loop.h"

struct listener; /* opaque */

enum {
    LISTENER_ACCEPTS_PER_TURN = 16, /* then other connections get their turn */
    LISTENER_REST_MS = 100,         /* after EMFILE and the like */
    LISTENER_BACKLOG = 4096,        /* the kernel cuts it to net.core.somaxconn */
};

/* 0 means: no limit of this listener's own; all 0 (or NULL) is fine. */
struct listener_limits {
    uint32_t connections_max;    /* at one time; needs listener_release() */
    uint32_t accepts_per_turn;   /* 0: LISTENER_ACCEPTS_PER_TURN */
    uint32_t accepts_per_second; /* averaged over a second's burst */
};

/* fd is non-blocking, close-on-exec, TCP_NODELAY where that means something, and the
 * callee's. peer->ss_family is AF_UNIX for unix sockets. It may close the listener. */
typedef void (*listener_accepted_fn)(int fd, const struct sockaddr_storage *peer, void *arg);

/* address: an IPv4 or IPv6 literal ("::" takes both families); port 0: the kernel's choice.
 * Returns 0, ERR_INVALID for the address, or what bind and listen say (UV_EADDRINUSE ...). */
int listener_open(struct loop *loop, const char *address, uint16_t port,
                  const struct listener_limits *limits, listener_accepted_fn accepted,
                  void *arg, struct listener **ret_listener);

/* path: a leftover socket that nobody serves is replaced, one in use is UV_EADDRINUSE. mode:
 * of the socket file, set before anybody can connect. The file goes with the listener. */
int listener_open_unix(struct loop *loop, const char *path, mode_t mode,
                       const struct listener_limits *limits, listener_accepted_fn accepted,
                       void *arg, struct listener **ret_listener);

/* Whether the port is free: SO_REUSEPORT would let a second server of this user join in
 * silence. Returns 0 or why not. Threads: any. */
int listener_probe(const char *address, uint16_t port);

uint16_t listener_port(const struct listener *l); /* 0 for unix sockets */

/* An accepted connection has ended: makes room under connections_max. Where that is set,
 * exactly once for each accepted(), also after listener_close(); else it does nothing. */
void listener_release(struct listener *l);
uint32_t listener_connection_count(const struct listener *l);

/* Stops accepting at once; freed on a later turn, under connections_max not before the last
 * release. Connections stay. NULL is fine. */
void listener_close(struct listener *l);
