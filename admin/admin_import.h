/* SPDX-License-Identifier: Apache-2.0 */
/* UserService.Import: up to 1,000 accounts a call, one command, one outcome a row.
 * Handler (admin_api.h). */
#pragma once

#include "proto/rpc/rpc_call.h"

enum { ADMIN_IMPORT_ROWS_MAX = 1000 };

void admin_import_users(struct rpc_call *call, const ProtobufCMessage *request);
