/* SPDX-License-Identifier: Apache-2.0 */
/* CheckService: what an administrator should know or mend, each finding with its fix.
 *
 * Families: config, certs, ports, clock, disk, raft, node, limits. What reads files or
 * waits runs on the pool. Handler (admin_api.h). */
#pragma once

#include "proto/rpc/rpc_call.h"

void admin_check_run(struct rpc_call *call, const ProtobufCMessage *request);
