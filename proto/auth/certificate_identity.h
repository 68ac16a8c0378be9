/* SPDX-License-Identifier: Apache-2.0 */
/* Certificate identity: the addresses a client certificate names (XEP-0178, 2;
 * RFC 6120, 13.7.1.4): otherName id-on-xmppAddr in subjectAltName, and nothing else. A
 * common name or an e-mail address is never taken for one.
 *
 * The certificate must have been verified by TLS already. Names that are not bare addresses
 * of a user are passed over. Borrow from the caller's arena. Pure. */
#pragma once

#include <openssl/x509.h>

#include "base/span.h"

struct arena;

#define CERTIFICATE_IDENTITY_MAX 8 /* further names are passed over */

struct certificate_identity {
    struct span users[CERTIFICATE_IDENTITY_MAX]; /* prepared bare addresses */
    size_t count;
};

/* Reads the names; count 0 when there is none. */
void certificate_identity_read(const X509 *certificate, struct arena *arena,
                               struct certificate_identity *ret_identity);
