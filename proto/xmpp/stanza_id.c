/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/xmpp/stanza_id.h"

#include "proto/auth/address.h"
#include "proto/xmpp/xmpp_ns.h"

void stanza_id_add(struct arena *arena, struct xml_node *n, struct span by, struct span id)
{
    struct xml_node *sid = xml_node_add_new(arena, n, "stanza-id", XMPP_NS_SID);
    xml_node_set(arena, sid, "by", by);
    xml_node_set(arena, sid, "id", id);
}

size_t stanza_id_strip(struct xml_node *n, bool (*serves)(struct span domain, void *arg),
                       void *arg)
{
    size_t count = 0;
    struct xml_node *sid = xml_node_child(n, "stanza-id", XMPP_NS_SID);
    while (sid) {
        struct xml_node *next = xml_node_next(sid, "stanza-id", XMPP_NS_SID);
        struct address_text storage;
        struct address by;
        if (address_parse(xml_node_attr(sid, "by"), &storage, &by) < 0 ||
            serves(by.domain, arg)) {
            xml_node_remove(n, sid);
            count++;
        }
        sid = next;
    }
    return count;
}

struct span stanza_id_origin(const struct xml_node *n)
{
    const struct xml_node *origin = xml_node_child(n, "origin-id", XMPP_NS_SID);
    return origin ? xml_node_attr(origin, "id") : SPAN_NONE;
}
