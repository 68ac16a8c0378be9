/* SPDX-License-Identifier: Apache-2.0 */
#include "replication/apply_message.h"

#include "base/cleanup.h"
#include "replication/applier.h"
#include "replication/apply.h"
#include "replication/apply_archive.h"
#include "replication/apply_session.h"

enum { MESSAGE_ID_MAX = 1024 }; /* bytes of the sender's ids; longer ones are not deduped */

static struct span message_sender(const Store__MessageRow *m)
{
    return apply_bare(span_text(m->from));
}

static struct span message_recipient(const Store__MessageRow *m)
{
    return apply_bare(span_text(m->to));
}

static Store__MessageRow *message_find(struct apply *a, uint64_t index)
{
    keyspace_number(&a->key, a->group, index);
    return apply_get(a, KEYSPACE_MESSAGES, &store__message_row__descriptor);
}

/* ---- Inbox ------------------------------------------------------------------------------ */

static void message_inbox_count(struct apply *a, struct span user, bool is_more)
{
    Store__CountersRow *counters = apply_counters(a, user);

    if (is_more)
        counters->inbox_count++;
    else if (counters->inbox_count > 0)
        counters->inbox_count--;
    apply_counters_put(a, user, counters);
}

static void message_inbox_put(struct apply *a, struct span user, const Store__InboxRow *row)
{
    keyspace_user_number(&a->key, a->group, user, a->index);
    apply_put(a, KEYSPACE_INBOX, &row->base);
    message_inbox_count(a, user, true);
}

static bool message_inbox_remove(struct apply *a, struct span user, uint64_t index)
{
    keyspace_user_number(&a->key, a->group, user, index);
    if (!apply_has(a, KEYSPACE_INBOX))
        return false;
    apply_delete(a, KEYSPACE_INBOX);
    message_inbox_count(a, user, false);
    return true;
}

static bool message_is_referred(struct apply *a, struct span user, uint64_t index)
{
    keyspace_user_number(&a->key, a->group, user, index);
    return apply_has(a, KEYSPACE_ARCHIVE) || apply_has(a, KEYSPACE_INBOX);
}

void apply_message_release(struct apply *a, uint64_t index)
{
    const Store__MessageRow *m = message_find(a, index);

    if (!m || message_is_referred(a, message_recipient(m), index) ||
        message_is_referred(a, message_sender(m), index))
        return;
    keyspace_number(&a->key, a->group, index);
    apply_delete(a, KEYSPACE_MESSAGES);
}

void apply_message_delivered(struct apply *a, struct span user, uint64_t index)
{
    if (!message_inbox_remove(a, user, index))
        return;
    keyspace_user_number(&a->key, a->group, user, index);
    if (!apply_has(a, KEYSPACE_ARCHIVE)) /* most are archived, and stay */
        apply_message_release(a, index);
}

void apply_message_drop_bounces(struct apply *a, struct span user, struct span session_id)
{
    keyspace_text(&a->key, a->group, user);
    const struct apply_list rows = apply_list_prefix(a, KEYSPACE_INBOX, SIZE_MAX);

    for (size_t i = 0; i < rows.count; i++) {
        const Store__InboxRow *row =
            apply_unpack(a, &store__inbox_row__descriptor, rows.rows[i].value);
        if (!row)
            return;
        if (row->kind == STORE__INBOX_ROW__KIND__BOUNCE &&
            span_equal(session_id, span_of(row->session_id.data, row->session_id.len)))
            apply_message_delivered(a, user,
                                    keyspace_tail_u64(rows.rows[i].key, sizeof(uint64_t)));
    }
}

/* ---- A second copy ---------------------------------------------------------------------- */

/* A client whose resume failed sends again, with new counts, what it has no ack for: the
 * first copy is known by sender, recipient and origin id. Only then: some clients number
 * their messages from 1 in every session. */
static bool message_is_repeated(struct apply *a, const Store__MessagePut *c)
{
    if (!a->session || c->origin_id[0] == '\0' || strlen(c->origin_id) > MESSAGE_ID_MAX)
        return false;

    CLEANUP(strbuf_done) struct strbuf key = {0};
    keyspace_dedupe(&key, a->group, span_text(a->session->user), span_text(c->to),
                    span_text(c->origin_id));
    strbuf_clear(&a->key);
    strbuf_add(&a->key, strbuf_span(&key));
    Store__DedupeRow *row = apply_get(a, KEYSPACE_DEDUPE, &store__dedupe_row__descriptor);
    const struct span mine = span_of(a->session->session_id.data, a->session->session_id.len);
    if (!row || span_equal(mine, span_of(row->session_id.data, row->session_id.len)))
        return false;
    const Store__SessionRow *first =
        apply_session_find(a, span_of(row->session_id.data, row->session_id.len));
    if (!first || !first->is_resume_failed)
        return false;

    /* Should this session's resume fail too, the copy is this session's. */
    row->session_id = a->session->session_id;
    strbuf_clear(&a->key);
    strbuf_add(&a->key, strbuf_span(&key));
    apply_put(a, KEYSPACE_DEDUPE, &row->base);
    return true;
}

static void message_remember_id(struct apply *a, const Store__MessagePut *c)
{
    if (!a->session || !a->session->is_resumable || c->origin_id[0] == '\0' ||
        strlen(c->origin_id) > MESSAGE_ID_MAX)
        return;

    CLEANUP(strbuf_done) struct strbuf aged = {0};
    Store__DedupeRow row = STORE__DEDUPE_ROW__INIT;
    row.message = a->index;
    row.session_id = a->session->session_id;
    keyspace_dedupe(&a->key, a->group, span_text(a->session->user), span_text(c->to),
                    span_text(c->origin_id));
    apply_put(a, KEYSPACE_DEDUPE, &row.base);
    strbuf_add_u64be(&aged, a->stamp_us);
    strbuf_add(&aged, strbuf_span(&a->key));
    keyspace_number(&a->key, a->group, a->index);
    apply_put_bytes(a, KEYSPACE_DEDUPE_AGE, strbuf_span(&aged));
}

/* ---- Put -------------------------------------------------------------------------------- */

static void message_row_put(struct apply *a, const Store__MessagePut *c)
{
    Store__MessageRow row = STORE__MESSAGE_ROW__INIT;

    row.from = c->from;
    row.to = c->to;
    row.class_ = c->class_;
    row.kind = c->kind;
    row.body = c->body;
    row.origin_id = c->origin_id;
    row.id = c->id;
    row.stamp_us = a->stamp_us;
    if (a->session) {
        row.session_id = c->origin->session_id;
        row.n = c->origin->n;
    }
    row.is_private = c->is_private;
    row.lang = c->lang;
    keyspace_number(&a->key, a->group, a->index);
    apply_put(a, KEYSPACE_MESSAGES, &row.base);
}

static void message_feed(struct apply *a, Store__FeedRow__Kind kind, struct span user,
                         struct span contact, const char *reason)
{
    Store__FeedRow row = STORE__FEED_ROW__INIT;

    row.kind = kind;
    row.user = apply_text(a, user);
    row.contact = apply_text(a, contact);
    row.reason = apply_text(a, span_text(reason));
    if (a->session)
        row.session_id = a->session->session_id;
    apply_feed(a, &row);
}

/* Why the message may not be delivered, or NULL. Blocking comes before all else (M10). */
static const char *message_refusal(struct apply *a, const Store__MessagePut *c)
{
    const struct span from = span_text(c->from), to = span_text(c->to);
    const struct span sender = apply_bare(from), recipient = apply_bare(to);

    if (!span_equal(sender, recipient) && apply_is_local(a, from) &&
        apply_is_blocked(a, sender, to))
        return "blocked-by-sender";
    if (!apply_is_local(a, to))
        return "remote-server-not-found";
    if (!apply_has_user(a, recipient))
        return "no-such-user";
    if (!span_equal(sender, recipient) && apply_is_blocked(a, recipient, from))
        return "blocked";
    if (apply_counters(a, recipient)->inbox_count >=
        (c->inbox_max ? c->inbox_max : (uint32_t)APPLIER_INBOX_MAX))
        return "over-quota";
    return NULL;
}

static void message_bounce(struct apply *a, const Store__MessagePut *c, const char *reason)
{
    const struct span sender = apply_bare(span_text(c->from));

    apply_refuse(a, reason);
    /* Without a session nobody waits for the row; with a full inbox the result is all. */
    if (!a->session || apply_counters(a, sender)->inbox_count >= APPLIER_INBOX_MAX)
        return;

    Store__InboxRow row = STORE__INBOX_ROW__INIT;
    row.kind = STORE__INBOX_ROW__KIND__BOUNCE;
    row.reason = apply_text(a, span_text(reason));
    row.session_id = a->session->session_id;
    message_row_put(a, c);
    message_inbox_put(a, sender, &row);
    a->session->bounce_count++;
    apply_session_put(a, a->session);
    message_feed(a, STORE__FEED_ROW__KIND__BOUNCE, sender, apply_bare(span_text(c->to)),
                 reason);
}

static bool message_is_good(const Store__MessagePut *c)
{
    return apply_is_address(span_text(c->from)) && apply_is_address(span_text(c->to)) &&
           (c->class_ == STORE__MESSAGE_CLASS__KEEP ||
            c->class_ == STORE__MESSAGE_CLASS__QUEUE);
}

void apply_message_put(struct apply *a, const Store__MessagePut *c)
{
    const struct span sender = apply_bare(span_text(c->from));
    const struct span recipient = apply_bare(span_text(c->to));

    if (!apply_is_asker(a, sender))
        return;
    if (!message_is_good(c)) {
        apply_outcome(a, STORE__RESULT__OUTCOME__MALFORMED);
        return;
    }
    if (message_is_repeated(a, c)) {
        apply_outcome(a, STORE__RESULT__OUTCOME__DUPLICATE);
        return;
    }
    const char *refusal = message_refusal(a, c);
    if (refusal) {
        message_bounce(a, c, refusal);
        return;
    }

    const Store__InboxRow inbox = STORE__INBOX_ROW__INIT;
    message_row_put(a, c);
    message_remember_id(a, c);
    message_inbox_put(a, recipient, &inbox);
    if (c->class_ == STORE__MESSAGE_CLASS__KEEP) {
        const bool is_to_self = span_equal(sender, recipient);
        if (!is_to_self && apply_archive_wants(a, recipient, sender))
            apply_archive_add(a, recipient, sender, false);
        if (apply_is_local(a, sender) && apply_has_user(a, sender) &&
            apply_archive_wants(a, sender, recipient))
            apply_archive_add(a, sender, recipient, true);
    }
    message_feed(a, STORE__FEED_ROW__KIND__MESSAGE, recipient, sender, NULL);
    if (apply_is_local(a, sender))
        message_feed(a, STORE__FEED_ROW__KIND__SENT, sender, recipient, NULL);
}

/* ---- Removal ---------------------------------------------------------------------------- */

void apply_message_erase(struct apply *a, uint64_t index)
{
    const Store__MessageRow *m = message_find(a, index);
    if (!m)
        return;
    const struct span sides[2] = {message_sender(m), message_recipient(m)};

    for (int i = 0; i < 2; i++) {
        (void)message_inbox_remove(a, sides[i], index);
        apply_archive_remove(a, sides[i], sides[1 - i], index);
    }
    keyspace_number(&a->key, a->group, index);
    apply_delete(a, KEYSPACE_MESSAGES);
}

static void message_erase_listed(struct apply *a, enum keyspace_cf cf, struct span user)
{
    keyspace_text(&a->key, a->group, user);
    const struct apply_list rows = apply_list_prefix(a, cf, SIZE_MAX);

    for (size_t i = 0; i < rows.count; i++) {
        apply_message_erase(a, keyspace_tail_u64(rows.rows[i].key, sizeof(uint64_t)));
        apply_delete_key(a, cf, rows.rows[i].key);
    }
}

void apply_message_forget(struct apply *a, struct span user)
{
    message_erase_listed(a, KEYSPACE_ARCHIVE, user);
    message_erase_listed(a, KEYSPACE_INBOX, user);
    message_erase_listed(a, KEYSPACE_FEED_OF, user); /* what waits in others' inboxes */

    keyspace_text(&a->key, a->group, user);
    apply_delete_prefix(a, KEYSPACE_DEDUPE);
}
