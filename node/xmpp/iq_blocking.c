/* SPDX-License-Identifier: Apache-2.0 */
#include "node/xmpp/iq_blocking.h"

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/strbuf.h"
#include "node/xmpp/xmpp_front_state.h"
#include "node/xmpp/xmpp_iq.h"
#include "proto/xmpp/blocking_stanza.h"
#include "replication/read.h"

struct blocking_listing {
    struct arena *arena;
    struct span items[BLOCKING_STANZA_ITEMS_MAX];
    size_t count;
};

static bool blocking_add_row(struct span address, const Store__BlockRow *row, void *arg)
{
    struct blocking_listing *listing = arg;
    (void)row;
    listing->items[listing->count++] = arena_copy(listing->arena, address);
    return listing->count < BLOCKING_STANZA_ITEMS_MAX;
}

static void blocking_list(struct xmpp_iq *iq)
{
    struct blocking_listing *listing = arena_zeroed(iq->arena, sizeof(*listing));
    listing->arena = iq->arena;

    session_want_blocks(iq->front->session);
    if (read_blocks(xmpp_iq_view(iq), span_text(iq->front->user), blocking_add_row, listing) <
        0)
        xmpp_iq_fail(iq, STANZA_ERROR_INTERNAL_SERVER_ERROR);
    else
        xmpp_iq_result(iq, blocking_stanza_new(iq->arena, BLOCKING_STANZA_LIST, listing->items,
                                               listing->count));
}

void iq_blocking_handle(struct xmpp_iq *iq, const struct xml_node *payload)
{
    const bool is_set = iq->stanza->type == STANZA_SET;
    struct blocking_stanza blocking = {0};
    enum stanza_error_condition condition = STANZA_ERROR_BAD_REQUEST;
    CLEANUP(strbuf_done) struct strbuf ticket = {0};

    if (blocking_stanza_parse(payload, is_set, iq->arena, &blocking, &condition) < 0) {
        xmpp_iq_fail(iq, condition);
        return;
    }
    if (blocking.kind == BLOCKING_STANZA_LIST) {
        blocking_list(iq);
        return;
    }
    const bool is_block = blocking.kind == BLOCKING_STANZA_BLOCK;
    for (size_t i = 0; is_block && i < blocking.item_count; i++)
        if (span_equal(blocking.items[i], span_text(iq->front->user))) {
            xmpp_iq_fail(iq, STANZA_ERROR_NOT_ALLOWED); /* nobody blocks oneself */
            return;
        }
    const struct session_block_change change = {
        .add = is_block ? blocking.items : NULL,
        .add_count = is_block ? blocking.item_count : 0,
        .remove = is_block ? NULL : blocking.items,
        .remove_count = is_block ? 0 : blocking.item_count,
        .remove_all = !is_block && blocking.item_count == 0};
    xmpp_iq_ticket(iq, &ticket);
    session_block(iq->front->session, iq->n, &change, strbuf_span(&ticket), xmpp_iq_done);
}
