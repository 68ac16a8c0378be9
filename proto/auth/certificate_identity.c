/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/auth/certificate_identity.h"

#include <openssl/asn1.h>
#include <openssl/objects.h>
#include <openssl/x509v3.h>

#include "proto/auth/address.h"

/* The UTF8String of an id-on-xmppAddr, or SPAN_NONE. */
static struct span xmpp_addr(const GENERAL_NAME *name)
{
    if (name->type != GEN_OTHERNAME ||
        OBJ_obj2nid(name->d.otherName->type_id) != NID_XmppAddr ||
        name->d.otherName->value->type != V_ASN1_UTF8STRING)
        return SPAN_NONE;
    const ASN1_UTF8STRING *text = name->d.otherName->value->value.utf8string;
    return span_of(ASN1_STRING_get0_data(text), (size_t)ASN1_STRING_length(text));
}

void certificate_identity_read(const X509 *certificate, struct arena *arena,
                               struct certificate_identity *ret_identity)
{
    struct certificate_identity found = {.count = 0};
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const struct span text = xmpp_addr(sk_GENERAL_NAME_value(names, i));
        struct address a;
        if (span_is_none(text) || found.count == CERTIFICATE_IDENTITY_MAX ||
            address_parse_in(text, arena, &a) < 0)
            continue;
        if (!span_is_none(a.local) && address_is_bare(&a))
            found.users[found.count++] = address_bare(&a);
    }
    GENERAL_NAMES_free(names);
    *ret_identity = found;
}
