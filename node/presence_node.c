/* SPDX-License-Identifier: Apache-2.0 */
#include "node/presence_node.h"

#include <stdio.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "admin/admin_hooks.h"
#include "admin/admin_server.h"
#include "admin/admin_settings.h"
#include "admin/node_config.h"
#include "base/cell.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/listener.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/monoclock.h"
#include "base/pool.h"
#include "base/tlsctx.h"
#include "node/auth/credentials.h"
#include "node/crew.h"
#include "node/errand.h"
#include "node/node_dir.h"
#include "node/node_identity.h"
#include "node/node_watch.h"
#include "node/retention.h"
#include "replication/read.h"
#include "replication/replica.h"

enum {
    NODE_MAILBOX_MAX = 4096,     /* messages to the main thread */
    NODE_POOL_QUEUE_MAX = 65536, /* sign-ins with PLAIN that wait for a thread */
    NODE_RETENTION_MS = 60000,   /* from the start to the first look at old archives */
    NODE_STOP_MS = 20000,        /* for an orderly stop; then the process just ends */
    NODE_DEBUG_MS = 600000,      /* of debug level after USR1 */
};

enum node_phase {
    NODE_WAITING, /* for the replica, or for `cluster init` */
    NODE_OPENING, /* workers start */
    NODE_SERVING,
    NODE_STOPPING,
};

struct presence_node {
    const struct node_config *config;
    const char *version;
    struct cell phase; /* enum node_phase; set on the main thread, read by the admin's */
    enum presence_node_exit exit;
    bool is_waiting_told; /* that `cluster init` is missing */
    uint64_t started_ms;

    struct loop *main;
    struct node_watch *watch;
    struct wheel_timer stop_deadline, debug_end;
    struct pool *pool;
    struct tlsctx *starttls, *direct_tls;
    struct replica *replica;
    struct admin_hooks hooks;
    struct admin_server *admin;

    struct credentials *credentials;
    struct crew *crew;
    struct retention *retention; /* while it serves */
};

static void node_stop(struct presence_node *node, enum presence_node_exit why);

static enum node_phase node_phase_of(const struct presence_node *node)
{
    return (enum node_phase)cell_get(&node->phase);
}

/* ---- Serving ------------------------------------------------------------------------------
 */

static void node_crew_opened(int rc, const char *why, void *arg)
{
    struct presence_node *node = arg;

    if (node_phase_of(node) != NODE_OPENING)
        return;
    if (rc < 0) {
        log_error("node: cannot serve", LOG_STR("why", why), LOG_RC(rc));
        node_stop(node, PRESENCE_NODE_EXIT_CANNOT_START);
        return;
    }
    cell_set(&node->phase, NODE_SERVING);
    const struct retention_config retention = {.loop = node->main,
                                               .replica = node->replica,
                                               .first_ms = NODE_RETENTION_MS,
                                               .now_us = monoclock_wall_us};
    node->retention = retention_open(&retention);
    (void)sd_notifyf(0, "READY=1\nSTATUS=serving %s", crew_domain(node->crew));
    log_info("node: ready", LOG_STR("domain", crew_domain(node->crew)),
             LOG_MS("after", loop_now_ms(node->main) - node->started_ms));
}

/* Serves as soon as the replica takes proposals and the cluster has a domain. */
static void node_try_serving(void *arg)
{
    struct presence_node *node = arg;
    struct replica_status status;
    Store__ClusterRow *cluster = NULL;

    replica_status(node->replica, &status);
    if (node_phase_of(node) != NODE_WAITING || !status.is_ready)
        return;
    const int found = read_cluster(replica_view(node->replica), &cluster);
    if (found <= 0 && node->is_waiting_told)
        return;
    if (found <= 0) {
        node->is_waiting_told = true;
        (void)sd_notify(0, "READY=1\nSTATUS=waiting for presencectl cluster init");
        log_info("node: waiting for presencectl cluster init",
                 LOG_STR("node", node->config->name));
        return;
    }
    cell_set(&node->phase, NODE_OPENING);
    const int rc = crew_open(node->crew, cluster->domain);
    store__cluster_row__free_unpacked(cluster, NULL);
    for (unsigned i = 0; i < crew_worker_count(node->crew); i++)
        node_watch_add_loop(node->watch, crew_loop(node->crew, i));
    if (rc < 0) {
        log_error("node: cannot start its workers", LOG_RC(rc));
        node_stop(node, PRESENCE_NODE_EXIT_CANNOT_START);
    }
}

/* ---- What others tell the node
 * --------------------------------------------------------------- */

static void node_replica_changed(void *arg)
{
    struct presence_node *node = arg;
    errand_send(node->main, node_try_serving, node);
}

/* On the replication thread: nothing may be acknowledged any more, and nothing that could
 * be done in order is worth the risk. */
static void node_replica_failed(int rc, const char *why, void *arg)
{
    (void)arg;
    log_error("store: failed, the node stops at once", LOG_STR("why", why), LOG_RC(rc));
    _exit(rc == ERR_CORRUPT ? PRESENCE_NODE_EXIT_STORE_DAMAGED
                            : PRESENCE_NODE_EXIT_STORE_FAILED);
}

static void node_cluster_initialised(const char *domain, void *arg)
{
    (void)domain;
    node_replica_changed(arg);
}

static uint64_t node_session_count(void *arg)
{
    const struct presence_node *node = arg;
    const enum node_phase phase = node_phase_of(node);
    return phase == NODE_SERVING || phase == NODE_STOPPING ? crew_session_count(node->crew) : 0;
}

static size_t node_checks(struct admin_hooks_check *rows, size_t max, void *arg)
{
    const enum node_phase phase = node_phase_of(arg);
    if (max == 0)
        return 0;
    rows[0] = (struct admin_hooks_check){.name = "workers", .is_ok = phase == NODE_SERVING};
    (void)snprintf(rows[0].text, sizeof(rows[0].text), "%s",
                   phase == NODE_SERVING    ? "serving"
                   : phase == NODE_STOPPING ? "stopping"
                   : phase == NODE_OPENING  ? "starting"
                                            : "waiting for presencectl cluster init");
    return 1;
}

static int node_ask(struct admin_hooks_ask *ask, void *arg)
{
    const struct presence_node *node = arg;
    if (node_phase_of(node) != NODE_SERVING)
        return ERR_CLOSED;
    return crew_ask(node->crew, ask);
}

/* ---- Signals and certificates
 * ------------------------------------------------------------------ */

static void node_reload_certificates(void *arg)
{
    struct presence_node *node = arg;
    struct tlsctx *contexts[] = {node->starttls, node->direct_tls};
    CLEANUP(strbuf_done) struct strbuf why = {0};
    int rc = 0;

    for (size_t i = 0; i < sizeof(contexts) / sizeof(contexts[0]); i++) {
        const int one = tlsctx_reload(contexts[i], &why);
        rc = rc ? rc : one;
    }
    const int admin = admin_server_reload(node->admin, &why);
    if (rc < 0 || admin < 0)
        log_error("tls: certificate refused, the former stays in force",
                  LOG_STR("why", strbuf_span(&why).ptr));
    else
        log_info("tls: certificate in force",
                 LOG_U64("not_after_seconds", tlsctx_not_after(node->starttls)));
}

/* replica NULL: before there is one, node.yaml alone decides. */
static void node_apply_log(const struct node_config *config, struct replica *replica)
{
    const bool is_terminal = isatty(STDERR_FILENO) == 1;
    enum log_level level = (enum log_level)config->log.level; /* the same order */
    if (replica)
        level = admin_settings_log_level(replica_view(replica), level);
    (void)log_set_level(NULL, level);
    log_set_format(config->log.format == 2 || (config->log.format == 0 && !is_terminal)
                       ? LOG_JSON
                       : LOG_LOGFMT);
}

static void node_reload(struct presence_node *node)
{
    struct node_config *config = NULL;
    CLEANUP(strbuf_done) struct strbuf faults = {0};

    if (node_config_read(node->config->file, &config, &faults) < 0)
        log_error("node: configuration refused, the former stays in force",
                  LOG_STR("why", strbuf_span(&faults).ptr));
    else
        node_apply_log(config, node->replica);
    node_config_free(config);
    node_reload_certificates(node);
}

static void node_debug_ended(struct wheel_timer *timer, void *arg)
{
    const struct presence_node *node = arg;
    (void)timer;
    node_apply_log(node->config, node->replica);
}

static void node_dump(const struct presence_node *node)
{
    struct replica_status status;

    replica_status(node->replica, &status);
    log_info("node: state", LOG_INT("phase", node_phase_of(node)),
             LOG_U64("sessions", crew_session_count(node->crew)),
             LOG_U64("applied", status.applied_index), LOG_U64("last", status.last_index),
             LOG_BOOL("leader", status.is_leader),
             LOG_U64("in_flight", status.in_flight_count));
}

static void node_signalled(enum node_watch_signal signal, void *arg)
{
    struct presence_node *node = arg;

    switch (signal) {
    case NODE_WATCH_STOP:
        if (node_phase_of(node) == NODE_STOPPING)
            _exit(PRESENCE_NODE_EXIT_STOPPED); /* asked twice: whoever asks is in a hurry */
        node_stop(node, PRESENCE_NODE_EXIT_STOPPED);
        break;
    case NODE_WATCH_RELOAD:
        node_reload(node);
        break;
    case NODE_WATCH_DEBUG:
        (void)log_set_level(NULL, LOG_LEVEL_DEBUG);
        wheel_set(loop_wheel(node->main), &node->debug_end,
                  loop_now_ms(node->main) + NODE_DEBUG_MS);
        break;
    case NODE_WATCH_DUMP:
        node_dump(node);
        break;
    }
}

/* ---- Stopping: workers, admin server, replica, main loop, in this order
 * ------------------------- */

static void node_replica_closed(void *arg)
{
    struct presence_node *node = arg;
    wheel_cancel(loop_wheel(node->main), &node->stop_deadline);
    wheel_cancel(loop_wheel(node->main), &node->debug_end);
    node_watch_close(node->watch);
    node->watch = NULL;
    loop_stop(node->main);
}

static void node_replica_gone(void *arg)
{
    struct presence_node *node = arg;
    errand_send(node->main, node_replica_closed, node);
}

static void node_admin_closed(void *arg)
{
    struct presence_node *node = arg;
    replica_close(node->replica);
}

static void node_admin_gone(void *arg)
{
    struct presence_node *node = arg;
    errand_send(node->main, node_admin_closed, node);
}

static void node_retention_closed(void *arg)
{
    struct presence_node *node = arg;
    admin_server_close(node->admin);
}

static void node_crew_closed(void *arg)
{
    struct presence_node *node = arg;
    retention_close(node->retention, node_retention_closed, node);
    node->retention = NULL;
}

static void node_stop_overdue(struct wheel_timer *timer, void *arg)
{
    (void)timer;
    (void)arg;
    log_error("node: the orderly stop took too long, the process ends");
    _exit(PRESENCE_NODE_EXIT_CANNOT_START);
}

static void node_stop(struct presence_node *node, enum presence_node_exit why)
{
    if (node_phase_of(node) == NODE_STOPPING)
        return;
    cell_set(&node->phase, NODE_STOPPING);
    node->exit = why;
    (void)sd_notify(0, "STOPPING=1");
    log_info("node: stopping");
    wheel_set(loop_wheel(node->main), &node->stop_deadline,
              loop_now_ms(node->main) + NODE_STOP_MS);
    crew_close(node->crew);
}

/* ---- Starting: from the ground up
 * ---------------------------------------------------------------- */

static int node_open_tls(struct presence_node *node, struct strbuf *why)
{
    struct tlsctx_config config = {
        .cert_file = node->config->tls.cert,
        .key_file = node->config->tls.key,
        .client_ca_file = node->config->tls.client_ca[0] ? node->config->tls.client_ca : NULL,
        .alpn = {"xmpp-client"},
        .session_id_context = "xmpp-client"};
    int rc = tlsctx_new(&config, &node->starttls, why);
    config.session_id_context = "xmpps-client";
    config.is_alpn_required = true;
    if (rc == 0)
        rc = tlsctx_new(&config, &node->direct_tls, why);
    return rc;
}

/* SO_REUSEPORT would let two servers share a port in silence. */
static int node_probe_ports(const struct node_config *config, struct strbuf *why)
{
    const struct node_config_listener *listeners[] = {
        &config->listeners.xmpp, &config->listeners.xmpps, &config->listeners.admin};
    for (size_t i = 0; i < sizeof(listeners) / sizeof(listeners[0]); i++) {
        const struct node_config_listener *l = listeners[i];
        const int rc = l->is_enabled ? listener_probe(l->address, (uint16_t)l->port) : 0;
        if (rc < 0) {
            strbuf_printf(why, "cannot listen on %s port %u", l->address, (unsigned)l->port);
            return rc;
        }
    }
    return 0;
}

static int node_open_replica(struct presence_node *node, struct strbuf *why)
{
    uint64_t node_id = 0;
    const int rc = node_identity_load(node->config->data_dir, &node_id, why);
    if (rc < 0)
        return rc;

    const struct replica_events events = {.failed = node_replica_failed,
                                          .changed = node_replica_changed,
                                          .closed = node_replica_gone,
                                          .arg = node};
    const struct replica_config config = {.data_dir = node->config->data_dir,
                                          .node_name = node->config->name,
                                          .node_id = node_id,
                                          .may_create = true,
                                          .seed = (uint32_t)monoclock_us() | 1};
    return replica_open(&config, &events, &node->replica, why);
}

static int node_open_admin(struct presence_node *node, struct strbuf *why)
{
    node->hooks = (struct admin_hooks){.arg = node,
                                       .ask = node_ask,
                                       .session_count = node_session_count,
                                       .checks = node_checks,
                                       .cluster_initialised = node_cluster_initialised};
    const struct admin_server_config config = {.node = node->config,
                                               .hooks = &node->hooks,
                                               .replica = node->replica,
                                               .pool = node->pool,
                                               .version = node->version,
                                               .closed = node_admin_gone,
                                               .arg = node};
    const int rc = node_dir_make(node->config->run_dir, 0755, why);
    return rc < 0 ? rc : admin_server_open(&config, &node->admin, why);
}

static int node_make_crew(struct presence_node *node)
{
    const struct crew_config config = {.main = node->main,
                                       .node = node->config,
                                       .starttls = node->starttls,
                                       .direct_tls = node->direct_tls,
                                       .credentials = node->credentials,
                                       .pool = node->pool,
                                       .replica = node->replica,
                                       .opened = node_crew_opened,
                                       .closed = node_crew_closed,
                                       .arg = node};
    return crew_new(&config, &node->crew);
}

static int node_open_watch(struct presence_node *node)
{
    const struct node_watch_events events = {.signalled = node_signalled,
                                             .certificates_changed = node_reload_certificates,
                                             .arg = node};
    const int rc = node_watch_open(node->main, &events, &node->watch);
    if (rc < 0)
        return rc;
    node_watch_add_loop(node->watch, replica_loop(node->replica));
    node_watch_add_loop(node->watch, admin_server_loop(node->admin));
    node_watch_add_context(node->watch, node->starttls);
    node_watch_add_context(node->watch, node->direct_tls);
    return 0;
}

static int node_open(struct presence_node *node, struct strbuf *why)
{
    int rc = loop_new("main", NODE_MAILBOX_MAX, &node->main);
    if (rc == 0)
        rc = pool_new(uv_available_parallelism(), NODE_POOL_QUEUE_MAX, &node->pool);
    if (rc == 0)
        rc = node_open_tls(node, why);
    if (rc == 0)
        rc = node_probe_ports(node->config, why);
    if (rc == 0)
        rc = node_open_replica(node, why);
    if (rc == 0)
        rc = credentials_new(node->replica, node->pool, &node->credentials);
    if (rc == 0)
        rc = node_make_crew(node);
    if (rc == 0)
        rc = node_open_admin(node, why);
    if (rc == 0)
        rc = node_open_watch(node);
    return rc;
}

/* Everything that is left, after the main loop has ended or has never run. */
static void node_done(struct presence_node *node)
{
    admin_server_free(node->admin);
    replica_free(node->replica);
    pool_free(node->pool);
    crew_free(node->crew);
    credentials_free(node->credentials);
    tlsctx_free(node->starttls);
    tlsctx_free(node->direct_tls);
    loop_free(node->main);
}

static enum presence_node_exit node_exit_of(int rc)
{
    if (rc == ERR_CORRUPT || rc == ERR_FOREIGN)
        return PRESENCE_NODE_EXIT_STORE_DAMAGED;
    return PRESENCE_NODE_EXIT_CANNOT_START;
}

int presence_node_run(const struct node_config *config, const char *version)
{
    struct presence_node node = {
        .config = config, .version = version, .started_ms = monoclock_ms()};
    CLEANUP(strbuf_done) struct strbuf why = {0};

    node.stop_deadline = (struct wheel_timer){.expired = node_stop_overdue, .arg = &node};
    node.debug_end = (struct wheel_timer){.expired = node_debug_ended, .arg = &node};
    log_set_node(config->name);
    node_apply_log(config, NULL);

    const int rc = node_open(&node, &why);
    if (rc < 0) {
        log_error("node: cannot start", LOG_STR("why", strbuf_span(&why).ptr), LOG_RC(rc));
        node.exit = node_exit_of(rc);
    } else {
        log_info("node: started", LOG_STR("version", version));
        node_try_serving(&node);
        loop_run(node.main);
        log_info("node: stopped");
    }
    node_done(&node);
    return (int)node.exit;
}
