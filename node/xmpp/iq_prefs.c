/* SPDX-License-Identifier: Apache-2.0 */
#include "node/xmpp/iq_prefs.h"

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/strbuf.h"
#include "node/im/im.h"
#include "node/xmpp/xmpp_front_state.h"
#include "node/xmpp/xmpp_iq.h"
#include "proto/xmpp/archive_prefs.h"
#include "replication/read.h"

/* The lists of the store and of the stanza, one into the other. */

static struct span *prefs_spans(struct arena *arena, char *const *texts, size_t count)
{
    struct span *spans = arena_zeroed(arena, (count + 1) * sizeof(*spans));
    for (size_t i = 0; i < count; i++)
        spans[i] = arena_copy(arena, span_text(texts[i]));
    return spans;
}

static char **prefs_texts(struct arena *arena, const struct span *spans, size_t count)
{
    char **texts = arena_zeroed(arena, (count + 1) * sizeof(*texts));
    for (size_t i = 0; i < count; i++)
        texts[i] = (char *)(uintptr_t)arena_copy(arena, spans[i]).ptr;
    return texts;
}

static const struct {
    Store__ArchivePrefs__Default stored;
    enum archive_prefs_default mode;
} prefs_defaults[] = {
    {STORE__ARCHIVE_PREFS__DEFAULT__ALWAYS, ARCHIVE_PREFS_ALWAYS},
    {STORE__ARCHIVE_PREFS__DEFAULT__NEVER, ARCHIVE_PREFS_NEVER},
    {STORE__ARCHIVE_PREFS__DEFAULT__ROSTER, ARCHIVE_PREFS_ROSTER},
};
enum { PREFS_MODES = sizeof(prefs_defaults) / sizeof(prefs_defaults[0]) };

/* `<prefs/>` of what is stored; NULL when it cannot be read. */
static struct xml_node *prefs_stored(struct arena *arena, const struct statedb_view *view,
                                     struct span user)
{
    struct archive_prefs prefs = {.default_mode = ARCHIVE_PREFS_ALWAYS};
    Store__ArchivePrefs *row = NULL;
    const int rc = read_prefs(view, user, &row);

    if (rc < 0)
        return NULL;
    if (rc > 0) {
        for (size_t i = 0; i < PREFS_MODES; i++)
            if (prefs_defaults[i].stored == row->default_mode)
                prefs.default_mode = prefs_defaults[i].mode;
        prefs.always_count = row->n_always;
        prefs.always = prefs_spans(arena, row->always, row->n_always);
        prefs.never_count = row->n_never;
        prefs.never = prefs_spans(arena, row->never, row->n_never);
        store__archive_prefs__free_unpacked(row, NULL);
    }
    return archive_prefs_node(arena, &prefs);
}

static void prefs_set_done(struct session *s, struct span ticket, int rc,
                           const Store__Result *result)
{
    CLEANUP(arena_done) struct arena arena = {0};
    const struct im *im = im_worker_im(session_worker(s));
    struct xml_node *now = NULL;

    if (xmpp_iq_is_done(rc, result))
        now = prefs_stored(&arena, im_view(im), session_user(s));
    xmpp_iq_answer(s, ticket, rc, result, now);
}

static void prefs_set(struct xmpp_iq *iq, const struct xml_node *payload)
{
    struct archive_prefs wanted;
    enum stanza_error_condition condition = STANZA_ERROR_BAD_REQUEST;
    CLEANUP(strbuf_done) struct strbuf ticket = {0};
    Store__ArchivePrefs prefs = STORE__ARCHIVE_PREFS__INIT;

    if (archive_prefs_parse(payload, iq->arena, &wanted, &condition) < 0) {
        xmpp_iq_fail(iq, condition);
        return;
    }
    for (size_t i = 0; i < PREFS_MODES; i++)
        if (prefs_defaults[i].mode == wanted.default_mode)
            prefs.default_mode = prefs_defaults[i].stored;
    prefs.n_always = wanted.always_count;
    prefs.always = prefs_texts(iq->arena, wanted.always, wanted.always_count);
    prefs.n_never = wanted.never_count;
    prefs.never = prefs_texts(iq->arena, wanted.never, wanted.never_count);
    xmpp_iq_ticket(iq, &ticket);
    session_archive_prefs(iq->front->session, iq->n, &prefs, strbuf_span(&ticket),
                          prefs_set_done);
}

void iq_prefs_handle(struct xmpp_iq *iq, const struct xml_node *payload)
{
    if (iq->stanza->type == STANZA_SET) {
        prefs_set(iq, payload);
        return;
    }
    struct xml_node *now =
        prefs_stored(iq->arena, xmpp_iq_view(iq), span_text(iq->front->user));
    if (now)
        xmpp_iq_result(iq, now);
    else
        xmpp_iq_fail(iq, STANZA_ERROR_INTERNAL_SERVER_ERROR);
}
