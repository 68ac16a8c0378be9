/* SPDX-License-Identifier: Apache-2.0 */
/* One gRPC call on one HTTP/2 exchange, server side (gRPC over HTTP/2, the protocol).
 *
 * rpc_call_begin() checks the request, finds the method, holds the caller's role against
 * the method's, unpacks and calls the handler. The handler owns the call until it ends it,
 * exactly once, even when the client has gone or the deadline has passed meanwhile: the
 * call tells it, and its answer is then dropped.
 *
 * Single-threaded, no I/O, no clock. */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "proto/http/httpmsg.h"
#include "proto/rpc/rpc_status.h"
#include "proto/rpc/rpc_table.h"

enum { RPC_CALL_NAME_SIZE = 128 };

struct rpc_caller {
    enum rpc_role role;
    char name[RPC_CALL_NAME_SIZE]; /* for the log: "uid 0", "CN=ops" */
};

/* Who serves; borrowed as long as calls are open. */
struct rpc_host {
    const struct rpc_table *table;
    void *context; /* the handlers' */
    /* Around each call that reaches a handler; may be NULL. ended() is the last use. */
    void (*began)(struct rpc_call *call, void *arg);
    void (*ended)(struct rpc_call *call, enum rpc_status status, void *arg);
    void *arg;
};

/* Handlers read it; only arena, user and gone are theirs. */
struct rpc_call {
    const struct rpc_host *host;
    const struct rpc_method *method;
    struct rpc_caller caller;
    struct http_exchange *exchange; /* NULL: nobody listens any more */
    uint64_t timeout_ms;            /* as the client wished; 0: none */
    enum rpc_status status;         /* answered with */
    struct arena arena;             /* dies with the call */
    void *user;                     /* the handler's */
    void *host_data;                /* the host's */
    /* Set by handlers that wait for more than an answer: nobody listens any more. */
    void (*gone)(struct rpc_call *call);
};

/* Serves an exchange: the answer may be there when this returns, the call freed. */
void rpc_call_begin(const struct rpc_host *host, const struct rpc_caller *caller,
                    struct http_exchange *x);

/* From httpmsg_events.cancelled. An exchange that is no call is left alone. */
void rpc_call_cancelled(struct http_exchange *x);

/* The deadline has passed: the client is answered now; the handler goes on. */
void rpc_call_expire(struct rpc_call *call);

/* Streaming methods: one message more. */
void rpc_call_send(struct rpc_call *call, const ProtobufCMessage *message);

/* Ends with OK; a unary call with its answer, a stream with NULL. Frees the call. */
void rpc_call_finish(struct rpc_call *call, const ProtobufCMessage *message);

/* Ends with a failure: one sentence, and the next step for the caller (or NULL), which
 * travels as `presenced-hint`. Frees the call. */
void rpc_call_fail(struct rpc_call *call, enum rpc_status status, const char *hint,
                   const char *format, ...) __attribute__((format(printf, 4, 5)));

/* A grpc-timeout in milliseconds (at least 1), or 0 for one that is not well-formed. */
uint64_t rpc_call_timeout_parse(struct span text);
