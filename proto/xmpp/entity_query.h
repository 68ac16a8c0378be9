/* SPDX-License-Identifier: Apache-2.0 */
/* Small questions that any entity answers: software version (XEP-0092), ping (XEP-0199),
 * time (XEP-0202); and the legacy session (RFC 3921, 3), which means nothing any more. */
#pragma once

#include <stdint.h>

#include "proto/xml/xml_node.h"

enum entity_query {
    ENTITY_QUERY_NONE,
    ENTITY_QUERY_VERSION, /* get */
    ENTITY_QUERY_PING,    /* get */
    ENTITY_QUERY_TIME,    /* get */
    ENTITY_QUERY_SESSION, /* set */
};

/* What the payload of an IQ asks. */
enum entity_query entity_query_parse(const struct xml_node *payload, bool is_set);

/* Payload of the answer; os may be NULL. Ping and session are answered by an empty result. */
struct xml_node *entity_query_version(struct arena *arena, const char *name,
                                      const char *version, const char *os);
/* In UTC. */
struct xml_node *entity_query_time(struct arena *arena, uint64_t now_us);

/* `<ping/>` of a question of ours. */
struct xml_node *entity_query_ping(struct arena *arena);
