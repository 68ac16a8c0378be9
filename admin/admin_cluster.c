/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/admin_cluster.h"

#include <stdio.h>

#include "admin/admin_api.h"
#include "admin/admin_hooks.h"
#include "admin/admin_propose.h"
#include "admin/node_config.h"
#include "base/cleanup.h"
#include "base/entropy.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/monoclock.h"
#include "presenced/admin/v1/admin.pb-c.h"
#include "proto/auth/address.h"
#include "replication/read.h"
#include "replication/replica.h"

enum { CLUSTER_ID_SIZE = 16 };

/* ---- Initialize ----------------------------------------------------------------------- */

struct cluster_init {
    uint8_t id[CLUSTER_ID_SIZE];
    struct address_part domain;
};

static void cluster_initialised(struct rpc_call *call, const Store__Result *result)
{
    struct admin_api *api = admin_api_of(call);
    struct cluster_init *init = call->user;
    if (result->outcome != STORE__RESULT__OUTCOME__DONE) {
        const char *domain = admin_api_domain(call);
        rpc_call_fail(call, RPC_STATUS_ALREADY_EXISTS, "presencectl cluster status",
                      "this is already the cluster of %s", domain ? domain : "another domain");
        return;
    }
    log_info("admin: cluster initialised", LOG_STR("domain", init->domain.bytes));
    if (api->hooks->cluster_initialised)
        api->hooks->cluster_initialised(init->domain.bytes, api->hooks->arg);

    Presenced__Admin__V1__ClusterInitResponse answer =
        PRESENCED__ADMIN__V1__CLUSTER_INIT_RESPONSE__INIT;
    answer.cluster_id = (ProtobufCBinaryData){.len = CLUSTER_ID_SIZE, .data = init->id};
    answer.domain = init->domain.bytes;
    answer.node_name = (char *)(uintptr_t)api->node->name;
    rpc_call_finish(call, &answer.base);
}

void admin_cluster_initialize(struct rpc_call *call, const ProtobufCMessage *request)
{
    const Presenced__Admin__V1__ClusterInitRequest *ask = (const void *)request;
    struct admin_api *api = admin_api_of(call);
    struct cluster_init *init = arena_zeroed(&call->arena, sizeof(*init));
    struct span domain;
    if (address_domain(span_text(ask->domain), &init->domain, &domain) < 0) {
        rpc_call_fail(call, RPC_STATUS_INVALID_ARGUMENT, "give a domain such as example.com",
                      "this is not a domain");
        return;
    }
    const char *wanted = api->node->domain;
    if (wanted[0] && !span_is(domain, wanted)) {
        rpc_call_fail(call, RPC_STATUS_FAILED_PRECONDITION,
                      "name that domain, or change node.yaml",
                      "node.yaml says that this node belongs to %s", wanted);
        return;
    }
    struct replica_status status;
    replica_status(api->replica, &status);
    entropy_fill(init->id, sizeof(init->id));
    call->user = init;

    Store__ClusterInit body = STORE__CLUSTER_INIT__INIT;
    Store__Command command = STORE__COMMAND__INIT;
    body.cluster_id = (ProtobufCBinaryData){.len = sizeof(init->id), .data = init->id};
    body.domain = init->domain.bytes;
    body.node_id = status.node_id;
    body.node_name = (char *)(uintptr_t)api->node->name;
    command.body_case = STORE__COMMAND__BODY_CLUSTER_INIT;
    command.cluster_init = &body;
    admin_propose(call, &command, cluster_initialised);
}

/* ---- GetStatus ------------------------------------------------------------------------ */

static void cluster_row_free(Store__ClusterRow **row)
{
    store__cluster_row__free_unpacked(*row, NULL);
}

/* Why this node does not do all it should; the first reason is the one to act on. */
static const char *cluster_trouble(struct admin_api *api, const struct replica_status *status,
                                   bool is_initialised, const char **ret_hint,
                                   struct admin_hooks_check *checks)
{
    *ret_hint = "";
    if (status->is_failed) {
        *ret_hint = "look at the log, mend the disk, start the node again";
        return "the store has failed";
    }
    if (!status->is_ready) {
        *ret_hint = "wait a moment; presencectl check names what is missing";
        return "no leader: changes are refused";
    }
    if (!is_initialised) {
        *ret_hint = "presencectl cluster init --domain DOMAIN";
        return "the cluster is not initialised";
    }
    if (status->disk_free < status->free_space_min) {
        *ret_hint = "free space below data_dir";
        return "the disk is nearly full: changes are refused";
    }
    const size_t count =
        api->hooks->checks ? api->hooks->checks(checks, ADMIN_HOOKS_CHECKS_MAX, api->hooks->arg)
                           : 0;
    for (size_t i = 0; i < count; i++)
        if (!checks[i].is_ok) {
            *ret_hint = "presencectl check";
            return checks[i].text;
        }
    return NULL;
}

static void cluster_fill_node(struct admin_api *api, const struct replica_status *status,
                              Presenced__Admin__V1__NodeStatus *node)
{
    node->name = (char *)(uintptr_t)api->node->name;
    node->role =
        (char *)(uintptr_t)(api->node->role == NODE_CONFIG_WITNESS ? "witness" : "full");
    node->is_leader = status->is_leader;
    node->term = status->term;
    node->commit_index = status->commit_index;
    node->applied_index = status->applied_index;
    node->trails_by = status->commit_index > status->applied_index
                          ? status->commit_index - status->applied_index
                          : 0;
    if (api->hooks->session_count)
        node->sessions = api->hooks->session_count(api->hooks->arg);
    node->address = (char *)(uintptr_t)api->node->addresses[0];
    node->store_size = status->store_size;
    node->disk_free = status->disk_free;
    node->disk_size = status->disk_size;
    node->up_seconds = (monoclock_ms() - api->started_ms) / 1000;
    node->epoch = status->epoch;
}

void admin_cluster_status(struct rpc_call *call, const ProtobufCMessage *request)
{
    (void)request;
    struct admin_api *api = admin_api_of(call);
    CLEANUP(cluster_row_free) Store__ClusterRow *row = NULL;
    const int found = read_cluster(replica_view(api->replica), &row);
    struct replica_status status;
    replica_status(api->replica, &status);

    struct admin_hooks_check checks[ADMIN_HOOKS_CHECKS_MAX] = {0};
    const char *hint = "";
    const char *trouble = cluster_trouble(api, &status, found == 1, &hint, checks);

    Presenced__Admin__V1__NodeStatus node = PRESENCED__ADMIN__V1__NODE_STATUS__INIT;
    Presenced__Admin__V1__NodeStatus *nodes[] = {&node};
    cluster_fill_node(api, &status, &node);
    node.health = trouble ? PRESENCED__ADMIN__V1__NODE_STATUS__HEALTH__DEGRADED
                          : PRESENCED__ADMIN__V1__NODE_STATUS__HEALTH__OK;

    Presenced__Admin__V1__ClusterStatus answer = PRESENCED__ADMIN__V1__CLUSTER_STATUS__INIT;
    answer.node_name = (char *)(uintptr_t)api->node->name;
    answer.version = (char *)(uintptr_t)api->version;
    answer.nodes = nodes;
    answer.n_nodes = 1;
    if (trouble) {
        answer.is_degraded = true;
        answer.reason = node.reason = (char *)(uintptr_t)trouble;
        answer.hint = (char *)(uintptr_t)hint;
    }
    if (found == 1) {
        answer.is_initialised = true;
        answer.cluster_id = row->cluster_id;
        answer.domain = row->domain;
        answer.created_us = row->created_us;
    }
    rpc_call_finish(call, &answer.base);
}
