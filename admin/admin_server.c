/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/admin_server.h"

#include <assert.h>

#include "admin/admin_api.h"
#include "admin/admin_conn.h"
#include "admin/admin_metrics.h"
#include "admin/admin_setting.h"
#include "admin/node_config.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/listener.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/metric.h"
#include "base/monoclock.h"
#include "base/tlsctx.h"

enum {
    MAILBOX_CAPACITY = 1024,
    CONNECTIONS_MAX = 256, /* of each listener; administrators are few */
    SOCKET_MODE = 0660,
};

struct admin_server {
    struct message close; /* from the main thread; must stay first */
    struct admin_server_config config;
    struct admin_api api;
    struct rpc_host host;
    struct loop *loop;
    struct tlsctx *tls;
    struct admin_metrics *metrics;
    struct listener *tcp, *local;
    uint16_t port;
    struct admin_conn_home home;
    struct metric *seconds;
    bool is_started, is_closing, is_close_sent;
};

/* ---- Calls ---------------------------------------------------------------------------- */

struct server_call {
    struct wheel_timer deadline;
    uint64_t began_us;
};

static void server_deadline_passed(struct wheel_timer *timer, void *arg)
{
    (void)timer;
    rpc_call_expire(arg);
}

static void server_call_began(struct rpc_call *call, void *arg)
{
    struct admin_server *s = arg;
    struct server_call *state = arena_zeroed(&call->arena, sizeof(*state));
    state->began_us = monoclock_us();
    state->deadline.expired = server_deadline_passed;
    state->deadline.arg = call;
    call->host_data = state;
    s->api.call_count++;
    if (call->timeout_ms)
        wheel_set(loop_wheel(s->loop), &state->deadline,
                  loop_now_ms(s->loop) + call->timeout_ms);
}

static void server_finish(struct admin_server *s);

static void server_call_ended(struct rpc_call *call, enum rpc_status status, void *arg)
{
    struct admin_server *s = arg;
    struct server_call *state = call->host_data;
    wheel_cancel(loop_wheel(s->loop), &state->deadline);
    metric_observe(s->seconds, (double)(monoclock_us() - state->began_us) / 1e6);
    metric_add(metric_counter("admin_requests_total", "Calls of the admin API.", "method",
                              call->method->path + 1, "code", rpc_status_name((int)status)),
               1);
    if (call->method->role > RPC_ROLE_VIEWER)
        log_info("admin: call ended", LOG_STR("method", call->method->path),
                 LOG_STR("caller", call->caller.name),
                 LOG_STR("code", rpc_status_name((int)status)));
    s->api.call_count--;
    if (s->is_closing)
        server_finish(s);
}

/* ---- Opening -------------------------------------------------------------------------- */

static bool is_loopback(const char *address)
{
    return strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0;
}

static int server_open_tls(struct admin_server *s, struct strbuf *why)
{
    const struct node_config *node = s->config.node;
    const struct tlsctx_config config = {
        .cert_file = node->tls.cert,
        .key_file = node->tls.key,
        .client_ca_file = node->tls.admin_ca[0] ? node->tls.admin_ca : NULL,
        .alpn = {"h2", "http/1.1"},
        .session_id_context = "presenced-admin",
    };
    int rc = tlsctx_new(&config, &s->tls, why);
    if (rc < 0)
        return rc;
    s->home.tls = s->tls;
    s->home.is_loopback = is_loopback(node->listeners.admin.address);
    const struct listener_limits limits = {.connections_max = CONNECTIONS_MAX};
    rc = listener_open(s->loop, node->listeners.admin.address,
                       (uint16_t)node->listeners.admin.port, &limits, admin_conn_accepted_tcp,
                       &s->home, &s->tcp);
    if (rc < 0) {
        strbuf_printf(why, "admin listener %s port %u: %s", node->listeners.admin.address,
                      node->listeners.admin.port, err_name(rc));
        return rc;
    }
    s->home.tcp = s->tcp;
    s->port = s->api.admin_port = listener_port(s->tcp);
    return 0;
}

static int server_open_local(struct admin_server *s, struct strbuf *why)
{
    CLEANUP(strbuf_done) struct strbuf path = {0};
    node_config_socket(s->config.node, &path);
    const struct listener_limits limits = {.connections_max = CONNECTIONS_MAX};
    const int rc = listener_open_unix(s->loop, path.data, SOCKET_MODE, &limits,
                                      admin_conn_accepted_local, &s->home, &s->local);
    if (rc < 0) {
        strbuf_printf(why, "admin socket %s: %s", path.data, err_name(rc));
        return rc;
    }
    s->home.local = s->local;
    s->home.group = admin_conn_share(path.data);
    return 0;
}

static void server_ended(void *arg)
{
    server_finish(arg);
}

static void server_release(struct admin_server **s)
{
    admin_server_free(*s);
}

int admin_server_open(const struct admin_server_config *config,
                      struct admin_server **ret_server, struct strbuf *why)
{
    CLEANUP(server_release) struct admin_server *s = mem_zeroed(1, sizeof(*s));
    s->config = *config;
    int rc = loop_new("admin", MAILBOX_CAPACITY, &s->loop);
    if (rc < 0)
        return rc;
    loop_set_owner(s->loop, s);
    s->api = (struct admin_api){
        .node = config->node,
        .hooks = config->hooks,
        .replica = config->replica,
        .pool = config->pool,
        .loop = s->loop,
        .version = config->version,
        .started_ms = monoclock_ms(),
        .started_us = wallclock_us(),
    };
    s->host = (struct rpc_host){
        .table = &admin_api_table,
        .context = &s->api,
        .began = server_call_began,
        .ended = server_call_ended,
        .arg = s,
    };
    s->home = (struct admin_conn_home){
        .loop = s->loop, .api = &s->api, .host = &s->host, .ended = server_ended, .arg = s};
    rc = server_open_local(s, why);
    if (rc == 0 && config->node->listeners.admin.is_enabled)
        rc = server_open_tls(s, why);
    if (rc < 0)
        return rc;
    s->seconds = metric_histogram("admin_request_seconds", "Time a call of the API takes.");
    s->metrics = admin_metrics_new(&s->api, s->tls);
    admin_setting_apply_log(&s->api);
    rc = loop_start(s->loop);
    if (rc < 0)
        return rc;
    s->is_started = true;
    *ret_server = STEAL(s);
    return 0;
}

uint16_t admin_server_port(const struct admin_server *s)
{
    return s->port;
}

int admin_server_reload(struct admin_server *s, struct strbuf *why)
{
    return s->tls ? tlsctx_reload(s->tls, why) : 0;
}

struct loop *admin_server_loop(struct admin_server *s)
{
    return s->loop;
}

/* ---- Closing -------------------------------------------------------------------------- */

/* Comes by whenever a connection or a call has ended during the close. */
static void server_finish(struct admin_server *s)
{
    if (!s->is_closing || s->home.count > 0 || s->api.call_count > 0)
        return;
    s->is_closing = false; /* once */
    if (s->config.closed)
        s->config.closed(s->config.arg);
    loop_stop(s->loop);
}

static void server_close_listeners(struct admin_server *s)
{
    listener_close(s->tcp);
    listener_close(s->local);
    s->tcp = s->local = NULL;
    s->home.is_closing = true;
}

static void server_close_delivered(struct message *message, void *owner)
{
    struct admin_server *s = owner;
    (void)message;
    server_close_listeners(s);
    s->is_closing = true;
    admin_conn_end_all(&s->home);
    server_finish(s);
}

static void server_close_discarded(struct message *message)
{
    (void)message;
}

void admin_server_close(struct admin_server *s)
{
    if (s->is_close_sent)
        return;
    s->is_close_sent = true;
    s->close.deliver = server_close_delivered;
    s->close.discard = server_close_discarded;
    loop_reply(s->loop, &s->close);
}

void admin_server_free(struct admin_server *s)
{
    if (!s)
        return;
    if (s->is_started) {
        admin_server_close(s);
        loop_join(s->loop);
    } else if (s->loop) {
        /* Half open: let the listeners' handles close. */
        server_close_listeners(s);
        loop_stop(s->loop);
        loop_run(s->loop);
    }
    admin_metrics_free(s->metrics);
    tlsctx_free(s->tls);
    loop_free(s->loop);
    free(s);
}
