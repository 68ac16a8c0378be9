/* SPDX-License-Identifier: Apache-2.0 */
#include "node/xmpp/iq_entity.h"

#include <sys/utsname.h>

#include "base/cleanup.h"
#include "base/monoclock.h"
#include "base/strbuf.h"
#include "node/xmpp/xmpp_front_state.h"
#include "node/xmpp/xmpp_iq.h"
#include "proto/xmpp/carbons.h"
#include "proto/xmpp/disco.h"
#include "proto/xmpp/entity_query.h"
#include "replication/read.h"

/* Whether the account that is asked lets the asker see its presence: only then does it
 * show that it exists (RFC 6121, 8.5.1; XEP-0030, 8). */
static bool entity_is_shown(const struct xmpp_iq *iq)
{
    Store__RosterRow *row = NULL;
    if (span_is_none(iq->to.local) ||
        span_equal(address_full(&iq->to), span_text(iq->front->user)))
        return true; /* the server, oneself */
    const int rc = read_roster_item(xmpp_iq_view(iq), address_bare(&iq->to),
                                    span_text(iq->front->user), &row);
    if (rc <= 0)
        return false;
    const bool is_shown = row->is_from;
    store__roster_row__free_unpacked(row, NULL);
    return is_shown;
}

static void entity_info(struct xmpp_iq *iq, struct span node)
{
    const bool is_server = span_is_none(iq->to.local);
    const bool is_own = span_equal(address_full(&iq->to), span_text(iq->front->user));
    const struct disco_entity *entity = is_server ? &disco_server
                                        : is_own  ? &disco_account
                                                  : &disco_stranger;
    CLEANUP(strbuf_done) struct strbuf ver = {0};
    disco_caps_ver(entity, &ver);
    if (!span_is_none(node) && !(is_server && disco_is_caps_node(node, strbuf_span(&ver))))
        xmpp_iq_fail(iq, STANZA_ERROR_ITEM_NOT_FOUND);
    else
        xmpp_iq_result(iq, disco_info(iq->arena, entity, node));
}

void iq_entity_disco(struct xmpp_iq *iq, const struct xml_node *payload)
{
    struct span node = SPAN_NONE;
    const enum disco_request request = disco_parse(payload, &node);

    if (iq->stanza->type != STANZA_GET || request == DISCO_NONE)
        xmpp_iq_fail(iq, STANZA_ERROR_BAD_REQUEST);
    else if (!entity_is_shown(iq))
        xmpp_iq_fail(iq, STANZA_ERROR_SERVICE_UNAVAILABLE);
    else if (request == DISCO_INFO)
        entity_info(iq, node);
    else
        xmpp_iq_result(iq, disco_items(iq->arena, node));
}

void iq_entity_small(struct xmpp_iq *iq, const struct xml_node *payload)
{
    struct utsname system = {0};

    if (!entity_is_shown(iq)) {
        xmpp_iq_fail(iq, STANZA_ERROR_SERVICE_UNAVAILABLE);
        return;
    }
    switch (entity_query_parse(payload, iq->stanza->type == STANZA_SET)) {
    case ENTITY_QUERY_NONE:
        xmpp_iq_fail(iq, STANZA_ERROR_BAD_REQUEST);
        return;
    case ENTITY_QUERY_PING:
    case ENTITY_QUERY_SESSION:
        xmpp_iq_result(iq, NULL);
        return;
    case ENTITY_QUERY_VERSION:
        (void)uname(&system);
        xmpp_iq_result(iq, entity_query_version(iq->arena, "presenced", PRESENCED_VERSION,
                                                system.sysname));
        return;
    case ENTITY_QUERY_TIME:
        xmpp_iq_result(iq, entity_query_time(iq->arena, monoclock_wall_us()));
        return;
    }
}

void iq_entity_carbons(struct xmpp_iq *iq, const struct xml_node *payload)
{
    if (iq->stanza->type != STANZA_SET) {
        xmpp_iq_fail(iq, STANZA_ERROR_BAD_REQUEST);
        return;
    }
    session_set_carbons(iq->front->session, carbons_parse(payload) == CARBONS_ENABLE);
    xmpp_iq_result(iq, NULL);
}
