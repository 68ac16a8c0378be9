/* SPDX-License-Identifier: Apache-2.0 */
/* The records of the log database on any bytes, key (12 bytes) and value: what is accepted
 * formats to the same bytes. The checksum would stop nearly all inputs, so it is made right
 * where a byte asks for it. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "replication/crc32c.h"
#include "replication/logrecord.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void seal(char *value, size_t size, struct span key, size_t at)
{
    if (size < at + 4)
        return;
    uint32_t crc = crc32c_add(crc32c_add(0, key), span_of(value, at));
    crc = crc32c_add(crc, span_of(value + at + 4, size - at - 4));
    for (int i = 0; i < 4; i++)
        value[at + (size_t)i] = (char)(crc >> (24 - 8 * i) & 0xff);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const size_t crc_at[] = {9, 16, 40, 9};
    if (size < LOGRECORD_KEY_SIZE + 1)
        return 0;
    const struct span key = span_of(bytes, LOGRECORD_KEY_SIZE);
    const unsigned kind = bytes[LOGRECORD_KEY_SIZE] & 3;
    const size_t value_size = size - LOGRECORD_KEY_SIZE - 1;
    char *value = malloc(value_size + 1);
    assert(value);
    for (size_t i = 0; i < value_size; i++)
        value[i] = (char)bytes[LOGRECORD_KEY_SIZE + 1 + i];
    if (bytes[LOGRECORD_KEY_SIZE] & 4)
        seal(value, value_size, key, crc_at[kind]);

    struct strbuf back = {0};
    const struct span in = span_of(value, value_size);
    struct logrecord record;
    struct logrecord_vote vote;
    struct logrecord_snapshot snapshot;
    struct logrecord_identity identity;
    (void)logrecord_parse_key(in, 0);
    if (kind == 0 && logrecord_parse(in, key, &record) == 0)
        logrecord_format(&back, key, &record);
    else if (kind == 1 && logrecord_parse_vote(in, key, &vote) == 0)
        logrecord_format_vote(&back, key, &vote);
    else if (kind == 2 && logrecord_parse_snapshot(in, key, &snapshot) == 0)
        logrecord_format_snapshot(&back, key, &snapshot);
    else if (kind == 3 && logrecord_parse_identity(in, key, &identity) == 0)
        logrecord_format_identity(&back, key, &identity);
    assert(back.size == 0 || span_equal(strbuf_span(&back), in));
    strbuf_done(&back);
    free(value);
    return 0;
}
