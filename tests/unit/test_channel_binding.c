/* SPDX-License-Identifier: Apache-2.0 */
/* channel_binding.h: names, limits, and the hash rule of RFC 5929 for every kind of
 * signature. */
#include "tests/support/unit.h"

#include <openssl/evp.h>

#include "base/err.h"
#include "proto/auth/channel_binding.h"
#include "tests/support/certificate.h"

struct end_point_case {
    const char *name;
    const char *key;    /* EVP key type */
    const char *digest; /* of the signature; NULL: the key's own */
    const char *want;   /* digest of the binding; NULL: none */
};

static const struct end_point_case end_point_cases[] = {
    {"RSA, SHA-1 becomes SHA-256", "RSA", "SHA1", "SHA256"},
    {"RSA, SHA-256", "RSA", "SHA256", "SHA256"},
    {"RSA, SHA-384", "RSA", "SHA384", "SHA384"},
    {"RSA, SHA-512", "RSA", "SHA512", "SHA512"},
    {"EC, SHA-256", "EC", "SHA256", "SHA256"},
    {"EC, SHA-384", "EC", "SHA384", "SHA384"},
    {"Ed25519 has none", "ED25519", NULL, NULL},
};

static void end_point_case_holds(void **state)
{
    const struct end_point_case *t = *state;
    X509 *certificate = certificate_made(t->key, t->digest, NULL, 0);
    struct channel_binding got = {.size = 7};
    if (t->want) {
        uint8_t want[EVP_MAX_MD_SIZE];
        unsigned size = 0;
        assert_int_equal(channel_binding_end_point(certificate, &got), 0);
        assert_int_equal(X509_digest(certificate, EVP_get_digestbyname(t->want), want, &size),
                         1);
        assert_int_equal(got.size, size);
        assert_memory_equal(got.bytes, want, size);
    } else {
        assert_int_equal(channel_binding_end_point(certificate, &got), ERR_NOT_FOUND);
        assert_int_equal(got.size, 7);
    }
    X509_free(certificate);
}

static void types_are_found_when_there(void **state)
{
    (void)state;
    struct channel_binding_set set = {0};
    char bytes[CHANNEL_BINDING_SIZE_MAX + 1] = {0};
    assert_true(channel_binding_is_empty(&set));
    assert_int_equal(channel_binding_find(&set, SPAN("tls-exporter")), CHANNEL_BINDING_NONE);
    assert_int_equal(channel_binding_put(&set, CHANNEL_BINDING_TLS_EXPORTER, SPAN("")),
                     ERR_INVALID);
    assert_int_equal(
        channel_binding_put(&set, CHANNEL_BINDING_TLS_EXPORTER, span_of(bytes, sizeof(bytes))),
        ERR_INVALID);
    assert_true(channel_binding_is_empty(&set));
    assert_int_equal(channel_binding_put(&set, CHANNEL_BINDING_TLS_EXPORTER,
                                         span_of(bytes, CHANNEL_BINDING_SIZE_MAX)),
                     0);
    assert_false(channel_binding_is_empty(&set));
    assert_int_equal(channel_binding_find(&set, SPAN("tls-exporter")),
                     CHANNEL_BINDING_TLS_EXPORTER);
    assert_int_equal(channel_binding_find(&set, SPAN("tls-server-end-point")),
                     CHANNEL_BINDING_NONE);
    assert_int_equal(channel_binding_find(&set, SPAN("tls-unique")), CHANNEL_BINDING_NONE);
    assert_int_equal(channel_binding_find(&set, SPAN("")), CHANNEL_BINDING_NONE);
    assert_string_equal(channel_binding_name(CHANNEL_BINDING_TLS_SERVER_END_POINT),
                        "tls-server-end-point");
}

int main(void)
{
    struct CMUnitTest tests[COUNT_OF(end_point_cases) + 1] = {
        cmocka_unit_test(types_are_found_when_there)};

    for (size_t i = 0; i < COUNT_OF(end_point_cases); i++)
        tests[i + 1] = (struct CMUnitTest){.name = end_point_cases[i].name,
                                           .test_func = end_point_case_holds,
                                           .initial_state = (void *)&end_point_cases[i]};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
