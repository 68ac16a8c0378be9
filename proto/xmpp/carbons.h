/* SPDX-License-Identifier: Apache-2.0 */
/* Message carbons (XEP-0280) in the envelope of XEP-0297. */
#pragma once

#include "proto/xml/xml_node.h"

enum carbons_request { CARBONS_NONE, CARBONS_ENABLE, CARBONS_DISABLE };
enum carbons_direction { CARBONS_SENT, CARBONS_RECEIVED };

/* What the payload of an IQ set asks for. */
enum carbons_request carbons_parse(const struct xml_node *payload);

/* A copy of message for one resource: from the owner's bare address, with the message's own
 * type. message must have no parent; it becomes part of the copy. */
struct xml_node *carbons_wrap(struct arena *arena, enum carbons_direction direction,
                              struct span owner_bare, struct span to_full,
                              struct xml_node *message);

/* The message inside a carbon copy, or NULL when it is none. */
struct xml_node *carbons_content(const struct xml_node *message);

/* Takes out what only a server may send (XEP-0280, 12: spoofed copies); `private` stays.
 * Returns how many. */
size_t carbons_strip(struct xml_node *message);
