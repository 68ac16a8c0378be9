/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/unit.h"

#include <arpa/inet.h>
#include <malloc.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bytestream.h"
#include "base/err.h"
#include "base/listener.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "tests/support/testcert.h"

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

static void guest_opened(void *arg)
{
    struct guest *g = arg;
    g->server->opened_count++;
    assert_non_null(bytestream_tls_version(g->stream));
}

static void guest_resumes(struct wheel_timer *t, void *arg)
{
    struct guest *g = arg;
    (void)t;
    bytestream_resume(g->stream);
}

static void guest_write_big(struct guest *g, size_t size)
{
    char *bytes = mem_zeroed(size, 1);
    for (size_t i = 0; i < size; i++)
        bytes[i] = (char)(i * 31 >> 3);
    for (size_t at = 0; at < size; at += 1000) /* many small writes */
        bytestream_write(g->stream, span_of(bytes + at, size - at < 1000 ? size - at : 1000));
    free(bytes);
}

static void guest_write_facts(struct guest *g)
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

static void guest_received(struct span bytes, void *arg)
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

static void guest_drained(void *arg)
{
    struct guest *g = arg;
    g->server->drained_count++;
}

static void guest_closed(int rc, void *arg)
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

static void guest_came(int fd, const struct sockaddr_storage *peer, void *arg)
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
static void server_start(struct server *s, bool is_direct_tls, int streams)
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

static int server_connect(struct server *s)
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

static void server_end(struct server *s)
{
    loop_join(s->loop);
    loop_free(s->loop);
    tlsctx_free(s->ctx);
    testcert_remove(&s->cert);
}

static void client_send(int fd, const char *bytes, size_t size)
{
    assert_int_equal(send(fd, bytes, size, MSG_NOSIGNAL), (ssize_t)size);
}

/* Reads exactly size bytes. */
static void client_wants(int fd, const char *bytes, size_t size)
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

static void client_wants_end(int fd)
{
    char byte = 0;
    assert_int_equal(recv(fd, &byte, 1, 0), 0);
}

static SSL *client_tls(SSL_CTX *ctx, int fd)
{
    SSL *ssl = SSL_new(ctx);
    assert_int_equal(SSL_set_fd(ssl, fd), 1);
    assert_int_equal(SSL_connect(ssl), 1);
    return ssl;
}

static void tls_wants(SSL *ssl, const char *bytes, size_t size)
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

/* ---- plain ---- */

static void plain_echo_and_close_by_us(void **state)
{
    (void)state;
    struct server s;
    server_start(&s, false, 1);
    const int fd = server_connect(&s);
    assert_int_equal(loop_start(s.loop), 0);
    client_send(fd, "eAbc", 4);
    client_wants(fd, "eAbc", 4);
    client_send(fd, "C", 1);
    client_wants(fd, "bye", 3);
    client_wants_end(fd);
    (void)close(fd);
    loop_join(s.loop);
    assert_int_equal(s.closed_count, 1);
    assert_int_equal(s.closed[0], 0);
    assert_int_equal(s.drained_count, 1); /* of the echo; none after the close */
    server_end(&s);
}

static void plain_closed_by_peer(void **state)
{
    (void)state;
    struct server s;
    server_start(&s, false, 1);
    const int fd = server_connect(&s);
    assert_int_equal(loop_start(s.loop), 0);
    client_send(fd, "elast words", 11);
    (void)shutdown(fd, SHUT_WR); /* half closed: the answer still comes */
    client_wants(fd, "elast words", 11);
    client_wants_end(fd);
    (void)close(fd);
    loop_join(s.loop);
    assert_int_equal(s.closed[0], UV_EOF);
    server_end(&s);
}

static void plain_aborted(void **state)
{
    (void)state;
    struct server s;
    server_start(&s, false, 1);
    const int fd = server_connect(&s);
    assert_int_equal(loop_start(s.loop), 0);
    client_send(fd, "A", 1);
    client_wants_end(fd);
    (void)close(fd);
    loop_join(s.loop);
    assert_int_equal(s.closed[0], UV_ECANCELED);
    server_end(&s);
}

static void plain_over_the_limit_is_cut_off(void **state)
{
    (void)state;
    struct server s;
    server_start(&s, false, 1);
    const int fd = server_connect(&s);
    assert_int_equal(loop_start(s.loop), 0);
    client_send(fd, "F", 1);
    loop_join(s.loop);
    (void)close(fd);
    assert_int_equal(s.closed[0], ERR_FULL);
    server_end(&s);
}

static void slow_reader_gets_all(void **state)
{
    (void)state;
    struct server s;
    server_start(&s, false, 1);
    const int fd = server_connect(&s);
    assert_int_equal(loop_start(s.loop), 0);
    client_send(fd, "B", 1);
    char *buffer = mem_zeroed(BIG_SIZE + 1, 1);
    size_t got = 0;
    for (;;) {
        const ssize_t n = recv(fd, buffer + got, BIG_SIZE + 1 - got, 0);
        assert_true(n >= 0);
        if (n == 0)
            break;
        got += (size_t)n;
    }
    assert_int_equal(got, BIG_SIZE);
    for (size_t i = 0; i < got; i += 997)
        assert_int_equal(buffer[i], (char)(i * 31 >> 3));
    free(buffer);
    (void)close(fd);
    loop_join(s.loop);
    assert_int_equal(s.closed[0], 0);
    server_end(&s);
}

static void reset_while_closing_says_that_output_was_lost(void **state)
{
    (void)state;
    struct server s;
    server_start(&s, false, 1);
    s.has_small_buffer = true;
    const int fd = server_connect(&s);
    const int small = 4096;
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
    assert_int_equal(loop_start(s.loop), 0);
    client_send(fd, "B", 1);
    char bytes[16];
    assert_true(recv(fd, bytes, sizeof(bytes), 0) > 0); /* the server is at it */
    (void)close(fd);                                    /* with bytes unread: RST */
    loop_join(s.loop);
    assert_true(s.closed[0] == UV_ECONNRESET || s.closed[0] == UV_EPIPE);
    server_end(&s);
}

static void reset_by_peer_hands_over_what_came_first(void **state)
{
    (void)state;
    struct server s;
    server_start(&s, false, 1);
    const int fd = server_connect(&s);
    client_send(fd, "0123456789", 10);
    const struct linger at_once = {.l_onoff = 1};
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    (void)close(fd); /* RST, before the server even accepts */
    assert_int_equal(loop_start(s.loop), 0);
    loop_join(s.loop);
    assert_int_equal(s.closed[0], UV_ECONNRESET);
    assert_int_equal(s.received_size, 10);
    server_end(&s);
}

static void paused_reads_later_and_in_order(void **state)
{
    (void)state;
    struct server s;
    server_start(&s, false, 1);
    const int fd = server_connect(&s);
    assert_int_equal(loop_start(s.loop), 0);
    client_send(fd, "P", 1);
    client_wants(fd, "", 0);
    struct pollfd p = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&p, 1, 5), 0);
    client_send(fd, "e after", 7);
    client_wants(fd, "e after", 7);
    (void)close(fd);
    loop_join(s.loop);
    server_end(&s);
}

/* ---- TLS ---- */

static void starttls_then_echo_and_facts(void **state)
{
    (void)state;
    struct server s;
    server_start(&s, false, 1);
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    const int fd = server_connect(&s);
    assert_int_equal(loop_start(s.loop), 0);
    client_send(fd, "S", 1);
    client_wants(fd, "go", 2);
    SSL *ssl = client_tls(ctx, fd);
    tls_wants(ssl, "welcome", 7);
    assert_int_equal(SSL_write(ssl, "ehello", 6), 6);
    tls_wants(ssl, "ehello", 6);

    unsigned char facts[65];
    unsigned hash_size = 0;
    X509 *cert = SSL_get1_peer_certificate(ssl);
    assert_int_equal(
        SSL_export_keying_material(ssl, facts, 32, "EXPORTER-Channel-Binding", 24, NULL, 0, 0),
        1);
    assert_int_equal(X509_digest(cert, EVP_sha256(), facts + 32, &hash_size), 1);
    X509_free(cert);
    facts[64] = 'N';
    assert_int_equal(SSL_write(ssl, "X", 1), 1);
    tls_wants(ssl, (const char *)facts, sizeof(facts));

    assert_int_equal(SSL_write(ssl, "C", 1), 1);
    tls_wants(ssl, "bye", 3);
    char byte = 0;
    assert_int_equal(SSL_read(ssl, &byte, 1), 0);
    assert_int_equal(SSL_get_error(ssl, 0), SSL_ERROR_ZERO_RETURN); /* close_notify came */
    SSL_free(ssl);
    SSL_CTX_free(ctx);
    (void)close(fd);
    loop_join(s.loop);
    assert_int_equal(s.opened_count, 1);
    assert_int_equal(s.closed[0], 0);
    server_end(&s);
}

struct version_case {
    const char *name;
    int version;
    bool has_certificate;
};

static const struct version_case versions[] = {
    {"TLS 1.2", TLS1_2_VERSION, false},
    {"TLS 1.3", TLS1_3_VERSION, false},
    {"TLS 1.2 with a certificate", TLS1_2_VERSION, true},
    {"TLS 1.3 with a certificate", TLS1_3_VERSION, true},
};

static void direct_tls_big_answer_and_peer_close(void **state)
{
    const struct version_case *c = *state;
    struct server s;
    server_start(&s, true, 2);
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    (void)SSL_CTX_set_max_proto_version(ctx, c->version);
    (void)SSL_CTX_set_alpn_protos(ctx, (const unsigned char *)"\2h2\13xmpp-client", 15);
    if (c->has_certificate) {
        assert_int_equal(SSL_CTX_use_certificate_chain_file(ctx, s.cert.cert_file), 1);
        assert_int_equal(SSL_CTX_use_PrivateKey_file(ctx, s.cert.key_file, SSL_FILETYPE_PEM),
                         1);
    }
    assert_int_equal(loop_start(s.loop), 0);
    const int fd = server_connect(&s);
    SSL *ssl = client_tls(ctx, fd);
    assert_int_equal(SSL_write(ssl, "X", 1), 1);
    char facts[76];
    for (size_t at = 0; at < sizeof(facts);) {
        const int n = SSL_read(ssl, facts + at, (int)(sizeof(facts) - at));
        assert_true(n > 0);
        at += (size_t)n;
    }
    assert_int_equal(facts[64], c->has_certificate ? 'Y' : 'N');
    assert_memory_equal(facts + 65, "xmpp-client", 11);
    assert_int_equal(SSL_write(ssl, "B", 1), 1);
    size_t got = 0;
    char buffer[16384];
    for (;;) {
        const int n = SSL_read(ssl, buffer, sizeof(buffer));
        if (n <= 0)
            break;
        for (int i = 0; i < n; i += 997)
            assert_int_equal(buffer[i], (char)((got + (size_t)i) * 31 >> 3));
        got += (size_t)n;
    }
    assert_int_equal(got, BIG_SIZE);
    SSL_free(ssl);
    (void)close(fd);

    const int second = server_connect(&s);
    ssl = client_tls(ctx, second);
    assert_int_equal(SSL_write(ssl, "e!", 2), 2);
    tls_wants(ssl, "e!", 2);
    assert_int_equal(SSL_shutdown(ssl), 0);
    assert_int_equal(SSL_read(ssl, buffer, 1), 0);
    SSL_free(ssl);
    (void)close(second);
    SSL_CTX_free(ctx);
    loop_join(s.loop);
    assert_int_equal(s.closed_count, 2);
    assert_int_equal(s.closed[0], 0);
    assert_int_equal(s.closed[1], UV_EOF);
    server_end(&s);
}

static void tls_pause_keeps_order(void **state)
{
    (void)state;
    struct server s;
    server_start(&s, true, 1);
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    assert_int_equal(loop_start(s.loop), 0);
    const int fd = server_connect(&s);
    SSL *ssl = client_tls(ctx, fd);
    /* One TCP segment with many records: the pause falls in the middle. */
    for (int i = 0; i < 199; i++) {
        char record[4];
        (void)snprintf(record, sizeof(record), "e%02d", i % 100);
        if (i == 5 || i == 90)
            assert_int_equal(SSL_write(ssl, "P", 1), 1);
        assert_int_equal(SSL_write(ssl, record, 3), 3);
    }
    for (int i = 0; i < 199; i++) {
        char record[4];
        (void)snprintf(record, sizeof(record), "e%02d", i % 100);
        tls_wants(ssl, record, 3);
    }
    SSL_free(ssl);
    SSL_CTX_free(ctx);
    (void)close(fd);
    server_end(&s);
}

static void no_tls_hello_fails_with_an_alert(void **state)
{
    (void)state;
    struct server s;
    server_start(&s, true, 1);
    assert_int_equal(loop_start(s.loop), 0);
    const int fd = server_connect(&s);
    client_send(fd, "GET / HTTP/1.1\r\n\r\n", 18);
    char alert[64];
    const ssize_t n = recv(fd, alert, sizeof(alert), 0);
    assert_true(n >= 0); /* an alert, or just the end */
    (void)close(fd);
    loop_join(s.loop);
    assert_int_equal(s.closed[0], ERR_TLS);
    assert_int_equal(s.opened_count, 0);
    server_end(&s);
}

static void old_tls_is_refused(void **state)
{
    (void)state;
    struct server s;
    server_start(&s, true, 1);
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_security_level(ctx, 0);
    (void)SSL_CTX_set_min_proto_version(ctx, TLS1_VERSION);
    (void)SSL_CTX_set_max_proto_version(ctx, TLS1_1_VERSION);
    assert_int_equal(loop_start(s.loop), 0);
    const int fd = server_connect(&s);
    SSL *ssl = SSL_new(ctx);
    assert_int_equal(SSL_set_fd(ssl, fd), 1);
    assert_true(SSL_connect(ssl) <= 0);
    SSL_free(ssl);
    SSL_CTX_free(ctx);
    (void)close(fd);
    loop_join(s.loop);
    assert_int_equal(s.closed[0], ERR_TLS);
    server_end(&s);
}

/* The clients are another process, for mallinfo2() counts all that one has. */
static void idle_clients(struct server *s)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    int fds[IDLE_CLIENTS];
    SSL *tls[IDLE_CLIENTS];
    char echo[600] = {'e'};
    for (int i = 0; i < IDLE_CLIENTS; i++) {
        fds[i] = server_connect(s);
        tls[i] = client_tls(ctx, fds[i]);
        assert_int_equal(SSL_write(tls[i], echo, sizeof(echo)), sizeof(echo));
        tls_wants(tls[i], echo, sizeof(echo));
    }
    for (int i = 0; i < IDLE_CLIENTS; i++) {
        SSL_free(tls[i]);
        (void)close(fds[i]);
    }
    SSL_CTX_free(ctx);
}

static void idle_tls_sessions_stay_small(void **state)
{
    (void)state;
    struct server s;
    server_start(&s, true, IDLE_CLIENTS);
    const pid_t clients = fork();
    if (clients == 0) {
        idle_clients(&s);
        _exit(0);
    }
    loop_run(s.loop);
    int status = -1;
    assert_int_equal(waitpid(clients, &status, 0), clients);
    assert_int_equal(status, 0);
    const size_t each =
        (s.heap_size[1] - s.heap_size[0]) / (size_t)(IDLE_CLIENTS - 1 - IDLE_FIRST);
    print_message("heap of an idle TLS session: %zu bytes\n", each);
    assert_int_equal(s.closed_count, IDLE_CLIENTS);
    server_end(&s);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    assert_true(each < 15500);
#endif
}

int main(void)
{
    struct CMUnitTest rows[COUNT_OF(versions)];
    for (size_t i = 0; i < COUNT_OF(versions); i++)
        rows[i] = (struct CMUnitTest){.name = versions[i].name,
                                      .test_func = direct_tls_big_answer_and_peer_close,
                                      .initial_state = (void *)&versions[i]};
    const struct CMUnitTest others[] = {
        cmocka_unit_test(plain_echo_and_close_by_us),
        cmocka_unit_test(plain_closed_by_peer),
        cmocka_unit_test(plain_aborted),
        cmocka_unit_test(plain_over_the_limit_is_cut_off),
        cmocka_unit_test(slow_reader_gets_all),
        cmocka_unit_test(reset_while_closing_says_that_output_was_lost),
        cmocka_unit_test(reset_by_peer_hands_over_what_came_first),
        cmocka_unit_test(paused_reads_later_and_in_order),
        cmocka_unit_test(starttls_then_echo_and_facts),
        cmocka_unit_test(tls_pause_keeps_order),
        cmocka_unit_test(no_tls_hello_fails_with_an_alert),
        cmocka_unit_test(old_tls_is_refused),
        cmocka_unit_test(idle_tls_sessions_stay_small),
    };
    return cmocka_run_group_tests(others, NULL, NULL) +
           cmocka_run_group_tests(rows, NULL, NULL);
}
