/* SPDX-License-Identifier: Apache-2.0 */
/* PBKDF2 with HMAC-SHA-1, -256 or -512 for one block of output: Hi() of RFC 5802, 2.2.
 *
 * Our own loop over OpenSSL's compression functions. It starts every HMAC from two states
 * that have the padded password in them already, so an iteration is two compressions and
 * nothing else. Many passwords go through it together, in lanes (pbkdf2_lanes.h), where the
 * processor has AVX-512. Measured on a Zen 5 with SHA extensions, CPU ms for each password
 * and 10,000 iterations:
 *
 *                        SHA-1   SHA-256   SHA-512   all three
 *   PKCS5_PBKDF2_HMAC     1.76      1.88      3.93        7.57
 *   pbkdf2_derive         0.80      0.83      2.50        4.13
 *   pbkdf2_derive_many    0.19      0.28      0.71        1.18
 *
 * docs/performance.md has what that means for an import.
 *
 * Threads: any, but never a loop's: it takes milliseconds by intention. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

#define PBKDF2_SALT_MAX 64 /* bytes; more is asserted against */
#define PBKDF2_OUT_MAX  64
#define PBKDF2_MANY     16 /* passwords that fill the lanes of every hash */

enum pbkdf2_hash {
    PBKDF2_SHA_1,
    PBKDF2_SHA_256,
    PBKDF2_SHA_512,
};

/* Output bytes of a hash: 20, 32, 64. */
size_t pbkdf2_size(enum pbkdf2_hash hash);

/* Writes pbkdf2_size(hash) bytes. iterations >= 1. */
void pbkdf2_derive(enum pbkdf2_hash hash, struct span password, struct span salt,
                   uint32_t iterations, uint8_t *out);

struct pbkdf2_ask {
    struct span password, salt; /* borrowed */
    uint8_t *out;
};

/* The same for many passwords: several at once where the processor can, else one after
 * another. Best in multiples of PBKDF2_MANY. */
void pbkdf2_derive_many(enum pbkdf2_hash hash, const struct pbkdf2_ask *asks, size_t count,
                        uint32_t iterations);
