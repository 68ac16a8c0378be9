/* SPDX-License-Identifier: Apache-2.0 */
/* C2S: the connections of XMPP clients on one worker (RFC 6120).
 *
 * A connection negotiates TLS, signs in and binds here; from then on its stanzas go up the
 * line to the session (node/xmpp/xmpp_front.h), wherever that lives, and its bytes come
 * down. Reading stops while an answer is awaited, while the session or its mailbox is full,
 * and while the peer sends faster than its rate: nothing is refused for speed alone.
 *
 * Threads: the worker's loop. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "node/xmpp/sign_in.h"

struct c2s_service;
struct im;
struct loop;
struct pool;
struct tlsctx;

struct c2s_limits {
    uint32_t sign_in_ms;         /* from accept to the end of sign-in */
    uint32_t sign_in_stanza_max; /* bytes of an element before sign-in */
    uint32_t stanza_max;         /* and after */
    uint32_t rate;               /* bytes a second from one client, in the long run */
    uint32_t burst;              /* bytes it may be ahead of that */
};

struct c2s_config { /* everything borrowed for the life of the service */
    struct loop *loop;
    struct im *im;
    const char *domain;
    struct tlsctx *starttls;   /* port 5222 */
    struct tlsctx *direct_tls; /* port 5223, ALPN xmpp-client */
    struct sign_in_service sign_in;
    struct pool *pool; /* derives new passwords */
    struct c2s_limits limits;
};

struct c2s_service *c2s_service_open(const struct c2s_config *config);

/* For connections accepted from now on, and new elements of the others. */
void c2s_service_set_limits(struct c2s_service *s, const struct c2s_limits *limits);

/* Ends all connections that have no session (system-shutdown); the sessions end the others.
 * closed() is called when the last is gone and the service freed. */
void c2s_service_close(struct c2s_service *s, void (*closed)(void *arg), void *arg);

uint32_t c2s_service_count(const struct c2s_service *s);

/* Takes over an accepted connection. ended() is called once when it is gone. */
void c2s_open(struct c2s_service *s, int fd, const struct sockaddr_storage *peer,
              bool is_direct_tls, void (*ended)(void *arg), void *arg);
