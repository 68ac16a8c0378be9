/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/admin_health.h"

#include <grpc/health/v1/health.pb-c.h>
#include <stdio.h>

#include "admin/admin_api.h"
#include "admin/admin_hooks.h"
#include "base/loop.h"
#include "base/wheel.h"
#include "replication/replica.h"

enum { WATCH_MS = 500 }; /* how often a watched status is looked at */

#define SERVING         GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING
#define NOT_SERVING     GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__NOT_SERVING
#define SERVICE_UNKNOWN GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVICE_UNKNOWN

struct readiness {
    struct span only;
    struct strbuf *out;
    bool is_ready, is_found;
};

static void readiness_add(struct readiness *r, const char *name, bool is_ok, const char *why)
{
    if (!span_is_none(r->only) && !span_is(r->only, name))
        return;
    r->is_found = true;
    r->is_ready = r->is_ready && is_ok;
    if (!r->out)
        return;
    if (is_ok)
        strbuf_printf(r->out, "[+]%s ok\n", name);
    else
        strbuf_printf(r->out, "[-]%s failed: %s\n", name, why);
}

bool admin_health_ready(struct admin_api *api, struct span only, struct strbuf *out)
{
    struct readiness r = {.only = only, .out = out, .is_ready = true};
    struct replica_status status;
    replica_status(api->replica, &status);
    readiness_add(&r, "store", !status.is_failed, "a write was refused by the disk");
    readiness_add(&r, "raft", status.is_ready, "no leader");
    readiness_add(&r, "cluster", admin_api_is_initialised(api),
                  "cluster init has not been run");
    readiness_add(&r, "disk", status.disk_free >= status.free_space_min,
                  "free space is below the watermark");

    struct admin_hooks_check rows[ADMIN_HOOKS_CHECKS_MAX] = {0};
    const size_t count = api->hooks->checks
                             ? api->hooks->checks(rows, ADMIN_HOOKS_CHECKS_MAX, api->hooks->arg)
                             : 0;
    for (size_t i = 0; i < count; i++)
        readiness_add(&r, rows[i].name, rows[i].is_ok, rows[i].text);
    return r.is_ready && r.is_found;
}

/* Whether some method of the table belongs to the service; "" is the node itself. */
static bool is_service_known(const struct rpc_call *call, const char *service)
{
    const struct rpc_table *table = call->host->table;
    const size_t size = strlen(service);
    for (size_t i = 0; i < table->count; i++) {
        const char *path = table->methods[i].path + 1;
        if (strncmp(path, service, size) == 0 && path[size] == '/')
            return true;
    }
    return size == 0;
}

void admin_health_check(struct rpc_call *call, const ProtobufCMessage *request)
{
    const Grpc__Health__V1__HealthCheckRequest *ask = (const void *)request;
    if (!is_service_known(call, ask->service)) {
        rpc_call_fail(call, RPC_STATUS_NOT_FOUND, NULL, "there is no such service");
        return;
    }
    Grpc__Health__V1__HealthCheckResponse answer =
        GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__INIT;
    answer.status =
        admin_health_ready(admin_api_of(call), SPAN_NONE, NULL) ? SERVING : NOT_SERVING;
    rpc_call_finish(call, &answer.base);
}

/* ---- Watch ---------------------------------------------------------------------------- */

struct health_watch {
    struct wheel_timer timer;
    struct rpc_call *call;
    bool is_known;
    int told; /* status last sent, or -1 */
};

static void health_watch_look(struct wheel_timer *timer, void *arg)
{
    struct health_watch *watch = arg;
    struct admin_api *api = admin_api_of(watch->call);
    Grpc__Health__V1__HealthCheckResponse answer =
        GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__INIT;
    answer.status = !watch->is_known                           ? SERVICE_UNKNOWN
                    : admin_health_ready(api, SPAN_NONE, NULL) ? SERVING
                                                               : NOT_SERVING;
    wheel_set(loop_wheel(api->loop), timer, loop_now_ms(api->loop) + WATCH_MS);
    if ((int)answer.status == watch->told)
        return;
    watch->told = (int)answer.status;
    rpc_call_send(watch->call, &answer.base);
}

static void health_watch_gone(struct rpc_call *call)
{
    struct health_watch *watch = call->user;
    wheel_cancel(loop_wheel(admin_api_of(call)->loop), &watch->timer);
    rpc_call_finish(call, NULL);
}

void admin_health_watch(struct rpc_call *call, const ProtobufCMessage *request)
{
    const Grpc__Health__V1__HealthCheckRequest *ask = (const void *)request;
    struct health_watch *watch = arena_zeroed(&call->arena, sizeof(*watch));
    watch->call = call;
    watch->told = -1;
    watch->is_known = is_service_known(call, ask->service);
    watch->timer.expired = health_watch_look;
    watch->timer.arg = watch;
    call->user = watch;
    call->gone = health_watch_gone;
    health_watch_look(&watch->timer, watch);
}
