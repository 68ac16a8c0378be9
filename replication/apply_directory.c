/* SPDX-License-Identifier: Apache-2.0 */
#include "replication/apply_directory.h"

#include "replication/applier.h"
#include "replication/apply.h"
#include "replication/apply_archive.h"
#include "replication/apply_block.h"
#include "replication/apply_message.h"
#include "replication/apply_roster.h"
#include "replication/apply_session.h"

enum {
    DIRECTORY_ID_SIZE = 16,      /* bytes of a cluster id */
    DIRECTORY_NAME_MAX = 255,    /* bytes of a node name */
    DIRECTORY_DOMAIN_MAX = 1023, /* RFC 6122, 2.2 */
    DIRECTORY_VERIFIERS_MAX = 8, /* of one user: three kinds today */
    DIRECTORY_SECRET_MAX = 128,  /* bytes of a salt or key; SHA-512 makes 64 */
};

/* ---- Cluster and nodes ------------------------------------------------------------------ */

static Store__NodeRow *directory_node(struct apply *a, uint64_t node_id)
{
    keyspace_node(&a->key, a->group, node_id);
    return apply_get(a, KEYSPACE_CLUSTER, &store__node_row__descriptor);
}

static void directory_node_put(struct apply *a, uint64_t node_id, char *name, uint64_t epoch)
{
    Store__NodeRow row = STORE__NODE_ROW__INIT;

    row.node_id = node_id;
    row.name = name;
    row.epoch = epoch;
    keyspace_node(&a->key, a->group, node_id);
    apply_put(a, KEYSPACE_CLUSTER, &row.base);
}

static bool directory_is_name(const char *name)
{
    const size_t size = strlen(name);
    return size > 0 && size <= DIRECTORY_NAME_MAX;
}

void apply_directory_init(struct apply *a, const Store__ClusterInit *c)
{
    const size_t domain_size = strlen(c->domain);

    keyspace_cluster(&a->key, a->group, 'c');
    const Store__ClusterRow *former =
        apply_get(a, KEYSPACE_CLUSTER, &store__cluster_row__descriptor);
    if (former) {
        apply_refuse(a, "has-domain");
        return;
    }
    if (c->cluster_id.len != DIRECTORY_ID_SIZE || domain_size == 0 ||
        domain_size > DIRECTORY_DOMAIN_MAX || strpbrk(c->domain, "@/") || c->node_id == 0 ||
        !directory_is_name(c->node_name)) {
        apply_outcome(a, STORE__RESULT__OUTCOME__MALFORMED);
        return;
    }
    Store__ClusterRow row = STORE__CLUSTER_ROW__INIT;
    row.cluster_id = c->cluster_id;
    row.domain = c->domain;
    row.created_us = a->stamp_us;
    keyspace_cluster(&a->key, a->group, 'c');
    apply_put(a, KEYSPACE_CLUSTER, &row.base);
    if (!directory_node(a, c->node_id)) /* it may be up already, with its epoch */
        directory_node_put(a, c->node_id, c->node_name, 0);
}

void apply_directory_node_up(struct apply *a, const Store__NodeUp *c)
{
    if (c->node_id == 0 || !directory_is_name(c->node_name)) {
        apply_outcome(a, STORE__RESULT__OUTCOME__MALFORMED);
        return;
    }
    const Store__NodeRow *row = directory_node(a, c->node_id);
    if (c->epoch != (row ? row->epoch : 0) + 1) {
        apply_outcome(a, STORE__RESULT__OUTCOME__STALE);
        return;
    }
    /* No session ends by this: a node that was only cut off keeps what nobody resumed. */
    directory_node_put(a, c->node_id, c->node_name, c->epoch);
}

/* ---- Users ------------------------------------------------------------------------------ */

static bool directory_is_verifier(const Store__Verifier *v)
{
    return v->kind >= STORE__VERIFIER__KIND__SCRAM_SHA_1 &&
           v->kind <= STORE__VERIFIER__KIND__SCRAM_SHA_512 && v->iterations > 0 &&
           v->salt.len > 0 && v->salt.len <= DIRECTORY_SECRET_MAX && v->stored_key.len > 0 &&
           v->stored_key.len <= DIRECTORY_SECRET_MAX && v->server_key.len > 0 &&
           v->server_key.len <= DIRECTORY_SECRET_MAX;
}

static bool directory_is_good_put(const Store__UserPut *c)
{
    const struct span user = span_text(c->user);

    if (!apply_is_bare(user) || apply_domain(user).size == user.size ||
        span_index(user, '@') == 0 || c->n_verifiers > DIRECTORY_VERIFIERS_MAX ||
        (c->mode != STORE__USER_PUT__MODE__CREATE && c->mode != STORE__USER_PUT__MODE__REPLACE))
        return false;
    for (size_t i = 0; i < c->n_verifiers; i++)
        if (!directory_is_verifier(c->verifiers[i]))
            return false;
    return true;
}

static void directory_create(struct apply *a, const Store__UserPut *c)
{
    Store__UserRow row = STORE__USER_ROW__INIT;

    row.verifiers = c->verifiers;
    row.n_verifiers = c->n_verifiers;
    row.is_disabled = c->is_disabled;
    row.created_us = a->stamp_us;
    row.roster_index = row.block_index = row.credentials_index = a->index;
    apply_user_put(a, span_text(c->user), &row);
}

static void directory_replace(struct apply *a, const Store__UserPut *c, Store__UserRow *row)
{
    const struct span user = span_text(c->user);

    if (c->n_verifiers == 0 && row->is_disabled == c->is_disabled)
        return;
    if (c->n_verifiers > 0) {
        row->verifiers = c->verifiers;
        row->n_verifiers = c->n_verifiers;
    }
    row->is_disabled = c->is_disabled;
    row->credentials_index = a->index;
    apply_user_put(a, user, row);

    Store__FeedRow feed = STORE__FEED_ROW__INIT;
    feed.kind = STORE__FEED_ROW__KIND__USER_CHANGED;
    feed.user = c->user;
    struct span keep = SPAN_NONE;
    if (a->session && !c->is_disabled) {
        feed.session_id = a->session->session_id;
        keep = span_of(feed.session_id.data, feed.session_id.len);
    }
    apply_feed(a, &feed);
    apply_session_end_all(a, user, keep);
}

static Store__Result__Outcome directory_put(struct apply *a, const Store__UserPut *c)
{
    const struct span user = span_text(c->user);

    if (!directory_is_good_put(c) || (a->session && !span_is(user, a->session->user)))
        return STORE__RESULT__OUTCOME__MALFORMED;
    if (!apply_is_local(a, user)) {
        apply_refuse(a, "wrong-domain");
        return STORE__RESULT__OUTCOME__REFUSED;
    }
    Store__UserRow *row = apply_user(a, user);
    if (c->mode == STORE__USER_PUT__MODE__CREATE) {
        if (row)
            return STORE__RESULT__OUTCOME__EXISTS;
        directory_create(a, c);
    } else {
        if (!row)
            return STORE__RESULT__OUTCOME__NOT_FOUND;
        directory_replace(a, c, row);
    }
    return STORE__RESULT__OUTCOME__DONE;
}

void apply_directory_put(struct apply *a, const Store__UserPut *c)
{
    apply_outcome(a, directory_put(a, c));
}

void apply_directory_import(struct apply *a, const Store__UserImport *c)
{
    if (c->n_rows > APPLIER_IMPORT_MAX) {
        apply_outcome(a, STORE__RESULT__OUTCOME__MALFORMED);
        return;
    }
    a->result->rows = arena_zeroed(a->arena, (c->n_rows + 1) * sizeof(a->result->rows[0]));
    a->result->n_rows = c->n_rows;
    for (size_t i = 0; i < c->n_rows; i++)
        a->result->rows[i] = directory_put(a, c->rows[i]);
    apply_outcome(a, STORE__RESULT__OUTCOME__DONE);
}

void apply_directory_remove(struct apply *a, const Store__UserRemove *c)
{
    const struct span user = span_text(c->user);

    if (!apply_is_bare(user)) {
        apply_outcome(a, STORE__RESULT__OUTCOME__MALFORMED);
        return;
    }
    if (!apply_has_user(a, user)) {
        apply_outcome(a, STORE__RESULT__OUTCOME__NOT_FOUND);
        return;
    }
    apply_session_forget(a, user);
    apply_roster_forget(a, user);
    apply_block_forget(a, user);
    apply_archive_forget(a, user);
    apply_message_forget(a, user);
    keyspace_text(&a->key, a->group, user);
    apply_delete(a, KEYSPACE_COUNTERS);
    apply_delete(a, KEYSPACE_USERS);

    Store__FeedRow row = STORE__FEED_ROW__INIT;
    row.kind = STORE__FEED_ROW__KIND__USER_REMOVED;
    row.user = c->user;
    apply_feed(a, &row);
}
