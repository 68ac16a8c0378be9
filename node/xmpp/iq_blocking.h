/* SPDX-License-Identifier: Apache-2.0 */
/* The blocking command (XEP-0191): list, block, unblock.
 *
 * Handler of xmpp_iq.c; the user's worker. */
#pragma once

struct xml_node;
struct xmpp_iq;

void iq_blocking_handle(struct xmpp_iq *iq, const struct xml_node *payload);
