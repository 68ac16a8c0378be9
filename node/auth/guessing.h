/* SPDX-License-Identifier: Apache-2.0 */
/* Guessing: the brake on who tries passwords. It counts failures, never connections, and
 * holds back the next try; it never locks an account for its other addresses.
 *
 * Two counts: of (account, address), and of an address alone. A few failures are free;
 * then each doubles the delay, up to GUESSING_DELAY_MAX_MS. Tries queue behind each other, so
 * that a hundred connections guess no faster than one; who would wait longer than the
 * longest delay is refused at once. The count of an address does not hold back an account that
 * has signed in from there before, nor anybody in a trusted network (NAT, balancers,
 * Expressway-C). IPv6 addresses count by their /64.
 *
 *     guessing_ask() before the check; guessing_failed() or guessing_succeeded() after it.
 *     Neither, when the try ended without a verdict.
 *
 * Bounded: what was touched longest ago is forgotten first. Pure but for memory: time is
 * passed in. Single-threaded; each worker has its own, so a guesser gets at most the sum. */
#pragma once

#include <stdint.h>
#include <sys/socket.h>

#include "base/span.h"

#define GUESSING_DELAY_MAX_MS 60000
#define GUESSING_PAIR_FREE    4     /* failures of an (account, address) without delay */
#define GUESSING_ADDRESS_FREE 20    /* of an address: a room of people mistypes a lot */
#define GUESSING_ENTRIES_MAX  50000 /* about 200 bytes each */
#define GUESSING_NETWORKS_MAX 64
#define GUESSING_FORGET_MS    900000   /* a quarter of an hour without failure: forgotten */
#define GUESSING_KNOWN_MS     86400000 /* a success is remembered for a day */

struct guessing; /* opaque */

struct guessing *guessing_new(void);
void guessing_free(struct guessing *g);

/* Adds a trusted network, "10.1.0.0/16", "2001:db8::/32" or one address. ERR_INVALID: not
 * a network; ERR_FULL: too many. */
int guessing_trust(struct guessing *g, struct span network);

/* Forgets the trusted networks, before a new list. */
void guessing_trust_none(struct guessing *g);

/* May account (prepared bare address) be tried from peer? Returns 0 and after how many ms
 * (mostly 0), or ERR_FULL: not now, later. */
int guessing_ask(struct guessing *g, struct span account, const struct sockaddr_storage *peer,
                 uint64_t now_ms, uint64_t *ret_delay_ms);

void guessing_failed(struct guessing *g, struct span account,
                     const struct sockaddr_storage *peer, uint64_t now_ms);
void guessing_succeeded(struct guessing *g, struct span account,
                        const struct sockaddr_storage *peer, uint64_t now_ms);
