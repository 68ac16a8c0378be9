/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/xmpp/stanza_error.h"

#include <assert.h>

#include "proto/xmpp/stanza.h"
#include "proto/xmpp/xmpp_ns.h"

/* RFC 6120, 8.3.3: each condition with the type that it recommends. */
static const struct {
    const char *name;
    enum stanza_error_type type;
} conditions[] = {
    [STANZA_ERROR_BAD_REQUEST] = {"bad-request", STANZA_ERROR_MODIFY},
    [STANZA_ERROR_CONFLICT] = {"conflict", STANZA_ERROR_CANCEL},
    [STANZA_ERROR_FEATURE_NOT_IMPLEMENTED] = {"feature-not-implemented", STANZA_ERROR_CANCEL},
    [STANZA_ERROR_FORBIDDEN] = {"forbidden", STANZA_ERROR_AUTH},
    [STANZA_ERROR_GONE] = {"gone", STANZA_ERROR_CANCEL},
    [STANZA_ERROR_INTERNAL_SERVER_ERROR] = {"internal-server-error", STANZA_ERROR_CANCEL},
    [STANZA_ERROR_ITEM_NOT_FOUND] = {"item-not-found", STANZA_ERROR_CANCEL},
    [STANZA_ERROR_JID_MALFORMED] = {"jid-malformed", STANZA_ERROR_MODIFY},
    [STANZA_ERROR_NOT_ACCEPTABLE] = {"not-acceptable", STANZA_ERROR_MODIFY},
    [STANZA_ERROR_NOT_ALLOWED] = {"not-allowed", STANZA_ERROR_CANCEL},
    [STANZA_ERROR_NOT_AUTHORIZED] = {"not-authorized", STANZA_ERROR_AUTH},
    [STANZA_ERROR_POLICY_VIOLATION] = {"policy-violation", STANZA_ERROR_MODIFY},
    [STANZA_ERROR_RECIPIENT_UNAVAILABLE] = {"recipient-unavailable", STANZA_ERROR_WAIT},
    [STANZA_ERROR_REDIRECT] = {"redirect", STANZA_ERROR_MODIFY},
    [STANZA_ERROR_REGISTRATION_REQUIRED] = {"registration-required", STANZA_ERROR_AUTH},
    [STANZA_ERROR_REMOTE_SERVER_NOT_FOUND] = {"remote-server-not-found", STANZA_ERROR_CANCEL},
    [STANZA_ERROR_REMOTE_SERVER_TIMEOUT] = {"remote-server-timeout", STANZA_ERROR_WAIT},
    [STANZA_ERROR_RESOURCE_CONSTRAINT] = {"resource-constraint", STANZA_ERROR_WAIT},
    [STANZA_ERROR_SERVICE_UNAVAILABLE] = {"service-unavailable", STANZA_ERROR_CANCEL},
    [STANZA_ERROR_SUBSCRIPTION_REQUIRED] = {"subscription-required", STANZA_ERROR_AUTH},
    [STANZA_ERROR_UNDEFINED_CONDITION] = {"undefined-condition", STANZA_ERROR_CANCEL},
    [STANZA_ERROR_UNEXPECTED_REQUEST] = {"unexpected-request", STANZA_ERROR_WAIT},
};
_Static_assert(sizeof(conditions) / sizeof(conditions[0]) == STANZA_ERROR_CONDITIONS,
               "every condition has a row");

static const char *const type_names[] = {
    [STANZA_ERROR_AUTH] = "auth",         [STANZA_ERROR_CANCEL] = "cancel",
    [STANZA_ERROR_CONTINUE] = "continue", [STANZA_ERROR_MODIFY] = "modify",
    [STANZA_ERROR_WAIT] = "wait",
};

const char *stanza_error_name(enum stanza_error_condition condition)
{
    assert(condition < STANZA_ERROR_CONDITIONS);
    return conditions[condition].name;
}

enum stanza_error_type stanza_error_type_of(enum stanza_error_condition condition)
{
    assert(condition < STANZA_ERROR_CONDITIONS);
    return conditions[condition].type;
}

const char *stanza_error_type_name(enum stanza_error_type type)
{
    return type_names[type];
}

struct xml_node *stanza_error_node(struct arena *arena, enum stanza_error_condition condition,
                                   const char *text)
{
    struct xml_node *error = xml_node_new(arena, "error", XMPP_NS_CLIENT);
    xml_node_set(arena, error, "type",
                 span_text(stanza_error_type_name(stanza_error_type_of(condition))));
    xml_node_add_new(arena, error, stanza_error_name(condition), XMPP_NS_STANZA_ERRORS);
    if (text) {
        struct xml_node *t = xml_node_add_new(arena, error, "text", XMPP_NS_STANZA_ERRORS);
        xml_node_set_ns(arena, t, "lang", XML_NODE_NS_XML, SPAN("en"));
        xml_node_add_text(arena, t, span_text(text));
    }
    return error;
}

struct xml_node *stanza_error_reply(struct arena *arena, const struct stanza *s,
                                    enum stanza_error_condition condition, const char *text)
{
    assert(stanza_may_answer(s));
    struct xml_node *reply = stanza_new(arena, s->kind, STANZA_ERROR, s->to, s->from, s->id);
    xml_node_add(reply, stanza_error_node(arena, condition, text));
    return reply;
}

enum stanza_error_condition stanza_error_parse(const struct xml_node *error)
{
    for (unsigned i = 0; i < STANZA_ERROR_CONDITIONS; i++)
        if (xml_node_child(error, conditions[i].name, XMPP_NS_STANZA_ERRORS))
            return (enum stanza_error_condition)i;
    return STANZA_ERROR_UNDEFINED_CONDITION;
}
