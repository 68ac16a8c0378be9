/* SPDX-License-Identifier: Apache-2.0 */
/* SCRAM verifier: what is stored of a password (RFC 5802, 5803, 7677), enough to check a
 * proof or a plain password, not enough to sign in with.
 *
 * Plain data, copied freely; wipe it with scram_verifier_wipe(). Deriving and matching
 * take milliseconds: on the pool, never on a loop. Randomness (salt) is passed in.
 * Threads: any; no state. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

/* The numbers are those of store.proto (Verifier.Kind). */
enum scram_verifier_kind {
    SCRAM_VERIFIER_SHA_1 = 1,
    SCRAM_VERIFIER_SHA_256 = 2,
    SCRAM_VERIFIER_SHA_512 = 3,
};

#define SCRAM_VERIFIER_KINDS          3
#define SCRAM_VERIFIER_KEY_MAX        64
#define SCRAM_VERIFIER_SALT_SIZE      16 /* of the salts we make */
#define SCRAM_VERIFIER_SALT_MAX       64
#define SCRAM_VERIFIER_ITERATIONS_MIN 4096 /* RFC 7677, 4 */
#define SCRAM_VERIFIER_ITERATIONS_MAX                                                          \
    1000000                             /* 0.1 to 0.4 s: beyond lies denial of service         \
                                         */
#define SCRAM_VERIFIER_ITERATIONS 10000 /* default */

/* One bit a kind, for sets of kinds. */
#define SCRAM_VERIFIER_BIT(kind) (1U << (kind))
#define SCRAM_VERIFIER_ALL       (2U | 4U | 8U)

struct scram_verifier {
    enum scram_verifier_kind kind;
    uint32_t iterations;
    uint8_t salt[SCRAM_VERIFIER_SALT_MAX];
    size_t salt_size;
    uint8_t stored_key[SCRAM_VERIFIER_KEY_MAX]; /* scram_verifier_key_size(kind) bytes */
    uint8_t server_key[SCRAM_VERIFIER_KEY_MAX];
};

/* 20, 32 or 64. */
size_t scram_verifier_key_size(enum scram_verifier_kind kind);

/* "SCRAM-SHA-256"; static memory. */
const char *scram_verifier_kind_name(enum scram_verifier_kind kind);

/* HMAC and hash of the kind; out has scram_verifier_key_size(kind) bytes. */
void scram_verifier_hmac(enum scram_verifier_kind kind, const uint8_t *key, struct span text,
                         uint8_t *out);
void scram_verifier_hash(enum scram_verifier_kind kind, struct span bytes, uint8_t *out);

/* Derives from a password as it was typed (SASLprep is applied here).
 * ERR_INVALID: not a password (saslprep.h), salt empty or too long, iterations out of range;
 * ERR_TOO_BIG: password too long. */
int scram_verifier_derive(enum scram_verifier_kind kind, struct span password, struct span salt,
                          uint32_t iterations, struct scram_verifier *ret_verifier);

struct scram_verifier_ask {
    struct span password, salt;      /* borrowed */
    struct scram_verifier *verifier; /* out, unless rc < 0 */
    int rc;                          /* out: as scram_verifier_derive() returns */
};

/* The same for many, in less than a third of the time where the processor has wide
 * vectors (pbkdf2.h); best in multiples of PBKDF2_MANY. */
void scram_verifier_derive_many(enum scram_verifier_kind kind, struct scram_verifier_ask *asks,
                                size_t count, uint32_t iterations);

/* Whether this is the password. Takes as long as deriving. */
bool scram_verifier_matches(const struct scram_verifier *v, struct span password);

/* Whether numbers and sizes are in range; for records that come from elsewhere. */
bool scram_verifier_is_sound(const struct scram_verifier *v);

/* A verifier of no password for a user who does not exist: the same salt each time for the
 * same key, user and kind, so that asking tells nothing (RFC 5802, 9). key is a secret that
 * should outlive the process. */
void scram_verifier_fake(enum scram_verifier_kind kind, struct span key, struct span user,
                         uint32_t iterations, struct scram_verifier *ret_verifier);

void scram_verifier_wipe(struct scram_verifier *v);
