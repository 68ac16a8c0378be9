/* SPDX-License-Identifier: Apache-2.0 */
/* Self-signed certificates for tests, with XMPP names in them. */
#pragma once

#include <openssl/asn1.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "base/span.h"

/* One subjectAltName: an otherName of this type, or a dNSName when type is 0. */
struct certificate_name {
    int type; /* NID */
    int tag;  /* V_ASN1_UTF8STRING */
    struct span text;
};

static inline GENERAL_NAME *certificate_general_name(const struct certificate_name *from)
{
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_STRING *text = ASN1_STRING_type_new(from->type ? from->tag : V_ASN1_IA5STRING);
    ASN1_STRING_set(text, from->text.ptr, (int)from->text.size);
    if (from->type) {
        ASN1_TYPE *value = ASN1_TYPE_new();
        ASN1_TYPE_set(value, from->tag, text);
        GENERAL_NAME_set0_othername(name, OBJ_dup(OBJ_nid2obj(from->type)), value);
    } else {
        GENERAL_NAME_set0_value(name, GEN_DNS, text);
    }
    return name;
}

/* key: "RSA", "EC" or "ED25519"; digest: NULL for the key's own. The caller frees. */
static inline X509 *certificate_made(const char *key, const char *digest,
                                     const struct certificate_name *names, size_t count)
{
    EVP_PKEY *pair = strcmp(key, "RSA") == 0
                         ? EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048)
                     : strcmp(key, "EC") == 0 ? EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256")
                                              : EVP_PKEY_Q_keygen(NULL, NULL, key);
    X509 *certificate = X509_new();
    if (!pair || !certificate)
        abort();
    X509_set_version(certificate, X509_VERSION_3);
    X509_set_pubkey(certificate, pair);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                               (const unsigned char *)"mallory@demo.example", -1, -1, 0);
    X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    GENERAL_NAMES *list = sk_GENERAL_NAME_new_null();
    for (size_t i = 0; i < count; i++)
        sk_GENERAL_NAME_push(list, certificate_general_name(&names[i]));
    if (count)
        X509_add1_ext_i2d(certificate, NID_subject_alt_name, list, 0, X509V3_ADD_DEFAULT);
    GENERAL_NAMES_free(list);
    if (!X509_sign(certificate, pair, digest ? EVP_get_digestbyname(digest) : NULL))
        abort();
    EVP_PKEY_free(pair);
    return certificate;
}
