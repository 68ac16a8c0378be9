/* SPDX-License-Identifier: Apache-2.0 */
/* A stanza: message, presence or IQ of jabber:client, with its kind and type known
 * (RFC 6120, 8; RFC 6121, 4.7.1 and 5.2.2). Spans are borrowed from the node. */
#pragma once

#include "proto/xml/xml_node.h"
#include "proto/xmpp/stanza_error.h"

enum stanza_kind { STANZA_MESSAGE, STANZA_PRESENCE, STANZA_IQ };

enum stanza_type {
    STANZA_NORMAL, /* message, also one of an unknown type (RFC 6121, 5.2.2) */
    STANZA_CHAT,
    STANZA_GROUPCHAT,
    STANZA_HEADLINE,
    STANZA_AVAILABLE, /* presence without a type */
    STANZA_UNAVAILABLE,
    STANZA_SUBSCRIBE,
    STANZA_SUBSCRIBED,
    STANZA_UNSUBSCRIBE,
    STANZA_UNSUBSCRIBED,
    STANZA_PROBE,
    STANZA_GET,
    STANZA_SET,
    STANZA_RESULT,
    STANZA_ERROR, /* of all three kinds */
};

struct stanza {
    enum stanza_kind kind;
    enum stanza_type type;
    struct span id, from, to; /* as written; SPAN_NONE when absent */
    struct span lang;         /* xml:lang of the stanza itself */
    struct xml_node *node;
};

/* Outcomes of stanza_parse() beside 0. */
enum {
    STANZA_FOREIGN = 1, /* not one of the three: unsupported-stanza-type */
    STANZA_INVALID = 2, /* one that breaks the RFC; answer ret_condition, if
                           stanza_may_answer() */
};

/* Says what a first-level element is. Returns 0 and the stanza; STANZA_FOREIGN; or
 * STANZA_INVALID, *ret_stanza as far as it is known, and the condition to answer. */
int stanza_parse(struct xml_node *node, struct stanza *ret_stanza,
                 enum stanza_error_condition *ret_condition);

/* False for what an error must never answer (RFC 6120, 8.3.1: errors; IQ results). */
bool stanza_may_answer(const struct stanza *s);

/* The payload of an IQ: its first child element; of an error, the one beside <error/>. */
struct xml_node *stanza_payload(const struct stanza *s);

/* `<iq type='result'>` that answers a get or set: id kept, from and to swapped. */
struct xml_node *stanza_result(struct arena *arena, const struct stanza *iq);

const char *stanza_kind_name(enum stanza_kind kind); /* the element's name */
/* The type attribute, NULL for STANZA_AVAILABLE, whose attribute is absent, and "normal". */
const char *stanza_type_name(enum stanza_type type);

/* A new stanza; from, to and id may be SPAN_NONE and are borrowed. */
struct xml_node *stanza_new(struct arena *arena, enum stanza_kind kind, enum stanza_type type,
                            struct span from, struct span to, struct span id);
