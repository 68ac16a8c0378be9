/* SPDX-License-Identifier: Apache-2.0 */
/* Protobuf messages as JSON: the proto3 mapping. Names in lowerCamelCase, 64-bit integers
 * as strings, bytes in base64, enums by name; fields with their default are shown too, so
 * that scripts find what they look for. Pure. */
#pragma once

#include <jansson.h>
#include <protobuf-c/protobuf-c.h>

/* A new JSON object, the caller's (json_decref). */
json_t *rpc_json_of(const ProtobufCMessage *message);
