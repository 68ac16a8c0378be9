/* SPDX-License-Identifier: Apache-2.0 */
/* Message archive preferences (XEP-0441, inside urn:xmpp:mam:2). */
#pragma once

#include "proto/xml/xml_node.h"
#include "proto/xmpp/stanza_error.h"

enum archive_prefs_default {
    ARCHIVE_PREFS_ALWAYS,
    ARCHIVE_PREFS_NEVER,
    ARCHIVE_PREFS_ROSTER, /* contacts only */
};

enum { ARCHIVE_PREFS_ADDRESSES_MAX = 200 }; /* of each list */

struct archive_prefs {
    enum archive_prefs_default default_mode;
    struct span *always; /* prepared addresses */
    size_t always_count;
    struct span *never;
    size_t never_count;
};

/* Reads the `<prefs/>` of an IQ set; the lists are in the arena. Returns 0; or ERR_PROTOCOL
 * and the condition to answer. */
int archive_prefs_parse(const struct xml_node *payload, struct arena *arena,
                        struct archive_prefs *ret_prefs,
                        enum stanza_error_condition *ret_condition);

/* `<prefs/>`, the answer to get and set. */
struct xml_node *archive_prefs_node(struct arena *arena, const struct archive_prefs *prefs);
