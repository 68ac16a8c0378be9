/* SPDX-License-Identifier: Apache-2.0 */
#include "replication/apply_block.h"

#include "replication/apply.h"

enum { BLOCK_ITEMS_MAX = 10000 }; /* when the command names no limit, and of one command */

/* A change of one user's list on its way through a command. */
struct block_change {
    struct span user;
    uint32_t count; /* rows of the list */
    char **added, **removed;
    size_t added_count, removed_count;
};

static void block_key(struct apply *a, struct span user, struct span address)
{
    keyspace_pair(&a->key, a->group, user, address);
}

static void block_mention_key(struct apply *a, struct span user, struct span address)
{
    keyspace_mention(&a->key, a->group, address, KEYSPACE_MENTION_BLOCK, user);
}

static void block_add(struct apply *a, struct block_change *change, char *address)
{
    Store__BlockRow row = STORE__BLOCK_ROW__INIT;

    block_key(a, change->user, span_text(address));
    if (apply_has(a, KEYSPACE_BLOCKS))
        return;
    row.index = a->index;
    apply_put(a, KEYSPACE_BLOCKS, &row.base);
    block_mention_key(a, change->user, span_text(address));
    apply_put_bytes(a, KEYSPACE_MENTIONS, SPAN(""));
    change->added[change->added_count++] = address;
    change->count++;
}

static void block_remove(struct apply *a, struct block_change *change, char *address)
{
    block_key(a, change->user, span_text(address));
    if (!apply_has(a, KEYSPACE_BLOCKS))
        return;
    apply_delete(a, KEYSPACE_BLOCKS);
    block_mention_key(a, change->user, span_text(address));
    apply_delete(a, KEYSPACE_MENTIONS);
    change->removed[change->removed_count++] = address;
    change->count -= change->count > 0;
}

static struct apply_list block_list(struct apply *a, struct span user)
{
    keyspace_text(&a->key, a->group, user);
    return apply_list_prefix(a, KEYSPACE_BLOCKS, SIZE_MAX);
}

static struct block_change block_change_begin(struct apply *a, struct span user,
                                              size_t added_max, size_t removed_max)
{
    return (struct block_change){
        .user = user,
        .count = apply_counters(a, user)->block_count,
        .added = arena_zeroed(a->arena, (added_max + 1) * sizeof(char *)),
        .removed = arena_zeroed(a->arena, (removed_max + 1) * sizeof(char *)),
    };
}

/* Counter, index of the list, feed. */
static void block_change_end(struct apply *a, const struct block_change *change)
{
    if (change->added_count + change->removed_count == 0)
        return;

    Store__CountersRow *counters = apply_counters(a, change->user);
    counters->block_count = change->count;
    apply_counters_put(a, change->user, counters);
    Store__UserRow *user = apply_user(a, change->user);
    if (user) {
        user->block_index = a->index;
        apply_user_put(a, change->user, user);
    }
    Store__FeedRow row = STORE__FEED_ROW__INIT;
    row.kind = STORE__FEED_ROW__KIND__BLOCK;
    row.user = apply_text(a, change->user);
    row.added = change->added;
    row.n_added = change->added_count;
    row.removed = change->removed;
    row.n_removed = change->removed_count;
    apply_feed(a, &row);
}

static bool block_is_good(const Store__BlockSet *c)
{
    if (c->n_add > BLOCK_ITEMS_MAX || c->n_remove > BLOCK_ITEMS_MAX)
        return false;
    for (size_t i = 0; i < c->n_add; i++)
        if (!apply_is_address(span_text(c->add[i])))
            return false;
    return true;
}

static bool block_names_self(const Store__BlockSet *c)
{
    for (size_t i = 0; i < c->n_add; i++)
        if (span_equal(apply_bare(span_text(c->add[i])), span_text(c->user)))
            return true;
    return false;
}

/* What goes and comes back in one command never left. */
static bool block_adds(const Store__BlockSet *c, struct span address)
{
    for (size_t i = 0; i < c->n_add; i++)
        if (span_is(address, c->add[i]))
            return true;
    return false;
}

/* How many rows the list would have. */
static size_t block_count_after(struct apply *a, const Store__BlockSet *c, struct span user)
{
    size_t count = c->remove_all ? 0 : apply_counters(a, user)->block_count;

    for (size_t i = 0; i < c->n_add; i++) {
        block_key(a, user, span_text(c->add[i]));
        count += c->remove_all || !apply_has(a, KEYSPACE_BLOCKS);
    }
    return count;
}

void apply_block_set(struct apply *a, const Store__BlockSet *c)
{
    const struct span user = span_text(c->user);

    if (!apply_is_asker(a, user))
        return;
    if (!block_is_good(c)) {
        apply_outcome(a, STORE__RESULT__OUTCOME__MALFORMED);
        return;
    }
    if (!apply_has_user(a, user)) {
        apply_outcome(a, STORE__RESULT__OUTCOME__NOT_FOUND);
        return;
    }
    if (block_names_self(c)) {
        apply_refuse(a, "self");
        return;
    }
    if (c->n_add > 0 &&
        block_count_after(a, c, user) > (c->items_max ? c->items_max : BLOCK_ITEMS_MAX)) {
        apply_refuse(a, "over-quota");
        return;
    }

    const struct apply_list all = c->remove_all ? block_list(a, user) : (struct apply_list){0};
    struct block_change change = block_change_begin(a, user, c->n_add, all.count + c->n_remove);
    for (size_t i = 0; i < all.count; i++) {
        const struct span address = keyspace_text_at(all.rows[i].key, 1);
        if (!block_adds(c, address))
            block_remove(a, &change, apply_text(a, address));
    }
    for (size_t i = 0; i < c->n_remove; i++)
        block_remove(a, &change, c->remove[i]);
    for (size_t i = 0; i < c->n_add; i++)
        block_add(a, &change, c->add[i]);
    block_change_end(a, &change);
}

/* Rows of others about one address, or about the resources of one. */
static void block_forget_mentions(struct apply *a)
{
    const struct apply_list rows = apply_list_prefix(a, KEYSPACE_MENTIONS, SIZE_MAX);

    for (size_t i = 0; i < rows.count; i++) {
        const struct span address = keyspace_text_at(rows.rows[i].key, 0);
        const struct span what = keyspace_text_at(rows.rows[i].key, 1);
        if (what.size == 0 || what.ptr[0] != KEYSPACE_MENTION_BLOCK)
            continue;
        struct block_change change = block_change_begin(a, span_from(what, 1), 0, 1);
        block_remove(a, &change, apply_text(a, address));
        block_change_end(a, &change);
    }
}

void apply_block_forget(struct apply *a, struct span user)
{
    keyspace_text(&a->key, a->group, user);
    block_forget_mentions(a);
    keyspace_text(&a->key, a->group, user);
    a->key.data[a->key.size - 1] = '/'; /* the user's resources */
    block_forget_mentions(a);

    const struct apply_list own = block_list(a, user);
    for (size_t i = 0; i < own.count; i++) {
        block_mention_key(a, user, keyspace_text_at(own.rows[i].key, 1));
        apply_delete(a, KEYSPACE_MENTIONS);
        apply_delete_key(a, KEYSPACE_BLOCKS, own.rows[i].key);
    }
}
