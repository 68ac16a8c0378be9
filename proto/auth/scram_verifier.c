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

int scram_verifier_derive(enum scram_verifier_kind kind, struct span password, struct span salt,
                          uint32_t iterations, struct scram_verifier *ret_verifier)
{
    struct scram_verifier made = {
        .kind = kind, .iterations = iterations, .salt_size = salt.size};
    if (!scram_verifier_is_sound(&made))
        return ERR_INVALID;
    struct saslprep_text prepared;
    const int rc = saslprep_apply(password, &prepared);
    if (rc < 0)
        return rc;
    memcpy(made.salt, salt.ptr, salt.size);

    uint8_t salted[PBKDF2_OUT_MAX];
    uint8_t client_key[PBKDF2_OUT_MAX];
    pbkdf2_derive(verifier_kinds[kind].hash, span_of(prepared.bytes, prepared.size), salt,
                  iterations, salted);
    scram_verifier_hmac(kind, salted, SPAN("Client Key"), client_key);
    scram_verifier_hash(kind, span_of(client_key, scram_verifier_key_size(kind)),
                        made.stored_key);
    scram_verifier_hmac(kind, salted, SPAN("Server Key"), made.server_key);
    OPENSSL_cleanse(salted, sizeof(salted));
    OPENSSL_cleanse(client_key, sizeof(client_key));
    OPENSSL_cleanse(&prepared, sizeof(prepared));
    *ret_verifier = made;
    scram_verifier_wipe(&made);
    return 0;
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
