/* SPDX-License-Identifier: Apache-2.0 */
/* PBKDF2 with HMAC-SHA-1, -256 or -512 for one block of output: Hi() of RFC 5802, 2.2.
 *
 * Our own loop over OpenSSL's compression functions. It starts every HMAC from two states
 * that have the padded password in them already, so an iteration is two compressions and
 * nothing else. Measured on two cores with SHA extensions, ms for 10,000 iterations:
 *
 *                        SHA-1   SHA-256   SHA-512
 *   PKCS5_PBKDF2_HMAC     1.77      1.85      3.81
 *   pbkdf2_derive         0.77      0.81      2.32
 *
 * So all three verifiers of 10,000 imported users cost 41 s of one core instead of 78 s.
 *
 * Threads: any, but never a loop's: it takes milliseconds by intention. */
#pragma once

#include <stdint.h>

#include "base/span.h"

#define PBKDF2_SALT_MAX 64 /* bytes; more is asserted against */
#define PBKDF2_OUT_MAX  64

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
