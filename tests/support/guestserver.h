/* SPDX-License-Identifier: Apache-2.0 */
/* A server over base/bytestream.h that does what the first byte of each read says, and a
 * blocking client for it. The server ends when as many streams have closed as it was told;
 * what it noted down is read after the join. */
#pragma once

#include <arpa/inet.h>
#include <malloc.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/bytestream.h"
#include "base/err.h"
#include "base/listener.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "tests/support/testcert.h"
#include "tests/support/unit.h"

enum { BIG_SIZE = 3 << 20, CLIENT_WAIT_S = 20, RECORDS_MAX = 64 };
enum { IDLE_CLIENTS = 60, IDLE_FIRST = 10 };

/* The server does what the first byte of each read says. */
struct server {
    struct loop *loop;
    struct listener *listener;
    struct tlsctx *ctx;
    struct testcert cert;
    bool is_direct_tls;
    bool has_small_buffer;   /* in the kernel, for what it sends */
    int closed[RECORDS_MAX]; /* return codes in order; read after the join */
    int closed_count;
    int came_count, opened_count, drained_count;
    uint64_t received_size;
    size_t heap_size[2]; /* when the 11th and the last stream came */
    int streams_left;    /* stop when that many have closed */
};

struct guest {
    struct server *server;
    struct bytestream *stream;
    struct wheel_timer resume;
};

static inline void guest_opened(void *arg)
{
    struct guest *g = arg;
    g->server->opened_count++;
    assert_non_null(bytestream_tls_version(g->stream));
}

static inline void guest_resumes(struct wheel_timer *t, void *arg)
{
    struct guest *g = arg;
    (void)t;
    bytestream_resume(g->stream);
}

static inline void guest_write_big(struct guest *g, size_t size)
{
    char *bytes = mem_zeroed(size, 1);
    for (size_t i = 0; i < size; i++)
        bytes[i] = (char)(i * 31 >> 3);
    for (size_t at = 0; at < size; at += 1000) /* many small writes */
        bytestream_write(g->stream, span_of(bytes + at, size - at < 1000 ? size - at : 1000));
    free(bytes);
}

static inline void guest_write_facts(struct guest *g)
{
    uint8_t exported[BYTESTREAM_EXPORTER_SIZE];
    uint8_t hash[BYTESTREAM_ENDPOINT_HASH_SIZE_MAX];
    assert_int_equal(
        bytestream_exporter(g->stream, "EXPORTER-Channel-Binding", exported, sizeof(exported)),
        0);
    assert_int_equal(bytestream_endpoint_hash(g->stream, hash), 32);
    bytestream_write(g->stream, span_of(exported, sizeof(exported)));
    bytestream_write(g->stream, span_of(hash, 32));
    X509 *peer = bytestream_peer_certificate(g->stream);
    bytestream_write(g->stream, peer ? SPAN("Y") : SPAN("N"));
    X509_free(peer);
    bytestream_write(g->stream, bytestream_alpn(g->stream));
}

static inline void guest_received(struct span bytes, void *arg)
{
    struct guest *g = arg;
    struct server *s = g->server;
    s->received_size += bytes.size;
    switch (bytes.ptr[0]) {
    case 'e':
        bytestream_write(g->stream, bytes);
        break;
    case 'S':
        bytestream_write(g->stream, SPAN("go"));
        assert_int_equal(bytestream_start_tls(g->stream, s->ctx), 0);
        assert_int_equal(bytestream_start_tls(g->stream, s->ctx), ERR_INVALID);
        bytestream_write(g->stream, SPAN("welcome")); /* waits for the handshake */
        break;
    case 'C':
        bytestream_write(g->stream, SPAN("bye"));
        bytestream_close(g->stream);
        bytestream_close(g->stream);
        bytestream_write(g->stream, SPAN("ignored"));
        assert_true(bytestream_is_closing(g->stream));
        break;
    case 'A':
        bytestream_abort(g->stream);
        break;
    case 'B':
        guest_write_big(g, BIG_SIZE);
        assert_true(bytestream_queued(g->stream) >= BIG_SIZE);
        bytestream_close(g->stream);
        break;
    case 'F':
        bytestream_set_output_max(g->stream, 100000);
        guest_write_big(g, 100000);
        assert_false(bytestream_is_closing(g->stream));
        bytestream_write(g->stream, SPAN("x"));
        assert_true(bytestream_is_closing(g->stream));
        break;
    case 'P':
        bytestream_pause(g->stream);
        wheel_set(loop_wheel(s->loop), &g->resume, loop_now_ms(s->loop) + 30);
        break;
    case 'X':
        guest_write_facts(g);
        break;
    default:
        break;
    }
}

static inline void guest_drained(void *arg)
{
    struct guest *g = arg;
    g->server->drained_count++;
}

static inline void guest_closed(int rc, void *arg)
{
    struct guest *g = arg;
    struct server *s = g->server;
    assert_int_equal(loop_current() == s->loop, 1);
    wheel_cancel(loop_wheel(s->loop), &g->resume);
    s->closed[s->closed_count++ % RECORDS_MAX] = rc;
    free(g);
    if (--s->streams_left == 0) {
        listener_close(s->listener);
        loop_stop(s->loop);
    }
}

static const struct bytestream_events guest_events = {.opened = guest_opened,
                                                      .received = guest_received,
                                                      .drained = guest_drained,
                                                      .closed = guest_closed};

static inline void guest_came(int fd, const struct sockaddr_storage *peer, void *arg)
{
    struct server *s = arg;
    if (s->came_count == IDLE_FIRST || s->came_count == IDLE_CLIENTS - 1)
        s->heap_size[s->came_count != IDLE_FIRST] = mallinfo2().uordblks;
    s->came_count++;
    struct guest *g = mem_zeroed(1, sizeof(*g));
    assert_int_equal(peer->ss_family, AF_INET);
    g->server = s;
    g->resume = (struct wheel_timer){.expired = guest_resumes, .arg = g};
    const int small = 4096;
    if (s->has_small_buffer)
        (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
    assert_int_equal(bytestream_open(s->loop, fd, &guest_events, g, &g->stream), 0);
    assert_null(bytestream_tls(g->stream));
    assert_null(bytestream_tls_version(g->stream));
    if (s->is_direct_tls)
        assert_int_equal(bytestream_start_tls(g->stream, s->ctx), 0);
}

/* Starts a server that ends when `streams` connections have closed. */
static inline void server_start(struct server *s, bool is_direct_tls, int streams)
{
    *s = (struct server){.is_direct_tls = is_direct_tls, .streams_left = streams};
    testcert_make(&s->cert, "presenced.test", 3600);
    const struct tlsctx_config config = {.cert_file = s->cert.cert_file,
                                         .key_file = s->cert.key_file,
                                         .client_ca_file = s->cert.cert_file,
                                         .alpn = {"xmpp-client"},
                                         .session_id_context = "test"};
    struct strbuf why = {0};
    assert_int_equal(tlsctx_new(&config, &s->ctx, &why), 0);
    assert_int_equal(loop_new("server", 16, &s->loop), 0);
    loop_set_owner(s->loop, s);
    assert_int_equal(listener_open(s->loop, "127.0.0.1", 0, NULL, guest_came, s, &s->listener),
                     0);
}

static inline int server_connect(struct server *s)
{
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const struct sockaddr_in addr = {.sin_family = AF_INET,
                                     .sin_port = htons(listener_port(s->listener)),
                                     .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const struct timeval patience = {.tv_sec = CLIENT_WAIT_S};
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    assert_int_equal(connect(fd, (const struct sockaddr *)&addr, sizeof(addr)), 0);
    return fd;
}

static inline void server_end(struct server *s)
{
    loop_join(s->loop);
    loop_free(s->loop);
    tlsctx_free(s->ctx);
    testcert_remove(&s->cert);
}

static inline void client_send(int fd, const char *bytes, size_t size)
{
    assert_int_equal(send(fd, bytes, size, MSG_NOSIGNAL), (ssize_t)size);
}

/* Reads exactly size bytes. */
static inline void client_wants(int fd, const char *bytes, size_t size)
{
    char buffer[4096];
    assert_true(size <= sizeof(buffer));
    for (size_t at = 0; at < size;) {
        const ssize_t n = recv(fd, buffer + at, size - at, 0);
        assert_true(n > 0);
        at += (size_t)n;
    }
    assert_memory_equal(buffer, bytes, size);
}

static inline void client_wants_end(int fd)
{
    char byte = 0;
    assert_int_equal(recv(fd, &byte, 1, 0), 0);
}

static inline SSL *client_tls(SSL_CTX *ctx, int fd)
{
    SSL *ssl = SSL_new(ctx);
    assert_int_equal(SSL_set_fd(ssl, fd), 1);
    assert_int_equal(SSL_connect(ssl), 1);
    return ssl;
}

static inline void tls_wants(SSL *ssl, const char *bytes, size_t size)
{
    char buffer[4096];
    assert_true(size <= sizeof(buffer));
    for (size_t at = 0; at < size;) {
        const int n = SSL_read(ssl, buffer + at, (int)(size - at));
        assert_true(n > 0);
        at += (size_t)n;
    }
    assert_memory_equal(buffer, bytes, size);
}
