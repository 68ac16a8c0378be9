/* SPDX-License-Identifier: Apache-2.0 */
/* pbkdf2_lanes.h: every number of lanes of every hash, each lane with another password,
 * against OpenSSL's PBKDF2 and RFC 6070; and that the lanes beside stay untouched. */
#define OPENSSL_SUPPRESS_DEPRECATED /* pbkdf2.c says why */
#include "tests/support/unit.h"

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdio.h>

#include "proto/auth/pbkdf2_lanes.h"

struct lanes_case {
    const char *name;
    enum pbkdf2_hash hash;
    const EVP_MD *(*md)(void);
    size_t block_size;
};

static const struct lanes_case lanes_cases[] = {
    {"SHA-1 in lanes", PBKDF2_SHA_1, EVP_sha1, SHA_CBLOCK},
    {"SHA-256 in lanes", PBKDF2_SHA_256, EVP_sha256, SHA256_CBLOCK},
    {"SHA-512 in lanes", PBKDF2_SHA_512, EVP_sha512, SHA512_CBLOCK},
};

static const char salt[] = "salt";

static void lanes_expect(const struct lanes_case *t, const char *password, uint32_t iterations,
                         uint8_t *ret_want)
{
    assert_int_equal(PKCS5_PBKDF2_HMAC(password, (int)strlen(password), (const uint8_t *)salt,
                                       (int)strlen(salt), (int)iterations, t->md(),
                                       (int)pbkdf2_size(t->hash), ret_want),
                     1);
}

/* The chaining words after one block of padded key. */
static void lanes_absorb(const struct lanes_case *t, const char *password, uint8_t pad,
                         uint8_t *ret_words)
{
    uint8_t block[SHA512_CBLOCK];
    union {
        SHA_CTX sha1;
        SHA256_CTX sha256;
        SHA512_CTX sha512;
    } state;
    memset(block, pad, sizeof(block));
    for (size_t i = 0; password[i]; i++)
        block[i] ^= (uint8_t)password[i];
    switch (t->hash) {
    case PBKDF2_SHA_1:
        SHA1_Init(&state.sha1);
        SHA1_Transform(&state.sha1, block);
        break;
    case PBKDF2_SHA_256:
        SHA256_Init(&state.sha256);
        SHA256_Transform(&state.sha256, block);
        break;
    case PBKDF2_SHA_512:
        SHA512_Init(&state.sha512);
        SHA512_Transform(&state.sha512, block);
        break;
    }
    memcpy(ret_words, &state, pbkdf2_size(t->hash)); /* they stand first in all three */
}

static void lanes_begin(const struct lanes_case *t, const char *password,
                        struct pbkdf2_lane *ret_lane)
{
    memset(ret_lane, 0xee, sizeof(*ret_lane));
    lanes_expect(t, password, 1, ret_lane->sum);
    lanes_absorb(t, password, 0x36, ret_lane->inner);
    lanes_absorb(t, password, 0x5c, ret_lane->outer);
}

static void lanes_case_holds(void **state)
{
    const struct lanes_case *t = *state;
    static const uint32_t iterations[] = {1, 2, 3, 100};
    const size_t width = pbkdf2_lanes_width(t->hash);
    if (width == 0)
        skip();
    assert_int_equal(width * t->block_size, PBKDF2_MANY * 64);
    for (size_t k = 0; k < COUNT_OF(iterations); k++)
        for (size_t count = 1; count <= width; count++) {
            struct pbkdf2_lane lanes[PBKDF2_MANY + 1], beside;
            char passwords[PBKDF2_MANY][32];
            uint8_t want[PBKDF2_OUT_MAX];
            memset(lanes, 0xee, sizeof(lanes));
            memset(&beside, 0xee, sizeof(beside));
            for (size_t i = 0; i < count; i++) {
                (void)snprintf(passwords[i], sizeof(passwords[i]), "password%zu", i);
                lanes_begin(t, passwords[i], &lanes[i]);
            }
            pbkdf2_lanes_iterate(t->hash, lanes, count, iterations[k]);
            for (size_t i = 0; i < count; i++) {
                lanes_expect(t, passwords[i], iterations[k], want);
                assert_memory_equal(lanes[i].sum, want, pbkdf2_size(t->hash));
            }
            assert_memory_equal(&lanes[count], &beside, sizeof(beside));
        }
}

static void rfc_6070_holds_in_each_lane(void **state)
{
    (void)state;
    static const uint8_t often[20] = "\x4b\x00\x79\x01\xb7\x65\x48\x9a\xbe\xad"
                                     "\x49\xd9\x26\xf7\x21\xd0\x65\xa4\x29\xc1";
    const size_t width = pbkdf2_lanes_width(PBKDF2_SHA_1);
    struct pbkdf2_lane lanes[PBKDF2_MANY];
    if (width == 0)
        skip();
    for (size_t i = 0; i < width; i++)
        lanes_begin(&lanes_cases[0], "password", &lanes[i]);
    pbkdf2_lanes_iterate(PBKDF2_SHA_1, lanes, width, 4096);
    for (size_t i = 0; i < width; i++)
        assert_memory_equal(lanes[i].sum, often, sizeof(often));
}

int main(void)
{
    struct CMUnitTest tests[COUNT_OF(lanes_cases) + 1] = {
        cmocka_unit_test(rfc_6070_holds_in_each_lane)};

    for (size_t i = 0; i < COUNT_OF(lanes_cases); i++)
        tests[i + 1] = (struct CMUnitTest){.name = lanes_cases[i].name,
                                           .test_func = lanes_case_holds,
                                           .initial_state = (void *)&lanes_cases[i]};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
