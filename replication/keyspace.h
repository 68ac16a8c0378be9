/* SPDX-License-Identifier: Apache-2.0 */
/* Keyspace: the column families of the state database and the form of their keys.
 *
 * Every key begins with the Raft group (be32). Numbers are big-endian, so that byte order
 * is their order; a text ends with a zero byte, which no address, name or id can hold, so
 * that no text runs into what follows it and the rows of one user stand together.
 *
 *   family        key after the group                    value
 *   cluster       'c'                                    ClusterRow
 *                 'n' node:u64                           NodeRow
 *                 'd' 'e' 'f'                            u64: rows of dedupe_age, ended and
 *                                                        feed below it are trimmed
 *                 't'                                    u64: messages up to it have left
 *                                                        every archive
 *   settings      name\0                                 SettingRow
 *   users         user\0                                 UserRow
 *   counters      user\0                                 CountersRow
 *   roster        user\0 contact\0                       RosterRow
 *   blocks        user\0 address\0                       BlockRow
 *   prefs         user\0                                 ArchivePrefs
 *   mentions      named\0 what:u8 user\0                 empty: who has rows about `named`
 *   sessions      session:16                             SessionRow
 *   sessions_of   user\0 session:16                      empty
 *   ended         ended_us:u64 session:16                empty
 *   marks         session:16 seq:u64                     MarkRow
 *   messages      index:u64                              MessageRow
 *   archive       user\0 index:u64                       ArchiveRow
 *   archive_with  user\0 contact\0 index:u64             u64: stamp
 *   inbox         user\0 index:u64                       InboxRow
 *   dedupe        sender\0 hash:16                       DedupeRow
 *   dedupe_age    index:u64                              u64 stamp, key of the dedupe row
 *   feed          index:u64 part:u32                     FeedRow
 *   feed_of       user\0 index:u64                       empty: the user has MESSAGE or
 *                                                        SENT rows in the feed there
 *   proposers     node:u64                               ProposerRow
 *   proposals     node:u64 epoch:u64 sequence:u64        Result
 *
 * The hash of a dedupe key is the first half of SHA-256(recipient \0 origin id).
 * Pure; encoders clear `key` and fill it. */
#pragma once

#include <stdint.h>

#include "base/span.h"
#include "base/strbuf.h"

enum keyspace_cf {
    KEYSPACE_CLUSTER,
    KEYSPACE_SETTINGS,
    KEYSPACE_USERS,
    KEYSPACE_COUNTERS,
    KEYSPACE_ROSTER,
    KEYSPACE_BLOCKS,
    KEYSPACE_PREFS,
    KEYSPACE_MENTIONS,
    KEYSPACE_SESSIONS,
    KEYSPACE_SESSIONS_OF,
    KEYSPACE_ENDED,
    KEYSPACE_MARKS,
    KEYSPACE_MESSAGES,
    KEYSPACE_ARCHIVE,
    KEYSPACE_ARCHIVE_WITH,
    KEYSPACE_INBOX,
    KEYSPACE_DEDUPE,
    KEYSPACE_DEDUPE_AGE,
    KEYSPACE_FEED,
    KEYSPACE_FEED_OF,
    KEYSPACE_PROPOSERS,
    KEYSPACE_PROPOSALS,
    KEYSPACE_CF_COUNT,
};

enum {
    KEYSPACE_GROUP = 0,         /* the only Raft group so far */
    KEYSPACE_SESSION_SIZE = 16, /* bytes of a session id */
};

/* The family's name on disk, stable for ever. */
const char *keyspace_name(enum keyspace_cf cf);

/* What a mention row stands for. */
enum keyspace_mention {
    KEYSPACE_MENTION_ARCHIVE = 'a', /* user has archive rows with the named */
    KEYSPACE_MENTION_BLOCK = 'b',   /* user blocks the named */
    KEYSPACE_MENTION_ROSTER = 'r',  /* user has a roster row of the named */
};

void keyspace_cluster(struct strbuf *key, uint32_t group, char what);
void keyspace_node(struct strbuf *key, uint32_t group, uint64_t node_id);

/* settings, users, counters, prefs; also the prefix of all rows of a user. */
void keyspace_text(struct strbuf *key, uint32_t group, struct span text);

/* roster, blocks; also the prefix of the rows of archive_with. */
void keyspace_pair(struct strbuf *key, uint32_t group, struct span user, struct span contact);

void keyspace_mention(struct strbuf *key, uint32_t group, struct span named,
                      enum keyspace_mention what, struct span user);

/* sessions; also the prefix of a session's marks. id: KEYSPACE_SESSION_SIZE bytes. */
void keyspace_session(struct strbuf *key, uint32_t group, struct span id);
void keyspace_session_of(struct strbuf *key, uint32_t group, struct span user, struct span id);
void keyspace_ended(struct strbuf *key, uint32_t group, uint64_t ended_us, struct span id);
void keyspace_mark(struct strbuf *key, uint32_t group, struct span id, uint64_t seq);

/* messages, dedupe_age; proposers (by node); also the prefix of the feed rows of an index. */
void keyspace_number(struct strbuf *key, uint32_t group, uint64_t number);

/* archive, inbox, feed_of. */
void keyspace_user_number(struct strbuf *key, uint32_t group, struct span user, uint64_t index);
void keyspace_archive_with(struct strbuf *key, uint32_t group, struct span user,
                           struct span contact, uint64_t index);

void keyspace_dedupe(struct strbuf *key, uint32_t group, struct span sender,
                     struct span recipient, struct span origin_id);
void keyspace_feed(struct strbuf *key, uint32_t group, uint64_t index, uint32_t part);
void keyspace_proposal(struct strbuf *key, uint32_t group, uint64_t node_id, uint64_t epoch,
                       uint64_t sequence);

/* Turns a prefix into the smallest key behind everything that begins with it; empty when
 * there is none. */
void keyspace_after_prefix(struct strbuf *prefix);

/* The big-endian number that begins `from` bytes before the end of the key; 0 when the key
 * is shorter. */
uint64_t keyspace_tail_u64(struct span key, size_t from);

/* The nth text (from 0) behind the group; SPAN_NONE when there is none. Borrowed. Do not
 * ask for texts behind binary fields. */
struct span keyspace_text_at(struct span key, unsigned nth);

/* The last `size` bytes; SPAN_NONE when the key is shorter. Borrowed. */
struct span keyspace_tail(struct span key, size_t size);
