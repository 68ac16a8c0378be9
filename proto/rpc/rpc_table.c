/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/rpc/rpc_table.h"

#include <assert.h>

static const char *const role_names[RPC_ROLE_COUNT] = {
    [RPC_ROLE_UNSET] = "none",        [RPC_ROLE_ANYONE] = "anyone",
    [RPC_ROLE_VIEWER] = "viewer",     [RPC_ROLE_AUDITOR] = "auditor",
    [RPC_ROLE_HELPDESK] = "helpdesk", [RPC_ROLE_OPERATOR] = "operator",
    [RPC_ROLE_ADMIN] = "admin",
};

const struct rpc_method *rpc_table_find(const struct rpc_table *t, struct span path)
{
    for (size_t i = 0; i < t->count; i++)
        if (span_is(path, t->methods[i].path))
            return &t->methods[i];
    return NULL;
}

const char *rpc_table_role_name(enum rpc_role role)
{
    assert(role < RPC_ROLE_COUNT);
    return role_names[role];
}

enum rpc_role rpc_table_role_parse(struct span name)
{
    for (unsigned role = RPC_ROLE_VIEWER; role < RPC_ROLE_COUNT; role++)
        if (span_is(name, role_names[role]))
            return (enum rpc_role)role;
    return RPC_ROLE_UNSET;
}
