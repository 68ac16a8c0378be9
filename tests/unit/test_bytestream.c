/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/unit.h"

#include <poll.h>
#include <sys/wait.h>

#include "tests/support/guestserver.h"

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
