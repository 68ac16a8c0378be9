/* SPDX-License-Identifier: Apache-2.0 */
#include "node/im/session.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "node/im/availability.h"
#include "node/im/binding.h"
#include "node/im/farewell.h"
#include "node/im/im_worker.h"
#include "node/im/intake.h"
#include "node/im/output.h"
#include "node/im/session_state.h"
#include "replication/replica.h"

/* ---- Life ----------------------------------------------------------------------------- */

void session_bind(struct im_worker *w, struct span user, struct span resource,
                  const struct front *front, void *arg, session_bound_fn bound,
                  struct session_request **ret_request)
{
    binding_bind(w, user, resource, front, arg, bound, ret_request);
}

void session_resume(struct im_worker *w, struct span user, struct span session_id,
                    uint32_t client_h, const struct front *front, void *arg,
                    session_resumed_fn resumed, struct session_request **ret_request)
{
    binding_resume(w, user, session_id, client_h, front, arg, resumed, ret_request);
}

void session_request_cancel(struct session_request *r)
{
    binding_cancel(r);
}

void session_detach(struct session *s)
{
    farewell_detach(s);
}

void session_close(struct session *s)
{
    farewell_close(s);
}

/* ---- What it is ----------------------------------------------------------------------- */

struct span session_id(const struct session *s)
{
    return span_of(s->id, SESSION_ID_SIZE);
}

struct span session_user(const struct session *s)
{
    return s->bare;
}

struct span session_address(const struct session *s)
{
    return span_of(s->address, s->bare.size + 1 + s->resource.size);
}

struct span session_resource(const struct session *s)
{
    return s->resource;
}

uint64_t session_epoch(const struct session *s)
{
    return s->epoch;
}

uint64_t session_safe(const struct session *s)
{
    return inbound_safe_h(&s->inbound);
}

struct im_worker *session_worker(const struct session *s)
{
    return s->worker;
}

uint32_t session_resume_window_ms(const struct session *s)
{
    return s->worker->settings.resume_window_ms;
}

/* ---- From the client ------------------------------------------------------------------ */

uint64_t session_count(struct session *s)
{
    return inbound_count(&s->inbound);
}

void session_handled(struct session *s, uint64_t n)
{
    inbound_finish(&s->inbound, n);
    intake_pump(s);
    intake_moved(s);
}

void session_send(struct session *s, uint64_t n, struct packet *p)
{
    intake_packet(s, n, p);
}

void session_presence(struct session *s, uint64_t n, struct presence *p)
{
    if (span_is_none(p->to))
        availability_set(s, n, p);
    else
        availability_direct(s, n, p);
    if (!intake_has_work(s, n))
        inbound_finish(&s->inbound, n);
    intake_moved(s);
}

void session_subscribe(struct session *s, uint64_t n, struct presence *p)
{
    intake_subscription(s, n, p);
}

static char **session_texts(const struct span *texts, size_t count)
{
    char **copies = (char **)mem_zeroed(count + 1, sizeof(*copies));
    for (size_t i = 0; i < count; i++)
        copies[i] = intake_text(texts[i]);
    return copies;
}

static Store__Command *session_command(Store__Command__BodyCase body_case)
{
    Store__Command *command = mem_zeroed(1, sizeof(*command));
    store__command__init(command);
    command->body_case = body_case;
    return command;
}

void session_roster_set(struct session *s, uint64_t n, const struct session_roster_item *item,
                        struct span ticket, session_done_fn done)
{
    Store__RosterSet *set = mem_zeroed(1, sizeof(*set));
    store__roster_set__init(set);
    set->user = intake_text(s->bare);
    set->contact = intake_text(item->contact);
    set->name = intake_text(item->name);
    set->groups = session_texts(item->groups, item->group_count);
    set->n_groups = item->group_count;
    set->items_max = s->worker->settings.roster_max;
    Store__Command *command = session_command(STORE__COMMAND__BODY_ROSTER_SET);
    command->roster_set = set;
    intake_command(s, n, command, ticket, done);
}

void session_roster_remove(struct session *s, uint64_t n, struct span contact,
                           struct span ticket, session_done_fn done)
{
    Store__RosterRemove *remove = mem_zeroed(1, sizeof(*remove));
    store__roster_remove__init(remove);
    remove->user = intake_text(s->bare);
    remove->contact = intake_text(contact);
    Store__Command *command = session_command(STORE__COMMAND__BODY_ROSTER_REMOVE);
    command->roster_remove = remove;
    intake_command(s, n, command, ticket, done);
}

void session_block(struct session *s, uint64_t n, const struct session_block_change *change,
                   struct span ticket, session_done_fn done)
{
    Store__BlockSet *set = mem_zeroed(1, sizeof(*set));
    store__block_set__init(set);
    set->user = intake_text(s->bare);
    set->add = session_texts(change->add, change->add_count);
    set->n_add = change->add_count;
    set->remove = session_texts(change->remove, change->remove_count);
    set->n_remove = change->remove_count;
    set->remove_all = change->remove_all;
    set->items_max = s->worker->settings.blocked_max;
    Store__Command *command = session_command(STORE__COMMAND__BODY_BLOCK_SET);
    command->block_set = set;
    intake_command(s, n, command, ticket, done);
}

void session_archive_prefs(struct session *s, uint64_t n, const Store__ArchivePrefs *prefs,
                           struct span ticket, session_done_fn done)
{
    Store__ArchivePrefsSet *set = mem_zeroed(1, sizeof(*set));
    store__archive_prefs_set__init(set);
    set->user = intake_text(s->bare);
    const size_t size = store__archive_prefs__get_packed_size(prefs);
    uint8_t *packed = mem_zeroed(size + 1, 1);
    store__archive_prefs__pack(prefs, packed);
    set->prefs = store__archive_prefs__unpack(NULL, size, packed);
    free(packed);
    Store__Command *command = session_command(STORE__COMMAND__BODY_ARCHIVE_PREFS_SET);
    command->archive_prefs_set = set;
    intake_command(s, n, command, ticket, done);
}

void session_defer(struct session *s, uint64_t n)
{
    inbound_defer(&s->inbound, n);
}

void session_put_user(struct session *s, uint64_t n, const Store__UserPut *put,
                      struct span ticket, session_done_fn done)
{
    const size_t size = store__user_put__get_packed_size(put);
    uint8_t *packed = mem_zeroed(size + 1, 1);
    store__user_put__pack(put, packed);
    Store__Command *command = session_command(STORE__COMMAND__BODY_USER_PUT);
    command->user_put = store__user_put__unpack(NULL, size, packed);
    free(packed);
    intake_command(s, n, command, ticket, done);
}

/* ---- To the client -------------------------------------------------------------------- */

void session_write(struct session *s, struct span wire)
{
    output_wire(s, wire);
}

void session_enable_acks(struct session *s, bool is_resumable)
{
    if (s->outbound.has_acks || s->is_ending)
        return;
    inbound_enable(&s->inbound);
    outbound_enable(&s->outbound, is_resumable);
    s->is_resumable = is_resumable;
    s->safe_told = 0;
    /* The store must know before the first message that is kept for a re-send. */
    progress_flush_session(s);
}

bool session_has_acks(const struct session *s)
{
    return s->outbound.has_acks;
}

int session_acked(struct session *s, uint32_t h)
{
    if (!s->outbound.has_acks)
        return ERR_PROTOCOL;
    const uint64_t seq = outbound_full_count(&s->outbound, h);
    if (seq == UINT64_MAX)
        return h - (uint32_t)s->outbound.acked_seq > UINT32_MAX / 2 ? 0 : ERR_PROTOCOL;
    output_confirmed(s, outbound_confirm(&s->outbound, seq));
    progress_touch(s);
    output_pump(s);
    return 0;
}

void session_delivered(struct session *s, uint64_t seq)
{
    if (s->outbound.has_acks || s->is_ending)
        return;
    output_confirmed(s, outbound_confirm(&s->outbound, seq));
    output_pump(s);
}

size_t session_unacked(const struct session *s)
{
    return s->outbound.written_seq - s->outbound.acked_seq;
}

/* ---- Switches ------------------------------------------------------------------------- */

void session_set_carbons(struct session *s, bool is_on)
{
    s->has_carbons = is_on;
}

void session_set_active(struct session *s, bool is_active)
{
    outbound_set_active(&s->outbound, is_active);
    output_pump(s);
}

void session_want_roster(struct session *s)
{
    s->wants_roster = true;
}

void session_want_blocks(struct session *s)
{
    s->wants_blocks = true;
}

void session_archive_queried(struct session *s)
{
    if (!s->presence)
        s->queried_to = replica_applied(im_replica(s->worker->im));
}
