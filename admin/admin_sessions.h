/* SPDX-License-Identifier: Apache-2.0 */
/* SessionService: who is signed in, and ending it. Handlers (admin_api.h).
 *
 * Live sessions are asked of the node's workers; those that the store has besides wait for
 * their client to come back. Ending takes both: the workers close streams, and what the
 * store still has afterwards is ended by commands, so that nothing can be resumed. */
#pragma once

#include "proto/rpc/rpc_call.h"

void admin_sessions_list(struct rpc_call *call, const ProtobufCMessage *request);
void admin_sessions_end(struct rpc_call *call, const ProtobufCMessage *request);
