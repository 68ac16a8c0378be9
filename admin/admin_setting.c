/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/admin_setting.h"

#include "admin/admin_api.h"
#include "admin/admin_propose.h"
#include "admin/admin_settings.h"
#include "admin/node_config.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "base/network.h"
#include "presenced/admin/v1/admin.pb-c.h"
#include "replication/read.h"
#include "replication/replica.h"

static void setting_row_free(Store__SettingRow **row)
{
    store__setting_row__free_unpacked(*row, NULL);
}

static void setting_range(const struct settings_key *key, struct strbuf *out)
{
    if (key->type == SETTINGS_TYPE_BOOL)
        strbuf_add_text(out, "true, false");
    else if (key->type == SETTINGS_TYPE_CHOICE)
        for (size_t i = 0; key->choices[i]; i++)
            strbuf_printf(out, "%s%s", i ? ", " : "", key->choices[i]);
    else if (key->min)
        strbuf_printf(out, "%s..%s", key->min, key->max);
}

static char *setting_text(struct rpc_call *call, const struct strbuf *text)
{
    return (char *)(uintptr_t)arena_copy(&call->arena, strbuf_span(text)).ptr;
}

static Presenced__Admin__V1__Setting *setting_make(struct rpc_call *call,
                                                   const struct settings_key *key,
                                                   const struct admin_settings *values)
{
    const struct statedb_view *view = replica_view(admin_api_of(call)->replica);
    CLEANUP(setting_row_free) Store__SettingRow *row = NULL;
    CLEANUP(strbuf_done) struct strbuf text = {0};
    Presenced__Admin__V1__Setting *setting = arena_zeroed(&call->arena, sizeof(*setting));
    presenced__admin__v1__setting__init(setting);
    setting->name = (char *)(uintptr_t)key->name;
    setting->standard = (char *)(uintptr_t)key->standard;
    setting->help = (char *)(uintptr_t)key->help;
    setting->is_set = read_setting(view, key->name, &row) == 1;
    settings_get_text(key, values, &text);
    setting->value = setting_text(call, &text);
    strbuf_clear(&text);
    setting_range(key, &text);
    setting->range = setting_text(call, &text);
    return setting;
}

void admin_setting_list(struct rpc_call *call, const ProtobufCMessage *request)
{
    (void)request;
    const struct settings_table *table = &admin_settings_table;
    struct admin_settings values;
    const int rc = admin_settings_load(&values, replica_view(admin_api_of(call)->replica));
    if (rc < 0) {
        rpc_call_fail(call, rpc_status_of_err(rc), NULL, "the store cannot be read");
        return;
    }
    Presenced__Admin__V1__ListSettingsResponse answer =
        PRESENCED__ADMIN__V1__LIST_SETTINGS_RESPONSE__INIT;
    answer.settings = arena_zeroed(&call->arena, table->key_count * sizeof(void *));
    for (size_t i = 0; i < table->key_count; i++)
        answer.settings[answer.n_settings++] = setting_make(call, &table->keys[i], &values);
    rpc_call_finish(call, &answer.base);
}

/* The key of a name; NULL after the call has been failed. */
static const struct settings_key *setting_find(struct rpc_call *call, const char *name)
{
    const struct settings_key *key = settings_find(&admin_settings_table, span_text(name));
    if (key)
        return key;
    CLEANUP(strbuf_done) struct strbuf why = {0};
    (void)settings_check(&admin_settings_table, span_text(name), SPAN(""), &why);
    rpc_call_fail(call, RPC_STATUS_NOT_FOUND, "presencectl setting list", "%s",
                  why.data ? why.data : "there is no such setting");
    return NULL;
}

static void setting_answer(struct rpc_call *call, const struct settings_key *key)
{
    struct admin_settings values;
    (void)admin_settings_load(&values, replica_view(admin_api_of(call)->replica));
    rpc_call_finish(call, &setting_make(call, key, &values)->base);
}

void admin_setting_get(struct rpc_call *call, const ProtobufCMessage *request)
{
    const Presenced__Admin__V1__GetSettingRequest *ask = (const void *)request;
    const struct settings_key *key = setting_find(call, ask->name);
    if (key)
        setting_answer(call, key);
}

void admin_setting_apply_log(const struct admin_api *api)
{
    (void)log_set_level(NULL, admin_settings_log_level(replica_view(api->replica),
                                                       (enum log_level)api->node->log.level));
}

static void setting_set(struct rpc_call *call, const Store__Result *result)
{
    const struct settings_key *key = call->user;
    if (result->outcome != STORE__RESULT__OUTCOME__DONE) {
        rpc_call_fail(call, RPC_STATUS_INTERNAL, NULL, "the store refused it: %s",
                      result->reason);
        return;
    }
    if (strcmp(key->name, "log.level") == 0)
        admin_setting_apply_log(admin_api_of(call));
    setting_answer(call, key);
}

/* What the table cannot check. */
static bool setting_is_meant(const struct settings_key *key, const char *value,
                             struct strbuf *why)
{
    struct span list = span_text(value);
    if (strcmp(key->name, "auth.trusted_networks") != 0)
        return true;
    for (struct span next = network_next(&list); next.size; next = network_next(&list)) {
        struct network network;
        if (network_parse(next, &network) == 0)
            continue;
        strbuf_printf(why, "\"%.*s\" is no network; write 10.0.0.0/8 or 192.0.2.1",
                      (int)(next.size < 40 ? next.size : 40), next.ptr);
        return false;
    }
    return true;
}

void admin_setting_set(struct rpc_call *call, const ProtobufCMessage *request)
{
    const Presenced__Admin__V1__SetSettingRequest *ask = (const void *)request;
    const struct settings_key *key = setting_find(call, ask->name);
    if (!key)
        return;
    CLEANUP(strbuf_done) struct strbuf why = {0};
    if (ask->value[0] && (settings_check(&admin_settings_table, span_text(ask->name),
                                         span_text(ask->value), &why) < 0 ||
                          !setting_is_meant(key, ask->value, &why))) {
        rpc_call_fail(call, RPC_STATUS_INVALID_ARGUMENT, "presencectl setting list -o wide",
                      "%s", why.data ? why.data : "the value is not allowed");
        return;
    }
    call->user = (void *)(uintptr_t)key;
    Store__SettingSet body = STORE__SETTING_SET__INIT;
    Store__Command command = STORE__COMMAND__INIT;
    body.name = ask->name;
    body.value = ask->value;
    command.body_case = STORE__COMMAND__BODY_SETTING_SET;
    command.setting_set = &body;
    admin_propose(call, &command, setting_set);
}

void admin_setting_log_level(struct rpc_call *call, const ProtobufCMessage *request)
{
    const Presenced__Admin__V1__SetLogLevelRequest *ask = (const void *)request;
    enum log_level level;
    if (log_level_parse(span_text(ask->level), &level) < 0) {
        rpc_call_fail(call, RPC_STATUS_INVALID_ARGUMENT, "use error, warn, info or debug",
                      "\"%.40s\" is no log level", ask->level);
        return;
    }
    const int rc = log_set_level(ask->module[0] ? ask->module : NULL, level);
    if (rc < 0) {
        rpc_call_fail(call, rpc_status_of_err(rc), "presencectl log set LEVEL sets the rest",
                      "the level of this module cannot be set");
        return;
    }
    Presenced__Admin__V1__SetLogLevelResponse answer =
        PRESENCED__ADMIN__V1__SET_LOG_LEVEL_RESPONSE__INIT;
    answer.node = (char *)(uintptr_t)admin_api_of(call)->node->name;
    rpc_call_finish(call, &answer.base);
}
