/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials: answers the questions of a sign-in (sasl_exchange.h) from what the store
 * keeps, whatever that takes: PLAIN's PBKDF2 runs on the pool. Asynchronous by interface, so
 * that directories and tokens fit in later.
 *
 * An unknown user takes the same steps as a known one: a fake verifier whose salt is the
 * same on every node and after a restart (its key is derived from the cluster's id). A
 * password that was right is remembered for an hour (plain_cache.h), until the credentials
 * change.
 *
 * `struct credentials` is one for the node and immutable: any thread. A desk is one for a
 * worker, on its loop: all desk functions on that loop's own thread. */
#pragma once

#include <stdint.h>

#include "proto/auth/sasl_exchange.h"

struct credentials;
struct credentials_check;
struct credentials_desk;
struct loop;
struct pool;
struct replica;

/* All borrowed. Returns 0. */
int credentials_new(struct replica *replica, struct pool *pool,
                    struct credentials **ret_credentials);
void credentials_free(struct credentials *c);

/* On the loop, or before it runs. */
struct credentials_desk *credentials_desk_new(struct credentials *c, struct loop *loop);

/* When the loop has ended (it may still be handed answers before). NULL is fine. */
void credentials_desk_free(struct credentials_desk *desk);

/* What the domain's accounts can do, for the offer: kinds and has_plain are filled in. */
void credentials_offer(const struct credentials_desk *desk, struct sasl_exchange_offer *offer);

/* The exchange went on: `next` is its action, to be served or sent. The check is no more. */
typedef void (*credentials_answered_fn)(enum sasl_exchange_action next, void *arg);

/* Answers a NEED_... that the exchange has just returned, delay_ms from now (guessing.h) or
 * later, never from inside this call. x is borrowed until then or until cancelled. */
struct credentials_check *credentials_serve(struct credentials_desk *desk,
                                            struct sasl_exchange *x,
                                            enum sasl_exchange_action need, uint64_t delay_ms,
                                            credentials_answered_fn answered, void *arg);

/* The answer is not wanted any more. NULL is fine. */
void credentials_cancel(struct credentials_check *check);
