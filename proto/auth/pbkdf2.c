/* SPDX-License-Identifier: Apache-2.0 */
/* OpenSSL 3 deprecates the low-level hashes in favour of EVP, which has no call to go on
 * from a saved state without allocating: pbkdf2.h has what that costs. They stay in
 * libcrypto for its whole version 3. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "proto/auth/pbkdf2.h"

#include <assert.h>
#include <endian.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include "proto/auth/pbkdf2_lanes.h"

/* The chaining words come first in each of them, and are all that a compression changes. */
union pbkdf2_state {
    SHA_CTX sha1;
    SHA256_CTX sha256;
    SHA512_CTX sha512;
};
_Static_assert(offsetof(SHA_CTX, h0) == 0 && offsetof(SHA_CTX, h4) == 16, "words first");
_Static_assert(offsetof(SHA256_CTX, h) == 0 && offsetof(SHA512_CTX, h) == 0, "words first");

enum { BLOCK_MAX = SHA512_CBLOCK };

static void start_sha1(union pbkdf2_state *state)
{
    SHA1_Init(&state->sha1);
}

static void compress_sha1(union pbkdf2_state *state, const uint8_t *block)
{
    SHA1_Transform(&state->sha1, block);
}

static void start_sha256(union pbkdf2_state *state)
{
    SHA256_Init(&state->sha256);
}

static void compress_sha256(union pbkdf2_state *state, const uint8_t *block)
{
    SHA256_Transform(&state->sha256, block);
}

static void start_sha512(union pbkdf2_state *state)
{
    SHA512_Init(&state->sha512);
}

static void compress_sha512(union pbkdf2_state *state, const uint8_t *block)
{
    SHA512_Transform(&state->sha512, block);
}

struct pbkdf2_kind {
    size_t size; /* of the output, and of the chaining words */
    size_t word_size;
    size_t block_size;
    const EVP_MD *(*md)(void);
    void (*start)(union pbkdf2_state *state);
    void (*compress)(union pbkdf2_state *state, const uint8_t *block);
};

static const struct pbkdf2_kind pbkdf2_kinds[] = {
    [PBKDF2_SHA_1] = {SHA_DIGEST_LENGTH, 4, SHA_CBLOCK, EVP_sha1, start_sha1, compress_sha1},
    [PBKDF2_SHA_256] = {SHA256_DIGEST_LENGTH, 4, SHA256_CBLOCK, EVP_sha256, start_sha256,
                        compress_sha256},
    [PBKDF2_SHA_512] = {SHA512_DIGEST_LENGTH, 8, SHA512_CBLOCK, EVP_sha512, start_sha512,
                        compress_sha512},
};

size_t pbkdf2_size(enum pbkdf2_hash hash)
{
    return pbkdf2_kinds[hash].size;
}

/* HMAC's padded key as the first block of an inner or outer hash (RFC 2104). */
static void absorb_key(const struct pbkdf2_kind *kind, const uint8_t *key, uint8_t pad,
                       uint8_t *ret_words)
{
    union pbkdf2_state state;
    uint8_t block[BLOCK_MAX];
    for (size_t i = 0; i < kind->block_size; i++)
        block[i] = key[i] ^ pad;
    kind->start(&state);
    kind->compress(&state, block);
    memcpy(ret_words, &state, kind->size);
    OPENSSL_cleanse(&state, sizeof(state));
    OPENSSL_cleanse(block, sizeof(block));
}

/* The chaining words, big endian. */
static void pbkdf2_write_words(const struct pbkdf2_kind *kind, const union pbkdf2_state *state,
                               uint8_t *out)
{
    for (size_t i = 0; i < kind->size; i += kind->word_size) {
        if (kind->word_size == sizeof(uint32_t)) {
            uint32_t word;
            memcpy(&word, (const uint8_t *)state + i, sizeof(word));
            word = htobe32(word);
            memcpy(out + i, &word, sizeof(word));
        } else {
            uint64_t word;
            memcpy(&word, (const uint8_t *)state + i, sizeof(word));
            word = htobe64(word);
            memcpy(out + i, &word, sizeof(word));
        }
    }
}

/* All iterations but the first. */
static void pbkdf2_iterate(const struct pbkdf2_kind *kind, struct pbkdf2_lane *lane,
                           uint32_t iterations)
{
    /* A message of one digest after one block of key: padding and length never change. */
    uint8_t block[BLOCK_MAX] = {0};
    const size_t bits = (kind->block_size + kind->size) * 8;
    memcpy(block, lane->sum, kind->size);
    block[kind->size] = 0x80;
    block[kind->block_size - 2] = (uint8_t)(bits >> 8);
    block[kind->block_size - 1] = (uint8_t)(bits & 0xff);

    union pbkdf2_state state;
    kind->start(&state);
    for (uint32_t i = 1; i < iterations; i++) {
        memcpy(&state, lane->inner, kind->size);
        kind->compress(&state, block);
        pbkdf2_write_words(kind, &state, block);
        memcpy(&state, lane->outer, kind->size);
        kind->compress(&state, block);
        pbkdf2_write_words(kind, &state, block);
        for (size_t k = 0; k < kind->size; k++)
            lane->sum[k] ^= block[k];
    }
    OPENSSL_cleanse(&state, sizeof(state));
    OPENSSL_cleanse(block, sizeof(block));
}

/* The first iteration, and what all others start from. */
static void pbkdf2_begin(const struct pbkdf2_kind *kind, struct span password, struct span salt,
                         struct pbkdf2_lane *lane)
{
    assert(salt.size <= PBKDF2_SALT_MAX);
    uint8_t key[BLOCK_MAX] = {0};
    if (password.size > kind->block_size)
        EVP_Digest(password.ptr, password.size, key, NULL, kind->md(), NULL);
    else if (password.size)
        memcpy(key, password.ptr, password.size);

    uint8_t first[PBKDF2_SALT_MAX + 4] = {0};
    if (salt.size)
        memcpy(first, salt.ptr, salt.size);
    first[salt.size + 3] = 1; /* INT(1) */
    HMAC(kind->md(), key, (int)kind->block_size, first, salt.size + 4, lane->sum, NULL);
    absorb_key(kind, key, 0x36, lane->inner);
    absorb_key(kind, key, 0x5c, lane->outer);
    OPENSSL_cleanse(key, sizeof(key));
}

void pbkdf2_derive(enum pbkdf2_hash hash, struct span password, struct span salt,
                   uint32_t iterations, uint8_t *out)
{
    const struct pbkdf2_kind *kind = &pbkdf2_kinds[hash];
    struct pbkdf2_lane lane;
    assert(iterations >= 1);
    pbkdf2_begin(kind, password, salt, &lane);
    pbkdf2_iterate(kind, &lane, iterations);
    memcpy(out, lane.sum, kind->size);
    OPENSSL_cleanse(&lane, sizeof(lane));
}

static void pbkdf2_derive_in_lanes(enum pbkdf2_hash hash, const struct pbkdf2_ask *asks,
                                   size_t count, uint32_t iterations)
{
    const struct pbkdf2_kind *kind = &pbkdf2_kinds[hash];
    struct pbkdf2_lane lanes[PBKDF2_MANY];
    assert(count <= PBKDF2_MANY && iterations >= 1);
    for (size_t i = 0; i < count; i++)
        pbkdf2_begin(kind, asks[i].password, asks[i].salt, &lanes[i]);
    pbkdf2_lanes_iterate(hash, lanes, count, iterations);
    for (size_t i = 0; i < count; i++)
        memcpy(asks[i].out, lanes[i].sum, kind->size);
    OPENSSL_cleanse(lanes, sizeof(lanes));
}

void pbkdf2_derive_many(enum pbkdf2_hash hash, const struct pbkdf2_ask *asks, size_t count,
                        uint32_t iterations)
{
    const size_t width = pbkdf2_lanes_width(hash);
    size_t i = 0;
    /* Lanes that are less than three eighths full are slower than none. */
    while (width > 0 && (count - i) * 8 >= width * 3) {
        const size_t now = count - i < width ? count - i : width;
        pbkdf2_derive_in_lanes(hash, asks + i, now, iterations);
        i += now;
    }
    for (; i < count; i++)
        pbkdf2_derive(hash, asks[i].password, asks[i].salt, iterations, asks[i].out);
}
