/* SPDX-License-Identifier: Apache-2.0 */
/* SettingService and LogService: the replicated settings, and the log levels of this node.
 * Handlers (admin_api.h). */
#pragma once

#include "proto/rpc/rpc_call.h"

struct admin_api;

void admin_setting_list(struct rpc_call *call, const ProtobufCMessage *request);
void admin_setting_get(struct rpc_call *call, const ProtobufCMessage *request);
void admin_setting_set(struct rpc_call *call, const ProtobufCMessage *request);
/* Puts log.level in force, or node.yaml's where the cluster has none. At start and whenever
 * the setting may have changed. */
void admin_setting_apply_log(const struct admin_api *api);

void admin_setting_log_level(struct rpc_call *call, const ProtobufCMessage *request);
