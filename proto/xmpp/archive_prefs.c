/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/xmpp/archive_prefs.h"

#include "base/err.h"
#include "proto/auth/address.h"
#include "proto/xmpp/xmpp_ns.h"

static const char *const default_names[] = {
    [ARCHIVE_PREFS_ALWAYS] = "always",
    [ARCHIVE_PREFS_NEVER] = "never",
    [ARCHIVE_PREFS_ROSTER] = "roster",
};
enum { PREFS_DEFAULTS = sizeof(default_names) / sizeof(default_names[0]) };

static int prefs_refuse(enum stanza_error_condition condition,
                        enum stanza_error_condition *ret_condition)
{
    *ret_condition = condition;
    return ERR_PROTOCOL;
}

static int list_parse(const struct xml_node *list, struct arena *arena, struct span **ret_items,
                      size_t *ret_count, enum stanza_error_condition *ret_condition)
{
    size_t count = 0;
    const struct xml_node *n = list ? xml_node_child(list, "jid", XMPP_NS_MAM) : NULL;
    if (list && xml_node_child_count(list) > ARCHIVE_PREFS_ADDRESSES_MAX)
        return prefs_refuse(STANZA_ERROR_POLICY_VIOLATION, ret_condition);
    struct span *items =
        arena_zeroed(arena, (list ? xml_node_child_count(list) : 0) * sizeof(*items));
    for (; n; n = xml_node_next(n, "jid", XMPP_NS_MAM)) {
        struct address a;
        if (address_parse_in(xml_node_text(n, arena), arena, &a) < 0)
            return prefs_refuse(STANZA_ERROR_JID_MALFORMED, ret_condition);
        items[count++] = address_full(&a);
    }
    *ret_items = items;
    *ret_count = count;
    return 0;
}

int archive_prefs_parse(const struct xml_node *payload, struct arena *arena,
                        struct archive_prefs *ret_prefs,
                        enum stanza_error_condition *ret_condition)
{
    struct archive_prefs prefs = {0};
    unsigned mode = 0;
    const struct span text = xml_node_attr(payload, "default");
    while (mode < PREFS_DEFAULTS && !span_is(text, default_names[mode]))
        mode++;
    if (mode == PREFS_DEFAULTS || !xml_node_is(payload, "prefs", XMPP_NS_MAM))
        return prefs_refuse(STANZA_ERROR_BAD_REQUEST, ret_condition);
    prefs.default_mode = (enum archive_prefs_default)mode;

    int rc = list_parse(xml_node_child(payload, "always", XMPP_NS_MAM), arena, &prefs.always,
                        &prefs.always_count, ret_condition);
    if (rc < 0)
        return rc;
    rc = list_parse(xml_node_child(payload, "never", XMPP_NS_MAM), arena, &prefs.never,
                    &prefs.never_count, ret_condition);
    if (rc < 0)
        return rc;
    *ret_prefs = prefs;
    return 0;
}

static void list_add(struct arena *arena, struct xml_node *prefs, const char *name,
                     const struct span *items, size_t count)
{
    struct xml_node *list = xml_node_add_new(arena, prefs, name, XMPP_NS_MAM);
    for (size_t i = 0; i < count; i++)
        xml_node_add_leaf(arena, list, "jid", items[i]);
}

struct xml_node *archive_prefs_node(struct arena *arena, const struct archive_prefs *prefs)
{
    struct xml_node *n = xml_node_new(arena, "prefs", XMPP_NS_MAM);
    xml_node_set(arena, n, "default", span_text(default_names[prefs->default_mode]));
    list_add(arena, n, "always", prefs->always, prefs->always_count);
    list_add(arena, n, "never", prefs->never, prefs->never_count);
    return n;
}
