/* SPDX-License-Identifier: Apache-2.0 */
/* Availability: who sees whom (RFC 6121, 4): broadcast, probes, directed presence and its
 * cleanup, and what blocking hides. Presence never touches the store.
 *
 * Threads: the user's worker. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"
#include "node/im/presence.h"
#include "presenced/store/v1/store.pb-c.h"

struct im_worker;
struct session;
struct user;

/* The client's own presence, broadcast or directed. n: see session_count(). */
void availability_set(struct session *s, uint64_t n, struct presence *p);
void availability_direct(struct session *s, uint64_t n, struct presence *p);

/* The session ends: whoever saw it sees it no more, exactly once. */
void availability_gone(struct session *s);
/* A new session takes over the resource: what contacts see of the old one is now its own. */
void availability_inherit(struct session *to, struct session *from);

/* Somebody else's presence has come for a user. */
void availability_received(struct im_worker *w, struct span user, struct presence *p,
                           bool is_directed);
/* Somebody (full address) asks for a user's presence. */
void availability_probed(struct im_worker *w, struct span user, struct span from);

/* The contact may see the user from now on, or may no longer. index: of the change. */
void availability_granted(struct user *u, struct span contact, uint64_t index);
void availability_revoked(struct user *u, struct span contact, uint64_t index);

/* The block list changed; the cache is the new one. */
void availability_blocked(struct user *u, const Store__FeedRow *change, uint64_t index);

/* A subscription stanza from contact is to be shown to the user's available sessions. */
void availability_subscription(struct user *u, const Store__FeedRow *row);
