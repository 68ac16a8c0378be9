/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/auth/scram_verifier.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/err.h"
#include "base/strbuf.h"
#include "proto/auth/pbkdf2.h"
#include "proto/auth/saslprep.h"

struct verifier_kind {
    const char *name;
    enum pbkdf2_hash hash;
    const EVP_MD *(*md)(void);
};

static const struct verifier_kind verifier_kinds[] = {
    [SCRAM_VERIFIER_SHA_1] = {"SCRAM-SHA-1", PBKDF2_SHA_1, EVP_sha1},
    [SCRAM_VERIFIER_SHA_256] = {"SCRAM-SHA-256", PBKDF2_SHA_256, EVP_sha256},
    [SCRAM_VERIFIER_SHA_512] = {"SCRAM-SHA-512", PBKDF2_SHA_512, EVP_sha512},
};

size_t scram_verifier_key_size(enum scram_verifier_kind kind)
{
    return pbkdf2_size(verifier_kinds[kind].hash);
}

const char *scram_verifier_kind_name(enum scram_verifier_kind kind)
{
    return verifier_kinds[kind].name;
}

void scram_verifier_hmac(enum scram_verifier_kind kind, const uint8_t *key, struct span text,
                         uint8_t *out)
{
    HMAC(verifier_kinds[kind].md(), key, (int)scram_verifier_key_size(kind),
         (const unsigned char *)text.ptr, text.size, out, NULL);
}

void scram_verifier_hash(enum scram_verifier_kind kind, struct span bytes, uint8_t *out)
{
    EVP_Digest(bytes.ptr, bytes.size, out, NULL, verifier_kinds[kind].md(), NULL);
}

bool scram_verifier_is_sound(const struct scram_verifier *v)
{
    return v->kind >= SCRAM_VERIFIER_SHA_1 && v->kind <= SCRAM_VERIFIER_SHA_512 &&
           v->salt_size >= 1 && v->salt_size <= SCRAM_VERIFIER_SALT_MAX &&
           v->iterations >= SCRAM_VERIFIER_ITERATIONS_MIN &&
           v->iterations <= SCRAM_VERIFIER_ITERATIONS_MAX;
}

/* What is left when the salted password is there (RFC 5802, 3). */
static void verifier_make_keys(const uint8_t *salted, struct scram_verifier *v)
{
    uint8_t client_key[PBKDF2_OUT_MAX];
    scram_verifier_hmac(v->kind, salted, SPAN("Client Key"), client_key);
    scram_verifier_hash(v->kind, span_of(client_key, scram_verifier_key_size(v->kind)),
                        v->stored_key);
    scram_verifier_hmac(v->kind, salted, SPAN("Server Key"), v->server_key);
    OPENSSL_cleanse(client_key, sizeof(client_key));
}

/* At most PBKDF2_MANY of them. */
static void verifier_derive_some(enum scram_verifier_kind kind, struct scram_verifier_ask *asks,
                                 size_t count, uint32_t iterations)
{
    struct saslprep_text prepared[PBKDF2_MANY];
    struct pbkdf2_ask passwords[PBKDF2_MANY];
    struct scram_verifier *verifiers[PBKDF2_MANY];
    uint8_t salted[PBKDF2_MANY][PBKDF2_OUT_MAX];
    size_t sound = 0;
    for (size_t i = 0; i < count; i++) {
        struct scram_verifier made = {
            .kind = kind, .iterations = iterations, .salt_size = asks[i].salt.size};
        asks[i].rc = scram_verifier_is_sound(&made)
                         ? saslprep_apply(asks[i].password, &prepared[sound])
                         : ERR_INVALID;
        if (asks[i].rc < 0)
            continue;
        memcpy(made.salt, asks[i].salt.ptr, asks[i].salt.size);
        *asks[i].verifier = made;
        verifiers[sound] = asks[i].verifier;
        passwords[sound] = (struct pbkdf2_ask){
            span_of(prepared[sound].bytes, prepared[sound].size), asks[i].salt, salted[sound]};
        sound++;
    }
    if (sound > 0) /* else the kind may be none */
        pbkdf2_derive_many(verifier_kinds[kind].hash, passwords, sound, iterations);
    for (size_t i = 0; i < sound; i++)
        verifier_make_keys(salted[i], verifiers[i]);
    OPENSSL_cleanse(salted, sizeof(salted));
    OPENSSL_cleanse(prepared, sizeof(prepared));
}

void scram_verifier_derive_many(enum scram_verifier_kind kind, struct scram_verifier_ask *asks,
                                size_t count, uint32_t iterations)
{
    for (size_t i = 0; i < count; i += PBKDF2_MANY)
        verifier_derive_some(kind, asks + i, count - i < PBKDF2_MANY ? count - i : PBKDF2_MANY,
                             iterations);
}

int scram_verifier_derive(enum scram_verifier_kind kind, struct span password, struct span salt,
                          uint32_t iterations, struct scram_verifier *ret_verifier)
{
    struct scram_verifier_ask ask = {password, salt, ret_verifier, 0};
    scram_verifier_derive_many(kind, &ask, 1, iterations);
    return ask.rc;
}

bool scram_verifier_matches(const struct scram_verifier *v, struct span password)
{
    struct scram_verifier other;
    if (scram_verifier_derive(v->kind, password, span_of(v->salt, v->salt_size), v->iterations,
                              &other) < 0)
        return false;
    const bool is_same =
        CRYPTO_memcmp(other.stored_key, v->stored_key, scram_verifier_key_size(v->kind)) == 0;
    scram_verifier_wipe(&other);
    return is_same;
}

/* HMAC-SHA-512 of (purpose, kind, user) under the secret. */
static void fake_bytes(struct span key, struct span user, enum scram_verifier_kind kind,
                       char purpose, uint8_t out[EVP_MAX_MD_SIZE])
{
    struct strbuf text = {0};
    strbuf_add_byte(&text, purpose);
    strbuf_add_u32be(&text, kind);
    strbuf_add(&text, user);
    HMAC(EVP_sha512(), key.ptr, (int)key.size, (const unsigned char *)text.data, text.size, out,
         NULL);
    strbuf_done(&text);
}

void scram_verifier_fake(enum scram_verifier_kind kind, struct span key, struct span user,
                         uint32_t iterations, struct scram_verifier *ret_verifier)
{
    uint8_t bytes[EVP_MAX_MD_SIZE];
    struct scram_verifier made = {
        .kind = kind, .iterations = iterations, .salt_size = SCRAM_VERIFIER_SALT_SIZE};
    fake_bytes(key, user, kind, 's', bytes);
    memcpy(made.salt, bytes, made.salt_size);
    fake_bytes(key, user, kind, 'k', bytes);
    memcpy(made.stored_key, bytes, scram_verifier_key_size(kind));
    fake_bytes(key, user, kind, 'v', bytes);
    memcpy(made.server_key, bytes, scram_verifier_key_size(kind));
    *ret_verifier = made;
}

void scram_verifier_wipe(struct scram_verifier *v)
{
    OPENSSL_cleanse(v, sizeof(*v));
}
