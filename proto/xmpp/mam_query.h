/* SPDX-License-Identifier: Apache-2.0 */
/* Message archive management (XEP-0313, urn:xmpp:mam:2 with #extended): what a query asks
 * for, and the shape of its answer. What an id means is the archive's business. */
#pragma once

#include <stdint.h>

#include "proto/auth/address.h"
#include "proto/xml/xml_node.h"
#include "proto/xmpp/rsm.h"
#include "proto/xmpp/stanza_error.h"

enum { MAM_QUERY_IDS_MAX = 100 }; /* of one query: a page is no longer */

struct mam_query {
    struct span query_id; /* to be repeated; SPAN_NONE when absent */
    bool has_with;
    struct address with; /* prepared */
    bool has_start, has_end;
    uint64_t start_us, end_us;
    struct span after_id, before_id; /* SPAN_NONE when absent */
    struct span ids[MAM_QUERY_IDS_MAX];
    size_t id_count;
    bool is_flipped; /* newest first within the page */
    struct rsm page;
};

/* Reads the `<query/>` of an IQ set. Returns 0, or ERR_PROTOCOL and the condition to answer. */
int mam_query_parse(const struct xml_node *query, struct arena *arena,
                    struct mam_query *ret_query, enum stanza_error_condition *ret_condition);

/* `<query/>` with the empty form, for an IQ get. */
struct xml_node *mam_query_form(struct arena *arena);

/* `<result/>` of one message, to stand in a message to the asker. message has no parent. */
struct xml_node *mam_query_result(struct arena *arena, const struct mam_query *query,
                                  struct span id, uint64_t stamp_us, struct xml_node *message);

/* `<fin/>`, the payload of the IQ result. */
struct xml_node *mam_query_fin(struct arena *arena, bool is_complete,
                               const struct rsm_page *page);

/* `<metadata/>`: ends of the archive; ids SPAN_NONE when it is empty. */
struct xml_node *mam_query_metadata(struct arena *arena, struct span first_id,
                                    uint64_t first_us, struct span last_id, uint64_t last_us);
