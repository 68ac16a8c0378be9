/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/xmpp/blocking_stanza.h"

#include "base/err.h"
#include "proto/auth/address.h"
#include "proto/xmpp/xmpp_ns.h"

static const char *const blocking_names[] = {
    [BLOCKING_STANZA_LIST] = "blocklist",
    [BLOCKING_STANZA_BLOCK] = "block",
    [BLOCKING_STANZA_UNBLOCK] = "unblock",
};

static int blocking_refuse(enum stanza_error_condition condition,
                           enum stanza_error_condition *ret_condition)
{
    *ret_condition = condition;
    return ERR_PROTOCOL;
}

static int items_parse(const struct xml_node *payload, struct arena *arena,
                       struct blocking_stanza *b, enum stanza_error_condition *ret_condition)
{
    const size_t count = xml_node_child_count(payload);
    if (count > BLOCKING_STANZA_ITEMS_MAX)
        return blocking_refuse(STANZA_ERROR_POLICY_VIOLATION, ret_condition);
    b->items = arena_zeroed(arena, count * sizeof(*b->items));
    const struct xml_node *n = xml_node_child(payload, "item", XMPP_NS_BLOCKING);
    for (; n; n = xml_node_next(n, "item", XMPP_NS_BLOCKING)) {
        struct address a;
        const struct span jid = xml_node_attr(n, "jid");
        if (span_is_none(jid))
            return blocking_refuse(STANZA_ERROR_BAD_REQUEST, ret_condition);
        if (address_parse_in(jid, arena, &a) < 0)
            return blocking_refuse(STANZA_ERROR_JID_MALFORMED, ret_condition);
        b->items[b->item_count++] = address_full(&a);
    }
    return 0;
}

int blocking_stanza_parse(const struct xml_node *payload, bool is_set, struct arena *arena,
                          struct blocking_stanza *ret_blocking,
                          enum stanza_error_condition *ret_condition)
{
    struct blocking_stanza b = {.kind = BLOCKING_STANZA_LIST};
    if (is_set && xml_node_is(payload, "block", XMPP_NS_BLOCKING))
        b.kind = BLOCKING_STANZA_BLOCK;
    else if (is_set && xml_node_is(payload, "unblock", XMPP_NS_BLOCKING))
        b.kind = BLOCKING_STANZA_UNBLOCK;
    else if (is_set || !xml_node_is(payload, "blocklist", XMPP_NS_BLOCKING))
        return blocking_refuse(STANZA_ERROR_BAD_REQUEST, ret_condition);

    if (is_set) {
        int rc = items_parse(payload, arena, &b, ret_condition);
        if (rc < 0)
            return rc;
        if (b.kind == BLOCKING_STANZA_BLOCK && b.item_count == 0) /* XEP-0191, 3.3 */
            return blocking_refuse(STANZA_ERROR_BAD_REQUEST, ret_condition);
    }
    *ret_blocking = b;
    return 0;
}

struct xml_node *blocking_stanza_new(struct arena *arena, enum blocking_stanza_kind kind,
                                     const struct span *items, size_t item_count)
{
    struct xml_node *n = xml_node_new(arena, blocking_names[kind], XMPP_NS_BLOCKING);
    for (size_t i = 0; i < item_count; i++)
        xml_node_set(arena, xml_node_add_new(arena, n, "item", XMPP_NS_BLOCKING), "jid",
                     items[i]);
    return n;
}

struct xml_node *blocking_stanza_error(struct arena *arena)
{
    struct xml_node *error = stanza_error_node(arena, STANZA_ERROR_NOT_ACCEPTABLE, NULL);
    /* XEP-0191, 3.3: the type is cancel here, for the text is not at fault */
    xml_node_set(arena, error, "type", SPAN("cancel"));
    xml_node_add_new(arena, error, "blocked", XMPP_NS_BLOCKING_ERRORS);
    return error;
}
