/* SPDX-License-Identifier: Apache-2.0 */
/* Whether this node serves: /livez, /readyz and grpc.health.v1 ask the same question.
 * Readiness leaves out what other machines are to blame for. Admin loop only. */
#pragma once

#include <stdbool.h>

#include "base/strbuf.h"
#include "proto/rpc/rpc_call.h"

struct admin_api;

/* One line a check is added to out ("[+]raft ok", "[-]disk failed: reason"); out may be
 * NULL. only: the one check to look at, or SPAN_NONE. Returns whether all are ok; false
 * when `only` names none. */
bool admin_health_ready(struct admin_api *api, struct span only, struct strbuf *out);

/* Handlers of grpc.health.v1.Health; services known: "" and those of the table. */
void admin_health_check(struct rpc_call *call, const ProtobufCMessage *request);
void admin_health_watch(struct rpc_call *call, const ProtobufCMessage *request);
