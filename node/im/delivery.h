/* SPDX-License-Identifier: Apache-2.0 */
/* Delivery: which sessions of a user get a message or request, and what happens when none
 * does (im-semantics M5, M7, M8; RFC 6121, 8.5). The choice is a pure function; the rest of
 * the file carries it out.
 *
 * Threads: the user's worker. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node/im/packet.h"

struct im_worker;
struct session;
struct user;

enum delivery_share {
    DELIVERY_SKIP,   /* not to this session */
    DELIVERY_TAKE,   /* to it */
    DELIVERY_CARBON, /* a copy, wrapped as received */
};

enum delivery_end {
    DELIVERY_DONE,   /* some session took it */
    DELIVERY_STORED, /* nobody there; its inbox row waits for a sign-in */
    DELIVERY_DROP,   /* nobody there, and nobody is told */
    DELIVERY_BOUNCE, /* nobody there: service-unavailable */
};

struct delivery_place {
    int priority;
    bool is_addressed; /* `to` is its full address */
    bool is_available; /* has sent presence */
    bool has_carbons;
};

/* Fills in one share a place. */
enum delivery_end delivery_choose(const struct packet *p, const struct delivery_place *places,
                                  size_t count, enum delivery_share *ret_shares);

/* A live packet has come for a user of this worker, who may be unknown or away. */
void delivery_live(struct im_worker *w, struct span user, struct packet *p);

/* The feed shows a stored message for the user. is_delayed: it waited. */
void delivery_stored(struct user *u, struct packet *p, bool is_delayed);

/* Copies of what the user sent from `sender` to the other sessions (carbons). */
void delivery_carbons(struct user *u, struct span sender_id, struct packet *p);

/* Tells the sender that it could not be delivered; faults and replies are dropped. */
void delivery_bounce(struct im_worker *w, struct packet *p, const char *reason);

/* A bounce has come back for a user of this worker. */
void delivery_bounced(struct im_worker *w, struct span user, struct packet *p,
                      const char *reason);
