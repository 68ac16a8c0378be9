/* SPDX-License-Identifier: Apache-2.0 */
/* Blocking command (XEP-0191). */
#pragma once

#include "proto/xml/xml_node.h"
#include "proto/xmpp/stanza_error.h"

enum blocking_stanza_kind {
    BLOCKING_STANZA_LIST,
    BLOCKING_STANZA_BLOCK,
    BLOCKING_STANZA_UNBLOCK, /* without items: everybody */
};

enum { BLOCKING_STANZA_ITEMS_MAX = 1000 };

struct blocking_stanza {
    enum blocking_stanza_kind kind;
    struct span *items; /* prepared addresses, in the arena; bare, full or domain */
    size_t item_count;
};

/* Reads the payload of an IQ: `<blocklist/>` of a get, `<block/>` and `<unblock/>` of a set.
 * Returns 0; or ERR_PROTOCOL and the condition to answer. */
int blocking_stanza_parse(const struct xml_node *payload, bool is_set, struct arena *arena,
                          struct blocking_stanza *ret_blocking,
                          enum stanza_error_condition *ret_condition);

/* `<blocklist/>`, `<block/>` or `<unblock/>` with these items, for an answer or a push. */
struct xml_node *blocking_stanza_new(struct arena *arena, enum blocking_stanza_kind kind,
                                     const struct span *items, size_t item_count);

/* The error of who writes to someone they block: not-acceptable with `<blocked/>`. */
struct xml_node *blocking_stanza_error(struct arena *arena);
