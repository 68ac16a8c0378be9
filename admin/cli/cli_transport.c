/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/cli/cli_transport.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"

enum { AUTHORITY_SIZE = 300 };

struct cli_transport {
    int fd;
    SSL_CTX *ctx;
    SSL *ssl;
    char host[256], port[16];
    char authority[AUTHORITY_SIZE];
};

void cli_transport_free(struct cli_transport *t)
{
    if (!t)
        return;
    SSL_free(t->ssl);
    SSL_CTX_free(t->ctx);
    if (t->fd >= 0)
        (void)close(t->fd);
    free(t);
}

static int transport_open_socket(struct cli_transport *t, const char *path, struct strbuf *why,
                                 struct strbuf *hint)
{
    struct sockaddr_un where = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(where.sun_path)) {
        strbuf_printf(why, "the socket path is too long: %s", path);
        return -1;
    }
    memcpy(where.sun_path, path, strlen(path));
    t->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (t->fd >= 0 && connect(t->fd, (struct sockaddr *)&where, sizeof(where)) == 0) {
        (void)snprintf(t->authority, sizeof(t->authority), "localhost");
        return 0;
    }
    strbuf_printf(why, "cannot reach the node at %s: %s", path, strerror(errno));
    strbuf_add_text(hint,
                    errno == EACCES
                        ? "become root or a member of the group presenced"
                        : "is presenced running? name another node with --node or --socket");
    return -1;
}

/* "host", "host:port", "[host]:port", "host" with colons of its own. */
static void transport_split(struct cli_transport *t, const char *node)
{
    const char *host = node, *port = "9443";
    size_t size = strlen(node);
    const char *close = node[0] == '[' ? strchr(node, ']') : NULL;
    if (close) {
        host = node + 1;
        size = (size_t)(close - host);
        if (close[1] == ':')
            port = close + 2;
    } else {
        const char *colon = strchr(node, ':');
        if (colon && !strchr(colon + 1, ':')) {
            size = (size_t)(colon - node);
            port = colon + 1;
        }
    }
    (void)snprintf(t->host, sizeof(t->host), "%.*s", (int)(size < 255 ? size : 255), host);
    (void)snprintf(t->port, sizeof(t->port), "%s", port);
    (void)snprintf(t->authority, sizeof(t->authority),
                   strchr(t->host, ':') ? "[%s]:%s" : "%s:%s", t->host, t->port);
}

static void transport_set_timeout(int fd, uint32_t timeout_ms)
{
    const struct timeval wait = {.tv_sec = timeout_ms / 1000,
                                 .tv_usec = (suseconds_t)(timeout_ms % 1000) * 1000};
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
}

static int transport_open_tcp(struct cli_transport *t, uint32_t timeout_ms, struct strbuf *why,
                              struct strbuf *hint)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_family = AF_UNSPEC};
    struct addrinfo *addresses = NULL;
    const int found = getaddrinfo(t->host, t->port, &hints, &addresses);
    if (found != 0) {
        strbuf_printf(why, "cannot find %s: %s", t->host, gai_strerror(found));
        return -1;
    }
    int error = EHOSTUNREACH;
    for (const struct addrinfo *a = addresses; a && t->fd < 0; a = a->ai_next) {
        const int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
            continue;
        transport_set_timeout(fd, timeout_ms); /* connect() heeds SO_SNDTIMEO */
        if (connect(fd, a->ai_addr, a->ai_addrlen) == 0) {
            t->fd = fd;
        } else {
            error = errno == EINPROGRESS ? ETIMEDOUT : errno;
            (void)close(fd);
        }
    }
    freeaddrinfo(addresses);
    if (t->fd >= 0)
        return 0;
    strbuf_printf(why, "cannot reach the node at %s: %s", t->authority, strerror(error));
    strbuf_add_text(hint,
                    "is presenced running there, and its admin listener on this address?");
    return -1;
}

static int transport_fail_tls(struct cli_transport *t, struct strbuf *why, struct strbuf *hint,
                              const char *what)
{
    const unsigned long code = ERR_get_error();
    const long verified = t->ssl ? SSL_get_verify_result(t->ssl) : X509_V_OK;
    if (verified != X509_V_OK) {
        strbuf_printf(why, "the certificate of %s is not trusted: %s", t->authority,
                      X509_verify_cert_error_string(verified));
        strbuf_add_text(hint, "name the CA with --ca or PRESENCECTL_CA");
        return -1;
    }
    strbuf_printf(why, "%s: %s", what, code ? ERR_reason_error_string(code) : "refused");
    return -1;
}

static int transport_start_tls(struct cli_transport *t, const struct cli_endpoint *where,
                               struct strbuf *why, struct strbuf *hint)
{
    static const unsigned char alpn[] = {2, 'h', '2'};
    t->ctx = SSL_CTX_new(TLS_client_method());
    if (!t->ctx)
        return transport_fail_tls(t, why, hint, "TLS");
    (void)SSL_CTX_set_min_proto_version(t->ctx, TLS1_2_VERSION);
    SSL_CTX_set_verify(t->ctx, SSL_VERIFY_PEER, NULL);
    if ((where->ca ? SSL_CTX_load_verify_locations(t->ctx, where->ca, NULL)
                   : SSL_CTX_set_default_verify_paths(t->ctx)) != 1)
        return transport_fail_tls(t, why, hint, "the CA file cannot be read");
    if (where->cert && SSL_CTX_use_certificate_chain_file(t->ctx, where->cert) != 1)
        return transport_fail_tls(t, why, hint, "the certificate file cannot be read");
    const char *key = where->key ? where->key : where->cert; /* both may be in one file */
    if (key && SSL_CTX_use_PrivateKey_file(t->ctx, key, SSL_FILETYPE_PEM) != 1) {
        strbuf_add_text(hint, "name the key of the certificate with --key");
        return transport_fail_tls(t, why, hint, "the key cannot be used");
    }
    (void)SSL_CTX_set_alpn_protos(t->ctx, alpn, sizeof(alpn));

    t->ssl = SSL_new(t->ctx);
    uint8_t bytes[16];
    const bool is_ip =
        inet_pton(AF_INET, t->host, bytes) == 1 || inet_pton(AF_INET6, t->host, bytes) == 1;
    if (is_ip)
        (void)X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(t->ssl), t->host);
    else {
        (void)SSL_set1_host(t->ssl, t->host);
        (void)SSL_set_tlsext_host_name(t->ssl, t->host);
    }
    (void)SSL_set_fd(t->ssl, t->fd);
    if (SSL_connect(t->ssl) != 1)
        return transport_fail_tls(t, why, hint, "the TLS handshake failed");
    const unsigned char *chosen = NULL;
    unsigned size = 0;
    SSL_get0_alpn_selected(t->ssl, &chosen, &size);
    if (size != 2 || memcmp(chosen, "h2", 2) != 0) {
        strbuf_printf(why, "%s speaks no HTTP/2", t->authority);
        strbuf_add_text(hint, "is this the admin port (9443)?");
        return -1;
    }
    return 0;
}

struct cli_transport *cli_transport_open(const struct cli_endpoint *where, struct strbuf *why,
                                         struct strbuf *hint)
{
    struct cli_transport *t = mem_zeroed(1, sizeof(*t));
    t->fd = -1;
    int rc;
    if (where->socket) {
        rc = transport_open_socket(t, where->socket, why, hint);
    } else {
        transport_split(t, where->node);
        rc = transport_open_tcp(t, where->timeout_ms, why, hint);
        if (rc == 0)
            rc = transport_start_tls(t, where, why, hint);
    }
    if (rc < 0) {
        cli_transport_free(t);
        return NULL;
    }
    transport_set_timeout(t->fd, where->timeout_ms);
    return t;
}

int cli_transport_write(struct cli_transport *t, const void *bytes, size_t size)
{
    const char *at = bytes;
    while (size > 0) {
        ssize_t sent;
        if (t->ssl)
            sent = SSL_write(t->ssl, at, size > 1 << 20 ? 1 << 20 : (int)size);
        else
            sent = send(t->fd, at, size, MSG_NOSIGNAL);
        if (sent < 0 && !t->ssl && errno == EINTR)
            continue;
        if (sent <= 0)
            return -1;
        at += sent;
        size -= (size_t)sent;
    }
    return 0;
}

ssize_t cli_transport_read(struct cli_transport *t, void *bytes, size_t size)
{
    ssize_t got;
    errno = 0;
    do {
        got = t->ssl ? SSL_read(t->ssl, bytes, (int)size) : recv(t->fd, bytes, size, 0);
    } while (got < 0 && errno == EINTR);
    if (got > 0)
        return got;
    if (errno == EAGAIN || errno == EWOULDBLOCK)
        return -2;
    if (t->ssl)
        return SSL_get_error(t->ssl, (int)got) == SSL_ERROR_ZERO_RETURN ? 0 : -1;
    return got;
}

const char *cli_transport_authority(const struct cli_transport *t)
{
    return t->authority;
}
