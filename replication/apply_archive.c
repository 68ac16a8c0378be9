/* SPDX-License-Identifier: Apache-2.0 */
#include "replication/apply_archive.h"

#include "base/cleanup.h"
#include "replication/apply.h"
#include "replication/apply_message.h"

enum {
    ARCHIVE_NAMES_MAX = 1000, /* addresses of one preference list */
    ARCHIVE_STEP_MAX = 10000, /* rows of one trim: it holds up everything behind it */
    ARCHIVE_STEP = 1000,      /* when the command names none */
};

/* ---- Preferences ------------------------------------------------------------------------ */

static bool archive_are_addresses(char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!apply_is_address(span_text(names[i])))
            return false;
    return count <= ARCHIVE_NAMES_MAX;
}

void apply_archive_prefs(struct apply *a, const Store__ArchivePrefsSet *c)
{
    const struct span user = span_text(c->user);

    if (!apply_is_asker(a, user))
        return;
    if (!c->prefs || c->prefs->default_mode < STORE__ARCHIVE_PREFS__DEFAULT__ALWAYS ||
        c->prefs->default_mode > STORE__ARCHIVE_PREFS__DEFAULT__ROSTER ||
        !archive_are_addresses(c->prefs->always, c->prefs->n_always) ||
        !archive_are_addresses(c->prefs->never, c->prefs->n_never)) {
        apply_outcome(a, STORE__RESULT__OUTCOME__MALFORMED);
        return;
    }
    if (!apply_has_user(a, user)) {
        apply_outcome(a, STORE__RESULT__OUTCOME__NOT_FOUND);
        return;
    }
    keyspace_text(&a->key, a->group, user);
    apply_put(a, KEYSPACE_PREFS, &c->prefs->base);
}

static bool archive_names(char *const *names, size_t count, struct span with)
{
    for (size_t i = 0; i < count; i++)
        if (span_equal(apply_bare(span_text(names[i])), with))
            return true;
    return false;
}

bool apply_archive_wants(struct apply *a, struct span user, struct span with)
{
    keyspace_text(&a->key, a->group, user);
    const Store__ArchivePrefs *prefs =
        apply_get(a, KEYSPACE_PREFS, &store__archive_prefs__descriptor);

    if (!prefs)
        return true;
    if (archive_names(prefs->never, prefs->n_never, with))
        return false;
    if (archive_names(prefs->always, prefs->n_always, with))
        return true;
    if (prefs->default_mode != STORE__ARCHIVE_PREFS__DEFAULT__ROSTER)
        return prefs->default_mode == STORE__ARCHIVE_PREFS__DEFAULT__ALWAYS;

    keyspace_pair(&a->key, a->group, user, with);
    const Store__RosterRow *row = apply_get(a, KEYSPACE_ROSTER, &store__roster_row__descriptor);
    return row && row->is_listed;
}

/* ---- Rows ------------------------------------------------------------------------------- */

void apply_archive_add(struct apply *a, struct span user, struct span with, bool is_sent)
{
    Store__ArchiveRow row = STORE__ARCHIVE_ROW__INIT;

    row.with = apply_text(a, with);
    row.stamp_us = a->stamp_us;
    row.is_sent = is_sent;
    keyspace_user_number(&a->key, a->group, user, a->index);
    apply_put(a, KEYSPACE_ARCHIVE, &row.base);
    keyspace_archive_with(&a->key, a->group, user, with, a->index);
    apply_put_number(a, KEYSPACE_ARCHIVE_WITH, a->stamp_us);
    keyspace_mention(&a->key, a->group, with, KEYSPACE_MENTION_ARCHIVE, user);
    if (!apply_has(a, KEYSPACE_MENTIONS))
        apply_put_bytes(a, KEYSPACE_MENTIONS, SPAN(""));
}

void apply_archive_remove(struct apply *a, struct span user, struct span with, uint64_t index)
{
    keyspace_user_number(&a->key, a->group, user, index);
    if (!apply_has(a, KEYSPACE_ARCHIVE))
        return;
    apply_delete(a, KEYSPACE_ARCHIVE);
    keyspace_archive_with(&a->key, a->group, user, with, index);
    apply_delete(a, KEYSPACE_ARCHIVE_WITH);
    keyspace_pair(&a->key, a->group, user, with);
    if (apply_has_prefix(a, KEYSPACE_ARCHIVE_WITH))
        return;
    keyspace_mention(&a->key, a->group, with, KEYSPACE_MENTION_ARCHIVE, user);
    apply_delete(a, KEYSPACE_MENTIONS);
}

void apply_archive_forget(struct apply *a, struct span user)
{
    /* Conversations that only the other side keeps. */
    keyspace_text(&a->key, a->group, user);
    strbuf_add_byte(&a->key, KEYSPACE_MENTION_ARCHIVE);
    const struct apply_list rows = apply_list_prefix(a, KEYSPACE_MENTIONS, SIZE_MAX);
    for (size_t i = 0; i < rows.count; i++) {
        const struct span other = span_from(keyspace_text_at(rows.rows[i].key, 1), 1);
        /* NOLINTNEXTLINE(readability-suspicious-call-argument): the other side's rows */
        keyspace_pair(&a->key, a->group, other, user);
        const struct apply_list theirs = apply_list_prefix(a, KEYSPACE_ARCHIVE_WITH, SIZE_MAX);
        for (size_t k = 0; k < theirs.count; k++)
            apply_message_erase(a, keyspace_tail_u64(theirs.rows[k].key, sizeof(uint64_t)));
        apply_delete_key(a, KEYSPACE_MENTIONS, rows.rows[i].key);
    }

    keyspace_text(&a->key, a->group, user);
    apply_delete(a, KEYSPACE_PREFS);
}

/* ---- Retention -------------------------------------------------------------------------- */

static Store__ArchiveRow *archive_row(struct apply *a, struct span user, uint64_t index)
{
    keyspace_user_number(&a->key, a->group, user, index);
    return apply_get(a, KEYSPACE_ARCHIVE, &store__archive_row__descriptor);
}

static void archive_trim_user(struct apply *a, const Store__ArchiveTrim *c, size_t max)
{
    const struct span user = span_text(c->user);

    keyspace_text(&a->key, a->group, user);
    const struct apply_list rows = apply_list_prefix(a, KEYSPACE_ARCHIVE, max);
    for (size_t i = 0; i < rows.count; i++) {
        const uint64_t index = keyspace_tail_u64(rows.rows[i].key, sizeof(uint64_t));
        const Store__ArchiveRow *row =
            apply_unpack(a, &store__archive_row__descriptor, rows.rows[i].value);
        if (!row || row->stamp_us >= c->before_us)
            return;
        apply_archive_remove(a, user, span_text(row->with), index);
        apply_message_release(a, index);
    }
    a->result->has_more = rows.count == max;
}

/* Both sides of one message. */
static void archive_trim_message(struct apply *a, const Store__MessageRow *m, uint64_t index)
{
    const struct span sides[2] = {apply_bare(span_text(m->from)), apply_bare(span_text(m->to))};

    for (int i = 0; i < 2; i++) {
        const Store__ArchiveRow *row = archive_row(a, sides[i], index);
        if (row)
            apply_archive_remove(a, sides[i], span_text(row->with), index);
    }
    apply_message_release(a, index);
}

/* Messages stand in the order of their stamps, so everybody's archive is trimmed along them.
 * The place reached is kept: messages that still wait in an inbox are not met again. */
static void archive_trim_all(struct apply *a, const Store__ArchiveTrim *c, size_t max)
{
    CLEANUP(strbuf_done) struct strbuf upper = {0};

    keyspace_cluster(&a->key, a->group, 't');
    const uint64_t former = apply_get_number(a, KEYSPACE_CLUSTER);
    uint64_t reached = former;
    keyspace_number(&upper, a->group, a->index);
    keyspace_number(&a->key, a->group, former + 1);
    const struct apply_list rows =
        apply_list_range(a, KEYSPACE_MESSAGES, strbuf_span(&upper), max);
    size_t i = 0;
    for (; i < rows.count; i++) {
        const uint64_t index = keyspace_tail_u64(rows.rows[i].key, sizeof(uint64_t));
        const Store__MessageRow *m =
            apply_unpack(a, &store__message_row__descriptor, rows.rows[i].value);
        if (!m || m->stamp_us >= c->before_us)
            break;
        archive_trim_message(a, m, index);
        reached = index;
    }
    if (reached != former) {
        keyspace_cluster(&a->key, a->group, 't');
        apply_put_number(a, KEYSPACE_CLUSTER, reached);
    }
    a->result->has_more = i == max;
}

void apply_archive_trim(struct apply *a, const Store__ArchiveTrim *c)
{
    size_t max = c->rows_max ? c->rows_max : ARCHIVE_STEP;
    if (max > ARCHIVE_STEP_MAX)
        max = ARCHIVE_STEP_MAX;

    if (c->user[0] == '\0')
        archive_trim_all(a, c, max);
    else
        archive_trim_user(a, c, max);
}
