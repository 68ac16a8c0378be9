/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/rpc/rpc_json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/base64.h"
#include "base/strbuf.h"

/* snake_case to lowerCamelCase. */
static void json_name(const char *name, struct strbuf *out)
{
    for (; *name; name++) {
        if (name[0] == '_' && name[1] >= 'a' && name[1] <= 'z') {
            strbuf_add_byte(out, (char)(name[1] - ('a' - 'A')));
            name++;
        } else {
            strbuf_add_byte(out, *name);
        }
    }
}

static json_t *json_unsigned(uint64_t number)
{
    char text[24];
    (void)snprintf(text, sizeof(text), "%" PRIu64, number);
    return json_string(text);
}

static json_t *json_signed(int64_t number)
{
    char text[24];
    (void)snprintf(text, sizeof(text), "%" PRId64, number);
    return json_string(text);
}

static json_t *json_enum(const ProtobufCFieldDescriptor *field, const void *value)
{
    const int number = *(const int *)value;
    const ProtobufCEnumValue *known =
        protobuf_c_enum_descriptor_get_value(field->descriptor, number);
    return known ? json_string(known->name) : json_integer(number);
}

static json_t *json_bytes(const ProtobufCBinaryData *data)
{
    struct strbuf text = {0};
    base64_encode(&text, span_of(data->data ? (const char *)data->data : "", data->len));
    json_t *json = json_stringn(strbuf_span(&text).ptr, text.size);
    strbuf_done(&text);
    return json;
}

static json_t *json_value(const ProtobufCFieldDescriptor *field, const void *value)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
        return json_integer(*(const int32_t *)value);
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        return json_integer(*(const uint32_t *)value);
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
        return json_signed(*(const int64_t *)value);
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        return json_unsigned(*(const uint64_t *)value);
    case PROTOBUF_C_TYPE_FLOAT:
        return json_real((double)*(const float *)value);
    case PROTOBUF_C_TYPE_DOUBLE:
        return json_real(*(const double *)value);
    case PROTOBUF_C_TYPE_BOOL:
        return json_boolean(*(const protobuf_c_boolean *)value);
    case PROTOBUF_C_TYPE_ENUM:
        return json_enum(field, value);
    case PROTOBUF_C_TYPE_STRING: {
        const char *text = *(char *const *)value;
        return json_string(text ? text : "");
    }
    case PROTOBUF_C_TYPE_BYTES:
        return json_bytes(value);
    case PROTOBUF_C_TYPE_MESSAGE: {
        const ProtobufCMessage *message = *(ProtobufCMessage *const *)value;
        return message ? rpc_json_of(message) : NULL;
    }
    }
    return NULL;
}

static size_t json_element_size(const ProtobufCFieldDescriptor *field)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_FLOAT:
        return 4;
    case PROTOBUF_C_TYPE_ENUM:
        return sizeof(int);
    case PROTOBUF_C_TYPE_BOOL:
        return sizeof(protobuf_c_boolean);
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_MESSAGE:
        return sizeof(void *);
    case PROTOBUF_C_TYPE_BYTES:
        return sizeof(ProtobufCBinaryData);
    default:
        return 8;
    }
}

static json_t *json_list(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
    const char *base = (const char *)message;
    const size_t count = *(const size_t *)(const void *)(base + field->quantifier_offset);
    const char *elements = *(const char *const *)(const void *)(base + field->offset);
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        (void)json_array_append_new(list,
                                    json_value(field, elements + i * json_element_size(field)));
    return list;
}

json_t *rpc_json_of(const ProtobufCMessage *message)
{
    json_t *object = json_object();
    for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];
        const char *base = (const char *)message;
        const uint32_t chosen =
            *(const uint32_t *)(const void *)(base + field->quantifier_offset);
        if ((field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) && chosen != field->id)
            continue;
        json_t *value = field->label == PROTOBUF_C_LABEL_REPEATED
                            ? json_list(message, field)
                            : json_value(field, base + field->offset);
        if (!value)
            continue; /* a message that is not set */
        struct strbuf name = {0};
        json_name(field->name, &name);
        (void)json_object_set_new(object, name.data, value);
        strbuf_done(&name);
    }
    return object;
}
