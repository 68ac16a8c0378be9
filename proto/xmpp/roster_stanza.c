/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/xmpp/roster_stanza.h"

#include "base/err.h"
#include "proto/xmpp/stanza.h"
#include "proto/xmpp/xmpp_ns.h"

static const char *const subscription_names[] = {
    [ROSTER_STANZA_NONE] = "none",     [ROSTER_STANZA_TO] = "to",
    [ROSTER_STANZA_FROM] = "from",     [ROSTER_STANZA_BOTH] = "both",
    [ROSTER_STANZA_REMOVE] = "remove",
};

static int roster_refuse(enum stanza_error_condition condition,
                         enum stanza_error_condition *ret_condition)
{
    *ret_condition = condition;
    return ERR_PROTOCOL;
}

static bool has_group(const struct roster_stanza_item *item, struct span group)
{
    for (size_t i = 0; i < item->group_count; i++)
        if (span_equal(item->groups[i], group))
            return true;
    return false;
}

/* RFC 6121, 2.3.3 */
static int groups_parse(const struct xml_node *n, struct arena *arena,
                        struct roster_stanza_item *item,
                        enum stanza_error_condition *ret_condition)
{
    const struct xml_node *g = xml_node_child(n, "group", XMPP_NS_ROSTER);
    for (; g; g = xml_node_next(g, "group", XMPP_NS_ROSTER)) {
        const struct span group = xml_node_text(g, arena);
        if (group.size == 0 || group.size > ROSTER_STANZA_TEXT_MAX)
            return roster_refuse(STANZA_ERROR_NOT_ACCEPTABLE, ret_condition);
        if (has_group(item, group))
            return roster_refuse(STANZA_ERROR_BAD_REQUEST, ret_condition);
        if (item->group_count == ROSTER_STANZA_GROUPS_MAX)
            return roster_refuse(STANZA_ERROR_POLICY_VIOLATION, ret_condition);
        item->groups[item->group_count++] = group;
    }
    return 0;
}

int roster_stanza_parse(const struct xml_node *query, struct arena *arena,
                        struct roster_stanza_item *ret_item,
                        enum stanza_error_condition *ret_condition)
{
    struct roster_stanza_item item = {0};
    const struct xml_node *n = xml_node_child(query, "item", XMPP_NS_ROSTER);
    if (!n || xml_node_next(n, "item", XMPP_NS_ROSTER))
        return roster_refuse(STANZA_ERROR_BAD_REQUEST, ret_condition);

    struct address contact;
    const struct span jid = xml_node_attr(n, "jid");
    if (span_is_none(jid))
        return roster_refuse(STANZA_ERROR_BAD_REQUEST, ret_condition);
    if (address_parse_in(jid, arena, &contact) < 0)
        return roster_refuse(STANZA_ERROR_JID_MALFORMED, ret_condition);
    item.jid = address_bare(&contact); /* RFC 6121, 2.1.2.3: SHOULD be bare */

    if (span_is(xml_node_attr(n, "subscription"), "remove")) {
        item.subscription = ROSTER_STANZA_REMOVE;
        *ret_item = item;
        return 0;
    }
    item.name = xml_node_attr(n, "name");
    if (item.name.size > ROSTER_STANZA_TEXT_MAX)
        return roster_refuse(STANZA_ERROR_NOT_ACCEPTABLE, ret_condition);
    int rc = groups_parse(n, arena, &item, ret_condition);
    if (rc < 0)
        return rc;
    *ret_item = item;
    return 0;
}

struct span roster_stanza_version(const struct xml_node *query)
{
    return xml_node_attr(query, "ver");
}

struct xml_node *roster_stanza_query(struct arena *arena, struct span ver)
{
    struct xml_node *query = xml_node_new(arena, "query", XMPP_NS_ROSTER);
    xml_node_set(arena, query, "ver", ver);
    return query;
}

void roster_stanza_add_item(struct arena *arena, struct xml_node *query,
                            const struct roster_stanza_item *item)
{
    struct xml_node *n = xml_node_add_new(arena, query, "item", XMPP_NS_ROSTER);
    xml_node_set(arena, n, "jid", item->jid);
    if (item->name.size > 0)
        xml_node_set(arena, n, "name", item->name);
    xml_node_set(arena, n, "subscription", span_text(subscription_names[item->subscription]));
    if (item->is_asking)
        xml_node_set(arena, n, "ask", SPAN("subscribe"));
    if (item->is_approved)
        xml_node_set(arena, n, "approved", SPAN("true"));
    for (size_t i = 0; i < item->group_count; i++)
        xml_node_add_leaf(arena, n, "group", item->groups[i]);
}

struct xml_node *roster_stanza_push(struct arena *arena, struct span to, struct span id,
                                    struct span ver, const struct roster_stanza_item *item)
{
    struct xml_node *iq = stanza_new(arena, STANZA_IQ, STANZA_SET, SPAN_NONE, to, id);
    struct xml_node *query = roster_stanza_query(arena, ver);
    roster_stanza_add_item(arena, query, item);
    xml_node_add(iq, query);
    return iq;
}
