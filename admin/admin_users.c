/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/admin_users.h"

#include <openssl/crypto.h>

#include "admin/admin_api.h"
#include "admin/admin_propose.h"
#include "admin/admin_settings.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "presenced/admin/v1/admin.pb-c.h"
#include "replication/read.h"
#include "replication/replica.h"

enum { PAGE_SIZE_STANDARD = 100, PAGE_SIZE_MAX = 1000 };

static void user_row_free(Store__UserRow **row)
{
    store__user_row__free_unpacked(*row, NULL);
}

static char *user_text(struct arena *arena, struct span text)
{
    return (char *)(uintptr_t)arena_copy(arena, text).ptr;
}

/* ---- Reading -------------------------------------------------------------------------- */

static Presenced__Admin__V1__User *user_make(struct arena *arena, struct span name,
                                             const Store__UserRow *row)
{
    Presenced__Admin__V1__User *user = arena_zeroed(arena, sizeof(*user));
    presenced__admin__v1__user__init(user);
    user->user = user_text(arena, name);
    user->is_disabled = row->is_disabled;
    user->created_us = row->created_us;
    user->contacts = row->roster_count;
    user->waiting_messages = row->inbox_count;
    return user;
}

static bool user_count_session(const Store__SessionRow *row, void *arg)
{
    uint32_t *count = arg;
    (void)row;
    (*count)++;
    return true;
}

/* Answers with the user as the store has it now. */
static void user_answer(struct rpc_call *call, const char *name)
{
    const struct statedb_view *view = replica_view(admin_api_of(call)->replica);
    CLEANUP(user_row_free) Store__UserRow *row = NULL;
    const int found = read_user(view, span_text(name), &row);
    if (found != 1) {
        rpc_call_fail(call, found < 0 ? rpc_status_of_err(found) : RPC_STATUS_NOT_FOUND,
                      "presencectl user list", "there is no user %s", name);
        return;
    }
    Presenced__Admin__V1__User *user = user_make(&call->arena, span_text(name), row);
    (void)read_sessions_of(view, span_text(name), user_count_session, &user->sessions);

    static const char *const mechanisms[] = {"SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512"};
    char **list = arena_zeroed(&call->arena, (row->n_verifiers + 1) * sizeof(*list));
    for (size_t i = 0; i < row->n_verifiers; i++) {
        const int kind = (int)row->verifiers[i]->kind;
        if (kind >= 1 && kind <= SCRAM_VERIFIER_KINDS)
            list[user->n_mechanisms++] = (char *)(uintptr_t)mechanisms[kind - 1];
    }
    user->mechanisms = list;
    rpc_call_finish(call, &user->base);
}

void admin_users_get(struct rpc_call *call, const ProtobufCMessage *request)
{
    const Presenced__Admin__V1__GetUserRequest *ask = (const void *)request;
    const char *name = admin_api_user(call, ask->user);
    if (name)
        user_answer(call, name);
}

struct user_page {
    struct arena *arena;
    Presenced__Admin__V1__User **users;
    size_t count, max;
    bool has_more;
};

static bool user_page_add(struct span name, const Store__UserRow *row, void *arg)
{
    struct user_page *page = arg;
    if (page->count == page->max) {
        page->has_more = true;
        return false;
    }
    page->users[page->count++] = user_make(page->arena, name, row);
    return true;
}

void admin_users_list(struct rpc_call *call, const ProtobufCMessage *request)
{
    const Presenced__Admin__V1__ListUsersRequest *ask = (const void *)request;
    const size_t wished = ask->page_size ? ask->page_size : PAGE_SIZE_STANDARD;
    struct user_page page = {.arena = &call->arena,
                             .max = wished < PAGE_SIZE_MAX ? wished : PAGE_SIZE_MAX};
    page.users = arena_zeroed(&call->arena, page.max * sizeof(void *));
    const struct span after = ask->page_token[0] ? span_text(ask->page_token) : SPAN_NONE;
    const int rc = read_users(replica_view(admin_api_of(call)->replica), after, page.max + 1,
                              user_page_add, &page);
    if (rc < 0) {
        rpc_call_fail(call, rpc_status_of_err(rc), NULL, "the store cannot be read");
        return;
    }
    Presenced__Admin__V1__ListUsersResponse answer =
        PRESENCED__ADMIN__V1__LIST_USERS_RESPONSE__INIT;
    answer.users = page.users;
    answer.n_users = page.count;
    if (page.has_more)
        answer.next_page_token = page.users[page.count - 1]->user;
    rpc_call_finish(call, &answer.base);
}

/* ---- Create and SetPassword ----------------------------------------------------------- */

struct user_change {
    Store__UserPut__Mode mode;
    const char *name;
    struct admin_password password;
};

const char *admin_users_password_fault(int rc)
{
    return rc == ERR_TOO_BIG ? "the password is too long"
                             : "the password is empty or holds characters that may not be used";
}

Store__UserPut *admin_users_row(struct arena *arena, Store__UserPut__Mode mode,
                                const char *user, const struct admin_password *password)
{
    Store__UserPut *row = arena_zeroed(arena, sizeof(*row));
    store__user_put__init(row);
    row->mode = mode;
    row->user = user_text(arena, span_text(user));
    row->verifiers = arena_zeroed(arena, SCRAM_VERIFIER_KINDS * sizeof(void *));
    for (size_t i = 0; i < SCRAM_VERIFIER_KINDS; i++) {
        const struct scram_verifier *from = &password->verifiers[i];
        const size_t key_size = scram_verifier_key_size(from->kind);
        Store__Verifier *to = arena_zeroed(arena, sizeof(*to));
        store__verifier__init(to);
        to->kind = (Store__Verifier__Kind)from->kind;
        to->iterations = from->iterations;
        to->salt.len = from->salt_size;
        to->salt.data = (uint8_t *)user_text(arena, span_of(from->salt, from->salt_size));
        to->stored_key.len = to->server_key.len = key_size;
        to->stored_key.data = (uint8_t *)user_text(arena, span_of(from->stored_key, key_size));
        to->server_key.data = (uint8_t *)user_text(arena, span_of(from->server_key, key_size));
        row->verifiers[row->n_verifiers++] = to;
    }
    return row;
}

static void user_changed(struct rpc_call *call, const Store__Result *result)
{
    const struct user_change *change = call->user;
    switch (result->outcome) {
    case STORE__RESULT__OUTCOME__EXISTS:
        rpc_call_fail(call, RPC_STATUS_ALREADY_EXISTS,
                      "presencectl user passwd sets a password", "there is a user %s already",
                      change->name);
        return;
    case STORE__RESULT__OUTCOME__NOT_FOUND:
        rpc_call_fail(call, RPC_STATUS_NOT_FOUND, "presencectl user add", "there is no user %s",
                      change->name);
        return;
    case STORE__RESULT__OUTCOME__REFUSED:
        rpc_call_fail(call, RPC_STATUS_FAILED_PRECONDITION, NULL, "the store refused it: %s",
                      result->reason);
        return;
    default:
        user_answer(call, change->name);
    }
}

static void user_derived(int rc, void *arg)
{
    struct rpc_call *call = arg;
    struct user_change *change = call->user;
    OPENSSL_cleanse((void *)(uintptr_t)change->password.password.ptr,
                    change->password.password.size);
    if (rc < 0) {
        rpc_call_fail(call, RPC_STATUS_RESOURCE_EXHAUSTED, "try again in a moment",
                      "too many passwords are being hashed");
        return;
    }
    if (change->password.rc < 0) {
        rpc_call_fail(call, RPC_STATUS_INVALID_ARGUMENT, "choose another password", "%s",
                      admin_users_password_fault(change->password.rc));
        return;
    }
    Store__Command command = STORE__COMMAND__INIT;
    command.body_case = STORE__COMMAND__BODY_USER_PUT;
    command.user_put =
        admin_users_row(&call->arena, change->mode, change->name, &change->password);
    admin_propose(call, &command, user_changed);
}

static void user_change_begin(struct rpc_call *call, Store__UserPut__Mode mode,
                              const char *user, const char *password)
{
    struct admin_api *api = admin_api_of(call);
    const char *name = admin_api_user(call, user);
    if (!name)
        return;
    struct admin_settings settings;
    (void)admin_settings_load(&settings, replica_view(api->replica));
    struct user_change *change = arena_zeroed(&call->arena, sizeof(*change));
    change->mode = mode;
    change->name = name;
    change->password.password = span_text(password); /* of the request: lives as the call */
    call->user = change;
    (void)admin_password_derive(api->pool, api->loop, settings.auth_iterations,
                                &change->password, 1, user_derived, call);
}

void admin_users_create(struct rpc_call *call, const ProtobufCMessage *request)
{
    const Presenced__Admin__V1__CreateUserRequest *ask = (const void *)request;
    user_change_begin(call, STORE__USER_PUT__MODE__CREATE, ask->user, ask->password);
}

void admin_users_set_password(struct rpc_call *call, const ProtobufCMessage *request)
{
    const Presenced__Admin__V1__SetPasswordRequest *ask = (const void *)request;
    user_change_begin(call, STORE__USER_PUT__MODE__REPLACE, ask->user, ask->password);
}

/* ---- Remove --------------------------------------------------------------------------- */

struct user_removal {
    const char *name;
    uint32_t sessions;
};

static void user_removed(struct rpc_call *call, const Store__Result *result)
{
    const struct user_removal *removal = call->user;
    if (result->outcome != STORE__RESULT__OUTCOME__DONE) {
        rpc_call_fail(call, RPC_STATUS_NOT_FOUND, "presencectl user list",
                      "there is no user %s", removal->name);
        return;
    }
    Presenced__Admin__V1__RemoveUserResponse answer =
        PRESENCED__ADMIN__V1__REMOVE_USER_RESPONSE__INIT;
    answer.sessions_ended = removal->sessions;
    rpc_call_finish(call, &answer.base);
}

void admin_users_remove(struct rpc_call *call, const ProtobufCMessage *request)
{
    const Presenced__Admin__V1__RemoveUserRequest *ask = (const void *)request;
    const char *name = admin_api_user(call, ask->user);
    if (!name)
        return;
    struct user_removal *removal = arena_zeroed(&call->arena, sizeof(*removal));
    removal->name = name;
    (void)read_sessions_of(replica_view(admin_api_of(call)->replica), span_text(name),
                           user_count_session, &removal->sessions);
    call->user = removal;

    Store__UserRemove body = STORE__USER_REMOVE__INIT;
    Store__Command command = STORE__COMMAND__INIT;
    body.user = (char *)(uintptr_t)name;
    command.body_case = STORE__COMMAND__BODY_USER_REMOVE;
    command.user_remove = &body;
    admin_propose(call, &command, user_removed);
}
