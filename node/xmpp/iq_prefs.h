/* SPDX-License-Identifier: Apache-2.0 */
/* What the user wants archived (XEP-0441): `<prefs/>` of urn:xmpp:mam:2, get and set. The
 * answer to either is what holds from now on.
 *
 * Handler of xmpp_iq.c; the user's worker. */
#pragma once

struct xml_node;
struct xmpp_iq;

void iq_prefs_handle(struct xmpp_iq *iq, const struct xml_node *payload);
