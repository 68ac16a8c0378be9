/* SPDX-License-Identifier: Apache-2.0 */
/* XMPP intake: a client's stanza, checked, stamped with who sent it, freed of what only a
 * server may say, and handed to where it belongs: the IM core, or the requests that are
 * answered here (xmpp_iq.h). RFC 6120, 8 and 10; RFC 6121, 4 and 5.
 *
 * Threads: the user's worker. */
#pragma once

struct arena;
struct xml_node;
struct xmpp_front;

/* node is a first-level element that is neither stream management nor client state. */
void xmpp_intake_stanza(struct xmpp_front *f, struct arena *arena, struct xml_node *node);
