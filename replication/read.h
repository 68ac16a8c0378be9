/* SPDX-License-Identifier: Apache-2.0 */
/* Reads of the state store, typed: rows in, protobuf-c messages out.
 *
 * Threads: any. A view that is not a snapshot may show changes of a later entry to the
 * second of two reads; who needs both to fit takes statedb_snapshot_open().
 *
 * Users and contacts are prepared bare addresses. A row returned through ret_ is the
 * caller's, who frees it with the message's free_unpacked(row, NULL); one given to a
 * callback is borrowed for the call. A callback returns false to end the walk.
 * Lookups return 1 found, 0 not there; walks return 0; all of them ERR_STORAGE or
 * ERR_CORRUPT. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"
#include "presenced/store/v1/store.pb-c.h"

struct statedb_view;

int read_cluster(const struct statedb_view *view, Store__ClusterRow **ret_row);
int read_node(const struct statedb_view *view, uint64_t node_id, Store__NodeRow **ret_row);
int read_setting(const struct statedb_view *view, const char *name,
                 Store__SettingRow **ret_row);

typedef bool (*read_setting_fn)(struct span name, const Store__SettingRow *row, void *arg);
int read_settings(const struct statedb_view *view, read_setting_fn each, void *arg);

/* inbox_count and roster_count are filled in. */
int read_user(const struct statedb_view *view, struct span user, Store__UserRow **ret_row);

/* Users after a name (SPAN_NONE: from the first), in byte order, at most max. */
typedef bool (*read_user_fn)(struct span user, const Store__UserRow *row, void *arg);
int read_users(const struct statedb_view *view, struct span after, size_t max,
               read_user_fn each, void *arg);

/* Every roster row, hidden ones too: is_listed and is_pending_in tell. */
typedef bool (*read_roster_fn)(struct span contact, const Store__RosterRow *row, void *arg);
int read_roster(const struct statedb_view *view, struct span user, read_roster_fn each,
                void *arg);
int read_roster_item(const struct statedb_view *view, struct span user, struct span contact,
                     Store__RosterRow **ret_row);

typedef bool (*read_block_fn)(struct span address, const Store__BlockRow *row, void *arg);
int read_blocks(const struct statedb_view *view, struct span user, read_block_fn each,
                void *arg);

/* Whether the user's list covers an address: bare, full, domain or domain/resource
 * (XEP-0191). Returns 1 or 0. */
int read_is_blocked(const struct statedb_view *view, struct span user, struct span address);

/* A preference row, or 0: the default, ALWAYS. */
int read_prefs(const struct statedb_view *view, struct span user,
               Store__ArchivePrefs **ret_row);

/* Also a session that has ended, for 10 minutes: ended_us tells. */
int read_session(const struct statedb_view *view, struct span session_id,
                 Store__SessionRow **ret_row);
/* Living sessions, of one user or of all. */
typedef bool (*read_session_fn)(const Store__SessionRow *row, void *arg);
int read_sessions_of(const struct statedb_view *view, struct span user, read_session_fn each,
                     void *arg);
int read_sessions(const struct statedb_view *view, read_session_fn each, void *arg);

/* Send marks in the order of seq. */
typedef bool (*read_mark_fn)(uint64_t seq, uint64_t message, void *arg);
int read_marks(const struct statedb_view *view, struct span session_id, read_mark_fn each,
               void *arg);

/* The stored message of a log index. */
int read_message(const struct statedb_view *view, uint64_t index, Store__MessageRow **ret_row);

/* Inbox rows after a log index, in order. */
typedef bool (*read_inbox_fn)(uint64_t index, const Store__InboxRow *row, void *arg);
int read_inbox(const struct statedb_view *view, struct span user, uint64_t after,
               read_inbox_fn each, void *arg);

/* Feed rows after a log index, in order; and only the MESSAGE and SENT rows of one user.
 * Rows at or below read_feed_trimmed() may be gone: a consumer that is further behind
 * starts again from the rows themselves. */
typedef bool (*read_feed_fn)(uint64_t index, const Store__FeedRow *row, void *arg);
int read_feed(const struct statedb_view *view, uint64_t after, read_feed_fn each, void *arg);
int read_feed_of(const struct statedb_view *view, struct span user, uint64_t after,
                 read_feed_fn each, void *arg);
int read_feed_trimmed(const struct statedb_view *view, uint64_t *ret_index);
