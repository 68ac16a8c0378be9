/* SPDX-License-Identifier: Apache-2.0 */
/* RosterService: what an administrator does to contact lists. Handlers (admin_api.h). */
#pragma once

#include "proto/rpc/rpc_call.h"

void admin_roster_link(struct rpc_call *call, const ProtobufCMessage *request);
