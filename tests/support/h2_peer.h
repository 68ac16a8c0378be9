/* SPDX-License-Identifier: Apache-2.0 */
/* The client side of HTTP/2 for tests: nghttp2 in memory, one request at a time. */
#pragma once

#include <nghttp2/nghttp2.h>
#include <stdlib.h>
#include <string.h>

#include "base/span.h"
#include "base/strbuf.h"

struct h2_peer {
    nghttp2_session *session;
    struct span body;     /* still to be sent */
    struct strbuf fields; /* "name: value\n" of head and trailers */
    struct strbuf answer;
    uint32_t error_code;
    int closed; /* streams */
};

static inline int h2_peer_field(nghttp2_session *session, const nghttp2_frame *frame,
                                const uint8_t *name, size_t name_size, const uint8_t *value,
                                size_t value_size, uint8_t flags, void *user)
{
    struct h2_peer *p = user;
    (void)session, (void)frame, (void)flags;
    strbuf_add(&p->fields, span_of(name, name_size));
    strbuf_add_text(&p->fields, ": ");
    strbuf_add(&p->fields, span_of(value, value_size));
    strbuf_add_byte(&p->fields, '\n');
    return 0;
}

static inline int h2_peer_data(nghttp2_session *session, uint8_t flags, int32_t id,
                               const uint8_t *bytes, size_t size, void *user)
{
    struct h2_peer *p = user;
    (void)session, (void)flags, (void)id;
    strbuf_add(&p->answer, span_of(bytes, size));
    return 0;
}

static inline int h2_peer_close(nghttp2_session *session, int32_t id, uint32_t code, void *user)
{
    struct h2_peer *p = user;
    (void)session, (void)id;
    p->closed++;
    p->error_code = code;
    return 0;
}

static inline ssize_t h2_peer_read(nghttp2_session *session, int32_t id, uint8_t *buffer,
                                   size_t size, uint32_t *flags, nghttp2_data_source *source,
                                   void *user)
{
    struct h2_peer *p = user;
    (void)session, (void)id, (void)source;
    const struct span piece = span_first(p->body, size);
    if (piece.size)
        memcpy(buffer, piece.ptr, piece.size);
    p->body = span_from(p->body, piece.size);
    if (p->body.size == 0)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)piece.size;
}

static inline void h2_peer_init(struct h2_peer *p)
{
    *p = (struct h2_peer){0};
    nghttp2_session_callbacks *callbacks = NULL;
    if (nghttp2_session_callbacks_new(&callbacks) != 0)
        abort();
    nghttp2_session_callbacks_set_on_header_callback(callbacks, h2_peer_field);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, h2_peer_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, h2_peer_close);
    if (nghttp2_session_client_new(&p->session, callbacks, p) != 0)
        abort();
    nghttp2_session_callbacks_del(callbacks);
    (void)nghttp2_submit_settings(p->session, NGHTTP2_FLAG_NONE, NULL, 0);
}

static inline void h2_peer_done(struct h2_peer *p)
{
    nghttp2_session_del(p->session);
    strbuf_done(&p->fields);
    strbuf_done(&p->answer);
}

static inline nghttp2_nv h2_peer_nv(const char *name, const char *value)
{
    return (nghttp2_nv){.name = (uint8_t *)(uintptr_t)name,
                        .value = (uint8_t *)(uintptr_t)value,
                        .namelen = strlen(name),
                        .valuelen = strlen(value)};
}

/* fields: up to 4 more pairs, ended by NULL; may be NULL. body borrowed until sent. */
static inline int32_t h2_peer_request(struct h2_peer *p, const char *method, const char *path,
                                      const char *const *fields, struct span body)
{
    nghttp2_nv head[8] = {h2_peer_nv(":method", method), h2_peer_nv(":scheme", "http"),
                          h2_peer_nv(":authority", "a"), h2_peer_nv(":path", path)};
    size_t count = 4;
    for (; fields && fields[0] && count < 8; fields += 2)
        head[count++] = h2_peer_nv(fields[0], fields[1]);
    const nghttp2_data_provider provider = {.read_callback = h2_peer_read};
    p->body = body;
    strbuf_clear(&p->fields);
    strbuf_clear(&p->answer);
    return nghttp2_submit_request(p->session, NULL, head, count,
                                  span_is_none(body) ? NULL : &provider, NULL);
}

/* What it wants to send, added to out. */
static inline void h2_peer_fetch(struct h2_peer *p, struct strbuf *out)
{
    const uint8_t *bytes = NULL;
    ssize_t size;
    while ((size = nghttp2_session_mem_send(p->session, &bytes)) > 0)
        strbuf_add(out, span_of(bytes, (size_t)size));
}
