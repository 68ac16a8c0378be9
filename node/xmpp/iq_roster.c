/* SPDX-License-Identifier: Apache-2.0 */
#include "node/xmpp/iq_roster.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/strbuf.h"
#include "node/im/im.h"
#include "node/xmpp/xmpp_front_state.h"
#include "node/xmpp/xmpp_iq.h"
#include "node/xmpp/xmpp_render.h"
#include "proto/xmpp/roster_stanza.h"
#include "replication/read.h"
#include "replication/replica.h"

/* ---- Get ------------------------------------------------------------------------------------
 */

struct roster_listing {
    struct arena *arena;
    struct xml_node *query;
};

static bool roster_add_row(struct span contact, const Store__RosterRow *row, void *arg)
{
    const struct roster_listing *listing = arg;
    if (!row->is_listed)
        return true;

    /* The row is the reader's: what goes into the answer is copied. */
    struct roster_stanza_item *item = arena_zeroed(listing->arena, sizeof(*item));
    xmpp_render_item_of_row(arena_copy(listing->arena, contact), row, item);
    item->name = arena_copy(listing->arena, item->name);
    for (size_t i = 0; i < item->group_count; i++)
        item->groups[i] = arena_copy(listing->arena, item->groups[i]);
    roster_stanza_add_item(listing->arena, listing->query, item);
    return true;
}

/* Reads a version of ours; false when it is none. */
static bool roster_read_version(struct span text, uint64_t *ret_version)
{
    uint64_t version = 0;
    if (text.size == 0 || text.size > 19)
        return false;
    for (size_t i = 0; i < text.size; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
        version = version * 10 + (uint64_t)(text.ptr[i] - '0');
    }
    *ret_version = version;
    return true;
}

static void roster_get(struct xmpp_iq *iq, const struct xml_node *payload)
{
    const struct statedb_view *view = xmpp_iq_view(iq);
    const struct span user = span_text(iq->front->user);
    const struct span known_text = roster_stanza_version(payload);
    uint64_t known = 0;
    Store__UserRow *row = NULL;

    session_want_roster(iq->front->session);
    if (read_user(view, user, &row) <= 0) {
        xmpp_iq_fail(iq, STANZA_ERROR_INTERNAL_SERVER_ERROR);
        return;
    }
    const uint64_t version = row->roster_index;
    store__user_row__free_unpacked(row, NULL);

    const bool has_known = roster_read_version(known_text, &known);
    if (has_known && known > replica_applied(im_replica(iq->front->im))) {
        xmpp_iq_fail(iq, STANZA_ERROR_RESOURCE_CONSTRAINT);
        return;
    }
    if (has_known && known == version) { /* RFC 6121, 2.6.3: the client has it */
        xmpp_iq_result(iq, NULL);
        return;
    }
    char text[21];
    (void)snprintf(text, sizeof(text), "%" PRIu64, version);
    struct roster_listing listing = {
        .arena = iq->arena,
        .query = roster_stanza_query(iq->arena,
                                     span_is_none(known_text) ? SPAN_NONE : span_text(text))};
    if (read_roster(view, user, roster_add_row, &listing) < 0)
        xmpp_iq_fail(iq, STANZA_ERROR_INTERNAL_SERVER_ERROR);
    else
        xmpp_iq_result(iq, listing.query);
}

/* ---- Set ------------------------------------------------------------------------------------
 */

static void roster_set(struct xmpp_iq *iq, const struct xml_node *payload)
{
    struct roster_stanza_item *item = arena_zeroed(iq->arena, sizeof(*item));
    enum stanza_error_condition condition = STANZA_ERROR_BAD_REQUEST;
    CLEANUP(strbuf_done) struct strbuf ticket = {0};

    if (roster_stanza_parse(payload, iq->arena, item, &condition) < 0) {
        xmpp_iq_fail(iq, condition);
        return;
    }
    if (span_equal(item->jid, span_text(iq->front->user))) { /* RFC 6121, 2.3.3 */
        xmpp_iq_fail(iq, STANZA_ERROR_NOT_ALLOWED);
        return;
    }
    xmpp_iq_ticket(iq, &ticket);
    if (item->subscription == ROSTER_STANZA_REMOVE) {
        session_roster_remove(iq->front->session, iq->n, item->jid, strbuf_span(&ticket),
                              xmpp_iq_done);
        return;
    }
    const struct session_roster_item set = {.contact = item->jid,
                                            .name = item->name,
                                            .groups = item->groups,
                                            .group_count = item->group_count};
    session_roster_set(iq->front->session, iq->n, &set, strbuf_span(&ticket), xmpp_iq_done);
}

void iq_roster_handle(struct xmpp_iq *iq, const struct xml_node *payload)
{
    if (iq->stanza->type == STANZA_GET)
        roster_get(iq, payload);
    else
        roster_set(iq, payload);
}
