/* SPDX-License-Identifier: Apache-2.0 */
#include "replication/apply_trim.h"

#include "base/cleanup.h"
#include "replication/applier.h"
#include "replication/apply.h"
#include "replication/apply_session.h"

/* Rows of one step: more than APPLY_TRIM_EVERY entries can make, so that it keeps up. */
enum { TRIM_STEP = 1024, TRIM_SECOND_US = 1000 * 1000 };

static uint64_t trim_reached(struct apply *a, char what)
{
    keyspace_cluster(&a->key, a->group, what);
    return apply_get_number(a, KEYSPACE_CLUSTER);
}

static void trim_reach(struct apply *a, char what, uint64_t number)
{
    keyspace_cluster(&a->key, a->group, what);
    apply_put_number(a, KEYSPACE_CLUSTER, number);
}

/* Rows of a family with from <= number < to, where a number follows the group. */
static struct apply_list trim_list(struct apply *a, enum keyspace_cf cf, uint64_t from,
                                   uint64_t to)
{
    CLEANUP(strbuf_done) struct strbuf upper = {0};

    if (from >= to)
        return (struct apply_list){0};
    keyspace_number(&upper, a->group, to);
    keyspace_number(&a->key, a->group, from);
    return apply_list_range(a, cf, strbuf_span(&upper), TRIM_STEP);
}

/* The number that follows the group in a key. */
static uint64_t trim_number(struct span key)
{
    return keyspace_tail_u64(span_first(key, 12), sizeof(uint64_t));
}

static uint64_t trim_before(const struct apply *a, uint64_t kept_s)
{
    const uint64_t kept_us = kept_s * TRIM_SECOND_US;
    return a->stamp_us > kept_us ? a->stamp_us - kept_us : 0;
}

static void trim_feed(struct apply *a)
{
    const uint64_t to = a->index > APPLIER_FEED_KEPT ? a->index - APPLIER_FEED_KEPT : 0;
    const struct apply_list rows = trim_list(a, KEYSPACE_FEED, trim_reached(a, 'f'), to);

    for (size_t i = 0; i < rows.count; i++) {
        const Store__FeedRow *row =
            apply_unpack(a, &store__feed_row__descriptor, rows.rows[i].value);
        if (!row)
            return;
        const uint64_t index = trim_number(rows.rows[i].key);
        apply_delete_key(a, KEYSPACE_FEED, rows.rows[i].key);
        if (row->kind == STORE__FEED_ROW__KIND__MESSAGE ||
            row->kind == STORE__FEED_ROW__KIND__SENT) {
            keyspace_user_number(&a->key, a->group, span_text(row->user), index);
            apply_delete(a, KEYSPACE_FEED_OF);
        }
    }
    if (rows.count > 0) /* an entry's rows may be cut in two: its index comes again */
        trim_reach(a, 'f',
                   rows.count < TRIM_STEP ? to : trim_number(rows.rows[rows.count - 1].key));
}

static void trim_dedupe(struct apply *a)
{
    const uint64_t before = trim_before(a, APPLIER_DEDUPE_KEPT_S);
    const uint64_t former = trim_reached(a, 'd');
    const struct apply_list rows = trim_list(a, KEYSPACE_DEDUPE_AGE, former, a->index);
    uint64_t reached = former;

    for (size_t i = 0; i < rows.count; i++) {
        const struct apply_found *found = &rows.rows[i];
        if (keyspace_tail_u64(found->value, found->value.size) >= before)
            break;
        const uint64_t index = trim_number(found->key);
        const struct span key = span_from(found->value, sizeof(uint64_t));
        strbuf_clear(&a->key);
        strbuf_add(&a->key, key);
        const Store__DedupeRow *row =
            apply_get(a, KEYSPACE_DEDUPE, &store__dedupe_row__descriptor);
        if (row && row->message == index) /* and not a newer one of the same id */
            apply_delete(a, KEYSPACE_DEDUPE);
        apply_delete_key(a, KEYSPACE_DEDUPE_AGE, found->key);
        reached = index + 1;
    }
    if (reached != former)
        trim_reach(a, 'd', reached);
}

static void trim_ended(struct apply *a)
{
    const uint64_t before = trim_before(a, APPLIER_ENDED_KEPT_S);
    const struct apply_list rows = trim_list(a, KEYSPACE_ENDED, trim_reached(a, 'e'), before);

    for (size_t i = 0; i < rows.count; i++) {
        const Store__SessionRow *row =
            apply_session_find(a, keyspace_tail(rows.rows[i].key, KEYSPACE_SESSION_SIZE));
        if (row && row->ended_us)
            apply_session_erase(a, row);
        apply_delete_key(a, KEYSPACE_ENDED, rows.rows[i].key);
    }
    if (rows.count > 0)
        trim_reach(a, 'e', trim_number(rows.rows[rows.count - 1].key));
}

void apply_trim(struct apply *a)
{
    trim_feed(a);
    trim_dedupe(a);
    trim_ended(a);
}
