/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/admin_import.h"

#include <openssl/crypto.h>

#include "admin/admin_api.h"
#include "admin/admin_password.h"
#include "admin/admin_propose.h"
#include "admin/admin_settings.h"
#include "admin/admin_users.h"
#include "base/err.h"
#include "base/hashmap.h"
#include "presenced/admin/v1/admin.pb-c.h"
#include "replication/replica.h"

struct import {
    const Presenced__Admin__V1__ImportUsersRequest *ask;
    /* Of the accepted rows, side by side. */
    const char **users;
    uint32_t *lines;
    struct admin_password *passwords;
    struct admin_password_list *hashing; /* NULL: not, or no longer */
    size_t count;
    size_t *proposed; /* which of them the command has */
    size_t proposed_count;
    Presenced__Admin__V1__ImportRefusal **refused;
    size_t refused_count;
};

static void import_refuse(struct rpc_call *call, uint32_t line, const char *user,
                          enum rpc_status status, const char *reason)
{
    struct import *import = call->user;
    Presenced__Admin__V1__ImportRefusal *refusal = arena_zeroed(&call->arena, sizeof(*refusal));
    presenced__admin__v1__import_refusal__init(refusal);
    refusal->line = line;
    refusal->user = (char *)(uintptr_t)user;
    refusal->code = (char *)(uintptr_t)rpc_status_name((int)status);
    refusal->reason = (char *)(uintptr_t)reason;
    import->refused[import->refused_count++] = refusal;
}

static void import_finish(struct rpc_call *call)
{
    const struct import *import = call->user;
    Presenced__Admin__V1__ImportUsersResponse answer =
        PRESENCED__ADMIN__V1__IMPORT_USERS_RESPONSE__INIT;
    answer.created = (uint32_t)(import->ask->n_rows - import->refused_count);
    answer.refused = import->refused;
    answer.n_refused = import->refused_count;
    rpc_call_finish(call, &answer.base);
}

static void import_applied(struct rpc_call *call, const Store__Result *result)
{
    struct import *import = call->user;
    for (size_t i = 0; i < import->proposed_count; i++) {
        const size_t row = import->proposed[i];
        const Store__Result__Outcome outcome =
            i < result->n_rows ? result->rows[i] : STORE__RESULT__OUTCOME__MALFORMED;
        if (outcome == STORE__RESULT__OUTCOME__EXISTS)
            import_refuse(call, import->lines[row], import->users[row],
                          RPC_STATUS_ALREADY_EXISTS, "there is such a user already");
        else if (outcome != STORE__RESULT__OUTCOME__DONE)
            import_refuse(call, import->lines[row], import->users[row], RPC_STATUS_INTERNAL,
                          "the store refused it");
    }
    import_finish(call);
}

static void import_derived(int rc, void *arg)
{
    struct rpc_call *call = arg;
    struct import *import = call->user;
    import->hashing = NULL;
    for (size_t i = 0; i < import->count; i++)
        OPENSSL_cleanse((void *)(uintptr_t)import->passwords[i].password.ptr,
                        import->passwords[i].password.size);
    if (rc == ERR_CLOSED) {
        rpc_call_fail(call, RPC_STATUS_CANCELLED, NULL, "nobody waits for it");
        return;
    }
    if (rc < 0) {
        rpc_call_fail(call, RPC_STATUS_RESOURCE_EXHAUSTED, "try again in a moment",
                      "too many passwords are being hashed");
        return;
    }
    Store__UserImport body = STORE__USER_IMPORT__INIT;
    body.rows = arena_zeroed(&call->arena, (import->count + 1) * sizeof(void *));
    for (size_t i = 0; i < import->count; i++) {
        if (import->passwords[i].rc < 0) {
            import_refuse(call, import->lines[i], import->users[i], RPC_STATUS_INVALID_ARGUMENT,
                          admin_users_password_fault(import->passwords[i].rc));
            continue;
        }
        import->proposed[import->proposed_count++] = i;
        body.rows[body.n_rows++] = admin_users_row(&call->arena, STORE__USER_PUT__MODE__CREATE,
                                                   import->users[i], &import->passwords[i]);
    }
    if (body.n_rows == 0) {
        import_finish(call);
        return;
    }
    Store__Command command = STORE__COMMAND__INIT;
    command.body_case = STORE__COMMAND__BODY_USER_IMPORT;
    command.user_import = &body;
    admin_propose(call, &command, import_applied);
}

/* The administrator left, or the node stops: what is not proposed yet is not worth seconds
 * of hashing. */
static void import_gone(struct rpc_call *call)
{
    const struct import *import = call->user;
    if (import->hashing)
        admin_password_stop(import->hashing);
}

/* Which rows are worth hashing. */
static void import_sift(struct rpc_call *call, const char *domain)
{
    struct import *import = call->user;
    struct hashmap seen = {0};
    for (size_t i = 0; i < import->ask->n_rows; i++) {
        const Presenced__Admin__V1__ImportRow *row = import->ask->rows[i];
        const char *wrong = NULL;
        const char *user = admin_api_user_in(&call->arena, domain, row->user, &wrong);
        if (!user) {
            import_refuse(call, row->line, row->user, RPC_STATUS_INVALID_ARGUMENT, wrong);
            continue;
        }
        if (hashmap_set(&seen, span_text(user), import)) {
            import_refuse(call, row->line, user, RPC_STATUS_ALREADY_EXISTS,
                          "the user stands twice in the list");
            continue;
        }
        import->users[import->count] = user;
        import->lines[import->count] = row->line;
        import->passwords[import->count].password = span_text(row->password);
        import->count++;
    }
    hashmap_done(&seen);
}

void admin_import_users(struct rpc_call *call, const ProtobufCMessage *request)
{
    const Presenced__Admin__V1__ImportUsersRequest *ask = (const void *)request;
    struct admin_api *api = admin_api_of(call);
    if (ask->n_rows > ADMIN_IMPORT_ROWS_MAX) {
        rpc_call_fail(call, RPC_STATUS_INVALID_ARGUMENT, "send the list in pieces",
                      "more than %d rows in one call", (int)ADMIN_IMPORT_ROWS_MAX);
        return;
    }
    const char *domain = admin_api_domain(call);
    if (!domain) {
        rpc_call_fail(call, RPC_STATUS_FAILED_PRECONDITION,
                      "presencectl cluster init --domain DOMAIN",
                      "the cluster is not initialised");
        return;
    }
    const size_t max = ask->n_rows + 1;
    struct import *import = arena_zeroed(&call->arena, sizeof(*import));
    import->ask = ask;
    import->users = arena_zeroed(&call->arena, max * sizeof(*import->users));
    import->lines = arena_zeroed(&call->arena, max * sizeof(*import->lines));
    import->passwords = arena_zeroed(&call->arena, max * sizeof(*import->passwords));
    import->proposed = arena_zeroed(&call->arena, max * sizeof(*import->proposed));
    import->refused = arena_zeroed(&call->arena, max * sizeof(void *));
    call->user = import;
    import_sift(call, domain);

    struct admin_settings settings;
    (void)admin_settings_load(&settings, replica_view(api->replica));
    call->gone = import_gone;
    import->hashing =
        admin_password_derive(api->pool, api->loop, settings.auth_iterations, import->passwords,
                              import->count, import_derived, call);
}
