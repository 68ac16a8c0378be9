/* SPDX-License-Identifier: Apache-2.0 */
/* pbkdf2.h: the vectors of RFC 6070, and OpenSSL's own PBKDF2 for all else; many at
 * once against one by one. */
#include "tests/support/unit.h"

#include <openssl/evp.h>

#include "proto/auth/pbkdf2.h"

struct pbkdf2_case {
    const char *name;
    size_t password_size;
    size_t salt_size;
    enum pbkdf2_hash hash;
    uint32_t iterations;
};

static const struct pbkdf2_case pbkdf2_cases[] = {
    {"SHA-1, once", 8, 16, PBKDF2_SHA_1, 1},
    {"SHA-256, once", 8, 16, PBKDF2_SHA_256, 1},
    {"SHA-512, once", 8, 16, PBKDF2_SHA_512, 1},
    {"SHA-1, twice", 8, 16, PBKDF2_SHA_1, 2},
    {"SHA-256, 1,000 times", 8, 16, PBKDF2_SHA_256, 1000},
    {"SHA-512, 1,000 times", 8, 16, PBKDF2_SHA_512, 1000},
    {"SHA-1, a block of password", 64, 16, PBKDF2_SHA_1, 3},
    {"SHA-1, more than a block", 65, 16, PBKDF2_SHA_1, 3},
    {"SHA-256, more than a block", 65, 16, PBKDF2_SHA_256, 3},
    {"SHA-512, a block of password", 128, 16, PBKDF2_SHA_512, 3},
    {"SHA-512, more than a block", 129, 16, PBKDF2_SHA_512, 3},
    {"SHA-256, longest", 1023, PBKDF2_SALT_MAX, PBKDF2_SHA_256, 3},
    {"SHA-512, longest", 1023, PBKDF2_SALT_MAX, PBKDF2_SHA_512, 3},
    {"SHA-1, empty password", 0, 1, PBKDF2_SHA_1, 3},
    {"SHA-512, empty salt", 1, 0, PBKDF2_SHA_512, 3},
};

static void pbkdf2_case_holds(void **state)
{
    const struct pbkdf2_case *t = *state;
    const EVP_MD *const mds[] = {EVP_sha1(), EVP_sha256(), EVP_sha512()};
    char password[1024], salt[PBKDF2_SALT_MAX];
    uint8_t got[PBKDF2_OUT_MAX], want[PBKDF2_OUT_MAX];
    for (size_t i = 0; i < sizeof(password); i++)
        password[i] = (char)('a' + i % 23);
    memset(salt, 0xa7, sizeof(salt));

    pbkdf2_derive(t->hash, span_of(password, t->password_size), span_of(salt, t->salt_size),
                  t->iterations, got);
    assert_int_equal(PKCS5_PBKDF2_HMAC(password, (int)t->password_size, (uint8_t *)salt,
                                       (int)t->salt_size, (int)t->iterations, mds[t->hash],
                                       (int)pbkdf2_size(t->hash), want),
                     1);
    assert_memory_equal(got, want, pbkdf2_size(t->hash));
}

static void rfc_6070_holds(void **state)
{
    (void)state;
    static const uint8_t once[20] = "\x0c\x60\xc8\x0f\x96\x1f\x0e\x71\xf3\xa9"
                                    "\xb5\x24\xaf\x60\x12\x06\x2f\xe0\x37\xa6";
    static const uint8_t often[20] = "\x4b\x00\x79\x01\xb7\x65\x48\x9a\xbe\xad"
                                     "\x49\xd9\x26\xf7\x21\xd0\x65\xa4\x29\xc1";
    uint8_t got[20];
    pbkdf2_derive(PBKDF2_SHA_1, SPAN("password"), SPAN("salt"), 1, got);
    assert_memory_equal(got, once, sizeof(once));
    pbkdf2_derive(PBKDF2_SHA_1, SPAN("password"), SPAN("salt"), 4096, got);
    assert_memory_equal(got, often, sizeof(often));
}

/* Many at once against one by one: full lanes, a few left over, too few for lanes. The
 * passwords go from none to beyond a block, each with a salt of its own. */
enum { MANY_MAX = 3 * PBKDF2_MANY };

static void many_are_as_each(void **state)
{
    (void)state;
    char text[MANY_MAX * 6];
    memset(text, 'p', sizeof(text));
    for (int h = PBKDF2_SHA_1; h <= PBKDF2_SHA_512; h++)
        for (size_t count = 0; count < MANY_MAX; count++) {
            const enum pbkdf2_hash hash = (enum pbkdf2_hash)h;
            uint8_t got[MANY_MAX][PBKDF2_OUT_MAX], want[PBKDF2_OUT_MAX];
            struct pbkdf2_ask asks[MANY_MAX];
            memset(got, 0xee, sizeof(got));
            for (size_t i = 0; i < count; i++) {
                text[i] = (char)('0' + i);
                asks[i] =
                    (struct pbkdf2_ask){span_of(text, i * 6), span_of(text + i, i + 1), got[i]};
            }
            pbkdf2_derive_many(hash, asks, count, 3);
            for (size_t i = 0; i < count; i++) {
                pbkdf2_derive(hash, asks[i].password, asks[i].salt, 3, want);
                assert_memory_equal(got[i], want, pbkdf2_size(hash));
            }
            assert_int_equal(got[count][0], 0xee);
        }
}

int main(void)
{
    struct CMUnitTest tests[COUNT_OF(pbkdf2_cases) + 2] = {cmocka_unit_test(rfc_6070_holds),
                                                           cmocka_unit_test(many_are_as_each)};

    for (size_t i = 0; i < COUNT_OF(pbkdf2_cases); i++)
        tests[i + 2] = (struct CMUnitTest){.name = pbkdf2_cases[i].name,
                                           .test_func = pbkdf2_case_holds,
                                           .initial_state = (void *)&pbkdf2_cases[i]};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
