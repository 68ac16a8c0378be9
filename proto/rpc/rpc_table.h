/* SPDX-License-Identifier: Apache-2.0 */
/* The methods that a server knows, as a table. protoc-c drops what is streamed and all
 * method options, so kind and role stand here; no method without a role compiles into one
 * that anybody may call (RPC_ROLE_UNSET is refused). */
#pragma once

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>

#include "base/span.h"

struct rpc_call;

enum rpc_kind { RPC_KIND_UNARY, RPC_KIND_SERVER_STREAM };

/* Each may do what those before it may. */
enum rpc_role {
    RPC_ROLE_UNSET,
    RPC_ROLE_ANYONE, /* no certificate needed */
    RPC_ROLE_VIEWER, /* reads */
    RPC_ROLE_AUDITOR,
    RPC_ROLE_HELPDESK, /* users, sessions, passwords */
    RPC_ROLE_OPERATOR,
    RPC_ROLE_ADMIN,
    RPC_ROLE_COUNT
};

struct rpc_method {
    const char *path; /* "/presenced.admin.v1.UserService/Get" */
    const ProtobufCMessageDescriptor *in, *out;
    enum rpc_kind kind;
    enum rpc_role role; /* needed */
    /* Called with a request of type `in`, which lives as long as the call. It ends the call
     * once, then or later, by rpc_call_finish() or rpc_call_fail(). */
    void (*handle)(struct rpc_call *call, const ProtobufCMessage *request);
};

struct rpc_table {
    const struct rpc_method *methods;
    size_t count;
};

/* NULL when there is none. */
const struct rpc_method *rpc_table_find(const struct rpc_table *t, struct span path);

/* "viewer"; and back: RPC_ROLE_UNSET for another word. */
const char *rpc_table_role_name(enum rpc_role role);
enum rpc_role rpc_table_role_parse(struct span name);
