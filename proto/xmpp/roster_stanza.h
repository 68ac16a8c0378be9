/* SPDX-License-Identifier: Apache-2.0 */
/* Roster IQs (RFC 6121, 2): gets with their version, sets of one item, pushes and results. */
#pragma once

#include "proto/auth/address.h"
#include "proto/xml/xml_node.h"
#include "proto/xmpp/stanza_error.h"

enum {
    ROSTER_STANZA_GROUPS_MAX = 64,
    ROSTER_STANZA_TEXT_MAX = 1023, /* bytes of a name or a group */
};

enum roster_stanza_subscription {
    ROSTER_STANZA_NONE,
    ROSTER_STANZA_TO,
    ROSTER_STANZA_FROM,
    ROSTER_STANZA_BOTH,
    ROSTER_STANZA_REMOVE,
};

struct roster_stanza_item {
    struct span jid;  /* prepared bare address */
    struct span name; /* SPAN_NONE or empty: none */
    enum roster_stanza_subscription subscription;
    bool is_asking;   /* ask='subscribe' */
    bool is_approved; /* pre-approval */
    struct span groups[ROSTER_STANZA_GROUPS_MAX];
    size_t group_count;
};

/* Reads the `<query/>` of an IQ set: name and groups, or removal; what else a client says is
 * ignored (RFC 6121, 2.1.2). Returns 0, or ERR_PROTOCOL and the condition to answer. Borrows
 * from the node and the arena. */
int roster_stanza_parse(const struct xml_node *query, struct arena *arena,
                        struct roster_stanza_item *ret_item,
                        enum stanza_error_condition *ret_condition);

/* Version that an IQ get knows: SPAN_NONE when it knows none; empty: it has no roster yet. */
struct span roster_stanza_version(const struct xml_node *query);

/* `<query/>` without items; ver SPAN_NONE: no versions. */
struct xml_node *roster_stanza_query(struct arena *arena, struct span ver);
void roster_stanza_add_item(struct arena *arena, struct xml_node *query,
                            const struct roster_stanza_item *item);

/* A roster push to one resource (RFC 6121, 2.1.6). */
struct xml_node *roster_stanza_push(struct arena *arena, struct span to, struct span id,
                                    struct span ver, const struct roster_stanza_item *item);
