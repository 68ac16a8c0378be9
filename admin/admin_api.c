/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/admin_api.h"

#include <grpc/health/v1/health.pb-c.h>

#include "admin/admin_check.h"
#include "admin/admin_cluster.h"
#include "admin/admin_health.h"
#include "admin/admin_import.h"
#include "admin/admin_roster.h"
#include "admin/admin_sessions.h"
#include "admin/admin_setting.h"
#include "admin/admin_users.h"
#include "presenced/admin/v1/admin.pb-c.h"
#include "proto/auth/address.h"
#include "replication/read.h"
#include "replication/replica.h"

#define METHOD(service, method, in_, out_, role_, handle_)                                     \
    {                                                                                          \
        .path = "/presenced.admin.v1." service "/" method,                                     \
        .in = &presenced__admin__v1__##in_##__descriptor,                                      \
        .out = &presenced__admin__v1__##out_##__descriptor, .kind = RPC_KIND_UNARY,            \
        .role = RPC_ROLE_##role_, .handle = (handle_)                                          \
    }

static const struct rpc_method methods[] = {
    {.path = "/grpc.health.v1.Health/Check",
     .in = &grpc__health__v1__health_check_request__descriptor,
     .out = &grpc__health__v1__health_check_response__descriptor,
     .kind = RPC_KIND_UNARY,
     .role = RPC_ROLE_ANYONE,
     .handle = admin_health_check},
    {.path = "/grpc.health.v1.Health/Watch",
     .in = &grpc__health__v1__health_check_request__descriptor,
     .out = &grpc__health__v1__health_check_response__descriptor,
     .kind = RPC_KIND_SERVER_STREAM,
     .role = RPC_ROLE_ANYONE,
     .handle = admin_health_watch},
    METHOD("ClusterService", "Initialize", cluster_init_request, cluster_init_response, ADMIN,
           admin_cluster_initialize),
    METHOD("ClusterService", "GetStatus", get_cluster_status_request, cluster_status, VIEWER,
           admin_cluster_status),
    METHOD("UserService", "Create", create_user_request, user, HELPDESK, admin_users_create),
    METHOD("UserService", "Import", import_users_request, import_users_response, OPERATOR,
           admin_import_users),
    METHOD("UserService", "SetPassword", set_password_request, user, HELPDESK,
           admin_users_set_password),
    METHOD("UserService", "List", list_users_request, list_users_response, VIEWER,
           admin_users_list),
    METHOD("UserService", "Get", get_user_request, user, VIEWER, admin_users_get),
    METHOD("UserService", "Remove", remove_user_request, remove_user_response, OPERATOR,
           admin_users_remove),
    METHOD("RosterService", "Link", link_roster_request, link_roster_response, OPERATOR,
           admin_roster_link),
    METHOD("SessionService", "List", list_sessions_request, list_sessions_response, VIEWER,
           admin_sessions_list),
    METHOD("SessionService", "End", end_sessions_request, end_sessions_response, HELPDESK,
           admin_sessions_end),
    METHOD("SettingService", "List", list_settings_request, list_settings_response, VIEWER,
           admin_setting_list),
    METHOD("SettingService", "Get", get_setting_request, setting, VIEWER, admin_setting_get),
    METHOD("SettingService", "Set", set_setting_request, setting, ADMIN, admin_setting_set),
    METHOD("LogService", "SetLevel", set_log_level_request, set_log_level_response, OPERATOR,
           admin_setting_log_level),
    METHOD("CheckService", "Run", run_checks_request, run_checks_response, VIEWER,
           admin_check_run),
};

const struct rpc_table admin_api_table = {
    .methods = methods,
    .count = sizeof(methods) / sizeof(methods[0]),
};

struct admin_api *admin_api_of(const struct rpc_call *call)
{
    return call->host->context;
}

bool admin_api_is_initialised(const struct admin_api *api)
{
    Store__ClusterRow *row = NULL;
    const bool is_there = read_cluster(replica_view(api->replica), &row) == 1;
    store__cluster_row__free_unpacked(row, NULL);
    return is_there;
}

const char *admin_api_domain(struct rpc_call *call)
{
    Store__ClusterRow *row = NULL;
    if (read_cluster(replica_view(admin_api_of(call)->replica), &row) != 1)
        return NULL;
    const struct span domain = arena_copy(&call->arena, span_text(row->domain));
    store__cluster_row__free_unpacked(row, NULL);
    return domain.ptr;
}

const char *admin_api_user_in(struct arena *arena, const char *domain, const char *text,
                              const char **ret_wrong)
{
    const struct span written = span_text(text);
    struct address_text storage;
    struct address address;
    struct strbuf whole = {0};
    strbuf_add(&whole, written);
    if (span_index(written, '@') == written.size)
        strbuf_printf(&whole, "@%s", domain);
    const int rc = address_parse(strbuf_span(&whole), &storage, &address);
    strbuf_done(&whole);

    if (rc < 0 || span_is_none(address.local) || !address_is_bare(&address)) {
        *ret_wrong = "this is no user: give NAME or NAME@DOMAIN";
        return NULL;
    }
    if (!span_is(address.domain, domain)) {
        *ret_wrong = "the user is of another domain than the cluster";
        return NULL;
    }
    if (!address_is_assigned(address.local)) {
        *ret_wrong = "the name holds characters that no account may have";
        return NULL;
    }
    return arena_copy(arena, address_bare(&address)).ptr;
}

const char *admin_api_user(struct rpc_call *call, const char *text)
{
    const char *domain = admin_api_domain(call);
    if (!domain) {
        rpc_call_fail(call, RPC_STATUS_FAILED_PRECONDITION,
                      "presencectl cluster init --domain DOMAIN",
                      "the cluster is not initialised");
        return NULL;
    }
    const char *wrong = NULL;
    const char *user = admin_api_user_in(&call->arena, domain, text, &wrong);
    if (!user)
        rpc_call_fail(call, RPC_STATUS_INVALID_ARGUMENT, NULL, "%s", wrong);
    return user;
}
