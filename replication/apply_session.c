/* SPDX-License-Identifier: Apache-2.0 */
#include "replication/apply_session.h"

#include <limits.h>

#include "base/cleanup.h"
#include "replication/apply.h"
#include "replication/apply_message.h"

enum {
    SESSION_RESOURCE_MAX = 1023, /* RFC 6122, 2.4: bytes of a resource part */
    SESSION_MARKS_MAX = 32768,   /* of one command; 1 MiB holds no more than that */
};

static struct span sessionrow_bytes(ProtobufCBinaryData data)
{
    return span_of(data.data, data.len);
}

static struct span sessionrow_id(const Store__SessionRow *row)
{
    return sessionrow_bytes(row->session_id);
}

Store__SessionRow *apply_session_find(struct apply *a, struct span id)
{
    if (id.size != KEYSPACE_SESSION_SIZE)
        return NULL;
    keyspace_session(&a->key, a->group, id);
    Store__SessionRow *row = apply_get(a, KEYSPACE_SESSIONS, &store__session_row__descriptor);
    return row && row->session_id.len == KEYSPACE_SESSION_SIZE ? row : NULL;
}

void apply_session_put(struct apply *a, const Store__SessionRow *row)
{
    keyspace_session(&a->key, a->group, sessionrow_id(row));
    apply_put(a, KEYSPACE_SESSIONS, &row->base);
}

bool apply_session_origin(struct apply *a, const Store__Origin *origin)
{
    if (!origin || origin->session_id.len == 0)
        return true; /* no client session asked */

    Store__SessionRow *row = apply_session_find(a, sessionrow_bytes(origin->session_id));
    Store__Result__Outcome outcome = STORE__RESULT__OUTCOME__DONE;
    if (!row || row->ended_us || origin->epoch != row->epoch)
        outcome = STORE__RESULT__OUTCOME__STALE;
    else if (origin->n == 0 || origin->prev >= origin->n)
        outcome = STORE__RESULT__OUTCOME__MALFORMED;
    else if (origin->n <= row->durable_n)
        outcome = STORE__RESULT__OUTCOME__DUPLICATE;
    else if (origin->prev != row->durable_n)
        outcome = STORE__RESULT__OUTCOME__GAP;
    apply_outcome(a, outcome);
    if (outcome != STORE__RESULT__OUTCOME__DONE)
        return false;

    /* Also when the command is refused: the refusal is what the stanza came to. */
    row->durable_n = origin->n;
    if (origin->safe > row->safe)
        row->safe = origin->safe;
    apply_session_put(a, row);
    a->session = row;
    return true;
}

/* ---- Marks ------------------------------------------------------------------------------ */

/* The client has its stanzas up to h: their messages leave the inbox. */
static void sessionrow_take_marks(struct apply *a, Store__SessionRow *row, uint64_t h)
{
    CLEANUP(strbuf_done) struct strbuf upper = {0};

    keyspace_mark(&upper, a->group, sessionrow_id(row), h);
    strbuf_add_byte(&upper, '\0'); /* the key right behind h */
    keyspace_session(&a->key, a->group, sessionrow_id(row));
    const struct apply_list marks =
        apply_list_range(a, KEYSPACE_MARKS, strbuf_span(&upper), SIZE_MAX);

    for (size_t i = 0; i < marks.count; i++) {
        const Store__MarkRow *mark =
            apply_unpack(a, &store__mark_row__descriptor, marks.rows[i].value);
        if (!mark)
            return;
        apply_delete_key(a, KEYSPACE_MARKS, marks.rows[i].key);
        apply_message_delivered(a, span_text(row->user), mark->message);
        if (mark->message > row->position)
            row->position = mark->message;
    }
}

static void sessionrow_forget_marks(struct apply *a, const Store__SessionRow *row)
{
    keyspace_session(&a->key, a->group, sessionrow_id(row));
    apply_delete_prefix(a, KEYSPACE_MARKS);
}

/* ---- Ends ------------------------------------------------------------------------------- */

static void sessionrow_feed(struct apply *a, const Store__SessionRow *row,
                            Store__FeedRow__Kind kind)
{
    Store__FeedRow feed = STORE__FEED_ROW__INIT;

    feed.kind = kind;
    feed.user = row->user;
    feed.session_id = row->session_id;
    apply_feed(a, &feed);
}

static void sessionrow_delete_ended(struct apply *a, const Store__SessionRow *row)
{
    if (row->ended_us == 0)
        return;
    keyspace_ended(&a->key, a->group, row->ended_us, sessionrow_id(row));
    apply_delete(a, KEYSPACE_ENDED);
}

void apply_session_erase(struct apply *a, const Store__SessionRow *row)
{
    sessionrow_delete_ended(a, row);
    sessionrow_forget_marks(a, row);
    keyspace_session(&a->key, a->group, sessionrow_id(row));
    apply_delete(a, KEYSPACE_SESSIONS);
    keyspace_session_of(&a->key, a->group, span_text(row->user), sessionrow_id(row));
    apply_delete(a, KEYSPACE_SESSIONS_OF);
}

/* Ends a session. A kept row remembers the marks for a late h. */
static void sessionrow_close(struct apply *a, Store__SessionRow *row, bool is_kept)
{
    if (row->bounce_count > 0)
        apply_message_drop_bounces(a, span_text(row->user), sessionrow_id(row));
    if (!is_kept) {
        apply_session_erase(a, row);
        return;
    }
    sessionrow_delete_ended(a, row);
    row->ended_us = a->stamp_us ? a->stamp_us : 1;
    row->bounce_count = 0;
    apply_session_put(a, row);
    keyspace_ended(&a->key, a->group, row->ended_us, sessionrow_id(row));
    apply_put_bytes(a, KEYSPACE_ENDED, SPAN(""));
}

void apply_session_end(struct apply *a, const Store__SessionEnd *c)
{
    Store__SessionRow *row = apply_session_find(a, sessionrow_bytes(c->session_id));
    if (!row) {
        apply_outcome(a, STORE__RESULT__OUTCOME__NOT_FOUND);
        return;
    }
    if (row->epoch != c->epoch) {
        apply_outcome(a, STORE__RESULT__OUTCOME__STALE);
        return;
    }
    a->result->session = row;
    const bool has_ended = row->ended_us != 0;
    if (has_ended && !c->has_client_h) {
        apply_outcome(a, STORE__RESULT__OUTCOME__DUPLICATE);
        return;
    }
    if (c->has_client_h) {
        sessionrow_take_marks(a, row, c->client_h);
        sessionrow_forget_marks(a, row);
        row->client_h = c->client_h;
    }
    row->is_resume_failed = row->is_resume_failed || c->is_resume_failed;
    if (!has_ended)
        sessionrow_feed(a, row, STORE__FEED_ROW__KIND__SESSION_ENDED);
    sessionrow_close(a, row, row->is_resumable && (row->is_resume_failed || !c->has_client_h));
}

/* Living sessions of a user, in the order of their ids. */
static size_t sessionrow_list(struct apply *a, struct span user, Store__SessionRow ***ret_rows)
{
    keyspace_text(&a->key, a->group, user);
    const struct apply_list ids = apply_list_prefix(a, KEYSPACE_SESSIONS_OF, SIZE_MAX);
    Store__SessionRow **rows = arena_zeroed(a->arena, (ids.count + 1) * sizeof(void *));
    size_t count = 0;

    for (size_t i = 0; i < ids.count; i++) {
        Store__SessionRow *row =
            apply_session_find(a, keyspace_tail(ids.rows[i].key, KEYSPACE_SESSION_SIZE));
        if (row && !row->ended_us)
            rows[count++] = row;
    }
    *ret_rows = rows;
    return count;
}

void apply_session_end_all(struct apply *a, struct span user, struct span keep_id)
{
    Store__SessionRow **rows = NULL;
    const size_t count = sessionrow_list(a, user, &rows);

    for (size_t i = 0; i < count; i++) {
        if (span_equal(sessionrow_id(rows[i]), keep_id))
            continue;
        sessionrow_feed(a, rows[i], STORE__FEED_ROW__KIND__SESSION_ENDED);
        sessionrow_close(a, rows[i], rows[i]->is_resumable);
    }
}

void apply_session_forget(struct apply *a, struct span user)
{
    keyspace_text(&a->key, a->group, user);
    const struct apply_list ids = apply_list_prefix(a, KEYSPACE_SESSIONS_OF, SIZE_MAX);

    for (size_t i = 0; i < ids.count; i++) {
        const Store__SessionRow *row =
            apply_session_find(a, keyspace_tail(ids.rows[i].key, KEYSPACE_SESSION_SIZE));
        if (row)
            apply_session_erase(a, row);
        apply_delete_key(a, KEYSPACE_SESSIONS_OF, ids.rows[i].key);
    }
}

/* ---- Claims ----------------------------------------------------------------------------- */

/* The account must be there and enabled, for a bind and for a resume (M22). */
static bool sessionrow_may_claim(struct apply *a, const Store__SessionClaim *c)
{
    const size_t resource_size = strlen(c->resource);
    const bool is_good =
        c->session_id.len == KEYSPACE_SESSION_SIZE && apply_is_bare(span_text(c->user)) &&
        resource_size <= SESSION_RESOURCE_MAX && (resource_size > 0 || c->expected_epoch > 0);
    if (!is_good) {
        apply_outcome(a, STORE__RESULT__OUTCOME__MALFORMED);
        return false;
    }
    const Store__UserRow *user = apply_user(a, span_text(c->user));
    if (!user)
        apply_refuse(a, "no-such-user");
    else if (user->is_disabled)
        apply_refuse(a, "disabled");
    return user && !user->is_disabled;
}

static void sessionrow_replace(struct apply *a, Store__SessionRow *row)
{
    sessionrow_feed(a, row, STORE__FEED_ROW__KIND__SESSION_REPLACED);
    sessionrow_close(a, row, row->is_resumable);
}

static bool sessionrow_is_detached(const Store__SessionClaim *c, const Store__SessionRow *row)
{
    for (size_t i = 0; i < c->n_detached; i++)
        if (span_equal(sessionrow_bytes(c->detached[i]), sessionrow_id(row)))
            return true;
    return false;
}

/* Whether a goes before b when there are too many. */
static bool sessionrow_goes_first(const Store__SessionClaim *c, const Store__SessionRow *a,
                                  const Store__SessionRow *b)
{
    const bool is_a = sessionrow_is_detached(c, a), is_b = sessionrow_is_detached(c, b);
    return is_a != is_b ? is_a : a->claim_index < b->claim_index;
}

/* Room for one more: the one with the same resource goes, then over the limit the oldest,
 * those without a client before all others. */
static void sessionrow_make_room(struct apply *a, const Store__SessionClaim *c)
{
    Store__SessionRow **rows = NULL;
    size_t count = sessionrow_list(a, span_text(c->user), &rows);
    size_t left = 0;

    for (size_t i = 0; i < count; i++) {
        if (strcmp(rows[i]->resource, c->resource) == 0)
            sessionrow_replace(a, rows[i]);
        else
            rows[left++] = rows[i];
    }
    while (c->sessions_max > 0 && left >= c->sessions_max) {
        size_t oldest = 0;
        for (size_t i = 1; i < left; i++)
            if (sessionrow_goes_first(c, rows[i], rows[oldest]))
                oldest = i;
        sessionrow_replace(a, rows[oldest]);
        rows[oldest] = rows[--left];
    }
}

static void sessionrow_bind(struct apply *a, const Store__SessionClaim *c)
{
    if (apply_session_find(a, sessionrow_bytes(c->session_id))) {
        apply_outcome(a, STORE__RESULT__OUTCOME__EXISTS);
        return;
    }
    sessionrow_make_room(a, c);

    Store__SessionRow *row = arena_zeroed(a->arena, sizeof(*row));
    store__session_row__init(row);
    row->session_id = c->session_id;
    row->user = c->user;
    row->resource = c->resource;
    row->epoch = 1;
    row->node_id = c->node_id;
    row->node_epoch = c->node_epoch;
    row->claim_index = row->bind_index = row->position = a->index;
    row->is_resumable = c->is_resumable;
    row->claimed_us = a->stamp_us;
    apply_session_put(a, row);
    keyspace_session_of(&a->key, a->group, span_text(c->user), sessionrow_id(row));
    apply_put_bytes(a, KEYSPACE_SESSIONS_OF, SPAN(""));
    a->result->session = row;
}

static void sessionrow_resume(struct apply *a, const Store__SessionClaim *c)
{
    Store__SessionRow *row = apply_session_find(a, sessionrow_bytes(c->session_id));
    if (!row || row->ended_us || strcmp(row->user, c->user) != 0 || !row->is_resumable) {
        apply_outcome(a, STORE__RESULT__OUTCOME__NOT_FOUND);
        return;
    }
    if (row->epoch != c->expected_epoch) {
        apply_outcome(a, STORE__RESULT__OUTCOME__STALE);
        return;
    }
    sessionrow_take_marks(a, row, c->client_h);
    sessionrow_forget_marks(a, row);
    row->epoch++;
    row->node_id = c->node_id;
    row->node_epoch = c->node_epoch;
    row->claim_index = a->index;
    row->client_h = c->client_h; /* the new owner numbers on from there */
    row->claimed_us = a->stamp_us;
    apply_session_put(a, row);
    a->result->session = row;
}

void apply_session_claim(struct apply *a, const Store__SessionClaim *c)
{
    if (!sessionrow_may_claim(a, c))
        return;
    if (c->expected_epoch == 0)
        sessionrow_bind(a, c);
    else
        sessionrow_resume(a, c);
}

/* ---- Batches ---------------------------------------------------------------------------- */

static Store__Result__Outcome *sessionrow_rows(struct apply *a, size_t count)
{
    a->result->rows = arena_zeroed(a->arena, (count + 1) * sizeof(a->result->rows[0]));
    a->result->n_rows = count;
    return a->result->rows;
}

/* The living session of this epoch, or NULL: a former owner's word counts no more. */
static Store__SessionRow *sessionrow_current(struct apply *a, ProtobufCBinaryData id,
                                             uint64_t epoch)
{
    Store__SessionRow *row = apply_session_find(a, sessionrow_bytes(id));
    return row && !row->ended_us && row->epoch == epoch ? row : NULL;
}

void apply_session_marks(struct apply *a, const Store__SendMarks *c)
{
    if (c->n_marks > SESSION_MARKS_MAX) {
        apply_outcome(a, STORE__RESULT__OUTCOME__MALFORMED);
        return;
    }
    Store__Result__Outcome *outcomes = sessionrow_rows(a, c->n_marks);
    for (size_t i = 0; i < c->n_marks; i++) {
        const Store__SendMark *m = c->marks[i];
        const Store__SessionRow *row = sessionrow_current(a, m->session_id, m->epoch);
        if (!row || m->seq <= row->client_h || m->message == 0 || m->message >= a->index) {
            outcomes[i] = STORE__RESULT__OUTCOME__STALE;
            continue;
        }
        Store__MarkRow mark = STORE__MARK_ROW__INIT;
        mark.message = m->message;
        keyspace_mark(&a->key, a->group, sessionrow_bytes(m->session_id), m->seq);
        apply_put(a, KEYSPACE_MARKS, &mark.base);
    }
}

static void sessionrow_progress(struct apply *a, Store__SessionRow *row,
                                const Store__SessionProgress *p)
{
    if (p->safe > row->safe)
        row->safe = p->safe;
    if (p->is_resumable)
        row->is_resumable = true;
    if (p->has_client_h && p->client_h > row->client_h) {
        sessionrow_take_marks(a, row, p->client_h);
        row->client_h = p->client_h;
    }
    for (size_t i = 0; i < p->n_delivered; i++) {
        apply_message_delivered(a, span_text(row->user), p->delivered[i]);
        if (p->delivered[i] > row->position && p->delivered[i] < a->index)
            row->position = p->delivered[i];
    }
    apply_session_put(a, row);
}

void apply_session_progress(struct apply *a, const Store__Progress *c)
{
    if (c->n_sessions > SESSION_MARKS_MAX) {
        apply_outcome(a, STORE__RESULT__OUTCOME__MALFORMED);
        return;
    }
    Store__Result__Outcome *outcomes = sessionrow_rows(a, c->n_sessions);
    for (size_t i = 0; i < c->n_sessions; i++) {
        const Store__SessionProgress *p = c->sessions[i];
        Store__SessionRow *row = sessionrow_current(a, p->session_id, p->epoch);
        if (row)
            sessionrow_progress(a, row, p);
        else
            outcomes[i] = STORE__RESULT__OUTCOME__STALE;
    }
}
