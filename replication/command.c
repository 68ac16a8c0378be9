/* SPDX-License-Identifier: Apache-2.0 */
#include "replication/command.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/cursor.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/utf8.h"

enum {
    COMMAND_STAMP_AT = 8,
    COMMAND_NODE_AT = 16,
    COMMAND_EPOCH_AT = 24,
    COMMAND_SEQUENCE_AT = 32,
    COMMAND_OLDEST_AT = 40,
};

static void command_put_u64(uint8_t *at, uint64_t number)
{
    for (int i = 7; i >= 0; i--, number >>= 8)
        at[i] = (uint8_t)number;
}

static uint64_t command_take_u64(struct cursor *c)
{
    const uint64_t high = cursor_u32be(c);
    return high << 32 | cursor_u32be(c);
}

int command_format(struct strbuf *out, const struct command_header *h,
                   const Store__Command *command)
{
    const size_t size = store__command__get_packed_size(command);
    if (size > COMMAND_SIZE_MAX)
        return ERR_TOO_BIG;

    uint8_t head[COMMAND_HEADER_SIZE] = {COMMAND_FORMAT};
    for (int i = 0; i < 4; i++)
        head[4 + i] = (uint8_t)(h->group >> (24 - 8 * i));
    command_stamp(head, h->stamp_us);
    command_propose(head, h->proposer_node, h->proposer_epoch, h->sequence,
                    h->oldest_unanswered);
    strbuf_add(out, span_of(head, sizeof(head)));
    store__command__pack(command, (uint8_t *)strbuf_reserve(out, size));
    out->size += size;
    out->data[out->size] = '\0';
    return 0;
}

void command_stamp(void *entry, uint64_t stamp_us)
{
    command_put_u64((uint8_t *)entry + COMMAND_STAMP_AT, stamp_us);
}

void command_propose(void *entry, uint64_t node, uint64_t epoch, uint64_t sequence,
                     uint64_t oldest_unanswered)
{
    uint8_t *head = entry;

    command_put_u64(head + COMMAND_NODE_AT, node);
    command_put_u64(head + COMMAND_EPOCH_AT, epoch);
    command_put_u64(head + COMMAND_SEQUENCE_AT, sequence);
    command_put_u64(head + COMMAND_OLDEST_AT, oldest_unanswered);
}

int command_parse_header(struct span entry, struct command_header *ret_header)
{
    struct cursor c = cursor_of(entry.ptr, entry.size);

    const uint32_t form = cursor_u32be(&c); /* with the three zero bytes */
    const uint32_t group = cursor_u32be(&c);
    const uint64_t stamp_us = command_take_u64(&c);
    const uint64_t node = command_take_u64(&c);
    const uint64_t epoch = command_take_u64(&c);
    const uint64_t sequence = command_take_u64(&c);
    const uint64_t oldest = command_take_u64(&c);
    if (c.is_short || form != (uint32_t)COMMAND_FORMAT << 24)
        return ERR_PROTOCOL;

    *ret_header = (struct command_header){.group = group,
                                          .stamp_us = stamp_us,
                                          .proposer_node = node,
                                          .proposer_epoch = epoch,
                                          .sequence = sequence,
                                          .oldest_unanswered = oldest};
    return 0;
}

/* ---- Unpacking within a limit ---------------------------------------------------------- */

struct command_memory {
    size_t left; /* bytes that may still be taken */
    bool is_over;
};

static void *command_allocate(void *data, size_t size)
{
    struct command_memory *memory = data;

    /* What is freed meanwhile is not given back: the parse of a command frees only when it
     * fails. */
    if (size > memory->left) {
        memory->is_over = true;
        return NULL;
    }
    memory->left -= size;
    return mem_resized(NULL, size, 1);
}

static void command_deallocate(void *data, void *pointer)
{
    (void)data;
    free(pointer);
}

static bool command_has_good_text(const ProtobufCMessage *message);

static bool command_is_good_value(const ProtobufCFieldDescriptor *field, const void *value)
{
    const void *const *pointer = value;

    if (field->type == PROTOBUF_C_TYPE_STRING)
        return *pointer == NULL || utf8_is_valid(span_text(*pointer));
    if (field->type == PROTOBUF_C_TYPE_MESSAGE)
        return *pointer == NULL || command_has_good_text(*pointer);
    return true;
}

static bool command_is_good_field(const ProtobufCMessage *message,
                                  const ProtobufCFieldDescriptor *field)
{
    const char *base = (const char *)message;

    if (field->type != PROTOBUF_C_TYPE_STRING && field->type != PROTOBUF_C_TYPE_MESSAGE)
        return true;
    if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) {
        uint32_t chosen = 0;
        memcpy(&chosen, base + field->quantifier_offset, sizeof(chosen));
        return chosen != field->id || command_is_good_value(field, base + field->offset);
    }
    if (field->label != PROTOBUF_C_LABEL_REPEATED)
        return command_is_good_value(field, base + field->offset);

    size_t count = 0;
    memcpy(&count, base + field->quantifier_offset, sizeof(count));
    void *const *values = NULL;
    memcpy(&values, base + field->offset, sizeof(values));
    for (size_t i = 0; i < count; i++)
        if (!command_is_good_value(field, &values[i]))
            return false;
    return true;
}

/* Text of a message and of those inside it; as deep as store.proto nests. */
static bool command_has_good_text(const ProtobufCMessage *message)
{
    const ProtobufCMessageDescriptor *d = message->descriptor;

    for (unsigned i = 0; i < d->n_fields; i++)
        if (!command_is_good_field(message, &d->fields[i]))
            return false;
    return true;
}

int command_parse(struct span entry, struct command_header *ret_header,
                  Store__Command **ret_command)
{
    struct command_header header;
    int rc = command_parse_header(entry, &header);
    if (rc < 0)
        return rc;
    const struct span body = span_from(entry, COMMAND_HEADER_SIZE);
    if (body.size > COMMAND_SIZE_MAX)
        return ERR_TOO_BIG;

    struct command_memory memory = {.left = COMMAND_MEMORY_MAX};
    ProtobufCAllocator allocator = {command_allocate, command_deallocate, &memory};
    CLEANUP(command_release)
    Store__Command *command =
        store__command__unpack(&allocator, body.size, (const uint8_t *)body.ptr);
    if (!command)
        return memory.is_over ? ERR_TOO_BIG : ERR_PROTOCOL;
    /* A zero byte inside a text, a field twice, a number of needless length: each makes the
     * bytes differ in size from what our encoder writes. */
    if (store__command__get_packed_size(command) != body.size)
        return ERR_PROTOCOL;
    if (!command_has_good_text(&command->base))
        return ERR_PROTOCOL;

    *ret_header = header;
    *ret_command = STEAL(command);
    return 0;
}

void command_free(Store__Command *command)
{
    if (command)
        store__command__free_unpacked(command, NULL); /* free(), as ours does */
}

void command_release(Store__Command **command)
{
    command_free(*command);
}
