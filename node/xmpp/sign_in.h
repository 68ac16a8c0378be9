/* SPDX-License-Identifier: Apache-2.0 */
/* Sign-in: SASL on one client stream (RFC 6120, 6), from the mechanism it chose to the name
 * it proved. Brings together the exchange (proto/auth), the stored credentials
 * (node/auth/credentials.h), the connection's TLS (channel binding, client certificate) and the
 * brake on guessing (node/auth/guessing.h).
 *
 * Threads: the connection's loop. Answers come later, never from inside a call. */
#pragma once

#include <stdbool.h>
#include <sys/socket.h>

#include "base/span.h"
#include "proto/auth/sasl_condition.h"

struct bytestream;
struct credentials_desk;
struct guessing;
struct loop;
struct sign_in;
struct xmpp_metrics;
struct xmpp_stream_offer;

/* Shared by a worker's connections; everything is borrowed. */
struct sign_in_service {
    struct loop *loop;
    struct credentials_desk *desk;
    struct guessing *guessing;
    const char *domain;
    const struct xmpp_metrics *metrics;
};

/* Filled in by the connection. Texts are borrowed for the call. */
struct sign_in_events {
    void (*challenged)(void *arg, struct span payload);
    /* user: bare address. payload: additional data, or SPAN_NONE. */
    void (*succeeded)(void *arg, struct span user, struct span payload);
    /* text may be NULL. is_exhausted: that was the last try. */
    void (*refused)(void *arg, enum sasl_condition condition, const char *text,
                    bool is_exhausted);
};

/* stream is asked for its TLS state when it is needed; it outlives the sign-in. */
struct sign_in *sign_in_new(const struct sign_in_service *service, struct bytestream *stream,
                            const struct sockaddr_storage *peer,
                            const struct sign_in_events *events, void *arg);

/* No event comes any more. NULL is fine. */
void sign_in_free(struct sign_in *s);

/* What can be offered on this stream; borrowed as long as the sign-in lives. */
void sign_in_offer(struct sign_in *s, struct xmpp_stream_offer *ret_offer);

/* payload: initial response, or SPAN_NONE. One event follows. */
void sign_in_start(struct sign_in *s, struct span mechanism, struct span payload);
void sign_in_next(struct sign_in *s, struct span payload);

/* The client gave up its exchange; no event follows. */
void sign_in_abort(struct sign_in *s);
