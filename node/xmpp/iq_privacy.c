/* SPDX-License-Identifier: Apache-2.0 */
#include "node/xmpp/iq_privacy.h"

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/strbuf.h"
#include "node/xmpp/xmpp_front_state.h"
#include "node/xmpp/xmpp_iq.h"
#include "proto/xmpp/blocking_stanza.h"
#include "proto/xmpp/xmpp_ns.h"
#include "replication/read.h"

#define PRIVACY_LIST_NAME "blocked" /* of the list where nobody has named it */

enum {
    PRIVACY_ITEMS_MAX = BLOCKING_STANZA_ITEMS_MAX,
    PRIVACY_DONE = -1, /* no condition: the item is well */
};

/* ---- Get ------------------------------------------------------------------------------ */

struct privacy_listing {
    struct arena *arena;
    struct xml_node *list;
    uint64_t count;
};

static bool privacy_add_row(struct span address, const Store__BlockRow *row, void *arg)
{
    struct privacy_listing *listing = arg;
    struct xml_node *item =
        xml_node_add_new(listing->arena, listing->list, "item", XMPP_NS_PRIVACY);
    (void)row;
    xml_node_set(listing->arena, item, "type", SPAN("jid"));
    xml_node_set_copy(listing->arena, item, "value", address);
    xml_node_set(listing->arena, item, "action", SPAN("deny"));
    xml_node_set_number(listing->arena, item, "order", ++listing->count);
    return true;
}

/* The list by that name; an empty one is none. Returns its number of items, or < 0. */
static int privacy_read(const struct xmpp_iq *iq, struct span name, struct xml_node **ret_list)
{
    struct privacy_listing listing = {.arena = iq->arena,
                                      .list = xml_node_new(iq->arena, "list", XMPP_NS_PRIVACY)};
    xml_node_set(iq->arena, listing.list, "name", name);
    const int rc =
        read_blocks(xmpp_iq_view(iq), span_text(iq->front->user), privacy_add_row, &listing);
    *ret_list = listing.list;
    return rc < 0 ? rc : (int)listing.count;
}

static void privacy_name(const struct xmpp_iq *iq, struct xml_node *query, const char *role)
{
    xml_node_set(iq->arena, xml_node_add_new(iq->arena, query, role, XMPP_NS_PRIVACY), "name",
                 SPAN(PRIVACY_LIST_NAME));
}

static void privacy_get(const struct xmpp_iq *iq, const struct xml_node *payload)
{
    const struct xml_node *asked = xml_node_child(payload, NULL, NULL);
    const struct span name = asked ? xml_node_attr(asked, "name") : SPAN(PRIVACY_LIST_NAME);
    struct xml_node *query = xml_node_new(iq->arena, "query", XMPP_NS_PRIVACY);
    struct xml_node *list = NULL;

    if (xml_node_child_count(payload) > 1 || span_is_none(name) ||
        (asked && !xml_node_is(asked, "list", XMPP_NS_PRIVACY))) {
        xmpp_iq_fail(iq, STANZA_ERROR_BAD_REQUEST);
        return;
    }
    const int count = privacy_read(iq, name, &list);
    if (count < 0) {
        xmpp_iq_fail(iq, STANZA_ERROR_INTERNAL_SERVER_ERROR);
        return;
    }
    if (asked && count == 0) {
        xmpp_iq_fail(iq, STANZA_ERROR_ITEM_NOT_FOUND);
        return;
    }
    if (asked) {
        xml_node_add(query, list);
    } else if (count > 0) {
        privacy_name(iq, query, "active");
        privacy_name(iq, query, "default");
        privacy_name(iq, query, "list");
    }
    xmpp_iq_result(iq, query);
}

/* ---- Set ------------------------------------------------------------------------------ */

struct privacy_change {
    struct span *denied, *allowed;
    size_t denied_count, allowed_count;
};

/* All four kinds of stanza, or none named: the item is about everything (XEP-0016, 2.1). */
static bool privacy_is_about_all(const struct xml_node *item)
{
    static const char *const kinds[] = {"message", "iq", "presence-in", "presence-out"};
    size_t found = 0;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        found += xml_node_child(item, kinds[i], XMPP_NS_PRIVACY) != NULL;
    return xml_node_child_count(item) == found && (found == 0 || found == 4);
}

/* PRIVACY_DONE, or the condition that answers the item. */
static int privacy_read_item(const struct xmpp_iq *iq, const struct xml_node *item,
                             struct privacy_change *change)
{
    const struct span type = xml_node_attr(item, "type"), value = xml_node_attr(item, "value");
    const struct span action = xml_node_attr(item, "action");
    const bool is_deny = span_is(action, "deny");
    struct address address;

    if (!xml_node_is(item, "item", XMPP_NS_PRIVACY) ||
        (!is_deny && !span_is(action, "allow")) || span_is_none(xml_node_attr(item, "order")))
        return STANZA_ERROR_BAD_REQUEST;
    if (span_is_none(type)) /* the rest: denied it would be everybody */
        return is_deny ? STANZA_ERROR_FEATURE_NOT_IMPLEMENTED : PRIVACY_DONE;
    if (!span_is(type, "jid") || (is_deny && !privacy_is_about_all(item)))
        return STANZA_ERROR_FEATURE_NOT_IMPLEMENTED;
    if (span_is_none(value))
        return STANZA_ERROR_BAD_REQUEST;
    if (address_parse_in(value, iq->arena, &address) < 0)
        return STANZA_ERROR_JID_MALFORMED;
    const struct span text = address_full(&address);
    if (is_deny && span_equal(address_bare(&address), span_text(iq->front->user)))
        return STANZA_ERROR_NOT_ALLOWED; /* nobody blocks oneself */
    if (is_deny)
        change->denied[change->denied_count++] = text;
    else
        change->allowed[change->allowed_count++] = text;
    return PRIVACY_DONE;
}

static bool privacy_covers(struct span denied, struct span allowed)
{
    const size_t slash = span_index(allowed, '/');
    const struct span bare = span_first(allowed, slash);
    const size_t at = span_index(bare, '@');
    return span_equal(denied, allowed) || span_equal(denied, bare) ||
           (at < bare.size && span_equal(denied, span_from(bare, at + 1)));
}

/* An exception from a denied item is more than a block list can say. */
static bool privacy_has_exception(const struct privacy_change *change)
{
    for (size_t i = 0; i < change->allowed_count; i++)
        for (size_t k = 0; k < change->denied_count; k++)
            if (privacy_covers(change->denied[k], change->allowed[i]))
                return true;
    return false;
}

static int privacy_read_list(const struct xmpp_iq *iq, const struct xml_node *list,
                             struct privacy_change *change)
{
    const size_t count = xml_node_child_count(list);
    if (span_is_none(xml_node_attr(list, "name")))
        return STANZA_ERROR_BAD_REQUEST;
    if (count > PRIVACY_ITEMS_MAX)
        return STANZA_ERROR_RESOURCE_CONSTRAINT;
    change->denied = arena_zeroed(iq->arena, (count + 1) * sizeof(*change->denied));
    change->allowed = arena_zeroed(iq->arena, (count + 1) * sizeof(*change->allowed));
    const struct xml_node *item = xml_node_child(list, NULL, NULL);
    for (; item; item = xml_node_next(item, NULL, NULL)) {
        const int condition = privacy_read_item(iq, item, change);
        if (condition != PRIVACY_DONE)
            return condition;
    }
    return privacy_has_exception(change) ? STANZA_ERROR_FEATURE_NOT_IMPLEMENTED : PRIVACY_DONE;
}

static void privacy_set_list(struct xmpp_iq *iq, const struct xml_node *list)
{
    struct privacy_change change = {0};
    CLEANUP(strbuf_done) struct strbuf ticket = {0};
    const int condition = privacy_read_list(iq, list, &change);

    if (condition != PRIVACY_DONE) {
        xmpp_iq_fail(iq, (enum stanza_error_condition)condition);
        return;
    }
    const struct session_block_change block = {
        .add = change.denied, .add_count = change.denied_count, .remove_all = true};
    xmpp_iq_ticket(iq, &ticket);
    session_block(iq->front->session, iq->n, &block, strbuf_span(&ticket), xmpp_iq_done);
}

/* Which list is in force: the one there is. Declining one that blocks is not possible. */
static void privacy_choose(const struct xmpp_iq *iq, const struct xml_node *choice)
{
    struct xml_node *list = NULL;
    const bool is_declined = span_is_none(xml_node_attr(choice, "name"));
    const int count = is_declined ? privacy_read(iq, SPAN(PRIVACY_LIST_NAME), &list) : 0;

    if (count < 0)
        xmpp_iq_fail(iq, STANZA_ERROR_INTERNAL_SERVER_ERROR);
    else if (count > 0)
        xmpp_iq_fail(iq, STANZA_ERROR_FEATURE_NOT_IMPLEMENTED);
    else
        xmpp_iq_result(iq, NULL);
}

void iq_privacy_handle(struct xmpp_iq *iq, const struct xml_node *payload)
{
    const struct xml_node *child = xml_node_child(payload, NULL, NULL);
    const bool is_one = xml_node_child_count(payload) == 1;

    if (iq->stanza->type == STANZA_GET)
        privacy_get(iq, payload);
    else if (is_one && xml_node_is(child, "list", XMPP_NS_PRIVACY))
        privacy_set_list(iq, child);
    else if (is_one && (xml_node_is(child, "active", XMPP_NS_PRIVACY) ||
                        xml_node_is(child, "default", XMPP_NS_PRIVACY)))
        privacy_choose(iq, child);
    else
        xmpp_iq_fail(iq, STANZA_ERROR_BAD_REQUEST);
}
