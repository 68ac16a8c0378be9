/* SPDX-License-Identifier: Apache-2.0 */
#include "node/im/intake.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "node/im/binding.h"
#include "node/im/delivery.h"
#include "node/im/farewell.h"
#include "node/im/im_worker.h"
#include "node/im/output.h"
#include "node/im/session_state.h"
#include "node/im/user.h"
#include "replication/proposal.h"
#include "replication/read.h"
#include "replication/replica.h"

struct intake_work {
    struct proposal proposal;            /* first; of a command */
    struct intake_work *next, *previous; /* of the session, in the order they came */
    struct session *session;
    uint64_t n;
    Store__Command *command;   /* NULL: a note */
    uint64_t safe;             /* that the command carried */
    struct packet *packet;     /* of a MessagePut */
    struct presence *presence; /* of a Subscribe */
    session_done_fn done;
    struct strbuf ticket;
    struct note *note;
    char *target;    /* bare address of a message or note */
    uint64_t behind; /* a note: n of the message it waits for */
    bool is_flying;
};

/* ---- Works ---------------------------------------------------------------------------- */

char *intake_text(struct span text)
{
    return mem_text(text.ptr, text.size);
}

ProtobufCBinaryData intake_bytes(struct span bytes)
{
    return (ProtobufCBinaryData){bytes.size, (uint8_t *)mem_text(bytes.ptr, bytes.size)};
}

static struct intake_work *intake_work_new(struct session *s, uint64_t n)
{
    struct intake_work *work = mem_zeroed(1, sizeof(*work));
    work->session = s;
    work->n = n;
    work->previous = s->works_tail;
    if (s->works_tail)
        s->works_tail->next = work;
    else
        s->works = work;
    s->works_tail = work;
    return work;
}

static void intake_work_free(struct session *s, struct intake_work *work)
{
    assert((work == s->works) == !work->previous);
    if (work->previous)
        work->previous->next = work->next;
    else
        s->works = work->next;
    if (work->next)
        work->next->previous = work->previous;
    else
        s->works_tail = work->previous;
    if (work->command)
        store__command__free_unpacked(work->command, NULL);
    proposal_release(&work->proposal);
    packet_unref(work->packet);
    presence_unref(work->presence);
    strbuf_done(&work->ticket);
    note_free(work->note);
    free(work->target);
    free(work);
}

bool intake_has_work(const struct session *s, uint64_t n)
{
    for (const struct intake_work *at = s->works; at; at = at->next)
        if (at->n == n)
            return true;
    return false;
}

/* n of the newest message to the bare address that is not committed, or 0. */
static uint64_t intake_barrier(const struct session *s, struct span bare)
{
    uint64_t n = 0;
    for (const struct intake_work *at = s->works; at; at = at->next)
        if (at->packet && span_is(bare, at->target))
            n = at->n;
    return n;
}

bool intake_is_behind(const struct session *s, struct span bare)
{
    return intake_barrier(s, bare) != 0;
}

/* The stanza has its effect, unless parts of it are still held. */
static void intake_finish(struct session *s, uint64_t n)
{
    if (n && !intake_has_work(s, n))
        inbound_finish(&s->inbound, n);
}

/* ---- Live stanzas --------------------------------------------------------------------- */

/* Sends what nothing holds any more. */
static void intake_post(struct session *s, struct note *note)
{
    if (note->after_index < s->last_put)
        note->after_index = s->last_put;
    if (note->kind != NOTE_PACKET) {
        note_send(s->worker, note);
        return;
    }
    struct packet *p = packet_ref(note->packet);
    if (!s->is_ending && packet_is_message(p)) {
        if (s->last_put > s->worker->feed.position)
            feed_follow(s->worker, s->last_put); /* carbons keep the order, too */
        delivery_carbons(s->user, session_id(s), p);
    }
    const int rc = note_post(s->worker->im, s->worker, note);
    if (rc < 0) {
        note_free(note);
        delivery_bounce(s->worker, p, "resource-constraint");
    }
    packet_unref(p);
}

void intake_hold(struct session *s, uint64_t n, struct note *note)
{
    const struct span users = strbuf_span(&note->users);
    const struct span bare = span_first(users, span_index(users, '\0'));
    const uint64_t behind = intake_barrier(s, bare);
    if (behind == 0) {
        intake_post(s, note);
        return;
    }
    struct intake_work *work = intake_work_new(s, n);
    work->note = note;
    work->behind = behind;
    work->target = intake_text(bare);
}

static struct intake_work *intake_held_behind(const struct session *s, uint64_t n)
{
    struct intake_work *work = s->works;
    while (work && !(work->note && work->behind == n))
        work = work->next;
    return work;
}

/* The message n is committed, or will never be: what waited for it goes. Posting may end the
 * session, and with it other works: so each is looked for anew. */
static void intake_release(struct session *s, uint64_t n)
{
    for (struct intake_work *work = intake_held_behind(s, n); work;
         work = intake_held_behind(s, n)) {
        struct note *note = STEAL(work->note);
        const uint64_t mine = work->n;
        intake_work_free(s, work);
        intake_post(s, note);
        intake_finish(s, mine);
    }
}

void intake_packet(struct session *s, uint64_t n, struct packet *p)
{
    const char *refusal = NULL;
    if (!im_is_local(s->worker->im, p->to))
        refusal = "remote-server-not-found";
    else if (!span_equal(im_bare(p->to), s->bare) && user_blocks(s->user, p->to))
        refusal = "blocked"; /* XEP-0191, 3.3 */
    const bool is_answerable =
        p->kind != PACKET_FAULT && p->kind != PACKET_REPLY && p->kind != PACKET_REPLY_FAULT;
    if (refusal) {
        if (is_answerable)
            output_bounce(s, p, refusal, 0);
        intake_finish(s, n);
        intake_moved(s);
        return;
    }
    if (p->class == PACKET_PASS) {
        struct note *note = note_new(NOTE_PACKET);
        note_add_user(note, im_bare(p->to));
        note->packet = packet_ref(p);
        intake_hold(s, n, note);
        intake_finish(s, n);
        intake_moved(s);
        return;
    }
    Store__MessagePut *put = mem_zeroed(1, sizeof(*put));
    store__message_put__init(put);
    put->from = intake_text(session_address(s));
    put->to = intake_text(p->to);
    put->class_ =
        p->class == PACKET_KEEP ? STORE__MESSAGE_CLASS__KEEP : STORE__MESSAGE_CLASS__QUEUE;
    put->kind = packet_stored_kind(p);
    put->body = intake_bytes(p->body);
    put->origin_id = intake_text(span_is_none(p->origin_id) ? p->id : p->origin_id);
    put->id = intake_text(p->id);
    put->is_private = p->is_private;
    put->lang = intake_text(p->lang);
    put->inbox_max = s->worker->settings.inbox_max;
    Store__Command *command = mem_zeroed(1, sizeof(*command));
    store__command__init(command);
    command->body_case = STORE__COMMAND__BODY_MESSAGE_PUT;
    command->message_put = put;
    struct intake_work *work = intake_work_new(s, n);
    work->command = command;
    work->packet = packet_ref(p);
    work->target = intake_text(im_bare(p->to));
    inbound_wait(&s->inbound, n, work);
    intake_pump(s);
    intake_moved(s);
}

/* ---- Durable stanzas ------------------------------------------------------------------ */

static Store__Origin **intake_origin(Store__Command *c)
{
    switch (c->body_case) {
    case STORE__COMMAND__BODY_USER_PUT:
        return &c->user_put->origin;
    case STORE__COMMAND__BODY_MESSAGE_PUT:
        return &c->message_put->origin;
    case STORE__COMMAND__BODY_ROSTER_SET:
        return &c->roster_set->origin;
    case STORE__COMMAND__BODY_ROSTER_REMOVE:
        return &c->roster_remove->origin;
    case STORE__COMMAND__BODY_SUBSCRIBE:
        return &c->subscribe->origin;
    case STORE__COMMAND__BODY_BLOCK_SET:
        return &c->block_set->origin;
    case STORE__COMMAND__BODY_ARCHIVE_PREFS_SET:
        return &c->archive_prefs_set->origin;
    default: /* no client session asks for the others */
        assert(false);
        return NULL;
    }
}

static void intake_set_origin(struct intake_work *work, const struct inbound_origin *origin)
{
    const struct session *s = work->session;
    Store__Origin **at = intake_origin(work->command);
    if (!*at) {
        *at = mem_zeroed(1, sizeof(**at));
        store__origin__init(*at);
        (*at)->session_id = intake_bytes(session_id(s));
    }
    (*at)->epoch = s->epoch;
    (*at)->n = origin->n;
    (*at)->prev = origin->prev;
    (*at)->safe = origin->safe;
    work->safe = origin->safe;
}

static void intake_answered(struct proposal *p, void *owner);

/* Never entered the log: the client is told. */
static void intake_refuse(struct intake_work *work, int rc)
{
    struct session *s = work->session;
    if (work->packet) {
        output_bounce(s, work->packet, "resource-constraint", 0);
    } else if (work->presence) {
        const struct presence fault = {.kind = PRESENCE_FAULT,
                                       .from = work->presence->to,
                                       .to = session_address(s),
                                       .id = work->presence->id,
                                       .reason = "resource-constraint"};
        struct presence *made = presence_new(&fault);
        output_presence(s, made);
        presence_unref(made);
    } else if (work->done && !s->is_ending) {
        work->done(s, strbuf_span(&work->ticket), rc, NULL);
    }
}

static void intake_settle(struct intake_work *work)
{
    struct session *s = work->session;
    const uint64_t n = work->n;
    const bool is_message = work->packet != NULL;
    intake_work_free(s, work);
    if (is_message)
        intake_release(s, n);
}

static void intake_applied(struct intake_work *work, const Store__Result *result)
{
    struct session *s = work->session;
    if (work->packet && result->index > s->last_put)
        s->last_put = result->index;
    if (work->safe > s->safe_stored)
        s->safe_stored = work->safe;
    if (result->outcome == STORE__RESULT__OUTCOME__MALFORMED && work->packet) {
        output_bounce(s, work->packet, "internal-server-error", 0);
    } else if (work->presence && result->outcome == STORE__RESULT__OUTCOME__REFUSED) {
        const bool is_blocked = span_is(span_text(result->reason), "blocked-by-sender");
        const struct presence fault = {.kind = PRESENCE_FAULT,
                                       .from = work->presence->to,
                                       .to = session_address(s),
                                       .id = work->presence->id,
                                       .reason =
                                           is_blocked ? "blocked" : "resource-constraint"};
        struct presence *made = presence_new(&fault);
        if (!span_is(span_text(result->reason), "self"))
            output_presence(s, made);
        presence_unref(made);
    } else if (work->done && !s->is_ending) {
        work->done(s, strbuf_span(&work->ticket), 0, result);
    }
}

static enum inbound_verdict intake_judge(struct intake_work *work)
{
    struct session *s = work->session;
    const struct proposal *p = &work->proposal;
    if (p->rc == ERR_UNKNOWN || p->rc == ERR_CLOSED)
        return INBOUND_AGAIN;
    if (p->rc < 0)
        return INBOUND_NEVER;
    if (p->result->outcome == STORE__RESULT__OUTCOME__GAP)
        return INBOUND_AGAIN;
    if (p->result->outcome != STORE__RESULT__OUTCOME__STALE)
        return INBOUND_APPLIED;
    /* Fenced: by our own resume, and then it goes again under the new epoch, or for good. */
    const Store__Origin *origin = *intake_origin(work->command);
    if (origin->epoch == s->epoch)
        farewell_fence(s);
    return INBOUND_AGAIN;
}

static void intake_answered(struct proposal *p, void *owner)
{
    (void)owner;
    struct intake_work *work = (struct intake_work *)p;
    struct session *s = work->session;
    struct im_worker *w = s->worker;
    w->pending--;
    work->is_flying = false;
    const enum inbound_verdict verdict = intake_judge(work);
    inbound_answered(&s->inbound, work->n, verdict);
    switch (verdict) {
    case INBOUND_APPLIED:
        intake_applied(work, p->result);
        intake_settle(work);
        break;
    case INBOUND_NEVER:
        intake_refuse(work, p->rc);
        intake_settle(work);
        break;
    case INBOUND_AGAIN:
        if (p->rc == ERR_CLOSED)
            farewell_fence(s);
        break;
    }
    intake_pump(s);
    intake_moved(s);
    im_worker_settled(w);
}

/* A message to somebody waits behind a held live stanza to the same (M2). */
static bool intake_is_held_up(const struct intake_work *work)
{
    if (!work->packet)
        return false;
    for (const struct intake_work *at = work->session->works; at != work; at = at->next)
        if (at->note && strcmp(at->target, work->target) == 0)
            return true;
    return false;
}

static void intake_repair(struct session *s)
{
    Store__SessionRow *row = NULL;
    if (read_session(im_view(s->worker->im), session_id(s), &row) < 1) {
        farewell_fence(s);
        return;
    }
    inbound_repair(&s->inbound, row->durable_n);
    store__session_row__free_unpacked(row, NULL);
}

static int intake_propose(struct intake_work *work)
{
    struct im_worker *w = work->session->worker;
    work->proposal.home = w->loop;
    work->proposal.answered = intake_answered;
    proposal_fill(&work->proposal, work->command);
    if (work->proposal.rc < 0)
        return work->proposal.rc;
    return replica_propose(im_replica(w->im), &work->proposal);
}

void intake_pump(struct session *s)
{
    while (!s->is_resuming && !s->is_fenced) {
        struct inbound_origin origin;
        if (inbound_wants_repair(&s->inbound))
            intake_repair(s);
        struct intake_work *work = inbound_next(&s->inbound, &origin);
        if (!work || intake_is_held_up(work))
            return;
        if (inbound_is_stuck(&s->inbound)) {
            log_error("im: stanza not accepted by the log", LOG_SPAN("user", s->bare));
            farewell_fence(s);
            return;
        }
        intake_set_origin(work, &origin);
        const int rc = intake_propose(work);
        if (rc == ERR_CLOSED) {
            farewell_fence(s);
            return;
        }
        if (rc < 0) {
            inbound_refused(&s->inbound, work->n);
            intake_refuse(work, rc);
            intake_settle(work);
            continue;
        }
        inbound_proposed(&s->inbound, work->n);
        work->is_flying = true;
        s->worker->pending++;
    }
}

void intake_command(struct session *s, uint64_t n, Store__Command *command, struct span ticket,
                    session_done_fn done)
{
    struct intake_work *work = intake_work_new(s, n);
    work->command = command;
    work->done = done;
    if (ticket.size)
        strbuf_add(&work->ticket, ticket);
    inbound_wait(&s->inbound, n, work);
    intake_pump(s);
    intake_moved(s);
}

void intake_subscription(struct session *s, uint64_t n, struct presence *p)
{
    static const Store__SubscribeKind kinds[] = {
        [PRESENCE_ASK] = STORE__SUBSCRIBE_KIND__SUBSCRIBE_ASK,
        [PRESENCE_GRANT] = STORE__SUBSCRIBE_KIND__SUBSCRIBE_GRANT,
        [PRESENCE_CANCEL] = STORE__SUBSCRIBE_KIND__SUBSCRIBE_CANCEL,
        [PRESENCE_DENY] = STORE__SUBSCRIBE_KIND__SUBSCRIBE_DENY,
    };
    if (!im_is_local(s->worker->im, p->to)) {
        const struct presence fault = {.kind = PRESENCE_FAULT,
                                       .from = p->to,
                                       .to = session_address(s),
                                       .id = p->id,
                                       .reason = "remote-server-not-found"};
        struct presence *made = presence_new(&fault);
        output_presence(s, made);
        presence_unref(made);
        intake_finish(s, n);
        intake_moved(s);
        return;
    }
    Store__Subscribe *subscribe = mem_zeroed(1, sizeof(*subscribe));
    store__subscribe__init(subscribe);
    subscribe->from = intake_text(s->bare);
    subscribe->to = intake_text(im_bare(p->to));
    subscribe->kind = kinds[p->kind];
    subscribe->body = intake_bytes(p->body);
    subscribe->items_max = s->worker->settings.roster_max;
    Store__Command *command = mem_zeroed(1, sizeof(*command));
    store__command__init(command);
    command->body_case = STORE__COMMAND__BODY_SUBSCRIBE;
    command->subscribe = subscribe;
    struct intake_work *work = intake_work_new(s, n);
    work->command = command;
    work->presence = presence_ref(p);
    inbound_wait(&s->inbound, n, work);
    intake_pump(s);
    intake_moved(s);
}

/* ---- The session as a whole ----------------------------------------------------------- */

static bool intake_keeps(uint64_t n, void *arg)
{
    return intake_has_work(arg, n);
}

void intake_abandon(struct session *s)
{
    inbound_abandon(&s->inbound, intake_keeps, s);
}

static bool intake_is_flying(const struct session *s, uint64_t n)
{
    for (const struct intake_work *at = s->works; at; at = at->next)
        if (at->n == n && at->is_flying)
            return true;
    return false;
}

static struct intake_work *intake_droppable(const struct session *s)
{
    struct intake_work *work = s->works;
    while (work && (work->is_flying || (work->note && intake_is_flying(s, work->behind))))
        work = work->next;
    return work;
}

void intake_drop(struct session *s)
{
    for (struct intake_work *work = intake_droppable(s); work; work = intake_droppable(s)) {
        struct note *note = STEAL(work->note);
        intake_work_free(s, work);
        if (note)
            intake_post(s, note);
    }
}

static void intake_tell_window(struct session *s)
{
    const bool is_full = inbound_is_full(&s->inbound);
    if (!s->front)
        return;
    if (is_full && !s->is_window_closed) {
        s->is_window_closed = true;
        s->front->window(s->arg, false);
    } else if (s->is_window_closed && s->inbound.open_count <= INBOUND_UNCOMMITTED_MAX / 2) {
        s->is_window_closed = false;
        s->front->window(s->arg, true);
    }
}

void intake_moved(struct session *s)
{
    if (s->inbound.safe > s->safe_stored)
        progress_touch(s);
    const uint64_t safe = inbound_safe_h(&s->inbound);
    if (s->front && s->outbound.has_acks && safe != s->safe_told) {
        s->safe_told = safe;
        s->front->safe_moved(s->arg, safe);
    }
    intake_tell_window(s);
    if (s->resume && inbound_is_quiet(&s->inbound))
        binding_complete(s);
    if (s->is_ending)
        farewell_settle(s);
}
