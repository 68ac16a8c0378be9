/* SPDX-License-Identifier: Apache-2.0 */
/* The admin server on a real replica: health over the socket before and after a cluster is
 * made, a socket file of the right mode, and an end with a call still open. */
#include "tests/support/unit.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "admin/admin_api.h"
#include "admin/admin_hooks.h"
#include "admin/admin_server.h"
#include "admin/node_config.h"
#include "base/err.h"
#include "base/pool.h"
#include "replication/replica.h"
#include "tests/support/tempdir.h"

struct bench {
    struct tempdir dir;
    struct node_config *node;
    struct replica *replica;
    struct pool *pool;
    struct admin_hooks hooks;
    struct admin_server *server;
    char socket[100];
};

static void bench_failed(int rc, const char *why, void *arg)
{
    (void)arg;
    (void)fprintf(stderr, "the store failed: %d %s\n", rc, why);
    abort();
}

static int bench_open(void **state)
{
    struct bench *b = calloc(1, sizeof(*b));
    struct strbuf text = {0}, why = {0};
    tempdir_make(&b->dir);
    strbuf_printf(&text,
                  "name: n1\naddresses: [127.0.0.1]\ndata_dir: %s\nrun_dir: %s\n"
                  "tls: {cert: none, key: none}\nlisteners: {admin: {enabled: false}}\n",
                  b->dir.path, b->dir.path);
    assert_int_equal(node_config_parse("f", strbuf_span(&text), &b->node, &why), 0);
    const struct replica_config config = {.data_dir = b->dir.path,
                                          .node_name = "n1",
                                          .node_id = 1,
                                          .may_create = true,
                                          .seed = 7,
                                          .free_space_min = 1};
    const struct replica_events events = {.failed = bench_failed};
    assert_int_equal(replica_open(&config, &events, &b->replica, &why), 0);
    assert_int_equal(pool_new(1, 8, &b->pool), 0);
    const struct admin_server_config server = {.node = b->node,
                                               .hooks = &b->hooks,
                                               .replica = b->replica,
                                               .pool = b->pool,
                                               .version = "test"};
    assert_int_equal(admin_server_open(&server, &b->server, &why), 0);
    (void)snprintf(b->socket, sizeof(b->socket), "%s/admin.sock", b->dir.path);
    strbuf_done(&text);
    strbuf_done(&why);
    *state = b;
    return 0;
}

static int bench_close(void **state)
{
    struct bench *b = *state;
    admin_server_close(b->server);
    admin_server_free(b->server);
    replica_close(b->replica);
    replica_free(b->replica);
    pool_free(b->pool);
    node_config_free(b->node);
    tempdir_remove(&b->dir);
    free(b);
    return 0;
}

static int bench_connect(const struct bench *b)
{
    struct sockaddr_un where = {.sun_family = AF_UNIX};
    (void)snprintf(where.sun_path, sizeof(where.sun_path), "%s", b->socket);
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&where, sizeof(where)), 0);
    return fd;
}

static void bench_get(const struct bench *b, const char *path, struct strbuf *out)
{
    const int fd = bench_connect(b);
    struct strbuf request = {0};
    strbuf_printf(&request, "GET %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", path);
    assert_int_equal(send(fd, request.data, request.size, MSG_NOSIGNAL), request.size);
    strbuf_clear(out);
    ssize_t got;
    do {
        char *room = strbuf_reserve(out, 4096);
        got = recv(fd, room, 4096, 0);
        out->size += got > 0 ? (size_t)got : 0;
    } while (got > 0);
    strbuf_add(out, SPAN(""));
    strbuf_done(&request);
    (void)close(fd);
}

static void health_is_told(void **state)
{
    const struct bench *b = *state;
    struct strbuf out = {0};
    bench_get(b, "/livez", &out);
    assert_non_null(strstr(out.data, "HTTP/1.1 200 OK"));
    bench_get(b, "/readyz", &out);
    assert_non_null(strstr(out.data, "HTTP/1.1 503 "));
    assert_non_null(strstr(out.data, "[-]cluster failed: cluster init has not been run"));
    bench_get(b, "/readyz/store", &out);
    assert_non_null(strstr(out.data, "HTTP/1.1 200 OK"));
    bench_get(b, "/metrics", &out);
    assert_non_null(strstr(out.data, "presenced_build_info{version=\"test\"} 1"));
    bench_get(b, "/nothing", &out);
    assert_non_null(strstr(out.data, "HTTP/1.1 404 "));
    strbuf_done(&out);
}

static void the_socket_is_for_owner_and_group(void **state)
{
    const struct bench *b = *state;
    struct stat info;
    assert_int_equal(stat(b->socket, &info), 0);
    assert_int_equal(info.st_mode & 07777, 0660);
}

static void an_open_connection_does_not_hold_the_end_up(void **state)
{
    struct bench *b = *state;
    const int fd = bench_connect(b);
    assert_int_equal(send(fd, "GET / HT", 8, MSG_NOSIGNAL), 8);
    admin_server_close(b->server); /* bench_close() waits for it */
    char byte;
    assert_true(recv(fd, &byte, 1, 0) <= 0);
    (void)close(fd);
}

static void a_socket_in_use_is_refused(void **state)
{
    const struct bench *b = *state;
    struct strbuf why = {0};
    struct admin_server *second = NULL;
    const struct admin_server_config server = {.node = b->node,
                                               .hooks = &b->hooks,
                                               .replica = b->replica,
                                               .pool = b->pool,
                                               .version = "test"};
    assert_int_equal(admin_server_open(&server, &second, &why), UV_EADDRINUSE);
    assert_null(second);
    assert_non_null(strstr(why.data, "admin.sock"));
    strbuf_done(&why);
}

static void every_method_has_types_role_and_handler(void **state)
{
    (void)state;
    for (size_t i = 0; i < admin_api_table.count; i++) {
        const struct rpc_method *method = &admin_api_table.methods[i];
        assert_ptr_equal(rpc_table_find(&admin_api_table, span_text(method->path)), method);
        assert_non_null(method->in);
        assert_non_null(method->out);
        assert_non_null(method->handle);
        assert_true(method->role != RPC_ROLE_UNSET);
        assert_true(method->role != RPC_ROLE_ANYONE ||
                    strncmp(method->path, "/grpc.health.v1.", 16) == 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(health_is_told, bench_open, bench_close),
        cmocka_unit_test_setup_teardown(the_socket_is_for_owner_and_group, bench_open,
                                        bench_close),
        cmocka_unit_test_setup_teardown(an_open_connection_does_not_hold_the_end_up, bench_open,
                                        bench_close),
        cmocka_unit_test_setup_teardown(a_socket_in_use_is_refused, bench_open, bench_close),
        cmocka_unit_test(every_method_has_types_role_and_handler),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
