/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/admin_roster.h"

#include "admin/admin_api.h"
#include "admin/admin_propose.h"
#include "admin/admin_settings.h"
#include "presenced/admin/v1/admin.pb-c.h"
#include "replication/read.h"
#include "replication/replica.h"

/* Each asks and the other says yes (RFC 6121, 3.1): both rosters change with each command,
 * and a command that finds its change made already changes nothing. */
static const struct roster_step {
    bool is_from_user;
    Store__SubscribeKind kind;
} link_steps[] = {
    {true, STORE__SUBSCRIBE_KIND__SUBSCRIBE_ASK},
    {false, STORE__SUBSCRIBE_KIND__SUBSCRIBE_GRANT},
    {false, STORE__SUBSCRIBE_KIND__SUBSCRIBE_ASK},
    {true, STORE__SUBSCRIBE_KIND__SUBSCRIBE_GRANT},
};

struct roster_link {
    const char *user, *contact;
    uint32_t items_max;
    size_t step;
};

static void roster_link_next(struct rpc_call *call);

static void roster_linked(struct rpc_call *call, const Store__Result *result)
{
    struct roster_link *link = call->user;
    if (result->outcome == STORE__RESULT__OUTCOME__REFUSED) {
        rpc_call_fail(call, RPC_STATUS_FAILED_PRECONDITION,
                      "presencectl setting get roster.max", "the store refused it: %s",
                      result->reason);
        return;
    }
    if (++link->step < sizeof(link_steps) / sizeof(link_steps[0])) {
        roster_link_next(call);
        return;
    }
    Presenced__Admin__V1__LinkRosterResponse answer =
        PRESENCED__ADMIN__V1__LINK_ROSTER_RESPONSE__INIT;
    rpc_call_finish(call, &answer.base);
}

static void roster_link_next(struct rpc_call *call)
{
    const struct roster_link *link = call->user;
    const struct roster_step *step = &link_steps[link->step];
    const char *from = step->is_from_user ? link->user : link->contact;
    const char *to = step->is_from_user ? link->contact : link->user;

    Store__Subscribe body = STORE__SUBSCRIBE__INIT;
    Store__Command command = STORE__COMMAND__INIT;
    body.from = (char *)from;
    body.to = (char *)to;
    body.kind = step->kind;
    body.items_max = link->items_max;
    command.body_case = STORE__COMMAND__BODY_SUBSCRIBE;
    command.subscribe = &body;
    admin_propose(call, &command, roster_linked);
}

/* The user's prepared address when there is such a user; NULL after the call has failed. */
static const char *roster_user(struct rpc_call *call, const char *text)
{
    const char *name = admin_api_user(call, text);
    if (!name)
        return NULL;
    Store__UserRow *row = NULL;
    const int found =
        read_user(replica_view(admin_api_of(call)->replica), span_text(name), &row);
    if (found == 1) {
        store__user_row__free_unpacked(row, NULL);
        return name;
    }
    rpc_call_fail(call, found < 0 ? rpc_status_of_err(found) : RPC_STATUS_NOT_FOUND,
                  "presencectl user list", "there is no user %s", name);
    return NULL;
}

void admin_roster_link(struct rpc_call *call, const ProtobufCMessage *request)
{
    const Presenced__Admin__V1__LinkRosterRequest *ask = (const void *)request;
    const char *user = roster_user(call, ask->user);
    if (!user)
        return;
    const char *contact = roster_user(call, ask->contact);
    if (!contact)
        return;
    if (span_is(span_text(user), contact)) {
        rpc_call_fail(call, RPC_STATUS_INVALID_ARGUMENT, "name two users",
                      "a user is no contact of its own");
        return;
    }
    struct admin_settings settings;
    (void)admin_settings_load(&settings, replica_view(admin_api_of(call)->replica));
    struct roster_link *link = arena_zeroed(&call->arena, sizeof(*link));
    link->user = user;
    link->contact = contact;
    link->items_max = settings.roster_max;
    call->user = link;
    roster_link_next(call);
}
