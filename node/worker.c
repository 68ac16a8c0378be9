/* SPDX-License-Identifier: Apache-2.0 */
#include "node/worker.h"

#include <assert.h>
#include <netinet/in.h>
#include <stdio.h>
#include <unistd.h>

#include "admin/admin_settings.h"
#include "admin/node_config.h"
#include "base/err.h"
#include "base/hashmap.h"
#include "base/listener.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/network.h"
#include "node/auth/credentials.h"
#include "node/auth/guessing.h"
#include "node/errand.h"
#include "node/im/im.h"
#include "replication/replica.h"

enum { WORKER_LISTENERS = 2 };

/* One configured port of this worker. */
struct worker_port {
    struct worker *worker;
    struct listener *listener;
    bool is_direct_tls;
};

struct worker {
    struct worker_config config;
    struct guessing *guessing;
    struct credentials_desk *desk;
    struct c2s_service *c2s;
    struct worker_port ports[WORKER_LISTENERS];
    struct hashmap guests;                      /* address bytes -> struct worker_guest */
    enum log_level level;                       /* the cluster's, as last seen */
    char trusted[ADMIN_SETTINGS_NETWORKS_SIZE]; /* likewise */
    unsigned parts;                             /* still to close: connections, IM core */
};

/* Connections of one peer address. */
struct worker_guest {
    struct worker_port *port; /* of the connection, where this is one connection's */
    struct worker_guest *crowd;
    uint32_t count;
    size_t key_size;
    unsigned char key[sizeof(struct in6_addr)];
};

/* ---- Connections ------------------------------------------------------------------------ */

static struct span worker_address_key(const struct sockaddr_storage *peer)
{
    if (peer->ss_family == AF_INET6)
        return span_of(&((const struct sockaddr_in6 *)peer)->sin6_addr,
                       sizeof(struct in6_addr));
    return span_of(&((const struct sockaddr_in *)peer)->sin_addr, sizeof(struct in_addr));
}

/* The count of an address, made when it is the first connection from there. */
static struct worker_guest *worker_crowd(struct worker *w, const struct sockaddr_storage *peer)
{
    const struct span key = worker_address_key(peer);
    struct worker_guest *crowd = hashmap_find(&w->guests, key);
    if (!crowd) {
        crowd = mem_zeroed(1, sizeof(*crowd));
        crowd->key_size = key.size;
        memcpy(crowd->key, key.ptr, key.size);
        (void)hashmap_set(&w->guests, key, crowd);
    }
    return crowd;
}

static void worker_crowd_left(struct worker *w, struct worker_guest *crowd)
{
    if (--crowd->count > 0)
        return;
    (void)hashmap_remove(&w->guests, span_of(crowd->key, crowd->key_size));
    free(crowd);
}

static void worker_guest_left(void *arg)
{
    struct worker_guest *guest = arg;
    listener_release(guest->port->listener);
    worker_crowd_left(guest->port->worker, guest->crowd);
    free(guest);
}

static void worker_accepted(int fd, const struct sockaddr_storage *peer, void *arg)
{
    struct worker_port *port = arg;
    struct worker *w = port->worker;
    const uint32_t most = w->config.node->limits.connections_per_address_max;
    struct worker_guest *crowd = worker_crowd(w, peer);

    crowd->count++;
    if (most && crowd->count > most) {
        log_warn("c2s: too many connections from one address, refused one",
                 LOG_U64("limit", most));
        (void)close(fd);
        worker_crowd_left(w, crowd);
        listener_release(port->listener);
        return;
    }
    struct worker_guest *guest = mem_zeroed(1, sizeof(*guest));
    *guest = (struct worker_guest){.port = port, .crowd = crowd};
    c2s_open(w->c2s, fd, peer, port->is_direct_tls, worker_guest_left, guest);
}

/* ---- Settings ---------------------------------------------------------------------------- */

static struct c2s_limits worker_limits(const struct worker *w,
                                       const struct admin_settings *settings)
{
    return (struct c2s_limits){
        .sign_in_ms = w->config.node->limits.header_seconds * 1000,
        .sign_in_stanza_max = (uint32_t)settings->stanza_max_unauthenticated,
        .stanza_max = (uint32_t)settings->stanza_max,
        .rate = (uint32_t)settings->rate,
        .burst = (uint32_t)settings->burst,
    };
}

/* A change of the cluster's level undoes `log set`; a change of another setting does not. */
static void worker_follow_level(struct worker *w)
{
    const enum log_level level = admin_settings_log_level(
        replica_view(w->config.replica), (enum log_level)w->config.node->log.level);
    if (level != w->level && w->config.index == 0)
        (void)log_set_level(NULL, level);
    w->level = level;
}

static void worker_trust(struct worker *w, const char *networks)
{
    if (strcmp(networks, w->trusted) == 0)
        return;
    (void)snprintf(w->trusted, sizeof(w->trusted), "%s", networks);
    guessing_trust_none(w->guessing);
    struct span list = span_text(networks);
    for (struct span next = network_next(&list); next.size; next = network_next(&list)) {
        const int rc = guessing_trust(w->guessing, next);
        if (rc < 0 && w->config.index == 0)
            log_warn("sign_in: a trusted network is not taken", LOG_SPAN("network", next),
                     LOG_RC(rc));
    }
}

static void worker_refreshed(void *arg)
{
    struct worker *w = arg;
    if (!w->c2s)
        return;
    struct admin_settings settings;
    (void)admin_settings_load(&settings, replica_view(w->config.replica));
    const struct c2s_limits limits = worker_limits(w, &settings);
    c2s_service_set_limits(w->c2s, &limits);
    worker_trust(w, settings.auth_trusted_networks);
    worker_follow_level(w);
}

void worker_refresh(struct worker *w)
{
    errand_send(w->config.loop, worker_refreshed, w);
}

/* ---- Start and stop ------------------------------------------------------------------------
 */

static int worker_listen(struct worker *w, struct worker_port *port,
                         const struct node_config_listener *where, bool is_direct_tls)
{
    *port = (struct worker_port){.worker = w, .is_direct_tls = is_direct_tls};
    if (!where->is_enabled)
        return 0;
    const unsigned workers = w->config.count;
    const struct listener_limits limits = {
        .connections_max = w->config.node->limits.connections_max / workers + 1};
    return listener_open(w->config.loop, where->address, (uint16_t)where->port, &limits,
                         worker_accepted, port, &port->listener);
}

static void worker_opened(void *arg)
{
    struct worker *w = arg;
    const struct node_config *node = w->config.node;
    char why[128] = "";

    struct admin_settings settings;
    (void)admin_settings_load(&settings, replica_view(w->config.replica));
    w->guessing = guessing_new();
    worker_trust(w, settings.auth_trusted_networks);
    w->level = admin_settings_log_level(replica_view(w->config.replica),
                                        (enum log_level)node->log.level);
    w->desk = credentials_desk_new(w->config.credentials, w->config.loop);
    const struct c2s_config c2s = {.loop = w->config.loop,
                                   .im = w->config.im,
                                   .domain = w->config.domain,
                                   .starttls = w->config.starttls,
                                   .direct_tls = w->config.direct_tls,
                                   .sign_in = {.loop = w->config.loop,
                                               .desk = w->desk,
                                               .guessing = w->guessing,
                                               .domain = w->config.domain,
                                               .metrics = w->config.metrics},
                                   .pool = w->config.pool,
                                   .limits = worker_limits(w, &settings)};
    w->c2s = c2s_service_open(&c2s);
    int rc = im_worker_open(w->config.im, w->config.index);
    const struct node_config_listener *wheres[WORKER_LISTENERS] = {&node->listeners.xmpp,
                                                                   &node->listeners.xmpps};
    for (int i = 0; i < WORKER_LISTENERS && rc == 0; i++) {
        rc = worker_listen(w, &w->ports[i], wheres[i], i == 1);
        if (rc < 0)
            (void)snprintf(why, sizeof(why), "cannot listen on %s port %u", wheres[i]->address,
                           (unsigned)wheres[i]->port);
    }
    w->config.opened(w, rc, why, w->config.arg);
}

int worker_start(const struct worker_config *config, struct worker **ret_worker)
{
    struct worker *w = mem_zeroed(1, sizeof(*w));
    w->config = *config;
    loop_set_owner(config->loop, w);
    errand_send(config->loop, worker_opened, w);
    const int rc = loop_start(config->loop);
    if (rc < 0) {
        free(w);
        return rc;
    }
    *ret_worker = w;
    return 0;
}

static void worker_part_closed(void *arg)
{
    struct worker *w = arg;
    if (--w->parts > 0)
        return;
    guessing_free(w->guessing);
    w->guessing = NULL;
    w->config.closed(w, w->config.arg);
}

static void worker_connections_closed(void *arg)
{
    struct worker *w = arg;
    w->c2s = NULL;
    worker_part_closed(w);
}

static void worker_closing(void *arg)
{
    struct worker *w = arg;
    if (w->parts || !w->c2s)
        return; /* told before */
    w->parts = 2;
    for (int i = 0; i < WORKER_LISTENERS; i++)
        listener_close(w->ports[i].listener);
    im_worker_close(w->config.im, w->config.index, worker_part_closed, w);
    c2s_service_close(w->c2s, worker_connections_closed, w);
}

void worker_close(struct worker *w)
{
    errand_send(w->config.loop, worker_closing, w);
}

struct loop *worker_loop(const struct worker *w)
{
    return w->config.loop;
}

unsigned worker_index(const struct worker *w)
{
    return w->config.index;
}

void worker_free(struct worker *w)
{
    if (!w)
        return;
    credentials_desk_free(w->desk);
    hashmap_done(&w->guests);
    free(w);
}
