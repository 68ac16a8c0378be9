/* SPDX-License-Identifier: Apache-2.0 */
/* UserService but the import: accounts one at a time. Handlers (admin_api.h). */
#pragma once

#include "admin/admin_password.h"
#include "presenced/store/v1/store.pb-c.h"
#include "proto/rpc/rpc_call.h"

void admin_users_create(struct rpc_call *call, const ProtobufCMessage *request);
void admin_users_set_password(struct rpc_call *call, const ProtobufCMessage *request);
void admin_users_list(struct rpc_call *call, const ProtobufCMessage *request);
void admin_users_get(struct rpc_call *call, const ProtobufCMessage *request);
void admin_users_remove(struct rpc_call *call, const ProtobufCMessage *request);

/* A command's row of a user with derived credentials; all of it in the arena. */
Store__UserPut *admin_users_row(struct arena *arena, Store__UserPut__Mode mode,
                                const char *user, const struct admin_password *password);

/* What is wrong with a password that could not be derived. */
const char *admin_users_password_fault(int rc);
