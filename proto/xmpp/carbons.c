/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/xmpp/carbons.h"

#include "proto/xmpp/xmpp_ns.h"

enum carbons_request carbons_parse(const struct xml_node *payload)
{
    if (xml_node_is(payload, "enable", XMPP_NS_CARBONS))
        return CARBONS_ENABLE;
    return xml_node_is(payload, "disable", XMPP_NS_CARBONS) ? CARBONS_DISABLE : CARBONS_NONE;
}

struct xml_node *carbons_wrap(struct arena *arena, enum carbons_direction direction,
                              struct span owner_bare, struct span to_full,
                              struct xml_node *message)
{
    struct xml_node *copy = xml_node_new(arena, "message", XMPP_NS_CLIENT);
    xml_node_set(arena, copy, "from", owner_bare);
    xml_node_set(arena, copy, "to", to_full);
    xml_node_set(arena, copy, "type", xml_node_attr(message, "type"));
    struct xml_node *carbon = xml_node_add_new(
        arena, copy, direction == CARBONS_SENT ? "sent" : "received", XMPP_NS_CARBONS);
    xml_node_add(xml_node_add_new(arena, carbon, "forwarded", XMPP_NS_FORWARD), message);
    return copy;
}

struct xml_node *carbons_content(const struct xml_node *message)
{
    const struct xml_node *carbon = xml_node_child(message, "sent", XMPP_NS_CARBONS);
    if (!carbon)
        carbon = xml_node_child(message, "received", XMPP_NS_CARBONS);
    const struct xml_node *forwarded =
        carbon ? xml_node_child(carbon, "forwarded", XMPP_NS_FORWARD) : NULL;
    return forwarded ? xml_node_child(forwarded, "message", XMPP_NS_CLIENT) : NULL;
}

size_t carbons_strip(struct xml_node *message)
{
    return xml_node_remove_all(message, "sent", XMPP_NS_CARBONS) +
           xml_node_remove_all(message, "received", XMPP_NS_CARBONS);
}
