/* SPDX-License-Identifier: Apache-2.0 */
/* Apply: what the appliers of the single commands share: rows in and out of the batch, the
 * change feed, counters, addresses.
 *
 * A failed read is kept in `rc`; the applier goes on with "not there" and applier_apply()
 * reports the failure at its end, whereupon the batch is abandoned: so an applier never
 * tests for it. All memory is the arena's. Keys are built in `key`, which the row functions
 * read and leave alone. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/span.h"
#include "base/strbuf.h"
#include "presenced/store/v1/store.pb-c.h"
#include "replication/keyspace.h"

struct statedb_batch;
struct statedb_view;

enum {
    APPLY_BARE_MAX = 1023 + 1 + 1023,           /* RFC 6122: local part @ domain */
    APPLY_FULL_MAX = APPLY_BARE_MAX + 1 + 1023, /* / resource */
};

struct apply {
    struct statedb_batch *batch;
    const struct statedb_view *view; /* of the batch: sees what was put */
    struct arena *arena;
    uint32_t group;
    uint64_t index;
    uint64_t stamp_us;
    Store__Result *result;
    Store__SessionRow *session; /* that asked (Origin); NULL when none did */
    const char *domain;         /* of the cluster; NULL until first asked for */
    uint32_t feed_count;        /* parts of this entry so far */
    int rc;
    struct strbuf key; /* of the next row */
    struct strbuf value;
};

/* Rows at a->key. apply_get() returns the row, or NULL when it is not there. */
void *apply_get(struct apply *a, enum keyspace_cf cf, const ProtobufCMessageDescriptor *type);
bool apply_has(struct apply *a, enum keyspace_cf cf);
void apply_put(struct apply *a, enum keyspace_cf cf, const ProtobufCMessage *row);
void apply_put_bytes(struct apply *a, enum keyspace_cf cf, struct span bytes);
void apply_put_number(struct apply *a, enum keyspace_cf cf, uint64_t number);
uint64_t apply_get_number(struct apply *a, enum keyspace_cf cf);
void apply_delete(struct apply *a, enum keyspace_cf cf);

/* Rows copied out of a scan, because a batch is not written to under an open scan. */
struct apply_found {
    struct span key, value;
};
struct apply_list {
    struct apply_found *rows;
    size_t count;
};

/* The rows with a->key <= key < upper, at most max of them. */
struct apply_list apply_list_range(struct apply *a, enum keyspace_cf cf, struct span upper,
                                   size_t max);
/* The rows whose keys begin with a->key, at most max of them. */
struct apply_list apply_list_prefix(struct apply *a, enum keyspace_cf cf, size_t max);
/* Whether a key begins with a->key. Looks from the end, because rows are removed from the
 * beginning. */
bool apply_has_prefix(struct apply *a, enum keyspace_cf cf);
void *apply_unpack(struct apply *a, const ProtobufCMessageDescriptor *type, struct span bytes);
void apply_delete_key(struct apply *a, enum keyspace_cf cf, struct span key);
void apply_delete_prefix(struct apply *a, enum keyspace_cf cf);

/* Adds a row to the change feed. */
void apply_feed(struct apply *a, const Store__FeedRow *row);

/* Ends in REFUSED with a stable word (static text). */
void apply_refuse(struct apply *a, const char *reason);
void apply_outcome(struct apply *a, Store__Result__Outcome outcome);

/* A copy in the arena, for the fields of rows. */
char *apply_text(struct apply *a, struct span text);

/* ---- Users ------------------------------------------------------------------------------ */

Store__UserRow *apply_user(struct apply *a, struct span user); /* NULL: no such user */
void apply_user_put(struct apply *a, struct span user, const Store__UserRow *row);
bool apply_has_user(struct apply *a, struct span user);

/* Never NULL; zeroes when there is no row. */
Store__CountersRow *apply_counters(struct apply *a, struct span user);
void apply_counters_put(struct apply *a, struct span user, const Store__CountersRow *row);

/* Whether the user's block list covers an address (bare, full, domain, domain/resource). */
bool apply_is_blocked(struct apply *a, struct span user, struct span address);

/* False, and MALFORMED is the outcome, when the command's user is not a bare address or is
 * not the one whose session asked. */
bool apply_is_asker(struct apply *a, struct span user);

/* ---- Addresses -------------------------------------------------------------------------- */

struct span apply_bare(struct span address);
struct span apply_domain(struct span address);
bool apply_is_bare(struct span address);    /* non-empty, short enough, no resource */
bool apply_is_address(struct span address); /* the same, a resource is fine */
bool apply_is_local(struct apply *a, struct span address); /* of the cluster's domain */
