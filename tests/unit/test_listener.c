/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/unit.h"

#include <errno.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/err.h"
#include "base/listener.h"

enum { GUESTS_MAX = 64 };

/* A doorman keeps what comes in until `wanted` came, or until a time has passed. */
struct doorman {
    struct loop *loop;
    struct listener *listener;
    int fds[GUESTS_MAX];
    int fd_count, wanted;
    sa_family_t family;
    struct wheel_timer patience;
    struct rlimit files; /* to restore when the patience ends */
    bool has_low_files;
};

static void doorman_leaves(struct doorman *d)
{
    wheel_cancel(loop_wheel(d->loop), &d->patience);
    listener_close(d->listener);
    listener_close(d->listener);
    loop_stop(d->loop);
}

static void doorman_accepted(int fd, const struct sockaddr_storage *peer, void *arg)
{
    struct doorman *d = arg;
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
    d->family = peer->ss_family;
    d->fds[d->fd_count++] = fd;
    if (d->fd_count == d->wanted)
        doorman_leaves(d);
}

static void patience_ended(struct wheel_timer *t, void *arg)
{
    struct doorman *d = arg;
    (void)t;
    if (d->has_low_files) { /* descriptors are back: the rest comes in now */
        d->has_low_files = false;
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &d->files), 0);
        return;
    }
    doorman_leaves(d);
}

static void doorman_new(struct doorman *d, int wanted, uint64_t patience_ms)
{
    *d = (struct doorman){.wanted = wanted, .patience = {.expired = patience_ended, .arg = d}};
    assert_int_equal(loop_new("doorman", 1, &d->loop), 0);
    if (patience_ms)
        wheel_set(loop_wheel(d->loop), &d->patience, loop_now_ms(d->loop) + patience_ms);
}

static void doorman_done(struct doorman *d, bool has_limit)
{
    for (int i = 0; i < d->fd_count; i++)
        (void)close(d->fds[i]);
    if (has_limit) /* the listener waits for these */
        for (int i = 0; i < d->fd_count; i++)
            listener_release(d->listener);
    loop_free(d->loop);
}

static int knock(uint16_t port)
{
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const struct sockaddr_in addr = {.sin_family = AF_INET,
                                     .sin_port = htons(port),
                                     .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(connect(fd, (const struct sockaddr *)&addr, sizeof(addr)), 0);
    return fd;
}

struct address_case {
    const char *name, *address;
    int rc;
};

static const struct address_case addresses[] = {
    {"IPv4", "127.0.0.1", 0},         {"any IPv4", "0.0.0.0", 0},
    {"IPv6, both families", "::", 0}, {"a name", "localhost", ERR_INVALID},
    {"empty", "", ERR_INVALID},       {"not ours", "192.0.2.1", UV_EADDRNOTAVAIL},
};

static void address_accepts(void **state)
{
    const struct address_case *c = *state;
    struct doorman d;
    doorman_new(&d, 3, 0);
    assert_int_equal(
        listener_open(d.loop, c->address, 0, NULL, doorman_accepted, &d, &d.listener), c->rc);
    if (c->rc == 0) {
        assert_int_not_equal(listener_port(d.listener), 0);
        int fds[3];
        for (int i = 0; i < 3; i++)
            fds[i] = knock(listener_port(d.listener));
        loop_run(d.loop);
        assert_int_equal(d.fd_count, 3);
        for (int i = 0; i < 3; i++)
            (void)close(fds[i]);
    }
    doorman_done(&d, false);
}

static void workers_share_a_port_and_the_probe_sees_it(void **state)
{
    (void)state;
    struct doorman d;
    struct doorman e;
    doorman_new(&d, 1, 0);
    doorman_new(&e, 1, 0);
    assert_int_equal(
        listener_open(d.loop, "127.0.0.1", 0, NULL, doorman_accepted, &d, &d.listener), 0);
    const uint16_t port = listener_port(d.listener);
    assert_int_equal(
        listener_open(e.loop, "127.0.0.1", port, NULL, doorman_accepted, &e, &e.listener), 0);
    assert_int_equal(listener_probe("127.0.0.1", port), UV_EADDRINUSE);
    listener_close(d.listener);
    listener_close(e.listener);
    doorman_done(&d, false);
    doorman_done(&e, false);
    assert_int_equal(listener_probe("127.0.0.1", port), 0);
    assert_int_equal(listener_probe("nowhere", port), ERR_INVALID);
}

static void above_the_limit_is_reset(void **state)
{
    (void)state;
    struct doorman d;
    doorman_new(&d, 0, 60);
    const struct listener_limits limits = {.connections_max = 3};
    assert_int_equal(
        listener_open(d.loop, "127.0.0.1", 0, &limits, doorman_accepted, &d, &d.listener), 0);
    int fds[5];
    for (int i = 0; i < 5; i++)
        fds[i] = knock(listener_port(d.listener));
    loop_run(d.loop);
    assert_int_equal(d.fd_count, 3);
    assert_int_equal(listener_connection_count(d.listener), 3);
    int reset_count = 0;
    for (int i = 0; i < 5; i++) {
        char byte = 0;
        reset_count += recv(fds[i], &byte, 1, MSG_DONTWAIT) < 0 && errno == ECONNRESET;
        (void)close(fds[i]);
    }
    assert_int_equal(reset_count, 2);
    doorman_done(&d, true);
}

static void room_made_is_used(void **state)
{
    (void)state;
    struct doorman d;
    doorman_new(&d, 1, 0);
    const struct listener_limits limits = {.connections_max = 1};
    assert_int_equal(
        listener_open(d.loop, "127.0.0.1", 0, &limits, doorman_accepted, &d, &d.listener), 0);
    const int fd = knock(listener_port(d.listener));
    loop_run(d.loop);
    assert_int_equal(listener_connection_count(d.listener), 1);
    (void)close(fd);
    doorman_done(&d, true);
}

static void accepts_are_paced(void **state)
{
    (void)state;
    struct doorman d;
    doorman_new(&d, 0, 50);
    const struct listener_limits limits = {.accepts_per_second = 10};
    assert_int_equal(
        listener_open(d.loop, "127.0.0.1", 0, &limits, doorman_accepted, &d, &d.listener), 0);
    int fds[20];
    for (int i = 0; i < 20; i++)
        fds[i] = knock(listener_port(d.listener));
    loop_run(d.loop);
    assert_in_range(d.fd_count, 10, 12);
    for (int i = 0; i < 20; i++)
        (void)close(fds[i]);
    doorman_done(&d, false);
}

static void out_of_descriptors_rests_and_goes_on(void **state)
{
    (void)state;
    struct doorman d;
    doorman_new(&d, 4, 150);
    assert_int_equal(
        listener_open(d.loop, "127.0.0.1", 0, NULL, doorman_accepted, &d, &d.listener), 0);
    int fds[4];
    for (int i = 0; i < 4; i++)
        fds[i] = knock(listener_port(d.listener));
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &d.files), 0);
    struct rlimit low = d.files;
    low.rlim_cur = (rlim_t)fds[3] + 1;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    d.has_low_files = true;
    const uint64_t turns = loop_beat(d.loop);
    loop_run(d.loop);
    assert_int_equal(d.fd_count, 4);
    assert_true(loop_beat(d.loop) - turns < 30); /* it did not spin */
    for (int i = 0; i < 4; i++)
        (void)close(fds[i]);
    doorman_done(&d, false);
}

static int knock_unix(const char *path)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    (void)snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&addr, sizeof(addr)), 0);
    return fd;
}

static void unix_socket_replaces_a_leftover_only(void **state)
{
    (void)state;
    char dir[] = "/tmp/presenced-test-XXXXXX";
    char path[64];
    assert_non_null(mkdtemp(dir));
    (void)snprintf(path, sizeof(path), "%s/s", dir);
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    (void)snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
    const int dead = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(dead, (const struct sockaddr *)&addr, sizeof(addr)), 0);
    (void)close(dead); /* the file stays */

    struct doorman d;
    doorman_new(&d, 1, 0);
    assert_int_equal(
        listener_open_unix(d.loop, path, 0600, NULL, doorman_accepted, &d, &d.listener), 0);
    struct listener *second = NULL;
    assert_int_equal(
        listener_open_unix(d.loop, path, 0600, NULL, doorman_accepted, &d, &second),
        UV_EADDRINUSE);
    assert_null(second);
    assert_int_equal(listener_port(d.listener), 0);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    const int probing = d.fd_count; /* the second try's look is a connection too */
    const int fd = knock_unix(path);
    loop_run(d.loop);
    assert_true(d.fd_count > probing);
    assert_int_equal(d.family, AF_UNIX);
    assert_int_not_equal(stat(path, &st), 0);
    (void)close(fd);
    doorman_done(&d, false);
    assert_int_equal(rmdir(dir), 0);
}

static void unix_path_must_fit_and_be_free(void **state)
{
    (void)state;
    struct doorman d;
    doorman_new(&d, 1, 0);
    char path[200];
    memset(path, 'p', sizeof(path));
    path[0] = '/';
    path[199] = '\0';
    assert_int_equal(
        listener_open_unix(d.loop, path, 0600, NULL, doorman_accepted, &d, &d.listener),
        ERR_INVALID);
    assert_int_equal(
        listener_open_unix(d.loop, "", 0600, NULL, doorman_accepted, &d, &d.listener),
        ERR_INVALID);
    assert_int_equal(
        listener_open_unix(d.loop, "/dev/null", 0600, NULL, doorman_accepted, &d, &d.listener),
        UV_EADDRINUSE);
    assert_int_equal(listener_open_unix(d.loop, "/nonexistent/s", 0600, NULL, doorman_accepted,
                                        &d, &d.listener),
                     UV_ENOENT);
    listener_close(NULL);
    doorman_done(&d, false);
}

int main(void)
{
    struct CMUnitTest rows[COUNT_OF(addresses)];
    for (size_t i = 0; i < COUNT_OF(addresses); i++)
        rows[i] = (struct CMUnitTest){.name = addresses[i].name,
                                      .test_func = address_accepts,
                                      .initial_state = (void *)&addresses[i]};
    const struct CMUnitTest others[] = {
        cmocka_unit_test(workers_share_a_port_and_the_probe_sees_it),
        cmocka_unit_test(above_the_limit_is_reset),
        cmocka_unit_test(room_made_is_used),
        cmocka_unit_test(accepts_are_paced),
        cmocka_unit_test(out_of_descriptors_rests_and_goes_on),
        cmocka_unit_test(unix_socket_replaces_a_leftover_only),
        cmocka_unit_test(unix_path_must_fit_and_be_free),
    };
    return cmocka_run_group_tests(rows, NULL, NULL) +
           cmocka_run_group_tests(others, NULL, NULL);
}
