/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/xmpp/entity_query.h"

#include "proto/xmpp/xmpp_ns.h"
#include "proto/xmpp/xmpp_time.h"

static const struct {
    const char *name;
    const char *ns;
    bool is_set;
    enum entity_query query;
} queries[] = {
    {"query", XMPP_NS_VERSION, false, ENTITY_QUERY_VERSION},
    {"ping", XMPP_NS_PING, false, ENTITY_QUERY_PING},
    {"time", XMPP_NS_TIME, false, ENTITY_QUERY_TIME},
    {"session", XMPP_NS_SESSION, true, ENTITY_QUERY_SESSION},
};

enum entity_query entity_query_parse(const struct xml_node *payload, bool is_set)
{
    for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++)
        if (queries[i].is_set == is_set && xml_node_is(payload, queries[i].name, queries[i].ns))
            return queries[i].query;
    return ENTITY_QUERY_NONE;
}

struct xml_node *entity_query_version(struct arena *arena, const char *name,
                                      const char *version, const char *os)
{
    struct xml_node *query = xml_node_new(arena, "query", XMPP_NS_VERSION);
    xml_node_add_leaf(arena, query, "name", span_text(name));
    xml_node_add_leaf(arena, query, "version", span_text(version));
    if (os)
        xml_node_add_leaf(arena, query, "os", span_text(os));
    return query;
}

struct xml_node *entity_query_time(struct arena *arena, uint64_t now_us)
{
    char text[XMPP_TIME_SIZE];
    xmpp_time_format(now_us, text);
    struct xml_node *time = xml_node_new(arena, "time", XMPP_NS_TIME);
    xml_node_add_leaf(arena, time, "tzo", SPAN("+00:00"));
    xml_node_add_leaf(arena, time, "utc", arena_copy(arena, span_text(text)));
    return time;
}

struct xml_node *entity_query_ping(struct arena *arena)
{
    return xml_node_new(arena, "ping", XMPP_NS_PING);
}
