/* SPDX-License-Identifier: Apache-2.0 */
/* Stream features of the three steps of a client's stream (RFC 6120, 4.3.2). */
#pragma once

#include "base/strbuf.h"
#include "proto/xmpp/xmpp_stream.h"

/* Before TLS: STARTTLS, required, and limits (XEP-0478). */
void xmpp_features_plain(struct strbuf *out, const struct xmpp_stream_config *config);

/* Under TLS: mechanisms, channel bindings (XEP-0440), limits, own capabilities. */
void xmpp_features_sign_in(struct strbuf *out, const struct xmpp_stream_config *config,
                           const struct xmpp_stream_offer *offer);

/* Signed in: binding, legacy session, stream management, client state, roster versions,
 * pre-approval, limits, own capabilities. */
void xmpp_features_signed_in(struct strbuf *out, const struct xmpp_stream_config *config);
