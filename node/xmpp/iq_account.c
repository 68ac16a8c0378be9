/* SPDX-License-Identifier: Apache-2.0 */
#include "node/xmpp/iq_account.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "admin/admin_settings.h"
#include "base/arena.h"
#include "base/cleanup.h"
#include "base/entropy.h"
#include "base/mem.h"
#include "base/pool.h"
#include "base/strbuf.h"
#include "node/im/im.h"
#include "node/xmpp/xmpp_front_state.h"
#include "node/xmpp/xmpp_iq.h"
#include "proto/auth/verifier_record.h"
#include "proto/xmpp/register_stanza.h"
#include "proto/xmpp/stanza_error.h"
#include "proto/xmpp/xmpp_ns.h"

/* A new password on its way through the pool:
 *
 *     account_change_start -> account_change_work (pool) -> account_change_derived -> put
 *                  iq_account_cancel ------------------->   (nobody left: freed)       */
struct iq_account_change {
    struct pool_job job; /* must stay first */

    struct xmpp_front *front; /* home loop only; NULL: cancelled */
    uint64_t n;
    struct strbuf ticket;

    uint32_t iterations; /* these are the pool's until the job comes home */
    uint8_t salts[VERIFIER_RECORD_SALTS_SIZE];
    char *password;
    size_t password_size;
    int rc;
    struct verifier_record_set set;
};

static void account_wipe(struct span secret)
{
    if (secret.size)
        OPENSSL_cleanse((void *)(uintptr_t)secret.ptr, secret.size);
}

static void account_change_free(struct iq_account_change *change)
{
    account_wipe(span_of(change->password, change->password_size));
    free(change->password);
    verifier_record_wipe(&change->set);
    strbuf_done(&change->ticket);
    free(change);
}

static void account_change_work(struct pool_job *job)
{
    struct iq_account_change *change = (struct iq_account_change *)job;
    change->rc = verifier_record_derive(span_of(change->password, change->password_size),
                                        SCRAM_VERIFIER_ALL, change->iterations, change->salts,
                                        &change->set);
}

/* Answers a request whose stanza is gone. */
static void account_change_fail(const struct iq_account_change *change,
                                enum stanza_error_condition condition)
{
    struct session *s = change->front->session;
    xmpp_iq_refuse(s, strbuf_span(&change->ticket), condition);
    session_handled(s, change->n);
}

static void account_change_put(struct iq_account_change *change)
{
    struct session *s = change->front->session;
    CLEANUP(arena_done) struct arena arena = {0};
    Store__UserPut put = STORE__USER_PUT__INIT;

    put.mode = STORE__USER_PUT__MODE__REPLACE;
    put.user = (char *)(uintptr_t)arena_copy(&arena, session_user(s)).ptr;
    put.verifiers = change->set.pointers;
    put.n_verifiers = change->set.count;
    session_put_user(s, change->n, &put, strbuf_span(&change->ticket), xmpp_iq_done);
}

static void account_change_derived(struct message *message, void *owner)
{
    struct iq_account_change *change = (struct iq_account_change *)message;
    (void)owner;

    if (change->front) {
        change->front->account_change = NULL;
        if (change->rc < 0) /* SASLprep takes it for none, or it is too long */
            account_change_fail(change, STANZA_ERROR_NOT_ACCEPTABLE);
        else
            account_change_put(change);
    }
    account_change_free(change);
}

/* The pool or the loop has ended, and with them the front. */
static void account_change_dropped(struct message *message)
{
    account_change_free((struct iq_account_change *)message);
}

static void account_change_start(struct xmpp_iq *iq, struct span password)
{
    struct xmpp_front *f = iq->front;
    struct admin_settings settings;
    (void)admin_settings_load(&settings, xmpp_iq_view(iq)); /* what is unreadable: default */

    struct iq_account_change *change = mem_zeroed(1, sizeof(*change));
    *change = (struct iq_account_change){
        .job = {.done = {.deliver = account_change_derived, .discard = account_change_dropped},
                .work = account_change_work,
                .home = im_worker_loop(f->worker)},
        .front = f,
        .n = iq->n,
        .iterations = settings.auth_iterations,
        .password = mem_text(password.ptr, password.size),
        .password_size = password.size};
    entropy_fill(change->salts, sizeof(change->salts));
    xmpp_iq_ticket(iq, &change->ticket);
    if (pool_submit(f->pool, &change->job) < 0) {
        account_change_free(change);
        xmpp_iq_fail(iq, STANZA_ERROR_RESOURCE_CONSTRAINT);
        return;
    }
    f->account_change = change;
    session_defer(f->session, iq->n);
}

void iq_account_cancel(struct xmpp_front *f, bool has_session)
{
    struct iq_account_change *change = f->account_change;
    if (!change)
        return;
    f->account_change = NULL;
    if (has_session)
        account_change_fail(change, STANZA_ERROR_RESOURCE_CONSTRAINT);
    change->front = NULL;
}

/* The local part of the user's own address. */
static struct span account_local(const struct xmpp_front *f)
{
    const struct span user = span_text(f->user);
    return span_first(user, span_index(user, '@'));
}

static bool account_is_own(const struct xmpp_front *f, struct span username)
{
    struct address_part storage;
    struct span local;
    return address_local(username, &storage, &local) == 0 &&
           span_equal(local, account_local(f));
}

static void account_set(struct xmpp_iq *iq, const struct register_stanza *wanted)
{
    switch (wanted->request) {
    case REGISTER_STANZA_MALFORMED:
        xmpp_iq_fail(iq, STANZA_ERROR_BAD_REQUEST);
        return;
    case REGISTER_STANZA_REMOVE:
        xmpp_iq_fail(iq, STANZA_ERROR_NOT_ALLOWED);
        return;
    case REGISTER_STANZA_PASSWORD:
        break;
    }
    if (!account_is_own(iq->front, wanted->username))
        xmpp_iq_fail(iq, STANZA_ERROR_NOT_ALLOWED);
    else if (iq->front->account_change) /* one at a time */
        xmpp_iq_fail(iq, STANZA_ERROR_RESOURCE_CONSTRAINT);
    else
        account_change_start(iq, wanted->password);
}

/* The arena that holds the stanza is freed unwiped. */
static void account_wipe_stanza(const struct xml_node *payload,
                                const struct register_stanza *wanted)
{
    const struct xml_node *password = xml_node_child(payload, "password", XMPP_NS_REGISTER);
    for (const struct xml_node *c = password ? password->first_child : NULL; c; c = c->next)
        account_wipe(c->text);
    if (wanted->request == REGISTER_STANZA_PASSWORD) /* of several pieces: a copy */
        account_wipe(wanted->password);
}

void iq_account_handle(struct xmpp_iq *iq, const struct xml_node *payload)
{
    struct register_stanza wanted;

    if (iq->stanza->type == STANZA_GET) {
        xmpp_iq_result(iq, register_stanza_form(iq->arena, account_local(iq->front)));
        return;
    }
    register_stanza_parse(payload, iq->arena, &wanted);
    account_set(iq, &wanted);
    account_wipe_stanza(payload, &wanted);
}
