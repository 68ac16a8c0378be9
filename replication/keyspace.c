/* SPDX-License-Identifier: Apache-2.0 */
#include "replication/keyspace.h"

#include <assert.h>
#include <openssl/evp.h>
#include <stdlib.h>

static const char *const keyspace_names[KEYSPACE_CF_COUNT] = {
    [KEYSPACE_CLUSTER] = "cluster",
    [KEYSPACE_SETTINGS] = "settings",
    [KEYSPACE_USERS] = "users",
    [KEYSPACE_COUNTERS] = "counters",
    [KEYSPACE_ROSTER] = "roster",
    [KEYSPACE_BLOCKS] = "blocks",
    [KEYSPACE_PREFS] = "prefs",
    [KEYSPACE_MENTIONS] = "mentions",
    [KEYSPACE_SESSIONS] = "sessions",
    [KEYSPACE_SESSIONS_OF] = "sessions_of",
    [KEYSPACE_ENDED] = "ended",
    [KEYSPACE_MARKS] = "marks",
    [KEYSPACE_MESSAGES] = "messages",
    [KEYSPACE_ARCHIVE] = "archive",
    [KEYSPACE_ARCHIVE_WITH] = "archive_with",
    [KEYSPACE_INBOX] = "inbox",
    [KEYSPACE_DEDUPE] = "dedupe",
    [KEYSPACE_DEDUPE_AGE] = "dedupe_age",
    [KEYSPACE_FEED] = "feed",
    [KEYSPACE_FEED_OF] = "feed_of",
    [KEYSPACE_PROPOSERS] = "proposers",
    [KEYSPACE_PROPOSALS] = "proposals",
};

enum { KEYSPACE_GROUP_SIZE = 4, KEYSPACE_NUMBER_SIZE = 8, KEYSPACE_HASH_SIZE = 16 };

const char *keyspace_name(enum keyspace_cf cf)
{
    assert(cf < KEYSPACE_CF_COUNT);
    return keyspace_names[cf];
}

static void keyspace_begin(struct strbuf *key, uint32_t group)
{
    strbuf_clear(key);
    strbuf_add_u32be(key, group);
}

static void keyspace_add_text(struct strbuf *key, struct span text)
{
    strbuf_add(key, text);
    strbuf_add_byte(key, '\0');
}

void keyspace_cluster(struct strbuf *key, uint32_t group, char what)
{
    keyspace_begin(key, group);
    strbuf_add_byte(key, what);
}

void keyspace_node(struct strbuf *key, uint32_t group, uint64_t node_id)
{
    keyspace_cluster(key, group, 'n');
    strbuf_add_u64be(key, node_id);
}

void keyspace_text(struct strbuf *key, uint32_t group, struct span text)
{
    keyspace_begin(key, group);
    keyspace_add_text(key, text);
}

void keyspace_pair(struct strbuf *key, uint32_t group, struct span user, struct span contact)
{
    keyspace_text(key, group, user);
    keyspace_add_text(key, contact);
}

void keyspace_mention(struct strbuf *key, uint32_t group, struct span named,
                      enum keyspace_mention what, struct span user)
{
    keyspace_text(key, group, named);
    strbuf_add_byte(key, (char)what);
    keyspace_add_text(key, user);
}

void keyspace_session(struct strbuf *key, uint32_t group, struct span id)
{
    assert(id.size == KEYSPACE_SESSION_SIZE);
    keyspace_begin(key, group);
    strbuf_add(key, id);
}

void keyspace_session_of(struct strbuf *key, uint32_t group, struct span user, struct span id)
{
    assert(id.size == KEYSPACE_SESSION_SIZE);
    keyspace_text(key, group, user);
    strbuf_add(key, id);
}

void keyspace_ended(struct strbuf *key, uint32_t group, uint64_t ended_us, struct span id)
{
    assert(id.size == KEYSPACE_SESSION_SIZE);
    keyspace_number(key, group, ended_us);
    strbuf_add(key, id);
}

void keyspace_mark(struct strbuf *key, uint32_t group, struct span id, uint64_t seq)
{
    keyspace_session(key, group, id);
    strbuf_add_u64be(key, seq);
}

void keyspace_number(struct strbuf *key, uint32_t group, uint64_t number)
{
    keyspace_begin(key, group);
    strbuf_add_u64be(key, number);
}

void keyspace_user_number(struct strbuf *key, uint32_t group, struct span user, uint64_t index)
{
    keyspace_text(key, group, user);
    strbuf_add_u64be(key, index);
}

void keyspace_archive_with(struct strbuf *key, uint32_t group, struct span user,
                           struct span contact, uint64_t index)
{
    keyspace_pair(key, group, user, contact);
    strbuf_add_u64be(key, index);
}

void keyspace_dedupe(struct strbuf *key, uint32_t group, struct span sender,
                     struct span recipient, struct span origin_id)
{
    unsigned char hash[EVP_MAX_MD_SIZE];

    /* The hash makes the key short and names no recipient, who may be removed. */
    strbuf_clear(key);
    keyspace_add_text(key, recipient);
    strbuf_add(key, origin_id);
    if (EVP_Digest(key->data, key->size, hash, NULL, EVP_sha256(), NULL) != 1)
        abort(); /* out of memory is all that can happen */

    keyspace_text(key, group, sender);
    strbuf_add(key, span_of(hash, KEYSPACE_HASH_SIZE));
}

void keyspace_feed(struct strbuf *key, uint32_t group, uint64_t index, uint32_t part)
{
    keyspace_number(key, group, index);
    strbuf_add_u32be(key, part);
}

void keyspace_proposal(struct strbuf *key, uint32_t group, uint64_t node_id, uint64_t epoch,
                       uint64_t sequence)
{
    keyspace_number(key, group, node_id);
    strbuf_add_u64be(key, epoch);
    strbuf_add_u64be(key, sequence);
}

void keyspace_after_prefix(struct strbuf *prefix)
{
    while (prefix->size > 0 && (unsigned char)prefix->data[prefix->size - 1] == 0xff)
        prefix->data[--prefix->size] = '\0';
    if (prefix->size > 0)
        prefix->data[prefix->size - 1] =
            (char)((unsigned char)prefix->data[prefix->size - 1] + 1);
}

uint64_t keyspace_tail_u64(struct span key, size_t from)
{
    uint64_t number = 0;

    assert(from >= KEYSPACE_NUMBER_SIZE);
    if (key.size < from)
        return 0;
    const struct span bytes = span_first(span_from(key, key.size - from), KEYSPACE_NUMBER_SIZE);
    for (size_t i = 0; i < bytes.size; i++)
        number = number << 8 | (unsigned char)bytes.ptr[i];
    return number;
}

struct span keyspace_text_at(struct span key, unsigned nth)
{
    struct span rest = span_from(key, KEYSPACE_GROUP_SIZE);

    for (;;) {
        const size_t size = span_index(rest, '\0');
        if (size == rest.size)
            return SPAN_NONE;
        if (nth == 0)
            return span_first(rest, size);
        rest = span_from(rest, size + 1);
        nth--;
    }
}

struct span keyspace_tail(struct span key, size_t size)
{
    return key.size < size ? SPAN_NONE : span_from(key, key.size - size);
}
