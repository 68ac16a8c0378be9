/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/xmpp/register_stanza.h"

#include "proto/xmpp/xmpp_ns.h"

void register_stanza_parse(const struct xml_node *query, struct arena *arena,
                           struct register_stanza *ret_register)
{
    struct register_stanza r = {.request = REGISTER_STANZA_MALFORMED};
    const struct xml_node *username = xml_node_child(query, "username", XMPP_NS_REGISTER);
    const struct xml_node *password = xml_node_child(query, "password", XMPP_NS_REGISTER);
    if (xml_node_child(query, "remove", XMPP_NS_REGISTER)) {
        r.request = REGISTER_STANZA_REMOVE;
    } else if (username && password) {
        r.username = xml_node_text(username, arena);
        r.password = xml_node_text(password, arena);
        if (r.username.size > 0 && r.password.size > 0)
            r.request = REGISTER_STANZA_PASSWORD;
    }
    *ret_register = r;
}

struct xml_node *register_stanza_form(struct arena *arena, struct span username)
{
    struct xml_node *query = xml_node_new(arena, "query", XMPP_NS_REGISTER);
    xml_node_add_new(arena, query, "registered", XMPP_NS_REGISTER);
    xml_node_add_leaf(arena, query, "username", username);
    xml_node_add_new(arena, query, "password", XMPP_NS_REGISTER);
    return query;
}
