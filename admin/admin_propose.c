/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/admin_propose.h"

#include "admin/admin_api.h"
#include "base/err.h"
#include "base/mem.h"
#include "replication/proposal.h"
#include "replication/replica.h"

struct admin_errand {
    struct proposal proposal; /* must stay first */
    struct rpc_call *call;
    void (*done)(struct rpc_call *call, const Store__Result *result);
};

static void errand_fail(struct rpc_call *call, int rc)
{
    switch (rc) {
    case ERR_UNKNOWN:
        rpc_call_fail(call, RPC_STATUS_UNKNOWN, "look whether it was done before you repeat it",
                      "the outcome is not known");
        return;
    case ERR_NO_SPACE:
        rpc_call_fail(call, RPC_STATUS_RESOURCE_EXHAUSTED, "free space below data_dir",
                      "the disk of this node is nearly full; changes are refused");
        return;
    case ERR_FULL:
        rpc_call_fail(call, RPC_STATUS_RESOURCE_EXHAUSTED, "try again in a moment",
                      "too many changes are on their way");
        return;
    case ERR_NOT_LEADER:
        rpc_call_fail(call, RPC_STATUS_UNAVAILABLE, "presencectl cluster status",
                      "the cluster has no leader at the moment");
        return;
    default:
        rpc_call_fail(call, rpc_status_of_err(rc), "presencectl cluster status",
                      "the store refused the change: %s", err_name(rc));
    }
}

static void errand_answered(struct proposal *p, void *owner)
{
    struct admin_errand *errand = (struct admin_errand *)(void *)p;
    struct rpc_call *call = errand->call;
    (void)owner;
    if (p->rc < 0)
        errand_fail(call, p->rc);
    else if (p->result->outcome == STORE__RESULT__OUTCOME__MALFORMED)
        rpc_call_fail(call, RPC_STATUS_INTERNAL, NULL, "the store takes no such command");
    else
        errand->done(call, p->result);
    proposal_release(p);
    free(errand);
}

void admin_propose(struct rpc_call *call, const Store__Command *command,
                   void (*done)(struct rpc_call *call, const Store__Result *result))
{
    struct admin_api *api = admin_api_of(call);
    struct admin_errand *errand = mem_zeroed(1, sizeof(*errand));
    errand->call = call;
    errand->done = done;
    errand->proposal.home = api->loop;
    errand->proposal.answered = errand_answered;
    proposal_fill(&errand->proposal, command);
    const int rc = replica_propose(api->replica, &errand->proposal);
    if (rc < 0) {
        proposal_release(&errand->proposal);
        free(errand);
        errand_fail(call, rc);
    }
}
