/* SPDX-License-Identifier: Apache-2.0 */
/* SettingService and LogService: the replicated settings, and the log levels of this node.
 * Handlers (admin_api.h). */
#pragma once

#include "proto/rpc/rpc_call.h"

void admin_setting_list(struct rpc_call *call, const ProtobufCMessage *request);
void admin_setting_get(struct rpc_call *call, const ProtobufCMessage *request);
void admin_setting_set(struct rpc_call *call, const ProtobufCMessage *request);
void admin_setting_log_level(struct rpc_call *call, const ProtobufCMessage *request);
