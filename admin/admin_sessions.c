/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/admin_sessions.h"

#include "admin/admin_api.h"
#include "admin/admin_hooks.h"
#include "admin/admin_propose.h"
#include "admin/node_config.h"
#include "base/err.h"
#include "base/mem.h"
#include "presenced/admin/v1/admin.pb-c.h"
#include "replication/read.h"
#include "replication/replica.h"

struct session_ask {
    struct admin_hooks_ask ask; /* must stay first */
    struct rpc_call *call;
};

/* A question for the node's workers; without workers it is answered at once. */
static void sessions_ask(struct rpc_call *call, enum admin_hooks_verb verb, const char *user,
                         const char *resource,
                         void (*answered)(struct admin_hooks_ask *ask, void *owner))
{
    struct admin_api *api = admin_api_of(call);
    struct session_ask *self = mem_zeroed(1, sizeof(*self));
    self->call = call;
    self->ask.home = api->loop;
    self->ask.verb = verb;
    self->ask.user = user;
    self->ask.resource = resource;
    self->ask.rows_max = ADMIN_HOOKS_SESSIONS_MAX;
    self->ask.answered = answered;
    const int rc = api->hooks->ask ? api->hooks->ask(&self->ask, api->hooks->arg) : 0;
    if (rc < 0 || !api->hooks->ask) {
        self->ask.rc = rc;
        admin_hooks_answer(&self->ask);
    }
}

static struct rpc_call *sessions_answered(struct admin_hooks_ask *ask)
{
    struct rpc_call *call = ((struct session_ask *)(void *)ask)->call;
    if (ask->rc == 0)
        return call;
    rpc_call_fail(call, rpc_status_of_err(ask->rc), "try again in a moment",
                  "the node's workers could not be asked: %s", err_name(ask->rc));
    admin_hooks_ask_done(ask);
    free(ask);
    return NULL;
}

/* ---- List ----------------------------------------------------------------------------- */

struct session_list {
    struct rpc_call *call;
    const struct admin_hooks_ask *ask;
    Presenced__Admin__V1__Session **sessions;
    size_t count;
    bool has_more;
};

static char *session_text(struct arena *arena, const char *text)
{
    return (char *)(uintptr_t)arena_copy(arena, span_text(text ? text : "")).ptr;
}

static Presenced__Admin__V1__Session *session_add(struct session_list *list)
{
    if (list->count == ADMIN_HOOKS_SESSIONS_MAX) {
        list->has_more = true;
        return NULL;
    }
    Presenced__Admin__V1__Session *session = arena_zeroed(&list->call->arena, sizeof(*session));
    presenced__admin__v1__session__init(session);
    list->sessions[list->count++] = session;
    return session;
}

static void session_add_live(struct session_list *list, const struct admin_hooks_session *row)
{
    struct arena *arena = &list->call->arena;
    Presenced__Admin__V1__Session *session = session_add(list);
    if (!session)
        return;
    session->session_id.len = sizeof(row->id);
    session->session_id.data = arena_zeroed(arena, sizeof(row->id));
    memcpy(session->session_id.data, row->id, sizeof(row->id));
    session->user = session_text(arena, row->user);
    session->resource = session_text(arena, row->resource);
    session->node = session_text(arena, admin_api_of(list->call)->node->name);
    session->protocol = session_text(arena, row->protocol);
    session->address = session_text(arena, row->address);
    session->tls = session_text(arena, row->tls);
    session->show = session_text(arena, row->show);
    session->priority = row->priority;
    session->since_us = row->since_us;
    session->is_online = row->is_online;
    session->unacked = row->unacked_count;
}

/* What the store has and no worker: waits for its client. */
static bool session_add_stored(const Store__SessionRow *row, void *arg)
{
    struct session_list *list = arg;
    struct arena *arena = &list->call->arena;
    if (!admin_hooks_matches(list->ask, row->user, row->resource))
        return true;
    for (size_t i = 0; i < list->ask->row_count; i++)
        if (row->session_id.len == ADMIN_HOOKS_ID_SIZE &&
            memcmp(list->ask->rows[i].id, row->session_id.data, ADMIN_HOOKS_ID_SIZE) == 0)
            return true;
    Presenced__Admin__V1__Session *session = session_add(list);
    if (!session)
        return false;
    const struct span id =
        arena_copy(arena, span_of(row->session_id.data, row->session_id.len));
    session->session_id =
        (ProtobufCBinaryData){.len = id.size, .data = (uint8_t *)(uintptr_t)id.ptr};
    session->user = session_text(arena, row->user);
    session->resource = session_text(arena, row->resource);
    session->since_us = row->claimed_us;
    return true;
}

static void sessions_listed(struct admin_hooks_ask *ask, void *owner)
{
    (void)owner;
    struct rpc_call *call = sessions_answered(ask);
    if (!call)
        return;
    struct session_list list = {.call = call, .ask = ask, .has_more = ask->has_more};
    list.sessions = arena_zeroed(&call->arena, ADMIN_HOOKS_SESSIONS_MAX * sizeof(void *));
    for (size_t i = 0; i < ask->row_count; i++)
        session_add_live(&list, &ask->rows[i]);
    const struct statedb_view *view = replica_view(admin_api_of(call)->replica);
    const int rc = ask->user
                       ? read_sessions_of(view, span_text(ask->user), session_add_stored, &list)
                       : read_sessions(view, session_add_stored, &list);
    if (rc < 0) {
        rpc_call_fail(call, rpc_status_of_err(rc), NULL, "the store cannot be read");
    } else {
        Presenced__Admin__V1__ListSessionsResponse answer =
            PRESENCED__ADMIN__V1__LIST_SESSIONS_RESPONSE__INIT;
        answer.sessions = list.sessions;
        answer.n_sessions = list.count;
        answer.has_more = list.has_more;
        rpc_call_finish(call, &answer.base);
    }
    admin_hooks_ask_done(ask);
    free(ask);
}

void admin_sessions_list(struct rpc_call *call, const ProtobufCMessage *request)
{
    const Presenced__Admin__V1__ListSessionsRequest *ask = (const void *)request;
    const char *user = NULL;
    if (ask->user[0]) {
        user = admin_api_user(call, ask->user);
        if (!user)
            return;
    }
    sessions_ask(call, ADMIN_HOOKS_LIST, user, NULL, sessions_listed);
}

/* ---- End ------------------------------------------------------------------------------ */

enum { SESSIONS_OF_USER_MAX = 1000 };

struct session_ending {
    const char *user, *resource; /* resource NULL: all */
    uint64_t ended;
    struct session_ended {
        uint8_t id[ADMIN_HOOKS_ID_SIZE];
        uint64_t epoch;
    } left[SESSIONS_OF_USER_MAX]; /* in the store, ended one by one */
    size_t left_count, next;
};

static bool session_note_left(const Store__SessionRow *row, void *arg)
{
    struct session_ending *ending = arg;
    if (ending->resource && strcmp(ending->resource, row->resource) != 0)
        return true;
    if (row->session_id.len != ADMIN_HOOKS_ID_SIZE)
        return true;
    struct session_ended *left = &ending->left[ending->left_count++];
    memcpy(left->id, row->session_id.data, ADMIN_HOOKS_ID_SIZE);
    left->epoch = row->epoch;
    return ending->left_count < SESSIONS_OF_USER_MAX;
}

static void session_end_next(struct rpc_call *call);

static void session_ended(struct rpc_call *call, const Store__Result *result)
{
    struct session_ending *ending = call->user;
    ending->ended += result->outcome == STORE__RESULT__OUTCOME__DONE;
    session_end_next(call);
}

static void session_end_next(struct rpc_call *call)
{
    struct session_ending *ending = call->user;
    if (ending->next == ending->left_count) {
        Presenced__Admin__V1__EndSessionsResponse answer =
            PRESENCED__ADMIN__V1__END_SESSIONS_RESPONSE__INIT;
        answer.ended = ending->ended;
        rpc_call_finish(call, &answer.base);
        return;
    }
    struct session_ended *left = &ending->left[ending->next++];
    Store__SessionEnd body = STORE__SESSION_END__INIT;
    Store__Command command = STORE__COMMAND__INIT;
    body.session_id = (ProtobufCBinaryData){.len = sizeof(left->id), .data = left->id};
    body.epoch = left->epoch;
    command.body_case = STORE__COMMAND__BODY_SESSION_END;
    command.session_end = &body;
    admin_propose(call, &command, session_ended);
}

static void sessions_ended(struct admin_hooks_ask *ask, void *owner)
{
    (void)owner;
    struct rpc_call *call = sessions_answered(ask);
    if (!call)
        return;
    struct session_ending *ending = call->user;
    ending->ended = ask->ended_count;
    admin_hooks_ask_done(ask);
    free(ask);
    const int rc = read_sessions_of(replica_view(admin_api_of(call)->replica),
                                    span_text(ending->user), session_note_left, ending);
    if (rc < 0)
        rpc_call_fail(call, rpc_status_of_err(rc), NULL, "the store cannot be read");
    else
        session_end_next(call);
}

void admin_sessions_end(struct rpc_call *call, const ProtobufCMessage *request)
{
    const Presenced__Admin__V1__EndSessionsRequest *ask = (const void *)request;
    const char *user = admin_api_user(call, ask->user);
    if (!user)
        return;
    struct session_ending *ending = arena_zeroed(&call->arena, sizeof(*ending));
    ending->user = user;
    ending->resource = ask->resource[0] ? ask->resource : NULL;
    call->user = ending;
    sessions_ask(call, ask->revoke ? ADMIN_HOOKS_REVOKE : ADMIN_HOOKS_END, user,
                 ending->resource, sessions_ended);
}
