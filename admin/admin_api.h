/* SPDX-License-Identifier: Apache-2.0 */
/* Admin API: the one table of methods, {path, types, role, handler}, behind every face.
 *
 * Handlers run on the admin loop. They change things only by commands through the replica,
 * read by read.h, hash passwords on the pool, and ask the node by admin_hooks.h. */
#pragma once

#include <stdint.h>

#include "proto/rpc/rpc_call.h"
#include "proto/rpc/rpc_table.h"

struct admin_hooks;
struct loop;
struct node_config;
struct pool;
struct replica;

/* The handlers' context; all borrowed. */
struct admin_api {
    const struct node_config *node;
    const struct admin_hooks *hooks;
    struct replica *replica;
    struct pool *pool;
    struct loop *loop; /* the admin loop */
    const char *version;
    uint64_t started_ms; /* monoclock */
    uint64_t started_us; /* wall clock, then: a jump of the clock shows */
    uint16_t admin_port; /* as bound */
    uint64_t call_count; /* open; kept by the server */
};

extern const struct rpc_table admin_api_table;

/* Of a call. */
struct admin_api *admin_api_of(const struct rpc_call *call);

/* Whether `cluster init` has been applied here. */
bool admin_api_is_initialised(const struct admin_api *api);

/* The cluster's domain into the call's arena; NULL before `cluster init`. */
const char *admin_api_domain(struct rpc_call *call);

/* A user as an administrator writes it, completed and prepared, in the call's arena. NULL
 * after the call has been failed. */
const char *admin_api_user(struct rpc_call *call, const char *text);

/* The same without a call: returns NULL and a constant sentence. */
const char *admin_api_user_in(struct arena *arena, const char *domain, const char *text,
                              const char **ret_wrong);
