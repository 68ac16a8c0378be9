/* SPDX-License-Identifier: Apache-2.0 */
#include "replication/logrecord.h"

#include "base/cursor.h"
#include "base/err.h"
#include "replication/crc32c.h"

enum { IDENTITY_FORMAT = 1 };

static uint64_t logrecord_u64be(struct cursor *c)
{
    const uint64_t high = cursor_u32be(c);
    return high << 32 | cursor_u32be(c);
}

/* Over the key, the fixed fields in front of the crc, and the tail behind it. */
static uint32_t logrecord_crc(struct span key, struct span fields, struct span tail)
{
    return crc32c_add(crc32c_add(crc32c_add(0, key), fields), tail);
}

static void logrecord_seal(struct strbuf *value, struct span key, struct span tail)
{
    strbuf_add_u32be(value, logrecord_crc(key, strbuf_span(value), tail));
    strbuf_add(value, tail);
}

/* Reads the crc behind the fixed fields, and gives back what follows it. */
static int logrecord_open(struct cursor *c, struct span value, struct span key,
                          struct span *ret_tail)
{
    const struct span fields = span_of(value.ptr, value.size - cursor_left(c));
    const uint32_t crc = cursor_u32be(c);
    if (c->is_short)
        return ERR_CORRUPT;
    const struct span tail = span_of(c->pos, cursor_left(c));
    if (crc != logrecord_crc(key, fields, tail))
        return ERR_CORRUPT;
    *ret_tail = tail;
    return 0;
}

static void logrecord_put_be(char *to, uint64_t number, int bytes)
{
    for (int i = bytes - 1; i >= 0; i--, number >>= 8)
        to[i] = (char)(number & 0xff);
}

void logrecord_key(char key[LOGRECORD_KEY_SIZE], uint32_t group, uint64_t index)
{
    logrecord_put_be(key, group, 4);
    logrecord_put_be(key + 4, index, 8);
}

uint64_t logrecord_parse_key(struct span key, uint32_t group)
{
    struct cursor c = cursor_of(key.ptr, key.size);
    const uint32_t of = cursor_u32be(&c);
    const uint64_t index = logrecord_u64be(&c);
    return c.is_short || cursor_left(&c) > 0 || of != group ? 0 : index;
}

void logrecord_meta_key(struct strbuf *key, uint32_t group, char what)
{
    strbuf_clear(key);
    strbuf_add_u32be(key, group);
    strbuf_add_byte(key, what);
}

void logrecord_format(struct strbuf *value, struct span key, const struct logrecord *r)
{
    strbuf_clear(value);
    strbuf_add_u64be(value, r->term);
    strbuf_add_byte(value, (char)r->type);
    logrecord_seal(value, key, r->payload);
}

int logrecord_parse(struct span value, struct span key, struct logrecord *ret_record)
{
    struct cursor c = cursor_of(value.ptr, value.size);
    struct logrecord r = {.term = logrecord_u64be(&c), .type = cursor_u8(&c)};
    const int rc = logrecord_open(&c, value, key, &r.payload);
    if (rc < 0)
        return rc;
    *ret_record = r;
    return 0;
}

void logrecord_format_vote(struct strbuf *value, struct span key,
                           const struct logrecord_vote *v)
{
    strbuf_clear(value);
    strbuf_add_u64be(value, v->term);
    strbuf_add_u64be(value, v->voted_for);
    logrecord_seal(value, key, SPAN(""));
}

int logrecord_parse_vote(struct span value, struct span key, struct logrecord_vote *ret_vote)
{
    struct cursor c = cursor_of(value.ptr, value.size);
    struct logrecord_vote v = {.term = logrecord_u64be(&c)};
    v.voted_for = logrecord_u64be(&c);
    struct span tail;
    const int rc = logrecord_open(&c, value, key, &tail);
    if (rc < 0 || tail.size > 0)
        return ERR_CORRUPT;
    *ret_vote = v;
    return 0;
}

void logrecord_format_snapshot(struct strbuf *value, struct span key,
                               const struct logrecord_snapshot *s)
{
    strbuf_clear(value);
    strbuf_add_u64be(value, s->index);
    strbuf_add_u64be(value, s->term);
    strbuf_add_u64be(value, s->configuration_index);
    strbuf_add_u64be(value, s->first_index);
    strbuf_add_u64be(value, s->stamp_us);
    logrecord_seal(value, key, s->configuration);
}

int logrecord_parse_snapshot(struct span value, struct span key,
                             struct logrecord_snapshot *ret_snapshot)
{
    struct cursor c = cursor_of(value.ptr, value.size);
    struct logrecord_snapshot s = {.index = logrecord_u64be(&c)};
    s.term = logrecord_u64be(&c);
    s.configuration_index = logrecord_u64be(&c);
    s.first_index = logrecord_u64be(&c);
    s.stamp_us = logrecord_u64be(&c);
    const int rc = logrecord_open(&c, value, key, &s.configuration);
    if (rc < 0)
        return rc;
    if (s.index == 0 || s.term == 0 || s.first_index == 0 || s.first_index > s.index + 1 ||
        s.configuration_index > s.index)
        return ERR_CORRUPT;
    *ret_snapshot = s;
    return 0;
}

void logrecord_format_identity(struct strbuf *value, struct span key,
                               const struct logrecord_identity *i)
{
    strbuf_clear(value);
    strbuf_add_byte(value, IDENTITY_FORMAT);
    strbuf_add_u64be(value, i->node_id);
    logrecord_seal(value, key, i->node_name);
}

int logrecord_parse_identity(struct span value, struct span key,
                             struct logrecord_identity *ret_identity)
{
    struct cursor c = cursor_of(value.ptr, value.size);
    const uint8_t format = cursor_u8(&c);
    struct logrecord_identity i = {.node_id = logrecord_u64be(&c)};
    const int rc = logrecord_open(&c, value, key, &i.node_name);
    if (rc < 0 || format != IDENTITY_FORMAT)
        return ERR_CORRUPT;
    *ret_identity = i;
    return 0;
}
