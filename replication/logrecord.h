/* SPDX-License-Identifier: Apache-2.0 */
/* The form in which log entries and their companions lie in the log database.
 *
 *   log       be32 group, be64 index     be64 term, u8 type, be32 crc, payload
 *   vote      be32 group, 'v'            be64 term, be64 voted for, be32 crc
 *   snapshot  be32 group, 's'            be64 index, term, configuration index, first index
 *                                        of the log, highest stamp (us); be32 crc,
 *                                        configuration (membership.h)
 *   identity  be32 group, 'i'            u8 format 1, be64 node id, be32 crc, node name
 *
 * A crc is CRC-32C over the key and all of the value but the crc itself, so a value that
 * strays to another key is found too. Pure. Parsed spans point into the input. */
#pragma once

#include <stdint.h>

#include "base/span.h"
#include "base/strbuf.h"

enum { LOGRECORD_KEY_SIZE = 12, LOGRECORD_HEADER_SIZE = 13 };

struct logrecord {
    uint64_t term;
    uint8_t type;
    struct span payload;
};

struct logrecord_vote {
    uint64_t term;
    uint64_t voted_for;
};

struct logrecord_snapshot {
    uint64_t index; /* 0: there is none */
    uint64_t term;
    uint64_t configuration_index;
    uint64_t first_index;
    uint64_t stamp_us;
    struct span configuration;
};

struct logrecord_identity {
    uint64_t node_id;
    struct span node_name;
};

void logrecord_key(char key[LOGRECORD_KEY_SIZE], uint32_t group, uint64_t index);
/* Returns the index, or 0 when the key is not one of the group. */
uint64_t logrecord_parse_key(struct span key, uint32_t group);
/* Clears key and makes it that of a companion: 'v', 's' or 'i'. */
void logrecord_meta_key(struct strbuf *key, uint32_t group, char what);

/* Clear value and fill it. */
void logrecord_format(struct strbuf *value, struct span key, const struct logrecord *r);
void logrecord_format_vote(struct strbuf *value, struct span key,
                           const struct logrecord_vote *v);
void logrecord_format_snapshot(struct strbuf *value, struct span key,
                               const struct logrecord_snapshot *s);
void logrecord_format_identity(struct strbuf *value, struct span key,
                               const struct logrecord_identity *i);

/* Return 0, or ERR_CORRUPT. */
int logrecord_parse(struct span value, struct span key, struct logrecord *ret_record);
int logrecord_parse_vote(struct span value, struct span key, struct logrecord_vote *ret_vote);
int logrecord_parse_snapshot(struct span value, struct span key,
                             struct logrecord_snapshot *ret_snapshot);
int logrecord_parse_identity(struct span value, struct span key,
                             struct logrecord_identity *ret_identity);
