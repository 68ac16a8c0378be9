/* SPDX-License-Identifier: Apache-2.0 */
/* ClusterService: making a cluster, and how it is. Handlers (admin_api.h). */
#pragma once

#include "proto/rpc/rpc_call.h"

void admin_cluster_initialize(struct rpc_call *call, const ProtobufCMessage *request);
void admin_cluster_status(struct rpc_call *call, const ProtobufCMessage *request);
