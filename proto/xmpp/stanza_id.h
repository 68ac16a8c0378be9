/* SPDX-License-Identifier: Apache-2.0 */
/* Unique and stable stanza ids (XEP-0359). */
#pragma once

#include "proto/xml/xml_node.h"

/* Appends `<stanza-id by='…' id='…'/>`; both are borrowed. */
void stanza_id_add(struct arena *arena, struct xml_node *n, struct span by, struct span id);

/* Takes out every one that claims to be by an address in a domain that serves() knows as
 * ours, whatever its spelling, and those by nobody (XEP-0359, 3.1 and 5). Returns how many. */
size_t stanza_id_strip(struct xml_node *n, bool (*serves)(struct span domain, void *arg),
                       void *arg);

/* Id of the first origin-id; SPAN_NONE without one. */
struct span stanza_id_origin(const struct xml_node *n);
