/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that any entity answers: discovery (XEP-0030, 0115), version (0092), ping (0199),
 * time (0202), the legacy session; and carbons (0280), a switch of the session.
 *
 * Handlers of xmpp_iq.c; the user's worker. */
#pragma once

struct xml_node;
struct xmpp_iq;

void iq_entity_disco(struct xmpp_iq *iq, const struct xml_node *payload);
void iq_entity_small(struct xmpp_iq *iq, const struct xml_node *payload);
void iq_entity_carbons(struct xmpp_iq *iq, const struct xml_node *payload);
