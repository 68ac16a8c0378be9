/* SPDX-License-Identifier: Apache-2.0 */
/* The roster (RFC 6121, 2): get with versions, set and removal of one item.
 *
 * The version is the log index of the roster's last change. A client may come with one that
 * this node has not applied yet, from another node: such a roster would be older than what
 * the client has, so the request is refused with `wait`.
 *
 * Handler of xmpp_iq.c; the user's worker. */
#pragma once

struct xml_node;
struct xmpp_iq;

void iq_roster_handle(struct xmpp_iq *iq, const struct xml_node *payload);
