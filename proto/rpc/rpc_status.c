/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/rpc/rpc_status.h"

#include "base/err.h"

static const struct {
    const char *name;
    int http;
} codes[RPC_STATUS_COUNT] = {
    [RPC_STATUS_OK] = {"OK", 200},
    [RPC_STATUS_CANCELLED] = {"CANCELLED", 499},
    [RPC_STATUS_UNKNOWN] = {"UNKNOWN", 500},
    [RPC_STATUS_INVALID_ARGUMENT] = {"INVALID_ARGUMENT", 400},
    [RPC_STATUS_DEADLINE_EXCEEDED] = {"DEADLINE_EXCEEDED", 504},
    [RPC_STATUS_NOT_FOUND] = {"NOT_FOUND", 404},
    [RPC_STATUS_ALREADY_EXISTS] = {"ALREADY_EXISTS", 409},
    [RPC_STATUS_PERMISSION_DENIED] = {"PERMISSION_DENIED", 403},
    [RPC_STATUS_RESOURCE_EXHAUSTED] = {"RESOURCE_EXHAUSTED", 429},
    [RPC_STATUS_FAILED_PRECONDITION] = {"FAILED_PRECONDITION", 400},
    [RPC_STATUS_ABORTED] = {"ABORTED", 409},
    [RPC_STATUS_OUT_OF_RANGE] = {"OUT_OF_RANGE", 400},
    [RPC_STATUS_UNIMPLEMENTED] = {"UNIMPLEMENTED", 501},
    [RPC_STATUS_INTERNAL] = {"INTERNAL", 500},
    [RPC_STATUS_UNAVAILABLE] = {"UNAVAILABLE", 503},
    [RPC_STATUS_DATA_LOSS] = {"DATA_LOSS", 500},
    [RPC_STATUS_UNAUTHENTICATED] = {"UNAUTHENTICATED", 401},
};

const char *rpc_status_name(int status)
{
    return status >= 0 && status < RPC_STATUS_COUNT ? codes[status].name : "UNKNOWN";
}

int rpc_status_http(int status)
{
    return status >= 0 && status < RPC_STATUS_COUNT ? codes[status].http : 500;
}

enum rpc_status rpc_status_of_http(int http)
{
    switch (http) {
    case 400:
        return RPC_STATUS_INTERNAL;
    case 401:
        return RPC_STATUS_UNAUTHENTICATED;
    case 403:
        return RPC_STATUS_PERMISSION_DENIED;
    case 404:
        return RPC_STATUS_UNIMPLEMENTED;
    case 429:
    case 502:
    case 503:
    case 504:
        return RPC_STATUS_UNAVAILABLE;
    default:
        return RPC_STATUS_UNKNOWN;
    }
}

enum rpc_status rpc_status_of_err(int rc)
{
    switch (rc) {
    case 0:
        return RPC_STATUS_OK;
    case ERR_INVALID:
    case ERR_PROTOCOL:
        return RPC_STATUS_INVALID_ARGUMENT;
    case ERR_TOO_BIG:
    case ERR_FULL:
    case ERR_NO_SPACE:
        return RPC_STATUS_RESOURCE_EXHAUSTED;
    case ERR_NOT_LEADER:
    case ERR_CLOSED:
        return RPC_STATUS_UNAVAILABLE;
    case ERR_NOT_FOUND:
        return RPC_STATUS_NOT_FOUND;
    case ERR_EXISTS:
        return RPC_STATUS_ALREADY_EXISTS;
    case ERR_DENIED:
        return RPC_STATUS_PERMISSION_DENIED;
    case ERR_TIMEOUT:
        return RPC_STATUS_DEADLINE_EXCEEDED;
    case ERR_CORRUPT:
        return RPC_STATUS_DATA_LOSS;
    case ERR_UNKNOWN:
        return RPC_STATUS_UNKNOWN;
    default:
        return RPC_STATUS_INTERNAL;
    }
}

void rpc_status_escape(struct strbuf *out, struct span text)
{
    for (size_t i = 0; i < text.size; i++) {
        const uint8_t c = (uint8_t)text.ptr[i];
        if (c < ' ' || c > '~' || c == '%')
            strbuf_printf(out, "%%%02X", (unsigned)c);
        else
            strbuf_add_byte(out, (char)c);
    }
}

static int status_hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

void rpc_status_unescape(struct strbuf *out, struct span text)
{
    for (size_t i = 0; i < text.size; i++) {
        const int high =
            i + 2 < text.size && text.ptr[i] == '%' ? status_hex_digit(text.ptr[i + 1]) : -1;
        const int low = high >= 0 ? status_hex_digit(text.ptr[i + 2]) : -1;
        if (low >= 0) {
            strbuf_add_byte(out, (char)(high * 16 + low));
            i += 2;
        } else {
            strbuf_add_byte(out, text.ptr[i]);
        }
    }
}
