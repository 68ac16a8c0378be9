/* SPDX-License-Identifier: Apache-2.0 */
/* jabber:iq:register of somebody who is signed in (XEP-0077, 3.3): a change of password.
 * Accounts are neither made nor removed this way. */
#pragma once

#include "proto/xml/xml_node.h"

enum register_stanza_request {
    REGISTER_STANZA_PASSWORD, /* username and password */
    REGISTER_STANZA_REMOVE,
    REGISTER_STANZA_MALFORMED,
};

struct register_stanza {
    enum register_stanza_request request;
    struct span username; /* as written: a local part */
    struct span password; /* in the arena or node: the caller wipes what it copies */
};

/* Reads the `<query/>` of an IQ set. */
void register_stanza_parse(const struct xml_node *query, struct arena *arena,
                           struct register_stanza *ret_register);

/* `<query/>` that answers an IQ get of the signed-in user with this local part. */
struct xml_node *register_stanza_form(struct arena *arena, struct span username);
