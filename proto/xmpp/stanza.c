/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/xmpp/stanza.h"

#include "proto/xmpp/xmpp_ns.h"

static const char *const kind_names[] = {
    [STANZA_MESSAGE] = "message",
    [STANZA_PRESENCE] = "presence",
    [STANZA_IQ] = "iq",
};
enum { STANZA_KINDS = sizeof(kind_names) / sizeof(kind_names[0]) };

/* What the type attribute may say, and for which kinds. */
static const struct {
    const char *name;
    enum stanza_type type;
    bool is_of[STANZA_KINDS];
} types[] = {
    {"normal", STANZA_NORMAL, {[STANZA_MESSAGE] = true}},
    {"chat", STANZA_CHAT, {[STANZA_MESSAGE] = true}},
    {"groupchat", STANZA_GROUPCHAT, {[STANZA_MESSAGE] = true}},
    {"headline", STANZA_HEADLINE, {[STANZA_MESSAGE] = true}},
    {"unavailable", STANZA_UNAVAILABLE, {[STANZA_PRESENCE] = true}},
    {"subscribe", STANZA_SUBSCRIBE, {[STANZA_PRESENCE] = true}},
    {"subscribed", STANZA_SUBSCRIBED, {[STANZA_PRESENCE] = true}},
    {"unsubscribe", STANZA_UNSUBSCRIBE, {[STANZA_PRESENCE] = true}},
    {"unsubscribed", STANZA_UNSUBSCRIBED, {[STANZA_PRESENCE] = true}},
    {"probe", STANZA_PROBE, {[STANZA_PRESENCE] = true}},
    {"get", STANZA_GET, {[STANZA_IQ] = true}},
    {"set", STANZA_SET, {[STANZA_IQ] = true}},
    {"result", STANZA_RESULT, {[STANZA_IQ] = true}},
    {"error",
     STANZA_ERROR,
     {[STANZA_MESSAGE] = true, [STANZA_PRESENCE] = true, [STANZA_IQ] = true}},
};
enum { STANZA_TYPE_NAMES = sizeof(types) / sizeof(types[0]) };

const char *stanza_kind_name(enum stanza_kind kind)
{
    return kind_names[kind];
}

const char *stanza_type_name(enum stanza_type type)
{
    for (size_t i = 0; i < STANZA_TYPE_NAMES; i++)
        if (types[i].type == type)
            return types[i].name;
    return NULL; /* available */
}

/* Returns false for a type that the RFC does not know. */
static bool type_parse(enum stanza_kind kind, struct span text, enum stanza_type *ret_type)
{
    for (size_t i = 0; i < STANZA_TYPE_NAMES; i++) {
        if (types[i].is_of[kind] && span_is(text, types[i].name)) {
            *ret_type = types[i].type;
            return true;
        }
    }
    switch (kind) {
    case STANZA_MESSAGE: /* RFC 6121, 5.2.2: an unknown type is normal */
        *ret_type = STANZA_NORMAL;
        return true;
    case STANZA_PRESENCE:
        *ret_type = STANZA_AVAILABLE;
        return span_is_none(text);
    case STANZA_IQ:
        *ret_type = STANZA_GET; /* so that it is answered */
        return false;
    }
    return false;
}

/* RFC 6120, 8.2.3 */
static bool iq_is_valid(const struct stanza *s)
{
    const size_t children = xml_node_child_count(s->node);
    if (s->id.size == 0)
        return false;
    switch (s->type) {
    case STANZA_GET:
    case STANZA_SET:
        return children == 1;
    case STANZA_RESULT:
        return children <= 1;
    default:
        return true; /* an error without <error/> harms nobody */
    }
}

int stanza_parse(struct xml_node *node, struct stanza *ret_stanza,
                 enum stanza_error_condition *ret_condition)
{
    unsigned kind = 0;
    while (kind < STANZA_KINDS && !xml_node_is(node, kind_names[kind], XMPP_NS_CLIENT))
        kind++;
    if (kind == STANZA_KINDS)
        return STANZA_FOREIGN;

    struct stanza s = {
        .kind = (enum stanza_kind)kind,
        .id = xml_node_attr(node, "id"),
        .from = xml_node_attr(node, "from"),
        .to = xml_node_attr(node, "to"),
        .lang = xml_node_lang(node),
        .node = node,
    };
    const bool is_known = type_parse(s.kind, xml_node_attr(node, "type"), &s.type);
    *ret_stanza = s;
    if (!is_known || (s.kind == STANZA_IQ && !iq_is_valid(&s))) {
        *ret_condition = STANZA_ERROR_BAD_REQUEST;
        return STANZA_INVALID;
    }
    return 0;
}

bool stanza_may_answer(const struct stanza *s)
{
    return s->type != STANZA_ERROR && s->type != STANZA_RESULT;
}

struct xml_node *stanza_payload(const struct stanza *s)
{
    struct xml_node *child = xml_node_child(s->node, NULL, NULL);
    while (child && s->type == STANZA_ERROR && xml_node_is(child, "error", XMPP_NS_CLIENT))
        child = xml_node_next(child, NULL, NULL);
    return child;
}

struct xml_node *stanza_new(struct arena *arena, enum stanza_kind kind, enum stanza_type type,
                            struct span from, struct span to, struct span id)
{
    struct xml_node *n = xml_node_new(arena, stanza_kind_name(kind), XMPP_NS_CLIENT);
    xml_node_set(arena, n, "from", from);
    xml_node_set(arena, n, "to", to);
    xml_node_set(arena, n, "id", id);
    if (type != STANZA_NORMAL) /* the default of messages */
        xml_node_set(arena, n, "type", span_text(stanza_type_name(type)));
    return n;
}

struct xml_node *stanza_result(struct arena *arena, const struct stanza *iq)
{
    return stanza_new(arena, STANZA_IQ, STANZA_RESULT, iq->to, iq->from, iq->id);
}
