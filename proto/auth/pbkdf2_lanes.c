/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/auth/pbkdf2_lanes.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <string.h>

/* The vectors compile everywhere; only with AVX-512 are they faster than single words. */
#if defined(__x86_64__)
#define AVX512     __attribute__((target("avx512f")))
#define HAS_AVX512 __builtin_cpu_supports("avx512f")
#else
#define AVX512
#define HAS_AVX512 0
#endif

/* Vector i of a state or block has word i of every lane. */
enum {
    VECTOR_SIZE = 64,
    BLOCK_WORDS = 16,
    SHA1_ROUNDS = 80,
    SHA256_ROUNDS = 64,
    SHA512_ROUNDS = 80
};
typedef uint32_t vector32 __attribute__((vector_size(VECTOR_SIZE)));
typedef uint64_t vector64 __attribute__((vector_size(VECTOR_SIZE)));
union lanes {
    uint8_t bytes[BLOCK_WORDS * VECTOR_SIZE];
    vector32 of32[BLOCK_WORDS];
    vector64 of64[BLOCK_WORDS];
};

#define RIGHT32(x, n)   (((x) >> (n)) | ((x) << (32 - (n))))
#define RIGHT64(x, n)   (((x) >> (n)) | ((x) << (64 - (n))))
#define CHOOSE(x, y, z) (((x) & ((y) ^ (z))) ^ (z))
#define MOST(x, y, z)   (((x) & (y)) | (((x) | (y)) & (z)))
#define ODD(x, y, z)    ((x) ^ (y) ^ (z))

/* FIPS 180-4, 4.2.3: the first 64 bits of the fractional parts of the cube roots of the
 * first 80 primes. SHA-256 takes the first 32 bits of the first 64 of them (4.2.2). */
static const uint64_t sha2_roots[SHA512_ROUNDS] = {
    0x428a2f98d728ae22, 0x7137449123ef65cd, 0xb5c0fbcfec4d3b2f, 0xe9b5dba58189dbbc,
    0x3956c25bf348b538, 0x59f111f1b605d019, 0x923f82a4af194f9b, 0xab1c5ed5da6d8118,
    0xd807aa98a3030242, 0x12835b0145706fbe, 0x243185be4ee4b28c, 0x550c7dc3d5ffb4e2,
    0x72be5d74f27b896f, 0x80deb1fe3b1696b1, 0x9bdc06a725c71235, 0xc19bf174cf692694,
    0xe49b69c19ef14ad2, 0xefbe4786384f25e3, 0x0fc19dc68b8cd5b5, 0x240ca1cc77ac9c65,
    0x2de92c6f592b0275, 0x4a7484aa6ea6e483, 0x5cb0a9dcbd41fbd4, 0x76f988da831153b5,
    0x983e5152ee66dfab, 0xa831c66d2db43210, 0xb00327c898fb213f, 0xbf597fc7beef0ee4,
    0xc6e00bf33da88fc2, 0xd5a79147930aa725, 0x06ca6351e003826f, 0x142929670a0e6e70,
    0x27b70a8546d22ffc, 0x2e1b21385c26c926, 0x4d2c6dfc5ac42aed, 0x53380d139d95b3df,
    0x650a73548baf63de, 0x766a0abb3c77b2a8, 0x81c2c92e47edaee6, 0x92722c851482353b,
    0xa2bfe8a14cf10364, 0xa81a664bbc423001, 0xc24b8b70d0f89791, 0xc76c51a30654be30,
    0xd192e819d6ef5218, 0xd69906245565a910, 0xf40e35855771202a, 0x106aa07032bbd1b8,
    0x19a4c116b8d2d0c8, 0x1e376c085141ab53, 0x2748774cdf8eeb99, 0x34b0bcb5e19b48a8,
    0x391c0cb3c5c95a63, 0x4ed8aa4ae3418acb, 0x5b9cca4f7763e373, 0x682e6ff3d6b2b8a3,
    0x748f82ee5defb2fc, 0x78a5636f43172f60, 0x84c87814a1f0ab72, 0x8cc702081a6439ec,
    0x90befffa23631e28, 0xa4506cebde82bde9, 0xbef9a3f7b2c67915, 0xc67178f2e372532b,
    0xca273eceea26619c, 0xd186b8c721c0c207, 0xeada7dd6cde0eb1e, 0xf57d4f7fee6ed178,
    0x06f067aa72176fba, 0x0a637dc5a2c898a6, 0x113f9804bef90dae, 0x1b710b35131c471b,
    0x28db77f523047d84, 0x32caab7b40c72493, 0x3c9ebe0a15c9bebc, 0x431d67c49c100d4c,
    0x4cc5d4becb3e42b6, 0x597f299cfc657e2a, 0x5fcb6fab3ad6faec, 0x6c44198c4a475817,
};

/* FIPS 180-4, 6.1.2. A compression leaves the new state in the first words of the block. */
#define SHA1_ROUND(f, k, a, b, c, d, e, i)                                                     \
    (e) += RIGHT32(a, 27) + f(b, c, d) + (k) + w[i];                                           \
    (b) = RIGHT32(b, 2)
#define SHA1_TWENTY(f, k, first)                                                               \
    for (size_t i = (first); i < (first) + 20; i += 5) {                                       \
        SHA1_ROUND(f, k, a, b, c, d, e, i);                                                    \
        SHA1_ROUND(f, k, e, a, b, c, d, i + 1);                                                \
        SHA1_ROUND(f, k, d, e, a, b, c, i + 2);                                                \
        SHA1_ROUND(f, k, c, d, e, a, b, i + 3);                                                \
        SHA1_ROUND(f, k, b, c, d, e, a, i + 4);                                                \
    }

AVX512 static void lanes_compress_sha1(const union lanes *from, union lanes *block)
{
    vector32 w[SHA1_ROUNDS];
    memcpy(w, block->of32, sizeof(block->of32));
    for (size_t i = BLOCK_WORDS; i < SHA1_ROUNDS; i++)
        w[i] = RIGHT32(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 31);
    const vector32 *s = from->of32;
    vector32 a = s[0], b = s[1], c = s[2], d = s[3], e = s[4];
    SHA1_TWENTY(CHOOSE, 0x5a827999U, 0)
    SHA1_TWENTY(ODD, 0x6ed9eba1U, 20)
    SHA1_TWENTY(MOST, 0x8f1bbcdcU, 40)
    SHA1_TWENTY(ODD, 0xca62c1d6U, 60)
    const vector32 made[] = {s[0] + a, s[1] + b, s[2] + c, s[3] + d, s[4] + e};
    memcpy(block->of32, made, sizeof(made));
}

/* FIPS 180-4, 6.2.2 and 6.4.2: they differ in words, constants and distances. */
#define SHA2_ROUND(k, SUM0, SUM1, a, b, c, d, e, f, g, h, i)                                   \
    (h) += SUM1(e) + CHOOSE(e, f, g) + ((k) + w[i]);                                           \
    (d) += (h);                                                                                \
    (h) += SUM0(a) + MOST(a, b, c)
#define SHA2_ROUNDS(rounds, K, SUM0, SUM1)                                                     \
    for (size_t i = 0; i < (rounds); i += 8) {                                                 \
        SHA2_ROUND(K(i), SUM0, SUM1, a, b, c, d, e, f, g, h, i);                               \
        SHA2_ROUND(K(i + 1), SUM0, SUM1, h, a, b, c, d, e, f, g, i + 1);                       \
        SHA2_ROUND(K(i + 2), SUM0, SUM1, g, h, a, b, c, d, e, f, i + 2);                       \
        SHA2_ROUND(K(i + 3), SUM0, SUM1, f, g, h, a, b, c, d, e, i + 3);                       \
        SHA2_ROUND(K(i + 4), SUM0, SUM1, e, f, g, h, a, b, c, d, i + 4);                       \
        SHA2_ROUND(K(i + 5), SUM0, SUM1, d, e, f, g, h, a, b, c, i + 5);                       \
        SHA2_ROUND(K(i + 6), SUM0, SUM1, c, d, e, f, g, h, a, b, i + 6);                       \
        SHA2_ROUND(K(i + 7), SUM0, SUM1, b, c, d, e, f, g, h, a, i + 7);                       \
    }
#define SHA2_NEXT(PART0, PART1, i) (PART1(w[(i)-2]) + w[(i)-7] + PART0(w[(i)-15]) + w[(i)-16])

#define SHA256_K(i)     ((uint32_t)(sha2_roots[i] >> 32))
#define SHA256_SUM0(x)  ODD(RIGHT32(x, 2), RIGHT32(x, 13), RIGHT32(x, 22))
#define SHA256_SUM1(x)  ODD(RIGHT32(x, 6), RIGHT32(x, 11), RIGHT32(x, 25))
#define SHA256_PART0(x) ODD(RIGHT32(x, 7), RIGHT32(x, 18), (x) >> 3)
#define SHA256_PART1(x) ODD(RIGHT32(x, 17), RIGHT32(x, 19), (x) >> 10)

AVX512 static void lanes_compress_sha256(const union lanes *from, union lanes *block)
{
    vector32 w[SHA256_ROUNDS];
    memcpy(w, block->of32, sizeof(block->of32));
    for (size_t i = BLOCK_WORDS; i < SHA256_ROUNDS; i++)
        w[i] = SHA2_NEXT(SHA256_PART0, SHA256_PART1, i);
    const vector32 *s = from->of32;
    vector32 a = s[0], b = s[1], c = s[2], d = s[3], e = s[4], f = s[5], g = s[6], h = s[7];
    SHA2_ROUNDS(SHA256_ROUNDS, SHA256_K, SHA256_SUM0, SHA256_SUM1)
    const vector32 made[] = {s[0] + a, s[1] + b, s[2] + c, s[3] + d,
                             s[4] + e, s[5] + f, s[6] + g, s[7] + h};
    memcpy(block->of32, made, sizeof(made));
}

#define SHA512_K(i)     sha2_roots[i]
#define SHA512_SUM0(x)  ODD(RIGHT64(x, 28), RIGHT64(x, 34), RIGHT64(x, 39))
#define SHA512_SUM1(x)  ODD(RIGHT64(x, 14), RIGHT64(x, 18), RIGHT64(x, 41))
#define SHA512_PART0(x) ODD(RIGHT64(x, 1), RIGHT64(x, 8), (x) >> 7)
#define SHA512_PART1(x) ODD(RIGHT64(x, 19), RIGHT64(x, 61), (x) >> 6)

AVX512 static void lanes_compress_sha512(const union lanes *from, union lanes *block)
{
    vector64 w[SHA512_ROUNDS];
    memcpy(w, block->of64, sizeof(block->of64));
    for (size_t i = BLOCK_WORDS; i < SHA512_ROUNDS; i++)
        w[i] = SHA2_NEXT(SHA512_PART0, SHA512_PART1, i);
    const vector64 *s = from->of64;
    vector64 a = s[0], b = s[1], c = s[2], d = s[3], e = s[4], f = s[5], g = s[6], h = s[7];
    SHA2_ROUNDS(SHA512_ROUNDS, SHA512_K, SHA512_SUM0, SHA512_SUM1)
    const vector64 made[] = {s[0] + a, s[1] + b, s[2] + c, s[3] + d,
                             s[4] + e, s[5] + f, s[6] + g, s[7] + h};
    memcpy(block->of64, made, sizeof(made));
}

struct lanes_kind {
    size_t words; /* of the state */
    size_t word_size;
    void (*compress)(const union lanes *from, union lanes *block);
};

static const struct lanes_kind lanes_kinds[] = {
    [PBKDF2_SHA_1] = {5, sizeof(uint32_t), lanes_compress_sha1},
    [PBKDF2_SHA_256] = {8, sizeof(uint32_t), lanes_compress_sha256},
    [PBKDF2_SHA_512] = {8, sizeof(uint64_t), lanes_compress_sha512},
};

static uint8_t *word_of(union lanes *v, const struct lanes_kind *kind, size_t word, size_t lane)
{
    return v->bytes + word * VECTOR_SIZE + lane * kind->word_size;
}

/* Between the words of the wire, big endian, and ours: little, as x86 is. */
static void copy_reversed(uint8_t *to, const uint8_t *from, size_t size)
{
    for (size_t i = 0; i < size; i++)
        to[i] = from[size - 1 - i];
}

size_t pbkdf2_lanes_width(enum pbkdf2_hash hash)
{
    return HAS_AVX512 ? VECTOR_SIZE / lanes_kinds[hash].word_size : 0;
}

void pbkdf2_lanes_iterate(enum pbkdf2_hash hash, struct pbkdf2_lane *lanes, size_t count,
                          uint32_t iterations)
{
    const struct lanes_kind *kind = &lanes_kinds[hash];
    const size_t size = kind->word_size;
    assert(count >= 1 && count <= pbkdf2_lanes_width(hash));
    struct {
        union lanes inner, outer, block, sum;
    } work = {0};

    /* A message of one digest after one block of key: padding and length never change. */
    const uint8_t end = 0x80;
    const uint64_t bits = (BLOCK_WORDS + kind->words) * size * 8;
    for (size_t l = 0; l < count; l++) {
        for (size_t i = 0; i < kind->words; i++) {
            memcpy(word_of(&work.inner, kind, i, l), lanes[l].inner + i * size, size);
            memcpy(word_of(&work.outer, kind, i, l), lanes[l].outer + i * size, size);
            copy_reversed(word_of(&work.sum, kind, i, l), lanes[l].sum + i * size, size);
        }
        memcpy(word_of(&work.block, kind, kind->words, l) + size - 1, &end, sizeof(end));
        memcpy(word_of(&work.block, kind, BLOCK_WORDS - 1, l), &bits, size);
    }
    memcpy(work.block.bytes, work.sum.bytes, kind->words * VECTOR_SIZE);

    for (uint32_t n = 1; n < iterations; n++) {
        kind->compress(&work.inner, &work.block);
        kind->compress(&work.outer, &work.block);
        for (size_t i = 0; i < kind->words; i++)
            work.sum.of64[i] ^= work.block.of64[i];
    }
    for (size_t l = 0; l < count; l++)
        for (size_t i = 0; i < kind->words; i++)
            copy_reversed(lanes[l].sum + i * size, word_of(&work.sum, kind, i, l), size);
    OPENSSL_cleanse(&work, sizeof(work));
}
