/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/rpc/rpc_call.h"

#include <assert.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/mem.h"
#include "proto/rpc/rpc_frame.h"
#include "proto/rpc/rpc_message.h"

static void call_head(struct http_exchange *x)
{
    static const struct httpmsg_field fields[] = {
        {{"content-type", 12}, {"application/grpc", 16}}};
    if (!x->is_head_sent)
        httpmsg_head(x, 200, fields, 1);
}

/* Head (if need be) and trailers. The exchange is gone afterwards. */
static void call_answer(struct http_exchange *x, enum rpc_status status, const char *message,
                        const char *hint)
{
    CLEANUP(strbuf_done) struct strbuf text = {0};
    CLEANUP(strbuf_done) struct strbuf next = {0};
    char code[12];
    (void)snprintf(code, sizeof(code), "%d", (int)status);
    rpc_status_escape(&text, span_text(message ? message : ""));
    rpc_status_escape(&next, span_text(hint ? hint : ""));

    struct httpmsg_field trailers[3] = {{SPAN("grpc-status"), span_text(code)}};
    size_t count = 1;
    if (text.size > 0)
        trailers[count++] = (struct httpmsg_field){SPAN("grpc-message"), strbuf_span(&text)};
    if (next.size > 0)
        trailers[count++] = (struct httpmsg_field){SPAN("presenced-hint"), strbuf_span(&next)};
    call_head(x);
    httpmsg_end(x, trailers, count);
}

uint64_t rpc_call_timeout_parse(struct span text)
{
    if (text.size < 2 || text.size > 9)
        return 0;
    uint64_t value = 0;
    for (size_t i = 0; i + 1 < text.size; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return 0;
        value = value * 10 + (uint64_t)(text.ptr[i] - '0');
    }
    uint64_t ms;
    switch (text.ptr[text.size - 1]) {
    case 'H':
        ms = value * 3600000;
        break;
    case 'M':
        ms = value * 60000;
        break;
    case 'S':
        ms = value * 1000;
        break;
    case 'm':
        ms = value;
        break;
    case 'u':
        ms = value / 1000;
        break;
    case 'n':
        ms = value / 1000000;
        break;
    default:
        return 0;
    }
    return ms ? ms : 1;
}

/* Whether this is gRPC at all; if not it has been answered in plain HTTP. */
static bool call_is_grpc(struct http_exchange *x)
{
    const struct httpmsg *m = &x->request;
    const struct span type = httpmsg_find(m, "content-type");
    const struct span kind = span_first(type, span_index(type, ';'));
    if (!span_is(m->method, "POST")) {
        httpmsg_answer(x, 405, "text/plain", SPAN("gRPC methods are called by POST\n"));
        return false;
    }
    if (x->version != 20 ||
        (!span_is(kind, "application/grpc") && !span_is(kind, "application/grpc+proto"))) {
        httpmsg_answer(x, 415, "text/plain", SPAN("this is gRPC over HTTP/2\n"));
        return false;
    }
    return true;
}

/* The one message of a request. Returns NULL, or what is wrong with it. */
static const char *call_read(struct rpc_call *call, const struct httpmsg *m,
                             enum rpc_status *ret_status, ProtobufCMessage **ret_request)
{
    struct cursor in = cursor_of(m->body.data, m->body.size);
    struct rpc_frame frame;
    *ret_status = RPC_STATUS_INTERNAL;
    const int rc = rpc_frame_parse(&in, RPC_MESSAGE_SIZE_MAX, &frame);
    if (rc == ERR_TOO_BIG) {
        *ret_status = RPC_STATUS_RESOURCE_EXHAUSTED;
        return "the message is larger than 1 MiB";
    }
    if (rc != 1)
        return "the request holds no whole message";
    if (frame.is_compressed) {
        *ret_status = RPC_STATUS_UNIMPLEMENTED;
        return "compressed messages are not supported";
    }
    if (cursor_left(&in) > 0) {
        *ret_status = RPC_STATUS_UNIMPLEMENTED;
        return "the method takes one message";
    }
    const int unpacked = rpc_message_unpack(
        call->method->in, span_of(frame.body, frame.body_size), &call->arena, ret_request);
    if (unpacked == ERR_TOO_BIG) {
        *ret_status = RPC_STATUS_RESOURCE_EXHAUSTED;
        return "the message unpacks to too much";
    }
    *ret_status = RPC_STATUS_INVALID_ARGUMENT;
    return unpacked < 0 ? "the message is not what the method takes" : NULL;
}

static void call_refuse_role(struct http_exchange *x, enum rpc_role role, enum rpc_role least)
{
    char message[96], hint[96];
    (void)snprintf(message, sizeof(message), "your role may not do this, it takes the role %s",
                   rpc_table_role_name(least));
    (void)snprintf(hint, sizeof(hint), "your certificate's OU is %s: ask for one with OU=%s",
                   rpc_table_role_name(role), rpc_table_role_name(least));
    call_answer(x, RPC_STATUS_PERMISSION_DENIED, message, hint);
}

static const struct rpc_method *call_admit(const struct rpc_host *host,
                                           const struct rpc_caller *caller,
                                           struct http_exchange *x)
{
    const struct httpmsg *m = &x->request;
    const struct rpc_method *method = rpc_table_find(host->table, m->path);
    const struct span coding = httpmsg_find(m, "grpc-encoding");
    if (!span_is(httpmsg_find(m, "te"), "trailers")) {
        call_answer(x, RPC_STATUS_INTERNAL, "the request lacks te: trailers", NULL);
    } else if (caller->role < (method ? method->role : RPC_ROLE_VIEWER)) {
        /* An unknown method is told only to those who may look around. */
        if (caller->role == RPC_ROLE_ANYONE)
            call_answer(x, RPC_STATUS_UNAUTHENTICATED, "no client certificate was presented",
                        "set PRESENCECTL_CERT and PRESENCECTL_KEY");
        else
            call_refuse_role(x, caller->role, method ? method->role : RPC_ROLE_VIEWER);
    } else if (!method) {
        call_answer(x, RPC_STATUS_UNIMPLEMENTED, "there is no such method", NULL);
    } else if (!span_is_none(coding) && !span_is(coding, "identity")) {
        call_answer(x, RPC_STATUS_UNIMPLEMENTED, "compressed messages are not supported", NULL);
    } else {
        assert(method->role != RPC_ROLE_UNSET);
        return method;
    }
    return NULL;
}

void rpc_call_begin(const struct rpc_host *host, const struct rpc_caller *caller,
                    struct http_exchange *x)
{
    x->user = NULL;
    if (!call_is_grpc(x))
        return;
    const struct rpc_method *method = call_admit(host, caller, x);
    if (!method)
        return;

    struct rpc_call *call = mem_zeroed(1, sizeof(*call));
    call->host = host;
    call->method = method;
    call->caller = *caller;
    call->exchange = x;
    call->timeout_ms = rpc_call_timeout_parse(httpmsg_find(&x->request, "grpc-timeout"));
    ProtobufCMessage *request = NULL;
    enum rpc_status status = RPC_STATUS_OK;
    const char *wrong = call_read(call, &x->request, &status, &request);
    if (wrong) {
        call_answer(x, status, wrong, NULL);
        arena_wipe(&call->arena);
        free(call);
        return;
    }
    x->user = call;
    if (host->began)
        host->began(call, host->arg);
    method->handle(call, request);
}

static void call_leave(struct rpc_call *call)
{
    call->exchange = NULL;
    if (call->gone)
        call->gone(call); /* may end and free the call */
}

void rpc_call_cancelled(struct http_exchange *x)
{
    struct rpc_call *call = x->user;
    x->user = NULL;
    if (!call)
        return;
    call->status = RPC_STATUS_CANCELLED;
    call_leave(call);
}

void rpc_call_expire(struct rpc_call *call)
{
    if (!call->exchange)
        return;
    struct http_exchange *x = call->exchange;
    call->status = RPC_STATUS_DEADLINE_EXCEEDED;
    x->user = NULL;
    call->exchange = NULL;
    call_answer(x, RPC_STATUS_DEADLINE_EXCEEDED, "the deadline passed", NULL);
    call_leave(call);
}

void rpc_call_send(struct rpc_call *call, const ProtobufCMessage *message)
{
    assert(message->descriptor == call->method->out);
    if (!call->exchange)
        return;
    CLEANUP(strbuf_done) struct strbuf frame = {0};
    rpc_message_pack_frame(message, &frame);
    call_head(call->exchange);
    httpmsg_body(call->exchange, strbuf_span(&frame));
}

static void call_end(struct rpc_call *call, enum rpc_status status, const char *message,
                     const char *hint)
{
    struct http_exchange *x = call->exchange;
    if (x) {
        x->user = NULL;
        call->exchange = NULL;
        call->status = status;
        call_answer(x, status, message, hint);
    }
    if (call->host->ended)
        call->host->ended(call, call->status, call->host->arg);
    arena_wipe(&call->arena); /* a request may have held a password */
    free(call);
}

void rpc_call_finish(struct rpc_call *call, const ProtobufCMessage *message)
{
    if (message)
        rpc_call_send(call, message);
    call_end(call, RPC_STATUS_OK, NULL, NULL);
}

void rpc_call_fail(struct rpc_call *call, enum rpc_status status, const char *hint,
                   const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    call_end(call, status, text, hint);
}
