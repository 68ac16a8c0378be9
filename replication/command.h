/* SPDX-License-Identifier: Apache-2.0 */
/* Command: the form of a log entry. A header of fixed size, then one packed Store__Command
 * (store.proto). Entries are read for ever: another form gets another format number.
 *
 *   offset  0 u8  format, 1          16 u64 proposer node
 *           1 u8  zero × 3           24 u64 proposer epoch
 *           4 u32 group              32 u64 sequence
 *           8 u64 leader's stamp, µs 40 u64 oldest unanswered sequence
 *
 * Numbers are big-endian. A command is accepted only in the length that our encoder gives
 * it; so no text holds a zero byte, no field comes twice. All text is UTF-8 (RFC 3629).
 * Pure; threads: any. */
#pragma once

#include <stdint.h>

#include "base/span.h"
#include "base/strbuf.h"
#include "presenced/store/v1/store.pb-c.h"

enum {
    COMMAND_HEADER_SIZE = 48,
    COMMAND_FORMAT = 1,
    COMMAND_SIZE_MAX = 1 << 20, /* bytes of a packed command, without the header */
    /* Bytes that an unpacked command may take: an import of 1,000 users is about 1 MB; what
     * takes more is made to. */
    COMMAND_MEMORY_MAX = 16 << 20,
};

struct command_header {
    uint32_t group;
    uint64_t stamp_us; /* set by the leader; never goes back along the log */
    uint64_t proposer_node;
    uint64_t proposer_epoch;
    uint64_t sequence;          /* the proposer's, from 1 */
    uint64_t oldest_unanswered; /* results of lower sequences may be forgotten */
};

/* Adds header and command to out. ERR_TOO_BIG when the command exceeds COMMAND_SIZE_MAX;
 * then nothing is added. */
int command_format(struct strbuf *out, const struct command_header *header,
                   const Store__Command *command);

/* Sets one field of the header of a formatted entry (at least COMMAND_HEADER_SIZE bytes). */
void command_stamp(void *entry, uint64_t stamp_us);
void command_propose(void *entry, uint64_t node, uint64_t epoch, uint64_t sequence,
                     uint64_t oldest_unanswered);

/* Reads the header alone: 0, or ERR_PROTOCOL. */
int command_parse_header(struct span entry, struct command_header *ret_header);

/* Returns 0 and the command, which the caller frees with command_free(); ERR_TOO_BIG over a
 * limit; ERR_PROTOCOL for anything but an entry. */
int command_parse(struct span entry, struct command_header *ret_header,
                  Store__Command **ret_command);

/* NULL is fine. */
void command_free(Store__Command *command);
/* For CLEANUP(). */
void command_release(Store__Command **command);
