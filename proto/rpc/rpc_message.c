/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/rpc/rpc_message.h"

#include "base/cursor.h"
#include "base/err.h"
#include "base/utf8.h"
#include "proto/rpc/rpc_frame.h"

enum wire_type { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };

static uint64_t message_read_varint(struct cursor *c)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
        const uint8_t byte = cursor_u8(c);
        if (shift < 64)
            value |= (uint64_t)(byte & 0x7fU) << shift;
        if (!(byte & 0x80U))
            return value;
    }
    c->is_short = true; /* longer than ten bytes: no varint */
    return 0;
}

static int message_check(const ProtobufCMessageDescriptor *type, struct span bytes, int depth);

static int message_field_check(const ProtobufCFieldDescriptor *field, struct span bytes,
                               int depth)
{
    if (!field)
        return 0;
    if (field->type == PROTOBUF_C_TYPE_STRING)
        return utf8_is_valid(bytes) && span_index(bytes, '\0') == bytes.size ? 0 : ERR_PROTOCOL;
    if (field->type == PROTOBUF_C_TYPE_MESSAGE)
        return message_check(field->descriptor, bytes, depth + 1);
    return 0;
}

static int message_check(const ProtobufCMessageDescriptor *type, struct span bytes, int depth)
{
    if (depth > RPC_MESSAGE_DEPTH_MAX)
        return ERR_PROTOCOL;
    struct cursor c = cursor_of(bytes.ptr, bytes.size);
    while (!c.is_short && cursor_left(&c) > 0) {
        const uint64_t tag = message_read_varint(&c);
        if (tag >> 3 == 0 || tag >> 3 > 0x1fffffff)
            return ERR_PROTOCOL;
        switch (tag & 7) {
        case WIRE_VARINT:
            (void)message_read_varint(&c);
            break;
        case WIRE_64:
            (void)cursor_take(&c, 8);
            break;
        case WIRE_32:
            (void)cursor_take(&c, 4);
            break;
        case WIRE_BYTES: {
            const uint64_t size = message_read_varint(&c);
            const uint8_t *body = size <= bytes.size ? cursor_take(&c, (size_t)size) : NULL;
            if (!body)
                return ERR_PROTOCOL;
            const int rc = message_field_check(
                protobuf_c_message_descriptor_get_field(type, (unsigned)(tag >> 3)),
                span_of(body, (size_t)size), depth);
            if (rc < 0)
                return rc;
            break;
        }
        default: /* groups: gone since proto3 */
            return ERR_PROTOCOL;
        }
    }
    return c.is_short ? ERR_PROTOCOL : 0;
}

struct counted_memory {
    struct arena *arena;
    size_t left;
    bool is_exhausted;
};

static void *counted_alloc(void *data, size_t size)
{
    struct counted_memory *memory = data;
    /* Unknown fields arrive one small piece each: count what the arena rounds up. */
    const size_t cost = size + 2 * sizeof(void *);
    if (cost > memory->left) {
        memory->is_exhausted = true;
        return NULL;
    }
    memory->left -= cost;
    return arena_zeroed(memory->arena, size);
}

static void counted_free(void *data, void *pointer)
{
    (void)data;
    (void)pointer;
}

int rpc_message_unpack(const ProtobufCMessageDescriptor *type, struct span bytes,
                       struct arena *arena, ProtobufCMessage **ret_message)
{
    if (bytes.size > RPC_MESSAGE_SIZE_MAX)
        return ERR_TOO_BIG;
    const int rc = message_check(type, bytes, 0);
    if (rc < 0)
        return rc;

    struct counted_memory memory = {
        .arena = arena, .left = bytes.size * RPC_MESSAGE_GROWTH_MAX + RPC_MESSAGE_GROWTH_BASE};
    ProtobufCAllocator allocator = {
        .alloc = counted_alloc, .free = counted_free, .allocator_data = &memory};
    ProtobufCMessage *message =
        protobuf_c_message_unpack(type, &allocator, bytes.size, (const uint8_t *)bytes.ptr);
    if (!message)
        return memory.is_exhausted ? ERR_TOO_BIG : ERR_PROTOCOL;
    *ret_message = message;
    return 0;
}

void rpc_message_pack(const ProtobufCMessage *message, struct strbuf *out)
{
    const size_t size = protobuf_c_message_get_packed_size(message);
    char *room = strbuf_reserve(out, size);
    out->size += protobuf_c_message_pack(message, (uint8_t *)room);
    out->data[out->size] = '\0';
}

void rpc_message_pack_frame(const ProtobufCMessage *message, struct strbuf *out)
{
    rpc_frame_format(out, protobuf_c_message_get_packed_size(message));
    rpc_message_pack(message, out);
}
