/* SPDX-License-Identifier: Apache-2.0 */
#include "replication/read.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/mem.h"
#include "replication/keyspace.h"
#include "replication/statedb.h"

/* Rows are made with plain allocation that aborts, so free_unpacked(row, NULL) fits. */
static void *read_allocate(void *data, size_t size)
{
    (void)data;
    return mem_resized(NULL, size, 1);
}

static void read_deallocate(void *data, void *pointer)
{
    (void)data;
    free(pointer);
}

static ProtobufCAllocator read_allocator = {read_allocate, read_deallocate, NULL};

static void read_release(ProtobufCMessage **row)
{
    if (*row)
        protobuf_c_message_free_unpacked(*row, NULL);
}

static ProtobufCMessage *read_unpack(const ProtobufCMessageDescriptor *type, struct span bytes)
{
    return protobuf_c_message_unpack(type, &read_allocator, bytes.size,
                                     (const uint8_t *)bytes.ptr);
}

/* The row at a key: 1, 0, or an error. */
static int read_row(const struct statedb_view *view, enum keyspace_cf cf,
                    const struct strbuf *key, const ProtobufCMessageDescriptor *type,
                    void *ret_row)
{
    CLEANUP(strbuf_done) struct strbuf value = {0};

    const int rc = statedb_get(view, cf, strbuf_span(key), &value);
    if (rc != 1)
        return rc;
    ProtobufCMessage *row = read_unpack(type, strbuf_span(&value));
    if (!row)
        return ERR_CORRUPT;
    memcpy(ret_row, &row, sizeof(void *)); /* of the caller's type, whose first field it is */
    return 1;
}

/* Called with each row of a walk; row is NULL for a family without messages. */
typedef int (*read_each_fn)(struct span key, ProtobufCMessage *row, void *arg);

/* Walks keys from `from` on, as long as they begin with the first prefix_size bytes of it.
 * each returns 1 to go on, 0 to end, or an error. */
static int read_walk(const struct statedb_view *view, enum keyspace_cf cf,
                     const struct strbuf *from, size_t prefix_size,
                     const ProtobufCMessageDescriptor *type, read_each_fn each, void *arg)
{
    CLEANUP(strbuf_done) struct strbuf upper = {0};
    struct statedb_scan *scan = NULL;
    struct span key, value;
    int going = 1;

    strbuf_add(&upper, span_first(strbuf_span(from), prefix_size));
    keyspace_after_prefix(&upper);
    int rc = statedb_scan_open(view, cf, strbuf_span(from),
                               upper.size ? strbuf_span(&upper) : SPAN_NONE, false, &scan);
    if (rc < 0)
        return rc;
    while (going == 1 && statedb_scan_next(scan, &key, &value)) {
        CLEANUP(read_release) ProtobufCMessage *row = type ? read_unpack(type, value) : NULL;
        going = type && !row ? ERR_CORRUPT : each(key, row, arg);
    }
    rc = statedb_scan_close(scan);
    return going < 0 ? going : rc;
}

/* A caller's callback and its argument, under way through read_walk(). */
struct read_caller {
    const struct statedb_view *view;
    union {
        read_setting_fn setting;
        read_user_fn user;
        read_roster_fn roster;
        read_block_fn block;
        read_session_fn session;
        read_mark_fn mark;
        read_inbox_fn inbox;
        read_feed_fn feed;
    } each;
    void *arg;
    struct span user;
    size_t left;
};

/* ---- Cluster and settings --------------------------------------------------------------- */

int read_cluster(const struct statedb_view *view, Store__ClusterRow **ret_row)
{
    CLEANUP(strbuf_done) struct strbuf key = {0};

    keyspace_cluster(&key, KEYSPACE_GROUP, 'c');
    return read_row(view, KEYSPACE_CLUSTER, &key, &store__cluster_row__descriptor, ret_row);
}

int read_node(const struct statedb_view *view, uint64_t node_id, Store__NodeRow **ret_row)
{
    CLEANUP(strbuf_done) struct strbuf key = {0};

    keyspace_node(&key, KEYSPACE_GROUP, node_id);
    return read_row(view, KEYSPACE_CLUSTER, &key, &store__node_row__descriptor, ret_row);
}

int read_setting(const struct statedb_view *view, const char *name, Store__SettingRow **ret_row)
{
    CLEANUP(strbuf_done) struct strbuf key = {0};

    keyspace_text(&key, KEYSPACE_GROUP, span_text(name));
    return read_row(view, KEYSPACE_SETTINGS, &key, &store__setting_row__descriptor, ret_row);
}

static int read_setting_found(struct span key, ProtobufCMessage *row, void *arg)
{
    const struct read_caller *c = arg;
    return c->each.setting(keyspace_text_at(key, 0), (Store__SettingRow *)row, c->arg);
}

int read_settings(const struct statedb_view *view, read_setting_fn each, void *arg)
{
    CLEANUP(strbuf_done) struct strbuf key = {0};
    struct read_caller c = {.each.setting = each, .arg = arg};

    strbuf_add_u32be(&key, KEYSPACE_GROUP);
    return read_walk(view, KEYSPACE_SETTINGS, &key, key.size, &store__setting_row__descriptor,
                     read_setting_found, &c);
}

/* ---- Users ------------------------------------------------------------------------------ */

static int read_counters(const struct statedb_view *view, struct span user, Store__UserRow *row)
{
    CLEANUP(strbuf_done) struct strbuf key = {0};
    Store__CountersRow *counters = NULL;

    keyspace_text(&key, KEYSPACE_GROUP, user);
    const int rc =
        read_row(view, KEYSPACE_COUNTERS, &key, &store__counters_row__descriptor, &counters);
    if (rc != 1)
        return rc;
    row->inbox_count = counters->inbox_count;
    row->roster_count = counters->roster_count;
    store__counters_row__free_unpacked(counters, NULL);
    return 0;
}

int read_user(const struct statedb_view *view, struct span user, Store__UserRow **ret_row)
{
    CLEANUP(strbuf_done) struct strbuf key = {0};
    Store__UserRow *row = NULL;

    keyspace_text(&key, KEYSPACE_GROUP, user);
    int rc = read_row(view, KEYSPACE_USERS, &key, &store__user_row__descriptor, &row);
    if (rc != 1)
        return rc;
    rc = read_counters(view, user, row);
    if (rc < 0) {
        store__user_row__free_unpacked(row, NULL);
        return rc;
    }
    *ret_row = row;
    return 1;
}

static int read_user_found(struct span key, ProtobufCMessage *message, void *arg)
{
    struct read_caller *c = arg;
    Store__UserRow *row = (Store__UserRow *)message;
    const struct span user = keyspace_text_at(key, 0);

    if (c->left == 0)
        return 0;
    c->left--;
    const int rc = read_counters(c->view, user, row);
    if (rc < 0)
        return rc;
    return c->each.user(user, row, c->arg) && c->left > 0;
}

int read_users(const struct statedb_view *view, struct span after, size_t max,
               read_user_fn each, void *arg)
{
    CLEANUP(strbuf_done) struct strbuf key = {0};
    struct read_caller c = {.view = view, .each.user = each, .arg = arg, .left = max};

    keyspace_text(&key, KEYSPACE_GROUP, after);
    if (span_is_none(after))
        key.size--;
    else
        strbuf_add_byte(&key, '\0'); /* the key right behind it */
    return read_walk(view, KEYSPACE_USERS, &key, sizeof(uint32_t), &store__user_row__descriptor,
                     read_user_found, &c);
}

/* ---- Roster, blocks, preferences -------------------------------------------------------- */

static int read_roster_found(struct span key, ProtobufCMessage *row, void *arg)
{
    const struct read_caller *c = arg;
    return c->each.roster(keyspace_text_at(key, 1), (Store__RosterRow *)row, c->arg);
}

int read_roster(const struct statedb_view *view, struct span user, read_roster_fn each,
                void *arg)
{
    CLEANUP(strbuf_done) struct strbuf key = {0};
    struct read_caller c = {.each.roster = each, .arg = arg};

    keyspace_text(&key, KEYSPACE_GROUP, user);
    return read_walk(view, KEYSPACE_ROSTER, &key, key.size, &store__roster_row__descriptor,
                     read_roster_found, &c);
}

int read_roster_item(const struct statedb_view *view, struct span user, struct span contact,
                     Store__RosterRow **ret_row)
{
    CLEANUP(strbuf_done) struct strbuf key = {0};

    keyspace_pair(&key, KEYSPACE_GROUP, user, contact);
    return read_row(view, KEYSPACE_ROSTER, &key, &store__roster_row__descriptor, ret_row);
}

static int read_block_found(struct span key, ProtobufCMessage *row, void *arg)
{
    const struct read_caller *c = arg;
    return c->each.block(keyspace_text_at(key, 1), (Store__BlockRow *)row, c->arg);
}

int read_blocks(const struct statedb_view *view, struct span user, read_block_fn each,
                void *arg)
{
    CLEANUP(strbuf_done) struct strbuf key = {0};
    struct read_caller c = {.each.block = each, .arg = arg};

    keyspace_text(&key, KEYSPACE_GROUP, user);
    return read_walk(view, KEYSPACE_BLOCKS, &key, key.size, &store__block_row__descriptor,
                     read_block_found, &c);
}

int read_is_blocked(const struct statedb_view *view, struct span user, struct span address)
{
    CLEANUP(strbuf_done) struct strbuf key = {0}, value = {0};
    const struct span bare = span_first(address, span_index(address, '/'));
    const size_t at = span_index(bare, '@');
    const size_t domain_at = at < bare.size ? at + 1 : 0;
    /* user@domain/resource, user@domain, domain/resource, domain (XEP-0191, 2) */
    const struct span covers[] = {address, bare, span_from(address, domain_at),
                                  span_from(bare, domain_at)};

    for (size_t i = 0; i < sizeof(covers) / sizeof(covers[0]); i++) {
        keyspace_pair(&key, KEYSPACE_GROUP, user, covers[i]);
        const int rc = statedb_get(view, KEYSPACE_BLOCKS, strbuf_span(&key), &value);
        if (rc != 0)
            return rc;
    }
    return 0;
}

int read_prefs(const struct statedb_view *view, struct span user, Store__ArchivePrefs **ret_row)
{
    CLEANUP(strbuf_done) struct strbuf key = {0};

    keyspace_text(&key, KEYSPACE_GROUP, user);
    return read_row(view, KEYSPACE_PREFS, &key, &store__archive_prefs__descriptor, ret_row);
}

/* ---- Sessions --------------------------------------------------------------------------- */

int read_session(const struct statedb_view *view, struct span session_id,
                 Store__SessionRow **ret_row)
{
    CLEANUP(strbuf_done) struct strbuf key = {0};

    if (session_id.size != KEYSPACE_SESSION_SIZE)
        return 0;
    keyspace_session(&key, KEYSPACE_GROUP, session_id);
    return read_row(view, KEYSPACE_SESSIONS, &key, &store__session_row__descriptor, ret_row);
}

static int read_session_found(struct span key, ProtobufCMessage *message, void *arg)
{
    const struct read_caller *c = arg;
    const Store__SessionRow *row = (Store__SessionRow *)message;

    (void)key;
    return row->ended_us ? 1 : c->each.session(row, c->arg);
}

static int read_session_named(struct span key, ProtobufCMessage *none, void *arg)
{
    const struct read_caller *c = arg;
    Store__SessionRow *row = NULL;

    (void)none;
    const int rc = read_session(c->view, keyspace_tail(key, KEYSPACE_SESSION_SIZE), &row);
    if (rc != 1)
        return rc < 0 ? rc : 1; /* ended between the two reads */
    const int going = read_session_found(key, &row->base, arg);
    store__session_row__free_unpacked(row, NULL);
    return going;
}

int read_sessions_of(const struct statedb_view *view, struct span user, read_session_fn each,
                     void *arg)
{
    CLEANUP(strbuf_done) struct strbuf key = {0};
    struct read_caller c = {.view = view, .each.session = each, .arg = arg};

    keyspace_text(&key, KEYSPACE_GROUP, user);
    return read_walk(view, KEYSPACE_SESSIONS_OF, &key, key.size, NULL, read_session_named, &c);
}

int read_sessions(const struct statedb_view *view, read_session_fn each, void *arg)
{
    CLEANUP(strbuf_done) struct strbuf key = {0};
    struct read_caller c = {.each.session = each, .arg = arg};

    strbuf_add_u32be(&key, KEYSPACE_GROUP);
    return read_walk(view, KEYSPACE_SESSIONS, &key, key.size, &store__session_row__descriptor,
                     read_session_found, &c);
}

static int read_mark_found(struct span key, ProtobufCMessage *row, void *arg)
{
    const struct read_caller *c = arg;
    return c->each.mark(keyspace_tail_u64(key, sizeof(uint64_t)),
                        ((Store__MarkRow *)row)->message, c->arg);
}

int read_marks(const struct statedb_view *view, struct span session_id, read_mark_fn each,
               void *arg)
{
    CLEANUP(strbuf_done) struct strbuf key = {0};
    struct read_caller c = {.each.mark = each, .arg = arg};

    if (session_id.size != KEYSPACE_SESSION_SIZE)
        return 0;
    keyspace_session(&key, KEYSPACE_GROUP, session_id);
    return read_walk(view, KEYSPACE_MARKS, &key, key.size, &store__mark_row__descriptor,
                     read_mark_found, &c);
}

/* ---- Messages, inbox, feed -------------------------------------------------------------- */

int read_message(const struct statedb_view *view, uint64_t index, Store__MessageRow **ret_row)
{
    CLEANUP(strbuf_done) struct strbuf key = {0};

    keyspace_number(&key, KEYSPACE_GROUP, index);
    return read_row(view, KEYSPACE_MESSAGES, &key, &store__message_row__descriptor, ret_row);
}

static int read_inbox_found(struct span key, ProtobufCMessage *row, void *arg)
{
    const struct read_caller *c = arg;
    return c->each.inbox(keyspace_tail_u64(key, sizeof(uint64_t)), (Store__InboxRow *)row,
                         c->arg);
}

int read_inbox(const struct statedb_view *view, struct span user, uint64_t after,
               read_inbox_fn each, void *arg)
{
    CLEANUP(strbuf_done) struct strbuf key = {0};
    struct read_caller c = {.each.inbox = each, .arg = arg};

    if (after == UINT64_MAX)
        return 0;
    keyspace_user_number(&key, KEYSPACE_GROUP, user, after + 1);
    return read_walk(view, KEYSPACE_INBOX, &key, key.size - sizeof(uint64_t),
                     &store__inbox_row__descriptor, read_inbox_found, &c);
}

static int read_feed_found(struct span key, ProtobufCMessage *row, void *arg)
{
    const struct read_caller *c = arg;
    return c->each.feed(keyspace_tail_u64(key, sizeof(uint64_t) + sizeof(uint32_t)),
                        (Store__FeedRow *)row, c->arg);
}

int read_feed(const struct statedb_view *view, uint64_t after, read_feed_fn each, void *arg)
{
    CLEANUP(strbuf_done) struct strbuf key = {0};
    struct read_caller c = {.each.feed = each, .arg = arg};

    if (after == UINT64_MAX)
        return 0;
    keyspace_number(&key, KEYSPACE_GROUP, after + 1);
    return read_walk(view, KEYSPACE_FEED, &key, sizeof(uint32_t), &store__feed_row__descriptor,
                     read_feed_found, &c);
}

/* The rows of one entry that concern the user's messages. */
static int read_feed_of_user(struct span key, ProtobufCMessage *message, void *arg)
{
    const struct read_caller *c = arg;
    const Store__FeedRow *row = (Store__FeedRow *)message;

    if ((row->kind != STORE__FEED_ROW__KIND__MESSAGE &&
         row->kind != STORE__FEED_ROW__KIND__SENT) ||
        !span_is(c->user, row->user))
        return 1;
    return read_feed_found(key, message, arg);
}

/* Remembers that the caller wants no more, for the outer of two walks. */
struct read_feed_walk {
    struct read_caller caller;
    read_feed_fn each;
    void *arg;
    bool is_over;
};

static bool read_feed_passed(uint64_t index, const Store__FeedRow *row, void *arg)
{
    struct read_feed_walk *w = arg;
    w->is_over = !w->each(index, row, w->arg);
    return !w->is_over;
}

static int read_feed_named(struct span found, ProtobufCMessage *none, void *arg)
{
    CLEANUP(strbuf_done) struct strbuf key = {0};
    struct read_feed_walk *w = arg;

    (void)none;
    keyspace_number(&key, KEYSPACE_GROUP, keyspace_tail_u64(found, sizeof(uint64_t)));
    const int rc = read_walk(w->caller.view, KEYSPACE_FEED, &key, key.size,
                             &store__feed_row__descriptor, read_feed_of_user, &w->caller);
    return rc < 0 ? rc : !w->is_over;
}

int read_feed_of(const struct statedb_view *view, struct span user, uint64_t after,
                 read_feed_fn each, void *arg)
{
    CLEANUP(strbuf_done) struct strbuf key = {0};
    struct read_feed_walk w = {.each = each, .arg = arg};

    if (after == UINT64_MAX)
        return 0;
    w.caller = (struct read_caller){
        .view = view, .each.feed = read_feed_passed, .arg = &w, .user = user};
    keyspace_user_number(&key, KEYSPACE_GROUP, user, after + 1);
    return read_walk(view, KEYSPACE_FEED_OF, &key, key.size - sizeof(uint64_t), NULL,
                     read_feed_named, &w);
}

int read_feed_trimmed(const struct statedb_view *view, uint64_t *ret_index)
{
    CLEANUP(strbuf_done) struct strbuf key = {0}, value = {0};

    keyspace_cluster(&key, KEYSPACE_GROUP, 'f');
    const int rc = statedb_get(view, KEYSPACE_CLUSTER, strbuf_span(&key), &value);
    if (rc < 0)
        return rc;
    *ret_index = rc == 1 ? keyspace_tail_u64(strbuf_span(&value), sizeof(uint64_t)) : 0;
    return 0;
}
