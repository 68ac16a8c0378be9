/* SPDX-License-Identifier: Apache-2.0 */
#include "replication/apply.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/mem.h"
#include "replication/statedb.h"

static void *apply_allocate(void *arena, size_t size)
{
    return arena_zeroed(arena, size);
}

static void apply_deallocate(void *arena, void *pointer)
{
    (void)arena; /* all of it dies with the arena */
    (void)pointer;
}

static void apply_fail(struct apply *a, int rc)
{
    if (a->rc == 0)
        a->rc = rc;
}

void *apply_unpack(struct apply *a, const ProtobufCMessageDescriptor *type, struct span bytes)
{
    ProtobufCAllocator allocator = {apply_allocate, apply_deallocate, a->arena};
    void *row =
        protobuf_c_message_unpack(type, &allocator, bytes.size, (const uint8_t *)bytes.ptr);
    if (!row)
        apply_fail(a, ERR_CORRUPT);
    return row;
}

void *apply_get(struct apply *a, enum keyspace_cf cf, const ProtobufCMessageDescriptor *type)
{
    const int rc = statedb_get(a->view, cf, strbuf_span(&a->key), &a->value);
    if (rc < 0)
        apply_fail(a, rc);
    return rc == 1 ? apply_unpack(a, type, strbuf_span(&a->value)) : NULL;
}

bool apply_has(struct apply *a, enum keyspace_cf cf)
{
    const int rc = statedb_get(a->view, cf, strbuf_span(&a->key), &a->value);
    if (rc < 0)
        apply_fail(a, rc);
    return rc == 1;
}

void apply_put_bytes(struct apply *a, enum keyspace_cf cf, struct span bytes)
{
    statedb_put(a->batch, cf, strbuf_span(&a->key), bytes);
}

void apply_put(struct apply *a, enum keyspace_cf cf, const ProtobufCMessage *row)
{
    const size_t size = protobuf_c_message_get_packed_size(row);

    strbuf_clear(&a->value);
    protobuf_c_message_pack(row, (uint8_t *)strbuf_reserve(&a->value, size));
    apply_put_bytes(a, cf, span_of(a->value.data, size));
}

void apply_put_number(struct apply *a, enum keyspace_cf cf, uint64_t number)
{
    strbuf_clear(&a->value);
    strbuf_add_u64be(&a->value, number);
    apply_put_bytes(a, cf, strbuf_span(&a->value));
}

uint64_t apply_get_number(struct apply *a, enum keyspace_cf cf)
{
    return apply_has(a, cf) ? keyspace_tail_u64(strbuf_span(&a->value), sizeof(uint64_t)) : 0;
}

void apply_delete(struct apply *a, enum keyspace_cf cf)
{
    statedb_delete(a->batch, cf, strbuf_span(&a->key));
}

void apply_delete_key(struct apply *a, enum keyspace_cf cf, struct span key)
{
    statedb_delete(a->batch, cf, key);
}

struct apply_list apply_list_range(struct apply *a, enum keyspace_cf cf, struct span upper,
                                   size_t max)
{
    struct apply_list list = {0};
    size_t capacity = 0;
    struct statedb_scan *scan = NULL;
    struct span key, value;

    if (max == 0)
        return list;
    int rc = statedb_scan_open(a->view, cf, strbuf_span(&a->key), upper, false, &scan);
    if (rc < 0) {
        apply_fail(a, rc);
        return list;
    }
    while (list.count < max && statedb_scan_next(scan, &key, &value)) {
        if (list.count == capacity) {
            capacity = capacity ? capacity * 2 : 16;
            struct apply_found *rows = arena_zeroed(a->arena, capacity * sizeof(*rows));
            if (list.count)
                memcpy(rows, list.rows, list.count * sizeof(*rows));
            list.rows = rows;
        }
        list.rows[list.count++] =
            (struct apply_found){arena_copy(a->arena, key), arena_copy(a->arena, value)};
    }
    rc = statedb_scan_close(scan);
    if (rc < 0)
        apply_fail(a, rc);
    return list;
}

struct apply_list apply_list_prefix(struct apply *a, enum keyspace_cf cf, size_t max)
{
    CLEANUP(strbuf_done) struct strbuf upper = {0};

    strbuf_add(&upper, strbuf_span(&a->key));
    keyspace_after_prefix(&upper);
    return apply_list_range(a, cf, upper.size ? strbuf_span(&upper) : SPAN_NONE, max);
}

bool apply_has_prefix(struct apply *a, enum keyspace_cf cf)
{
    CLEANUP(strbuf_done) struct strbuf upper = {0};
    struct statedb_scan *scan = NULL;
    struct span key, value;

    strbuf_add(&upper, strbuf_span(&a->key));
    keyspace_after_prefix(&upper);
    int rc =
        statedb_scan_open(a->view, cf, strbuf_span(&a->key), strbuf_span(&upper), true, &scan);
    if (rc < 0) {
        apply_fail(a, rc);
        return false;
    }
    const bool is_there = statedb_scan_next(scan, &key, &value);
    rc = statedb_scan_close(scan);
    if (rc < 0)
        apply_fail(a, rc);
    return is_there;
}

void apply_delete_prefix(struct apply *a, enum keyspace_cf cf)
{
    CLEANUP(strbuf_done) struct strbuf upper = {0};

    strbuf_add(&upper, strbuf_span(&a->key));
    keyspace_after_prefix(&upper);
    statedb_delete_range(a->batch, cf, strbuf_span(&a->key),
                         upper.size ? strbuf_span(&upper) : SPAN_NONE);
}

void apply_feed(struct apply *a, const Store__FeedRow *row)
{
    const uint32_t part = a->feed_count++;

    keyspace_feed(&a->key, a->group, a->index, part);
    apply_put(a, KEYSPACE_FEED, &row->base);
    if (row->kind != STORE__FEED_ROW__KIND__MESSAGE && row->kind != STORE__FEED_ROW__KIND__SENT)
        return;
    keyspace_user_number(&a->key, a->group, span_text(row->user), a->index);
    apply_put_bytes(a, KEYSPACE_FEED_OF, SPAN(""));
}

void apply_outcome(struct apply *a, Store__Result__Outcome outcome)
{
    a->result->outcome = outcome;
}

void apply_refuse(struct apply *a, const char *reason)
{
    a->result->outcome = STORE__RESULT__OUTCOME__REFUSED;
    a->result->reason = apply_text(a, span_text(reason));
}

char *apply_text(struct apply *a, struct span text)
{
    char *copy = arena_zeroed(a->arena, text.size + 1);

    if (text.size)
        memcpy(copy, text.ptr, text.size);
    return copy;
}

/* ---- Users ------------------------------------------------------------------------------ */

Store__UserRow *apply_user(struct apply *a, struct span user)
{
    keyspace_text(&a->key, a->group, user);
    return apply_get(a, KEYSPACE_USERS, &store__user_row__descriptor);
}

void apply_user_put(struct apply *a, struct span user, const Store__UserRow *row)
{
    keyspace_text(&a->key, a->group, user);
    apply_put(a, KEYSPACE_USERS, &row->base);
}

bool apply_has_user(struct apply *a, struct span user)
{
    keyspace_text(&a->key, a->group, user);
    return apply_has(a, KEYSPACE_USERS);
}

Store__CountersRow *apply_counters(struct apply *a, struct span user)
{
    keyspace_text(&a->key, a->group, user);
    Store__CountersRow *row = apply_get(a, KEYSPACE_COUNTERS, &store__counters_row__descriptor);
    if (!row) {
        row = arena_zeroed(a->arena, sizeof(*row));
        store__counters_row__init(row);
    }
    return row;
}

void apply_counters_put(struct apply *a, struct span user, const Store__CountersRow *row)
{
    keyspace_text(&a->key, a->group, user);
    apply_put(a, KEYSPACE_COUNTERS, &row->base);
}

static bool apply_has_block(struct apply *a, struct span user, struct span address)
{
    keyspace_pair(&a->key, a->group, user, address);
    return apply_has(a, KEYSPACE_BLOCKS);
}

bool apply_is_blocked(struct apply *a, struct span user, struct span address)
{
    if (apply_counters(a, user)->block_count == 0)
        return false;

    /* XEP-0191, 2: as privacy lists match: user@domain/resource, user@domain,
     * domain/resource, domain. */
    const struct span bare = apply_bare(address), domain = apply_domain(address);
    if (apply_has_block(a, user, address) || apply_has_block(a, user, bare) ||
        apply_has_block(a, user, domain))
        return true;
    if (bare.size == address.size || domain.size == bare.size)
        return false;
    /* domain/resource: the address behind its '@' */
    return apply_has_block(a, user, span_from(address, bare.size - domain.size));
}

bool apply_is_asker(struct apply *a, struct span user)
{
    if (apply_is_bare(user) && (!a->session || span_is(user, a->session->user)))
        return true;
    apply_outcome(a, STORE__RESULT__OUTCOME__MALFORMED);
    return false;
}

/* ---- Addresses -------------------------------------------------------------------------- */

struct span apply_bare(struct span address)
{
    return span_first(address, span_index(address, '/'));
}

struct span apply_domain(struct span address)
{
    const struct span bare = apply_bare(address);
    const size_t at = span_index(bare, '@');
    return at == bare.size ? bare : span_from(bare, at + 1);
}

bool apply_is_bare(struct span address)
{
    return address.size > 0 && address.size <= APPLY_BARE_MAX &&
           span_index(address, '/') == address.size;
}

bool apply_is_address(struct span address)
{
    return address.size <= APPLY_FULL_MAX && apply_is_bare(apply_bare(address));
}

bool apply_is_local(struct apply *a, struct span address)
{
    if (!a->domain) {
        keyspace_cluster(&a->key, a->group, 'c');
        const Store__ClusterRow *row =
            apply_get(a, KEYSPACE_CLUSTER, &store__cluster_row__descriptor);
        a->domain = row ? row->domain : "";
    }
    return span_is(apply_domain(address), a->domain);
}
