/* SPDX-License-Identifier: Apache-2.0 */
/* The account of the signed-in user by jabber:iq:register (XEP-0077, 3.3): a new password,
 * for itself alone. Accounts are neither made (registration is off) nor removed here.
 *
 * The password is derived on the pool; meanwhile later durable stanzas of the session wait.
 * Once it is committed this session goes on and the user's other sessions end
 * (not-authorized). One change at a time on a front. Passwords are wiped after use, also
 * from the stanza.
 *
 * Handler of xmpp_iq.c; the user's worker. */
#pragma once

#include <stdbool.h>

struct xml_node;
struct xmpp_front;
struct xmpp_iq;

void iq_account_handle(struct xmpp_iq *iq, const struct xml_node *payload);

/* The front loses its session: a change that is not yet committed to is given up. The client
 * is told so if it resumes; has_session: there still is one to tell it. */
void iq_account_cancel(struct xmpp_front *f, bool has_session);
