/* SPDX-License-Identifier: Apache-2.0 */
/* Protobuf messages from strangers: unpacked into an arena, within limits.
 *
 * protobuf-c alone takes invalid UTF-8, cuts strings at a NUL byte, recurses without bound
 * and turns a megabyte of empty entries into 58. So the bytes are walked along their
 * descriptor first, and what unpacking allocates is counted. Pure. */
#pragma once

#include <protobuf-c/protobuf-c.h>

#include "base/arena.h"
#include "base/span.h"
#include "base/strbuf.h"

enum {
    RPC_MESSAGE_SIZE_MAX = 1024 * 1024,  /* bytes of a packed message */
    RPC_MESSAGE_GROWTH_MAX = 8,          /* unpacked at most so many times ... */
    RPC_MESSAGE_GROWTH_BASE = 64 * 1024, /* ... the packed size and this */
    RPC_MESSAGE_DEPTH_MAX = 16
};

/* Unpacks a message; it and all it points to live in the arena and need no freeing.
 * ERR_PROTOCOL for what is no such message (strings that are not UTF-8 or hold a NUL,
 * nested too deeply), ERR_TOO_BIG beyond the limits. */
int rpc_message_unpack(const ProtobufCMessageDescriptor *type, struct span bytes,
                       struct arena *arena, ProtobufCMessage **ret_message);

/* Adds the packed message. */
void rpc_message_pack(const ProtobufCMessage *message, struct strbuf *out);

/* Adds it with the five-byte prefix of gRPC. */
void rpc_message_pack_frame(const ProtobufCMessage *message, struct strbuf *out);
