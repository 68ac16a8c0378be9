/* SPDX-License-Identifier: Apache-2.0 */
/* The canonical status codes of gRPC, their names and their HTTP twins. */
#pragma once

#include "base/span.h"
#include "base/strbuf.h"

enum rpc_status {
    RPC_STATUS_OK = 0,
    RPC_STATUS_CANCELLED = 1,
    RPC_STATUS_UNKNOWN = 2,
    RPC_STATUS_INVALID_ARGUMENT = 3,
    RPC_STATUS_DEADLINE_EXCEEDED = 4,
    RPC_STATUS_NOT_FOUND = 5,
    RPC_STATUS_ALREADY_EXISTS = 6,
    RPC_STATUS_PERMISSION_DENIED = 7,
    RPC_STATUS_RESOURCE_EXHAUSTED = 8,
    RPC_STATUS_FAILED_PRECONDITION = 9,
    RPC_STATUS_ABORTED = 10,
    RPC_STATUS_OUT_OF_RANGE = 11,
    RPC_STATUS_UNIMPLEMENTED = 12,
    RPC_STATUS_INTERNAL = 13,
    RPC_STATUS_UNAVAILABLE = 14,
    RPC_STATUS_DATA_LOSS = 15,
    RPC_STATUS_UNAUTHENTICATED = 16,
    RPC_STATUS_COUNT
};

/* "NOT_FOUND"; a code outside of the table is "UNKNOWN". */
const char *rpc_status_name(int status);

/* 404 and so on (google.rpc.Code). */
int rpc_status_http(int status);

/* What a client takes a missing grpc-status for, by the HTTP status. */
enum rpc_status rpc_status_of_http(int http);

/* Of an error code of base/err.h. */
enum rpc_status rpc_status_of_err(int rc);

/* Percent-encoding of grpc-message: bytes outside of printable ASCII, and '%'. */
void rpc_status_escape(struct strbuf *out, struct span text);
void rpc_status_unescape(struct strbuf *out, struct span text);
