/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates made on the spot, in a directory of the test's own. */
#pragma once

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/support/unit.h"

struct testcert {
    char dir[64];
    char cert_file[96], key_file[96];
};

static inline void testcert_dir(struct testcert *c)
{
    (void)snprintf(c->dir, sizeof(c->dir), "/tmp/presenced-test-XXXXXX");
    assert_non_null(mkdtemp(c->dir));
    (void)snprintf(c->cert_file, sizeof(c->cert_file), "%s/cert.pem", c->dir);
    (void)snprintf(c->key_file, sizeof(c->key_file), "%s/key.pem", c->dir);
}

static inline void testcert_write(const struct testcert *c, X509 *cert, EVP_PKEY *key)
{
    if (cert) {
        FILE *out = fopen(c->cert_file, "w");
        assert_non_null(out);
        assert_int_equal(PEM_write_X509(out, cert), 1);
        (void)fclose(out);
    }
    if (key) {
        FILE *out = fopen(c->key_file, "w");
        assert_non_null(out);
        assert_int_equal(PEM_write_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL), 1);
        (void)fclose(out);
    }
}

/* A self-signed certificate for name, good from an hour ago until `until_s` from now. */
static inline X509 *testcert_sign(EVP_PKEY *key, const char *name, long until_s)
{
    X509 *cert = X509_new();
    assert_int_equal(X509_set_version(cert, 2), 1);
    assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(cert), 7), 1);
    assert_non_null(X509_gmtime_adj(X509_getm_notBefore(cert), -3600));
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(cert), until_s));
    X509_NAME *subject = X509_get_subject_name(cert);
    assert_int_equal(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                                                (const unsigned char *)name, -1, -1, 0),
                     1);
    assert_int_equal(X509_set_issuer_name(cert, subject), 1);
    assert_int_equal(X509_set_pubkey(cert, key), 1);
    assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
    return cert;
}

/* A fresh P-256 key and its certificate, in files of a fresh directory. */
static inline void testcert_make(struct testcert *c, const char *name, long until_s)
{
    testcert_dir(c);
    EVP_PKEY *key = EVP_EC_gen("P-256");
    assert_non_null(key);
    X509 *cert = testcert_sign(key, name, until_s);
    testcert_write(c, cert, key);
    X509_free(cert);
    EVP_PKEY_free(key);
}

static inline void testcert_remove(const struct testcert *c)
{
    (void)unlink(c->cert_file);
    (void)unlink(c->key_file);
    (void)rmdir(c->dir);
}
