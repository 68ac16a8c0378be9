/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/cli/cli_client.h"

#include <nghttp2/nghttp2.h>
#include <stdio.h>

#include "admin/cli/cli_transport.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "proto/rpc/rpc_frame.h"
#include "proto/rpc/rpc_message.h"
#include "proto/rpc/rpc_status.h"

enum {
    ANSWER_MAX = 64 << 20, /* bytes: the node's lists are in pages far smaller */
    TEXT_MAX = 4096        /* bytes of a status message */
};

struct cli_client {
    struct cli_transport *transport;
    nghttp2_session *session;
    uint32_t timeout_ms;
    int32_t stream;      /* of the call under way */
    struct span request; /* what is left to send */
    struct strbuf body;
    struct strbuf message, hint; /* of the trailers, decoded */
    int http_status;
    int grpc_status; /* -1: not told */
    bool is_over;
};

static int client_on_field(nghttp2_session *session, const nghttp2_frame *frame,
                           const uint8_t *name, size_t name_size, const uint8_t *value,
                           size_t value_size, uint8_t flags, void *user)
{
    struct cli_client *c = user;
    (void)session;
    (void)flags;
    if (frame->hd.stream_id != c->stream)
        return 0;
    const struct span n = span_of(name, name_size);
    const struct span v = span_first(span_of(value, value_size), TEXT_MAX);
    char digits[8] = "";
    if (v.size < sizeof(digits))
        memcpy(digits, v.ptr, v.size);
    if (span_is(n, ":status"))
        c->http_status = (int)strtol(digits, NULL, 10);
    else if (span_is(n, "grpc-status"))
        c->grpc_status = (int)strtol(digits, NULL, 10);
    else if (span_is(n, "grpc-message"))
        rpc_status_unescape(&c->message, v);
    else if (span_is(n, "presenced-hint"))
        rpc_status_unescape(&c->hint, v);
    return 0;
}

static int client_on_body(nghttp2_session *session, uint8_t flags, int32_t id,
                          const uint8_t *bytes, size_t size, void *user)
{
    struct cli_client *c = user;
    (void)session;
    (void)flags;
    if (id != c->stream)
        return 0;
    if (size > ANSWER_MAX - c->body.size)
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    strbuf_add(&c->body, span_of(bytes, size));
    return 0;
}

static int client_on_close(nghttp2_session *session, int32_t id, uint32_t code, void *user)
{
    struct cli_client *c = user;
    (void)session;
    (void)code;
    if (id == c->stream)
        c->is_over = true;
    return 0;
}

static ssize_t client_read_request(nghttp2_session *session, int32_t id, uint8_t *buffer,
                                   size_t size, uint32_t *flags, nghttp2_data_source *source,
                                   void *user)
{
    struct cli_client *c = user;
    (void)session;
    (void)id;
    (void)source;
    const struct span piece = span_first(c->request, size);
    if (piece.size > 0)
        memcpy(buffer, piece.ptr, piece.size);
    c->request = span_from(c->request, piece.size);
    if (c->request.size == 0)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)piece.size;
}

struct cli_client *cli_client_open(const struct cli_endpoint *where, struct strbuf *why,
                                   struct strbuf *hint)
{
    struct cli_transport *transport = cli_transport_open(where, why, hint);
    if (!transport)
        return NULL;
    struct cli_client *c = mem_zeroed(1, sizeof(*c));
    c->transport = transport;
    c->timeout_ms = where->timeout_ms;
    nghttp2_session_callbacks *callbacks = NULL;
    if (nghttp2_session_callbacks_new(&callbacks) != 0)
        abort();
    nghttp2_session_callbacks_set_on_header_callback(callbacks, client_on_field);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, client_on_body);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, client_on_close);
    if (nghttp2_session_client_new(&c->session, callbacks, c) != 0)
        abort();
    nghttp2_session_callbacks_del(callbacks);
    const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 4 << 20},
    };
    (void)nghttp2_submit_settings(c->session, NGHTTP2_FLAG_NONE, settings, 2);
    (void)nghttp2_session_set_local_window_size(c->session, NGHTTP2_FLAG_NONE, 0, 16 << 20);
    return c;
}

void cli_client_free(struct cli_client *c)
{
    if (!c)
        return;
    nghttp2_session_del(c->session);
    cli_transport_free(c->transport);
    strbuf_done(&c->body);
    strbuf_done(&c->message);
    strbuf_done(&c->hint);
    free(c);
}

static nghttp2_nv client_field(const char *name, const char *value)
{
    return (nghttp2_nv){.name = (uint8_t *)(uintptr_t)name,
                        .value = (uint8_t *)(uintptr_t)value,
                        .namelen = strlen(name),
                        .valuelen = strlen(value)};
}

static int client_submit(struct cli_client *c, const char *path)
{
    char timeout[16];
    (void)snprintf(timeout, sizeof(timeout), "%um", c->timeout_ms);
    const nghttp2_nv head[] = {
        client_field(":method", "POST"),
        client_field(":scheme", "https"),
        client_field(":path", path),
        client_field(":authority", cli_transport_authority(c->transport)),
        client_field("content-type", "application/grpc"),
        client_field("te", "trailers"),
        client_field("user-agent", "presencectl"),
        client_field("grpc-timeout", timeout),
    };
    const nghttp2_data_provider provider = {.read_callback = client_read_request};
    c->stream = nghttp2_submit_request(c->session, NULL, head, sizeof(head) / sizeof(head[0]),
                                       &provider, NULL);
    return c->stream < 0 ? -1 : 0;
}

/* Sends and receives until the stream is closed. Returns 0; or a gRPC status. */
static int client_run(struct cli_client *c)
{
    while (!c->is_over) {
        for (;;) {
            const uint8_t *bytes = NULL;
            const ssize_t size = nghttp2_session_mem_send(c->session, &bytes);
            if (size < 0)
                return RPC_STATUS_UNAVAILABLE;
            if (size == 0)
                break;
            if (cli_transport_write(c->transport, bytes, (size_t)size) < 0)
                return RPC_STATUS_UNAVAILABLE;
        }
        if (c->is_over)
            break;
        uint8_t buffer[16384];
        const ssize_t got = cli_transport_read(c->transport, buffer, sizeof(buffer));
        if (got == -2)
            return RPC_STATUS_DEADLINE_EXCEEDED;
        if (got <= 0 || nghttp2_session_mem_recv(c->session, buffer, (size_t)got) < 0)
            return RPC_STATUS_UNAVAILABLE;
    }
    return 0;
}

/* The one message of an answer. */
static void client_unpack(struct cli_client *c, const ProtobufCMessageDescriptor *type,
                          struct cli_reply *reply)
{
    struct cursor in = cursor_of(c->body.data, c->body.size);
    struct rpc_frame frame;
    if (rpc_frame_parse(&in, ANSWER_MAX, &frame) == 1 && !frame.is_compressed)
        reply->answer = protobuf_c_message_unpack(type, NULL, frame.body_size, frame.body);
    if (!reply->answer) {
        reply->status = RPC_STATUS_INTERNAL;
        strbuf_add_text(&reply->message, "the node's answer cannot be read");
    }
}

void cli_client_call(struct cli_client *c, const char *path, const ProtobufCMessage *request,
                     const ProtobufCMessageDescriptor *answer, struct cli_reply *ret_reply)
{
    CLEANUP(strbuf_done) struct strbuf packed = {0};
    rpc_message_pack_frame(request, &packed);
    *ret_reply = (struct cli_reply){0};
    c->request = strbuf_span(&packed);
    c->is_over = false;
    c->grpc_status = -1;
    c->http_status = 0;
    strbuf_clear(&c->body);
    strbuf_clear(&c->message);
    strbuf_clear(&c->hint);

    const int rc = client_submit(c, path) < 0 ? RPC_STATUS_UNAVAILABLE : client_run(c);
    if (rc != 0) {
        ret_reply->status = rc;
        strbuf_add_text(&ret_reply->message, rc == RPC_STATUS_DEADLINE_EXCEEDED
                                                 ? "the node did not answer in time"
                                                 : "the connection to the node broke");
        strbuf_add_text(&ret_reply->hint, "look whether it was done before you repeat it");
        return;
    }
    ret_reply->status =
        c->grpc_status >= 0 ? c->grpc_status : (int)rpc_status_of_http(c->http_status);
    if (ret_reply->status != RPC_STATUS_OK) {
        strbuf_add(&ret_reply->message, c->message.size
                                            ? strbuf_span(&c->message)
                                            : span_text(rpc_status_name(ret_reply->status)));
        strbuf_add(&ret_reply->hint, strbuf_span(&c->hint));
        return;
    }
    client_unpack(c, answer, ret_reply);
}

void cli_client_reply_done(struct cli_reply *reply)
{
    if (reply->answer)
        protobuf_c_message_free_unpacked(reply->answer, NULL);
    strbuf_done(&reply->message);
    strbuf_done(&reply->hint);
    *reply = (struct cli_reply){0};
}
