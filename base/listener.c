/* SPDX-License-Identifier: Apache-2.0 */
#include "base/listener.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/mem.h"

enum { LISTENER_MS_PER_S = 1000 };

struct listener {
    uv_poll_t poll;
    struct loop *loop;
    struct listener_limits limits;
    listener_accepted_fn accepted;
    void *arg;
    struct wheel_timer rest; /* set: not polling */
    uint64_t refilled_ms;
    uint64_t tokens; /* accepts left of accepts_per_second, in thousandths */
    uint32_t connection_count;
    int fd;
    uint16_t port;
    char *path;
    bool is_closing, is_closed;
};

static void listener_free_closed(struct listener *l)
{
    if (!l->is_closed || l->connection_count > 0)
        return;
    free(l->path);
    free(l);
}

static void listener_handle_closed(uv_handle_t *handle)
{
    struct listener *l = handle->data;
    (void)close(l->fd);
    l->is_closed = true;
    listener_free_closed(l);
}

/* A reset tells the client at once, and leaves no TIME_WAIT. */
static void listener_reset(int fd)
{
    const struct linger at_once = {.l_onoff = 1};
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    (void)close(fd);
}

static bool listener_take_token(struct listener *l)
{
    const uint64_t rate = l->limits.accepts_per_second;
    if (rate == 0)
        return true;
    const uint64_t now_ms = loop_now_ms(l->loop);
    const uint64_t tokens_max = rate * LISTENER_MS_PER_S;
    const uint64_t passed_ms = now_ms - l->refilled_ms;
    l->refilled_ms = now_ms;
    l->tokens += passed_ms < LISTENER_MS_PER_S ? passed_ms * rate : tokens_max;
    if (l->tokens > tokens_max)
        l->tokens = tokens_max;
    if (l->tokens < LISTENER_MS_PER_S)
        return false;
    l->tokens -= LISTENER_MS_PER_S;
    return true;
}

static void listener_rest(struct listener *l)
{
    (void)uv_poll_stop(&l->poll);
    wheel_set(loop_wheel(l->loop), &l->rest, loop_now_ms(l->loop) + LISTENER_REST_MS);
}

static void listener_hand_over(struct listener *l, int fd, const struct sockaddr_storage *peer)
{
    const int on = 1;
    if (l->limits.connections_max > 0) {
        if (l->connection_count >= l->limits.connections_max) {
            listener_reset(fd);
            return;
        }
        l->connection_count++;
    }
    if (peer->ss_family != AF_UNIX) /* our writes are gathered already */
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    l->accepted(fd, peer, l->arg);
}

static bool listener_is_peers_fault(int error)
{
    return error == ECONNABORTED || error == EINTR || error == EPROTO || error == EPERM;
}

static void listener_polled(uv_poll_t *poll, int status, int events)
{
    struct listener *l = poll->data;
    (void)events;
    if (status < 0) {
        listener_rest(l);
        return;
    }
    for (uint32_t i = 0; i < l->limits.accepts_per_turn && !l->is_closing; i++) {
        if (!listener_take_token(l)) {
            listener_rest(l);
            return;
        }
        struct sockaddr_storage peer = {0};
        socklen_t size = sizeof(peer);
        const int fd =
            accept4(l->fd, (struct sockaddr *)&peer, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            listener_hand_over(l, fd, &peer);
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            return;
        } else if (!listener_is_peers_fault(errno)) {
            listener_rest(l); /* EMFILE, ENFILE, ENOBUFS, ENOMEM */
            return;
        }
    }
}

static void listener_rested(struct wheel_timer *t, void *arg)
{
    struct listener *l = arg;
    (void)t;
    if (uv_poll_start(&l->poll, UV_READABLE, listener_polled) < 0)
        listener_rest(l);
}

static int listener_parse_address(const char *address, uint16_t port,
                                  struct sockaddr_storage *ret_addr, socklen_t *ret_size)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    *ret_addr = (struct sockaddr_storage){0};
    if (inet_pton(AF_INET, address, &v4.sin_addr) == 1) {
        memcpy(ret_addr, &v4, sizeof(v4));
        *ret_size = sizeof(v4);
        return 0;
    }
    if (inet_pton(AF_INET6, address, &v6.sin6_addr) == 1) {
        memcpy(ret_addr, &v6, sizeof(v6));
        *ret_size = sizeof(v6);
        return 0;
    }
    return ERR_INVALID;
}

/* Returns a bound socket or a negative error. */
static int listener_bind(const char *address, uint16_t port, bool is_shared)
{
    struct sockaddr_storage addr;
    socklen_t size = 0;
    const int rc = listener_parse_address(address, port, &addr, &size);
    if (rc < 0)
        return rc;
    const int fd = socket(addr.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    const int on = 1;
    const int off = 0;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (is_shared)
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
    if (addr.ss_family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
    if (bind(fd, (const struct sockaddr *)&addr, size) != 0) {
        const int error = -errno;
        (void)close(fd);
        return error;
    }
    return fd;
}

static uint16_t listener_bound_port(int fd)
{
    struct sockaddr_storage addr = {0};
    socklen_t size = sizeof(addr);
    struct sockaddr_in v4;
    if (getsockname(fd, (struct sockaddr *)&addr, &size) != 0 || addr.ss_family == AF_UNIX)
        return 0;
    memcpy(&v4, &addr, sizeof(v4)); /* the port stands at the same place in both families */
    return ntohs(v4.sin_port);
}

/* Takes fd over, also on failure. */
static int listener_serve(struct loop *loop, int fd, const struct listener_limits *limits,
                          listener_accepted_fn accepted, void *arg,
                          struct listener **ret_listener)
{
    CLEANUP(mem_release) struct listener *l = mem_zeroed(1, sizeof(*l));
    l->loop = loop;
    l->fd = fd;
    l->accepted = accepted;
    l->arg = arg;
    if (limits)
        l->limits = *limits;
    if (l->limits.accepts_per_turn == 0)
        l->limits.accepts_per_turn = LISTENER_ACCEPTS_PER_TURN;
    l->rest.expired = listener_rested;
    l->rest.arg = l;
    l->refilled_ms = loop_now_ms(loop);
    l->tokens = (uint64_t)l->limits.accepts_per_second * LISTENER_MS_PER_S;
    l->port = listener_bound_port(fd);

    int rc = listen(fd, LISTENER_BACKLOG) == 0 ? 0 : -errno;
    if (rc == 0)
        rc = uv_poll_init(loop_uv(loop), &l->poll, fd);
    if (rc < 0) {
        (void)close(fd);
        return rc;
    }
    l->poll.data = l;
    (void)uv_poll_start(&l->poll, UV_READABLE, listener_polled);
    *ret_listener = STEAL(l);
    return 0;
}

int listener_open(struct loop *loop, const char *address, uint16_t port,
                  const struct listener_limits *limits, listener_accepted_fn accepted,
                  void *arg, struct listener **ret_listener)
{
    const int fd = listener_bind(address, port, true);
    return fd < 0 ? fd : listener_serve(loop, fd, limits, accepted, arg, ret_listener);
}

/* Removes a socket that a dead server left behind. Returns 0, or UV_EADDRINUSE when somebody
 * serves it or it is no socket. */
static int listener_clear_path(const struct sockaddr_un *addr)
{
    struct stat st;
    if (lstat(addr->sun_path, &st) != 0)
        return 0; /* bind() will say what else is wrong */
    if (!S_ISSOCK(st.st_mode))
        return UV_EADDRINUSE;
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    const bool is_dead =
        connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) != 0 && errno == ECONNREFUSED;
    (void)close(fd);
    if (!is_dead)
        return UV_EADDRINUSE;
    return unlink(addr->sun_path) == 0 ? 0 : -errno;
}

int listener_open_unix(struct loop *loop, const char *path, mode_t mode,
                       const struct listener_limits *limits, listener_accepted_fn accepted,
                       void *arg, struct listener **ret_listener)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    if (strlen(path) == 0 || strlen(path) >= sizeof(addr.sun_path))
        return ERR_INVALID;
    memcpy(addr.sun_path, path, strlen(path));
    int rc = listener_clear_path(&addr);
    if (rc < 0)
        return rc;
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    /* Nobody can connect before listen(), so the mode is in force in time. */
    if (bind(fd, (const struct sockaddr *)&addr, sizeof(addr)) != 0 || chmod(path, mode) != 0) {
        rc = -errno;
        (void)close(fd);
        return rc;
    }
    rc = listener_serve(loop, fd, limits, accepted, arg, ret_listener);
    if (rc == 0)
        (*ret_listener)->path = mem_text(path, strlen(path));
    return rc;
}

int listener_probe(const char *address, uint16_t port)
{
    const int fd = listener_bind(address, port, false);
    if (fd < 0)
        return fd;
    /* SO_REUSEADDR lets two bind; only one can listen. */
    const int rc = listen(fd, 1) == 0 ? 0 : -errno;
    (void)close(fd);
    return rc;
}

uint16_t listener_port(const struct listener *l)
{
    return l->port;
}

void listener_release(struct listener *l)
{
    if (l->limits.connections_max == 0)
        return;
    assert(l->connection_count > 0);
    l->connection_count--;
    listener_free_closed(l);
}

uint32_t listener_connection_count(const struct listener *l)
{
    return l->connection_count;
}

void listener_close(struct listener *l)
{
    if (!l || l->is_closing)
        return;
    l->is_closing = true;
    wheel_cancel(loop_wheel(l->loop), &l->rest);
    if (l->path)
        (void)unlink(l->path);
    uv_close((uv_handle_t *)&l->poll, listener_handle_closed);
}
