/* SPDX-License-Identifier: Apache-2.0 */
/* Service discovery (XEP-0030) and entity capabilities (XEP-0115) of what this server is:
 * the domain itself and every account in it. */
#pragma once

#include "base/strbuf.h"
#include "proto/xml/xml_node.h"

struct disco_identity {
    const char *category, *type, *name; /* name may be NULL */
};

/* A thing that can be asked what it is. Features in any order. */
struct disco_entity {
    const struct disco_identity *identities;
    size_t identity_count;
    const char *const *features;
    size_t feature_count;
};

extern const struct disco_entity disco_server;  /* the domain */
extern const struct disco_entity disco_account; /* a bare address, to its owner */
/* A bare address, to others who may ask: only that it is an account. */
extern const struct disco_entity disco_stranger;

enum disco_request { DISCO_NONE, DISCO_INFO, DISCO_ITEMS };

/* What the payload of an IQ get asks for; *ret_node: its node, SPAN_NONE without. */
enum disco_request disco_parse(const struct xml_node *payload, struct span *ret_node);

/* `<query/>` of disco#info; node SPAN_NONE: without. */
struct xml_node *disco_info(struct arena *arena, const struct disco_entity *entity,
                            struct span node);

/* `<query/>` of disco#items without items, and one item more. */
struct xml_node *disco_items(struct arena *arena, struct span node);
void disco_add_item(struct arena *arena, struct xml_node *query, struct span jid,
                    struct span name);

/* Appends the verification string of an entity without forms (XEP-0115, 5.1: SHA-1). */
void disco_caps_ver(const struct disco_entity *entity, struct strbuf *out);
/* The node of our capabilities: where a query for node#ver is meant for us. */
#define DISCO_CAPS_NODE "urn:presenced"
/* True when node is DISCO_CAPS_NODE '#' ver. */
bool disco_is_caps_node(struct span node, struct span ver);
