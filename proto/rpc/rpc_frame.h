/* SPDX-License-Identifier: Apache-2.0 */
/* The five-byte prefix of a gRPC message (gRPC over HTTP/2, "Length-Prefixed-Message"): one
 * flag byte, then the length as a big-endian 32-bit number. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/cursor.h"
#include "base/strbuf.h"

enum { RPC_FRAME_PREFIX_SIZE = 5 };

struct rpc_frame {
    bool is_compressed;
    const uint8_t *body; /* borrowed from the cursor's bytes */
    size_t body_size;    /* in bytes */
};

/* Parses one frame at the cursor and steps over it.
 *
 * Returns 1 with *ret_frame filled in; 0 when more bytes are needed, with the cursor where
 * it was; ERR_TOO_BIG when the announced body exceeds body_size_max; ERR_PROTOCOL for a
 * flag byte other than 0 or 1. */
int rpc_frame_parse(struct cursor *in, size_t body_size_max, struct rpc_frame *ret_frame);

/* Adds the prefix of an uncompressed body of that many bytes, at most UINT32_MAX. */
void rpc_frame_format(struct strbuf *out, size_t body_size);
