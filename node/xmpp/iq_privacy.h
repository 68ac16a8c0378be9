/* SPDX-License-Identifier: Apache-2.0 */
/* Privacy lists (XEP-0016) as a thin view over the block list, for clients that can block in
 * no other way.
 *
 * There is one list, whatever name the client gives it, and it is in force for all of the
 * user's sessions. Its items deny one address each, all stanzas; an item that allows an
 * address, or the rest, says what holds anyway. All else is feature-not-implemented.
 *
 * Handler of xmpp_iq.c; the user's worker. */
#pragma once

struct xml_node;
struct xmpp_iq;

void iq_privacy_handle(struct xmpp_iq *iq, const struct xml_node *payload);
