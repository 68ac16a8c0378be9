/* SPDX-License-Identifier: Apache-2.0 */
#include "node/im/binding.h"

#include <stdlib.h>
#include <string.h>

#include "base/entropy.h"
#include "base/err.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/monoclock.h"
#include "node/im/availability.h"
#include "node/im/farewell.h"
#include "node/im/im_worker.h"
#include "node/im/inbox.h"
#include "node/im/intake.h"
#include "node/im/output.h"
#include "node/im/session_state.h"
#include "node/im/user.h"
#include "replication/read.h"
#include "replication/replica.h"

enum {
    CLAIM_RETRY_MS = 200,
    CLAIM_TRIES_MAX = 50, /* of one whose outcome is not known: 10 s */
    GRACE_MS = 30000,     /* M14: contacts see no gap when a resource is taken over */
    MADE_RESOURCE_SIZE = 8,
    BINDING_DETACHED_MAX = 64, /* named in one claim */
};

struct session_request {
    struct proposal proposal;     /* first */
    struct message later;         /* answers after the current callback */
    struct session_request *next; /* of the user */
    struct im_worker *worker;
    struct user *user; /* NULL: a resume without a living session */
    char *user_name;
    struct session *session; /* to be resumed */
    char id[SESSION_ID_SIZE];
    char *resource;
    const struct front *front;
    void *arg;
    session_bound_fn bound;
    session_resumed_fn resumed;
    uint64_t h;     /* full count the client told */
    uint64_t epoch; /* expected */
    uint64_t failed_h;
    unsigned tries;
    int rc;
    enum session_resumed outcome;
    struct wheel_timer retry;
    bool is_cancelled;
};

static struct session_request *binding_new(struct im_worker *w, struct span user,
                                           const struct front *front, void *arg)
{
    struct session_request *r = mem_zeroed(1, sizeof(*r));
    r->worker = w;
    r->user_name = mem_text(user.ptr, user.size);
    r->front = front;
    r->arg = arg;
    w->pending++;
    return r;
}

static void binding_attach_user(struct session_request *r, struct user *u)
{
    r->user = u;
    r->next = u->requests;
    u->requests = r;
}

static void binding_free(struct session_request *r)
{
    struct im_worker *w = r->worker;
    if (r->user) {
        struct session_request **link = &r->user->requests;
        while (*link != r)
            link = &(*link)->next;
        *link = r->next;
        user_release(r->user);
    }
    wheel_cancel(loop_wheel(w->loop), &r->retry);
    proposal_release(&r->proposal);
    free(r->user_name);
    free(r->resource);
    free(r);
    w->pending--;
    im_worker_settled(w);
}

bool binding_expects(const struct user *u, struct span resource)
{
    for (const struct session_request *r = u->requests; r; r = r->next)
        if (r->bound && span_is(resource, r->resource))
            return true;
    return false;
}

/* Answers, from wherever, and frees. */
static void binding_answer_bind(struct session_request *r, int rc, struct session *s)
{
    const session_bound_fn bound = r->bound;
    void *arg = r->arg;
    const bool is_cancelled = r->is_cancelled;
    binding_free(r);
    if (!is_cancelled)
        bound(arg, rc, s);
    else if (s)
        farewell_close(s);
}

static void binding_answer_resume(struct session_request *r, enum session_resumed outcome,
                                  struct session *s, uint64_t h)
{
    const session_resumed_fn resumed = r->resumed;
    void *arg = r->arg;
    const bool is_cancelled = r->is_cancelled;
    binding_free(r);
    if (!is_cancelled)
        resumed(arg, outcome, s, h);
}

static void binding_later(struct message *m, void *owner)
{
    (void)owner;
    struct session_request *r =
        (struct session_request *)((char *)m - offsetof(struct session_request, later));
    if (r->bound)
        binding_answer_bind(r, r->rc, NULL);
    else
        binding_answer_resume(r, r->outcome, NULL, r->failed_h);
}

static void binding_later_discard(struct message *m)
{
    binding_free(
        (struct session_request *)((char *)m - offsetof(struct session_request, later)));
}

static void binding_answer_later(struct session_request *r)
{
    r->later.deliver = binding_later;
    r->later.discard = binding_later_discard;
    loop_later(r->worker->loop, &r->later);
}

/* ---- Claims --------------------------------------------------------------------------- */

static void binding_claim(struct session_request *r);
static void binding_claimed(struct session_request *r);

static void binding_retry(struct wheel_timer *t, void *arg)
{
    (void)t;
    binding_claim(arg);
}

static void binding_answered(struct proposal *p, void *owner)
{
    (void)owner;
    struct session_request *r = (struct session_request *)p;
    /* Not known whether it was committed: the same again, and the row says. */
    if (p->rc == ERR_UNKNOWN && (r->bound || r->session) && r->tries++ < CLAIM_TRIES_MAX) {
        r->retry.expired = binding_retry;
        r->retry.arg = r;
        wheel_set(loop_wheel(r->worker->loop), &r->retry,
                  im_worker_now_ms(r->worker) + CLAIM_RETRY_MS);
        return;
    }
    binding_claimed(r);
}

static void binding_propose(struct session_request *r, const Store__Command *command)
{
    proposal_fill(&r->proposal, command);
    r->proposal.home = r->worker->loop;
    r->proposal.answered = binding_answered;
    int rc = r->proposal.rc;
    if (rc == 0)
        rc = replica_propose(im_replica(r->worker->im), &r->proposal);
    if (rc == 0)
        return;
    r->rc = rc;
    r->outcome = SESSION_RESUME_BUSY;
    if (r->session) {
        struct session *s = r->session;
        r->session = NULL;
        s->claim_count--;
        s->is_resuming = false;
        if (s->is_ending)
            farewell_settle(s);
        else
            farewell_wait(s);
    }
    binding_answer_later(r);
}

/* The user's sessions without a client: over the limit they go before the others. */
static size_t binding_detached(const struct session_request *r, ProtobufCBinaryData *ids,
                               size_t count_max)
{
    const struct user *u = user_find(r->worker, span_text(r->user_name));
    size_t count = 0;
    for (struct session *s = u ? u->sessions : NULL; s && count < count_max; s = s->next)
        if (!s->front)
            ids[count++] = (ProtobufCBinaryData){SESSION_ID_SIZE, (uint8_t *)s->id};
    return count;
}

static void binding_claim(struct session_request *r)
{
    const struct im_worker *w = r->worker;
    ProtobufCBinaryData detached[BINDING_DETACHED_MAX];
    Store__SessionClaim claim = STORE__SESSION_CLAIM__INIT;
    claim.session_id.data = (uint8_t *)r->id;
    claim.session_id.len = SESSION_ID_SIZE;
    claim.user = r->user_name;
    claim.resource = r->resource;
    claim.node_id = w->im->config.node_id;
    claim.node_epoch = w->im->config.node_epoch;
    claim.expected_epoch = r->epoch;
    claim.client_h = r->h;
    claim.is_resumable = r->epoch != 0;
    claim.sessions_max = w->settings.sessions_max;
    claim.detached = detached;
    claim.n_detached = r->epoch ? 0 : binding_detached(r, detached, BINDING_DETACHED_MAX);
    Store__Command command = STORE__COMMAND__INIT;
    command.body_case = STORE__COMMAND__BODY_SESSION_CLAIM;
    command.session_claim = &claim;
    binding_propose(r, &command);
}

/* The row of the claim, if it holds: by its answer, or, for one whose outcome was unknown,
 * because the store shows it. */
static Store__SessionRow *binding_row(struct session_request *r)
{
    Store__SessionRow *row = NULL;
    if (r->proposal.rc < 0)
        return NULL;
    const bool is_done = r->proposal.result->outcome == STORE__RESULT__OUTCOME__DONE;
    if (!is_done && r->tries == 0)
        return NULL;
    if (read_session(im_view(r->worker->im), span_of(r->id, SESSION_ID_SIZE), &row) < 1)
        return NULL;
    if (row->ended_us == 0 && row->epoch == r->epoch + 1 &&
        row->node_id == r->worker->im->config.node_id)
        return row;
    store__session_row__free_unpacked(row, NULL);
    return NULL;
}

/* ---- Bind ----------------------------------------------------------------------------- */

static void binding_grace_over(struct wheel_timer *t, void *arg)
{
    (void)t;
    struct session *s = arg;
    if (s->presence)
        return;
    availability_gone(s);
    inbox_spread(s->user);
}

static struct session *binding_session(struct session_request *r, const Store__SessionRow *row)
{
    struct im_worker *w = r->worker;
    struct session *s = mem_zeroed(1, sizeof(*s));
    s->worker = w;
    s->user = r->user;
    s->user->pending++;
    w->pending++;
    memcpy(s->id, r->id, SESSION_ID_SIZE);
    const struct span bare = user_name(r->user);
    const struct span resource = span_of(r->resource, strlen(r->resource));
    s->address = mem_zeroed(bare.size + resource.size + 2, 1);
    memcpy(s->address, bare.ptr, bare.size);
    s->address[bare.size] = '/';
    memcpy(s->address + bare.size + 1, resource.ptr, resource.size);
    s->bare = span_of(s->address, bare.size);
    s->resource = span_of(s->address + bare.size + 1, resource.size);
    s->epoch = row->epoch;
    s->front = r->front;
    s->arg = r->arg;
    s->bound_us = wallclock_us();
    return s;
}

static int binding_refusal(const Store__Result *result)
{
    if (result->outcome == STORE__RESULT__OUTCOME__REFUSED)
        return span_is(span_text(result->reason), "disabled") ? ERR_DENIED : ERR_NOT_FOUND;
    return ERR_CLOSED;
}

static void binding_bound(struct session_request *r)
{
    struct im_worker *w = r->worker;
    struct user *u = r->user;
    Store__SessionRow *row = binding_row(r);
    if (!row) {
        const int rc =
            r->proposal.rc < 0 ? r->proposal.rc : binding_refusal(r->proposal.result);
        binding_answer_bind(r, rc, NULL);
        return;
    }
    struct session *s = binding_session(r, row);
    struct session *former = user_session(u, s->resource);
    if (former) {
        availability_inherit(s, former);
        farewell_replaced(former, s);
        if (s->shown) {
            s->timer.expired = binding_grace_over;
            s->timer.arg = s;
            wheel_set(loop_wheel(w->loop), &s->timer, im_worker_now_ms(w) + GRACE_MS);
        }
    }
    /* Everything up to the claim is behind us before the session is shown anything. */
    if (row->claim_index > w->feed.position)
        feed_follow(w, row->claim_index);
    store__session_row__free_unpacked(row, NULL);
    user_add_session(u, s);
    hashmap_set(&w->sessions, session_id(s), s);
    im_worker_count(w, IM_WORKER_SESSIONS, 1);
    if (w->is_closing) {
        /* The worker has ended all others; nobody has heard of this one yet. */
        s->front = NULL;
        im_worker_count(w, IM_WORKER_DETACHED, 1);
        farewell_end(s, SESSION_END_SHUTDOWN);
        binding_answer_bind(r, ERR_CLOSED, NULL);
        return;
    }
    log_debug("im: session bound", LOG_SPAN("address", session_address(s)));
    binding_answer_bind(r, 0, s);
}

void binding_bind(struct im_worker *w, struct span user, struct span resource,
                  const struct front *front, void *arg, session_bound_fn bound,
                  struct session_request **ret_request)
{
    struct session_request *r = binding_new(w, user, front, arg);
    *ret_request = r;
    r->bound = bound;
    entropy_fill(r->id, sizeof(r->id));
    if (resource.size) {
        r->resource = mem_text(resource.ptr, resource.size);
    } else {
        unsigned char random[MADE_RESOURCE_SIZE];
        struct strbuf made = {0};
        entropy_fill(random, sizeof(random));
        for (size_t i = 0; i < sizeof(random); i++)
            strbuf_printf(&made, "%02x", random[i]);
        r->resource = strbuf_steal(&made);
    }
    struct user *u = NULL;
    r->rc = w->is_open && !w->is_closing ? user_open(w, user, &u) : ERR_CLOSED;
    if (r->rc < 0) {
        binding_answer_later(r);
        return;
    }
    binding_attach_user(r, u);
    /* What a session that is about to be replaced knows goes before the claim: the store
     * listens to it no more after that. */
    for (struct session *s = u->sessions; s; s = s->next)
        if (s->is_in_progress)
            progress_flush_session(s);
    binding_claim(r);
}

/* ---- Resume --------------------------------------------------------------------------- */

void binding_complete(struct session *s)
{
    struct session_request *r = s->resume;
    s->resume = NULL;
    if (r->is_cancelled) {
        farewell_wait(s);
        binding_free(r);
        return;
    }
    wheel_cancel(loop_wheel(s->worker->loop), &s->timer);
    s->front = r->front;
    s->arg = r->arg;
    im_worker_count(s->worker, IM_WORKER_DETACHED, -1);
    s->is_window_closed = false;
    s->safe_told = inbound_safe_h(&s->inbound);
    outbound_set_active(&s->outbound, true); /* XEP-0352: not restored */
    binding_answer_resume(r, SESSION_RESUMED, s, s->safe_told);
    if (s->front) {
        outbound_thaw(&s->outbound);
        output_pump(s);
    }
}

void binding_failed(struct session *s)
{
    struct session_request *r = s->resume;
    s->resume = NULL;
    binding_answer_resume(r, SESSION_RESUME_UNKNOWN, NULL, 0);
}

/* The claim held: the marks up to h left the inbox with it, later ones are forgotten. */
static void binding_renumber(struct session *s, uint64_t h)
{
    struct outbound_item *items = outbound_resume(&s->outbound, h);
    while (items) {
        struct outbound_item *item = items;
        items = item->next;
        if (item->message) {
            user_row_confirm(s->user, item->message);
            if (item->is_marked)
                user_row_forget(s->user, item->message);
            else
                progress_confirm(s, item->message, false);
        }
        outbound_item_free(item);
    }
    s->acked_stored = h;
}

static void binding_resumed(struct session_request *r)
{
    struct session *s = r->session;
    Store__SessionRow *row = binding_row(r);
    r->session = NULL;
    s->claim_count--;
    s->is_resuming = false;
    if (row)
        s->epoch = row->epoch;
    if (s->is_ending) {
        if (row)
            store__session_row__free_unpacked(row, NULL);
        binding_answer_resume(r, SESSION_RESUME_UNKNOWN, NULL, 0);
        farewell_settle(s);
        return;
    }
    if (!row) {
        const bool is_busy = r->proposal.rc < 0;
        binding_answer_resume(r, is_busy ? SESSION_RESUME_BUSY : SESSION_RESUME_UNKNOWN, NULL,
                              0);
        if (is_busy)
            farewell_wait(s);
        else
            farewell_fence(s);
        return;
    }
    store__session_row__free_unpacked(row, NULL);
    binding_renumber(s, r->h);
    s->resume = r;
    farewell_wait(s);
    intake_pump(s);
    intake_moved(s);
}

static void binding_ended(struct session_request *r)
{
    const Store__Result *result = r->proposal.result;
    if (r->proposal.rc < 0) {
        binding_answer_resume(r, SESSION_RESUME_BUSY, NULL, 0);
        return;
    }
    const bool is_known = result->session != NULL;
    const uint64_t h = is_known ? inbound_stored_h(result->session->safe) : r->failed_h;
    binding_answer_resume(r, SESSION_RESUME_FAILED, NULL, h);
}

static void binding_claimed(struct session_request *r)
{
    if (r->bound)
        binding_bound(r);
    else if (r->session)
        binding_resumed(r);
    else
        binding_ended(r);
}

/* h modulo 2^32 against what the row knows; the store forgets marks up to it. */
static uint64_t binding_full_h(uint64_t known, uint32_t h)
{
    const uint32_t ahead = h - (uint32_t)known;
    return ahead < UINT32_MAX / 2 ? known + ahead : known;
}

static void binding_end_row(struct session_request *r, const Store__SessionRow *row, uint32_t h)
{
    Store__SessionEnd end = STORE__SESSION_END__INIT;
    end.session_id.data = (uint8_t *)r->id;
    end.session_id.len = SESSION_ID_SIZE;
    end.epoch = row->epoch;
    end.has_client_h = true;
    end.client_h = binding_full_h(row->client_h, h);
    end.is_resume_failed = true;
    r->failed_h = inbound_stored_h(row->safe);
    Store__Command command = STORE__COMMAND__INIT;
    command.body_case = STORE__COMMAND__BODY_SESSION_END;
    command.session_end = &end;
    binding_propose(r, &command);
}

/* Nobody has the session in memory: it is over, but what arrived counts. */
static void binding_resume_row(struct session_request *r, uint32_t h)
{
    Store__SessionRow *row = NULL;
    r->outcome = SESSION_RESUME_UNKNOWN;
    const int rc = read_session(im_view(r->worker->im), span_of(r->id, SESSION_ID_SIZE), &row);
    if (rc == 1 && strcmp(row->user, r->user_name) == 0)
        binding_end_row(r, row, h);
    else
        binding_answer_later(r);
    if (row)
        store__session_row__free_unpacked(row, NULL);
}

void binding_resume(struct im_worker *w, struct span user, struct span session_id,
                    uint32_t client_h, const struct front *front, void *arg,
                    session_resumed_fn resumed, struct session_request **ret_request)
{
    struct session_request *r = binding_new(w, user, front, arg);
    *ret_request = r;
    r->resumed = resumed;
    r->outcome = SESSION_RESUME_UNKNOWN;
    if (session_id.size != SESSION_ID_SIZE || !w->is_open || w->is_closing) {
        binding_answer_later(r);
        return;
    }
    memcpy(r->id, session_id.ptr, SESSION_ID_SIZE);
    struct session *s = hashmap_find(&w->sessions, session_id);
    if (!s) {
        binding_resume_row(r, client_h);
        return;
    }
    r->h = outbound_full_count(&s->outbound, client_h);
    if (!span_equal(s->bare, user) || !s->is_resumable)
        r->outcome = SESSION_RESUME_UNKNOWN;
    else if (r->h == UINT64_MAX)
        r->outcome = SESSION_RESUME_BAD_COUNT;
    else if (s->is_resuming || s->resume)
        r->outcome = SESSION_RESUME_BUSY;
    else
        r->session = s;
    if (!r->session) {
        binding_answer_later(r);
        return;
    }
    r->epoch = s->epoch;
    r->resource = mem_text(s->resource.ptr, s->resource.size);
    binding_attach_user(r, s->user);
    if (s->front) {
        const struct front *former = s->front;
        void *former_arg = s->arg;
        farewell_detach(s);
        former->ended(former_arg, SESSION_END_RESUMED);
    }
    wheel_cancel(loop_wheel(w->loop), &s->timer);
    progress_flush_session(s);
    s->is_resuming = true;
    s->claim_count++;
    binding_claim(r);
}

void binding_cancel(struct session_request *r)
{
    r->is_cancelled = true;
}
