/* SPDX-License-Identifier: Apache-2.0 */
/* The client's side of SCRAM for tests: builds what an honest client sends. */
#pragma once

#include "base/base64.h"
#include "proto/auth/pbkdf2.h"
#include "proto/auth/scram_verifier.h"

/* The proof for an AuthMessage, appended in base64. */
static inline void scram_client_proof(enum scram_verifier_kind kind, struct span password,
                                      struct span salt, uint32_t iterations,
                                      struct span auth_message, struct strbuf *out)
{
    static const enum pbkdf2_hash hashes[] = {PBKDF2_SHA_1, PBKDF2_SHA_1, PBKDF2_SHA_256,
                                              PBKDF2_SHA_512};
    uint8_t salted[64], client_key[64], stored_key[64], signature[64];
    const size_t size = scram_verifier_key_size(kind);
    pbkdf2_derive(hashes[kind], password, salt, iterations, salted);
    scram_verifier_hmac(kind, salted, SPAN("Client Key"), client_key);
    scram_verifier_hash(kind, span_of(client_key, size), stored_key);
    scram_verifier_hmac(kind, stored_key, auth_message, signature);
    for (size_t i = 0; i < size; i++)
        client_key[i] ^= signature[i];
    base64_encode(out, span_of(client_key, size));
}

/* The value of attribute `name` in a SCRAM message. */
static inline struct span scram_client_attribute(struct span message, char name)
{
    while (message.size > 2) {
        const struct span field = span_first(message, span_index(message, ','));
        if (field.size > 2 && field.ptr[0] == name && field.ptr[1] == '=')
            return span_from(field, 2);
        message = span_from(message, field.size + 1);
    }
    return SPAN_NONE;
}

/* client-final for a server-first, appended. gs2: the header as it was sent; binding: the
 * channel binding's bytes. */
static inline void scram_client_final(enum scram_verifier_kind kind, struct span password,
                                      struct span gs2, struct span binding,
                                      struct span client_first_bare, struct span server_first,
                                      struct strbuf *out)
{
    struct strbuf final = {0}, input = {0}, salt = {0}, message = {0};
    strbuf_add(&input, gs2);
    strbuf_add(&input, binding);
    strbuf_add_text(&final, "c=");
    base64_encode(&final, strbuf_span(&input));
    strbuf_add_text(&final, ",r=");
    strbuf_add(&final, scram_client_attribute(server_first, 'r'));

    uint32_t iterations = 0;
    const struct span digits = scram_client_attribute(server_first, 'i');
    for (size_t i = 0; i < digits.size; i++)
        iterations = iterations * 10 + (uint32_t)(digits.ptr[i] - '0');
    (void)base64_decode(&salt, scram_client_attribute(server_first, 's'));
    strbuf_add(&message, client_first_bare);
    strbuf_add_byte(&message, ',');
    strbuf_add(&message, server_first);
    strbuf_add_byte(&message, ',');
    strbuf_add(&message, strbuf_span(&final));
    strbuf_add(out, strbuf_span(&final));
    strbuf_add_text(out, ",p=");
    scram_client_proof(kind, password, strbuf_span(&salt), iterations, strbuf_span(&message),
                       out);
    strbuf_done(&final);
    strbuf_done(&input);
    strbuf_done(&salt);
    strbuf_done(&message);
}
