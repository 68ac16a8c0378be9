/* SPDX-License-Identifier: Apache-2.0 */
/* Result set management (XEP-0059). */
#pragma once

#include <stdint.h>

#include "proto/xml/xml_node.h"

struct rsm {
    bool is_present;
    bool has_max;
    uint32_t max;       /* 0: only the count is wanted */
    struct span after;  /* SPAN_NONE when absent */
    struct span before; /* the same; empty: the last page */
    bool has_index;
    uint32_t index;
};

/* Reads the `<set/>` inside parent. Returns 0, also when there is none; ERR_PROTOCOL for
 * numbers that are none. */
int rsm_parse(const struct xml_node *parent, struct arena *arena, struct rsm *ret_rsm);

/* What was found, for the answer's `<set/>`. first and last: SPAN_NONE for an empty page. */
struct rsm_page {
    struct span first, last;
    bool has_index;
    uint64_t index; /* of first in the whole set */
    bool has_count;
    uint64_t count; /* of the whole set */
};

void rsm_add_page(struct arena *arena, struct xml_node *parent, const struct rsm_page *page);
