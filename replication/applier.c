/* SPDX-License-Identifier: Apache-2.0 */
#include "replication/applier.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "replication/apply.h"
#include "replication/apply_archive.h"
#include "replication/apply_block.h"
#include "replication/apply_directory.h"
#include "replication/apply_message.h"
#include "replication/apply_roster.h"
#include "replication/apply_session.h"
#include "replication/apply_setting.h"
#include "replication/apply_trim.h"
#include "replication/statedb.h"

/* Sequences of one proposer whose results may be kept at once; the window of a proposer
 * that names an older one is moved up. Far above what a replica keeps in flight. */
enum { APPLIER_WINDOW_MAX = 1 << 20, APPLIER_FORGET_MAX = 1024 };

/* ---- Exactly once ----------------------------------------------------------------------- */

/* Deletes the results with from <= sequence < to. */
static void applier_forget(struct apply *a, const struct command_header *h, uint64_t epoch,
                           uint64_t from, uint64_t to)
{
    CLEANUP(strbuf_done) struct strbuf upper = {0};

    if (to > from && to - from <= APPLIER_FORGET_MAX) {
        for (uint64_t sequence = from; sequence < to; sequence++) {
            keyspace_proposal(&a->key, a->group, h->proposer_node, epoch, sequence);
            apply_delete(a, KEYSPACE_PROPOSALS);
        }
        return;
    }
    keyspace_proposal(&a->key, a->group, h->proposer_node, epoch, from);
    keyspace_proposal(&upper, a->group, h->proposer_node, epoch, to);
    statedb_delete_range(a->batch, KEYSPACE_PROPOSALS, strbuf_span(&a->key),
                         strbuf_span(&upper));
}

/* Moves the proposer's window to what the header says. */
static void applier_move_window(struct apply *a, const struct command_header *h,
                                Store__ProposerRow *row, bool is_there)
{
    uint64_t oldest = h->oldest_unanswered;

    if (oldest > h->sequence)
        oldest = h->sequence;
    if (h->sequence - oldest > APPLIER_WINDOW_MAX)
        oldest = h->sequence - APPLIER_WINDOW_MAX;
    const bool is_new_epoch = h->proposer_epoch > row->epoch;
    if (is_there && !is_new_epoch && oldest <= row->oldest)
        return;
    if (is_there && is_new_epoch)
        applier_forget(a, h, row->epoch, 0, UINT64_MAX);
    else if (is_there)
        applier_forget(a, h, row->epoch, row->oldest, oldest);
    row->epoch = h->proposer_epoch;
    row->oldest = oldest;
    keyspace_number(&a->key, a->group, h->proposer_node);
    apply_put(a, KEYSPACE_PROPOSERS, &row->base);
}

/* True when the entry is to be applied; else the result is what it was, or says why not. */
static bool applier_is_first(struct apply *a, const struct command_header *h)
{
    if (h->proposer_node == 0)
        return true;
    keyspace_number(&a->key, a->group, h->proposer_node);
    Store__ProposerRow *row =
        apply_get(a, KEYSPACE_PROPOSERS, &store__proposer_row__descriptor);
    Store__ProposerRow fresh = STORE__PROPOSER_ROW__INIT;
    const bool is_there = row != NULL;
    if (!row)
        row = &fresh;

    if (h->proposer_epoch < row->epoch) {
        apply_outcome(a, STORE__RESULT__OUTCOME__STALE);
        return false;
    }
    if (h->proposer_epoch == row->epoch && is_there) {
        if (h->sequence < row->oldest) {
            apply_outcome(a, STORE__RESULT__OUTCOME__DUPLICATE);
            a->result->reason = apply_text(a, SPAN("already-applied"));
            return false;
        }
        keyspace_proposal(&a->key, a->group, h->proposer_node, h->proposer_epoch, h->sequence);
        const Store__Result *former =
            apply_get(a, KEYSPACE_PROPOSALS, &store__result__descriptor);
        if (former) {
            *a->result = *former;
            return false;
        }
    }
    applier_move_window(a, h, row, is_there);
    return true;
}

static void applier_keep_result(struct apply *a, const struct command_header *h)
{
    if (h->proposer_node == 0)
        return;
    keyspace_proposal(&a->key, a->group, h->proposer_node, h->proposer_epoch, h->sequence);
    apply_put(a, KEYSPACE_PROPOSALS, &a->result->base);
}

/* ---- Dispatch --------------------------------------------------------------------------- */

/* The session that asked for the command, or NULL. */
static const Store__Origin *applier_origin(const Store__Command *c)
{
    switch (c->body_case) {
    case STORE__COMMAND__BODY_USER_PUT:
        return c->user_put->origin;
    case STORE__COMMAND__BODY_MESSAGE_PUT:
        return c->message_put->origin;
    case STORE__COMMAND__BODY_ROSTER_SET:
        return c->roster_set->origin;
    case STORE__COMMAND__BODY_ROSTER_REMOVE:
        return c->roster_remove->origin;
    case STORE__COMMAND__BODY_SUBSCRIBE:
        return c->subscribe->origin;
    case STORE__COMMAND__BODY_BLOCK_SET:
        return c->block_set->origin;
    case STORE__COMMAND__BODY_ARCHIVE_PREFS_SET:
        return c->archive_prefs_set->origin;
    case STORE__COMMAND__BODY__NOT_SET:
    case STORE__COMMAND__BODY_CLUSTER_INIT:
    case STORE__COMMAND__BODY_NODE_UP:
    case STORE__COMMAND__BODY_USER_REMOVE:
    case STORE__COMMAND__BODY_USER_IMPORT:
    case STORE__COMMAND__BODY_SETTING_SET:
    case STORE__COMMAND__BODY_SESSION_CLAIM:
    case STORE__COMMAND__BODY_SESSION_END:
    case STORE__COMMAND__BODY_SEND_MARKS:
    case STORE__COMMAND__BODY_PROGRESS:
    case STORE__COMMAND__BODY_ARCHIVE_TRIM:
    case _STORE__COMMAND__BODY__CASE_IS_INT_SIZE:
        break;
    }
    return NULL;
}

static void applier_dispatch(struct apply *a, const Store__Command *c)
{
    switch (c->body_case) {
    case STORE__COMMAND__BODY_CLUSTER_INIT:
        apply_directory_init(a, c->cluster_init);
        return;
    case STORE__COMMAND__BODY_NODE_UP:
        apply_directory_node_up(a, c->node_up);
        return;
    case STORE__COMMAND__BODY_USER_PUT:
        apply_directory_put(a, c->user_put);
        return;
    case STORE__COMMAND__BODY_USER_REMOVE:
        apply_directory_remove(a, c->user_remove);
        return;
    case STORE__COMMAND__BODY_USER_IMPORT:
        apply_directory_import(a, c->user_import);
        return;
    case STORE__COMMAND__BODY_SETTING_SET:
        apply_setting_set(a, c->setting_set);
        return;
    case STORE__COMMAND__BODY_SESSION_CLAIM:
        apply_session_claim(a, c->session_claim);
        return;
    case STORE__COMMAND__BODY_SESSION_END:
        apply_session_end(a, c->session_end);
        return;
    case STORE__COMMAND__BODY_SEND_MARKS:
        apply_session_marks(a, c->send_marks);
        return;
    case STORE__COMMAND__BODY_PROGRESS:
        apply_session_progress(a, c->progress);
        return;
    case STORE__COMMAND__BODY_MESSAGE_PUT:
        apply_message_put(a, c->message_put);
        return;
    case STORE__COMMAND__BODY_ROSTER_SET:
        apply_roster_set(a, c->roster_set);
        return;
    case STORE__COMMAND__BODY_ROSTER_REMOVE:
        apply_roster_remove(a, c->roster_remove);
        return;
    case STORE__COMMAND__BODY_SUBSCRIBE:
        apply_roster_subscribe(a, c->subscribe);
        return;
    case STORE__COMMAND__BODY_BLOCK_SET:
        apply_block_set(a, c->block_set);
        return;
    case STORE__COMMAND__BODY_ARCHIVE_TRIM:
        apply_archive_trim(a, c->archive_trim);
        return;
    case STORE__COMMAND__BODY_ARCHIVE_PREFS_SET:
        apply_archive_prefs(a, c->archive_prefs_set);
        return;
    case STORE__COMMAND__BODY__NOT_SET:
    case _STORE__COMMAND__BODY__CASE_IS_INT_SIZE:
        break;
    }
    apply_outcome(a, STORE__RESULT__OUTCOME__MALFORMED); /* of a newer version, or empty */
}

int applier_apply(struct statedb_batch *batch, uint64_t index,
                  const struct command_header *header, const Store__Command *command,
                  struct arena *arena, Store__Result *ret_result)
{
    store__result__init(ret_result);
    struct apply a = {
        .batch = batch,
        .view = statedb_batch_view(batch),
        .arena = arena,
        .group = header->group,
        .index = index,
        .stamp_us = header->stamp_us,
        .result = ret_result,
    };
    a.result->index = index;
    a.result->stamp_us = header->stamp_us;

    if (applier_is_first(&a, header)) {
        if (!command)
            apply_outcome(&a, STORE__RESULT__OUTCOME__MALFORMED);
        else if (apply_session_origin(&a, applier_origin(command)))
            applier_dispatch(&a, command);
        applier_keep_result(&a, header);
    }
    if (index % APPLY_TRIM_EVERY == 0)
        apply_trim(&a);
    strbuf_done(&a.key);
    strbuf_done(&a.value);
    return a.rc;
}
