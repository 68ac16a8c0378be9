/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/auth/scram.h"

#include <assert.h>
#include <openssl/crypto.h>

#include "base/base64.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/utf8.h"

/* Malformed, with the sentence that says how. */
static int scram_refused(struct scram *s, const char *why)
{
    s->why = why;
    return SASL_CONDITION_MALFORMED_REQUEST;
}

/* Takes the field before the next comma off `rest`; false when there is no comma. */
static bool scram_take_field(struct span *rest, struct span *ret_field)
{
    const size_t size = span_index(*rest, ',');
    if (size == rest->size)
        return false;
    *ret_field = span_first(*rest, size);
    *rest = span_from(*rest, size + 1);
    return true;
}

/* The same, but the last field ends with the text; then rest becomes SPAN_NONE. */
static struct span scram_take_last_field(struct span *rest)
{
    struct span field = *rest;
    if (!scram_take_field(rest, &field))
        *rest = SPAN_NONE;
    return field;
}

/* RFC 5802, 5.1: saslname, where "=2C" is a comma and "=3D" an equals sign. */
static bool scram_unescape_name(struct span text, struct strbuf *out)
{
    if (text.size == 0 || memchr(text.ptr, 0, text.size) || !utf8_is_valid(text))
        return false;
    for (size_t i = 0; i < text.size; i++) {
        if (text.ptr[i] != '=') {
            strbuf_add_byte(out, text.ptr[i]);
            continue;
        }
        const struct span code = span_first(span_from(text, i + 1), 2);
        if (!span_is(code, "2C") && !span_is(code, "3D"))
            return false;
        strbuf_add_byte(out, span_is(code, "2C") ? ',' : '=');
        i += 2;
    }
    return true;
}

/* Printable ASCII without comma. */
static bool is_scram_nonce(struct span nonce)
{
    for (size_t i = 0; i < nonce.size; i++)
        if (nonce.ptr[i] <= ' ' || nonce.ptr[i] > '~' || nonce.ptr[i] == ',')
            return false;
    return nonce.size > 0;
}

/* An extension we do not know must still look like one, and may not be mandatory. */
static bool is_scram_extension(struct span field)
{
    if (field.size < 3 || field.ptr[1] != '=')
        return false;
    const char name = field.ptr[0];
    const bool is_letter = (name >= 'a' && name <= 'z') || (name >= 'A' && name <= 'Z');
    return is_letter && name != 'm' && !memchr(field.ptr, 0, field.size) &&
           utf8_is_valid(field);
}

/* gs2-cbind-flag against what was offered (RFC 5802, 6). */
static int scram_check_flag(struct scram *s, struct span flag)
{
    if (span_has_prefix(flag, SPAN("p="))) {
        if (!s->terms.is_plus)
            return scram_refused(s, "Channel binding needs a -PLUS mechanism");
        s->binding = channel_binding_find(s->terms.bindings, span_from(flag, 2));
        if (s->binding == CHANNEL_BINDING_NONE)
            return scram_refused(s, "This channel binding type was not offered");
        return 0;
    }
    if (!span_is(flag, "n") && !span_is(flag, "y"))
        return scram_refused(s, "Malformed channel binding flag");
    if (s->terms.is_plus)
        return scram_refused(s, "A -PLUS mechanism needs channel binding");
    if (span_is(flag, "y") && s->terms.was_plus_offered)
        return scram_refused(s, "This server does offer channel binding");
    return 0;
}

static int scram_read_gs2(struct scram *s, struct span *rest)
{
    const struct span all = *rest;
    struct span flag = SPAN_NONE, authzid = SPAN_NONE;
    if (!scram_take_field(rest, &flag) || !scram_take_field(rest, &authzid))
        return scram_refused(s, "Malformed GS2 header");
    const int rc = scram_check_flag(s, flag);
    if (rc > 0)
        return rc;
    if (authzid.size && (!span_has_prefix(authzid, SPAN("a=")) ||
                         !scram_unescape_name(span_from(authzid, 2), &s->authzid)))
        return scram_refused(s, "Malformed authorization identity");
    strbuf_add(&s->gs2_header, span_first(all, all.size - rest->size));
    return 0;
}

int scram_begin(struct scram *s, const struct scram_terms *terms, struct span client_first)
{
    s->terms = *terms;
    if (client_first.size > SCRAM_MESSAGE_MAX)
        return scram_refused(s, "Message too long");
    struct span rest = client_first;
    const int rc = scram_read_gs2(s, &rest);
    if (rc > 0)
        return rc;
    strbuf_add(&s->client_first_bare, rest);

    struct span name = SPAN_NONE;
    if (span_has_prefix(rest, SPAN("m=")))
        return scram_refused(s, "Mandatory extension not supported");
    if (!scram_take_field(&rest, &name) || !span_has_prefix(name, SPAN("n=")) ||
        !scram_unescape_name(span_from(name, 2), &s->user))
        return scram_refused(s, "Malformed user name");
    const struct span nonce = scram_take_last_field(&rest);
    if (!span_has_prefix(nonce, SPAN("r=")) || !is_scram_nonce(span_from(nonce, 2)))
        return scram_refused(s, "Malformed nonce");
    strbuf_add(&s->nonce, span_from(nonce, 2));
    while (!span_is_none(rest))
        if (!is_scram_extension(scram_take_last_field(&rest)))
            return scram_refused(s, "Malformed or mandatory extension");
    return 0;
}

void scram_challenge(struct scram *s, const struct scram_verifier *verifier, struct span nonce,
                     struct span downgrade_hash, struct strbuf *out)
{
    assert(is_scram_nonce(nonce) && verifier->kind == s->terms.kind);
    s->verifier = *verifier;
    strbuf_add(&s->nonce, nonce);
    strbuf_add_text(&s->server_first, "r=");
    strbuf_add(&s->server_first, strbuf_span(&s->nonce));
    strbuf_add_text(&s->server_first, ",s=");
    base64_encode(&s->server_first, span_of(verifier->salt, verifier->salt_size));
    strbuf_add_text(&s->server_first, ",i=");
    strbuf_add_number(&s->server_first, verifier->iterations);
    if (!span_is_none(downgrade_hash)) {
        strbuf_add_text(&s->server_first, ",h=");
        strbuf_add(&s->server_first, downgrade_hash);
    }
    strbuf_add(out, strbuf_span(&s->server_first));
}

/* c= must be the GS2 header of the first message and our own view of the channel. */
static int scram_check_binding(struct scram *s, struct span encoded)
{
    CLEANUP(strbuf_done) struct strbuf got = {0};
    CLEANUP(strbuf_done) struct strbuf want = {0};
    if (base64_decode(&got, encoded) < 0)
        return scram_refused(s, "Malformed channel binding");
    strbuf_add(&want, strbuf_span(&s->gs2_header));
    if (s->binding != CHANNEL_BINDING_NONE)
        strbuf_add(&want, span_of(s->terms.bindings->of[s->binding].bytes,
                                  s->terms.bindings->of[s->binding].size));
    if (got.size == want.size && CRYPTO_memcmp(got.data, want.data, got.size) == 0)
        return 0;
    s->why = "Channel binding does not match";
    return SASL_CONDITION_NOT_AUTHORIZED;
}

/* H(proof xor HMAC(StoredKey, AuthMessage)) == StoredKey */
static bool is_proof_right(const struct scram *s, struct span auth_message,
                           const uint8_t *proof)
{
    const enum scram_verifier_kind kind = s->terms.kind;
    const size_t size = scram_verifier_key_size(kind);
    uint8_t client_key[SCRAM_VERIFIER_KEY_MAX];
    uint8_t hash[SCRAM_VERIFIER_KEY_MAX];
    scram_verifier_hmac(kind, s->verifier.stored_key, auth_message, client_key);
    for (size_t i = 0; i < size; i++)
        client_key[i] ^= proof[i];
    scram_verifier_hash(kind, span_of(client_key, size), hash);
    OPENSSL_cleanse(client_key, sizeof(client_key));
    return CRYPTO_memcmp(hash, s->verifier.stored_key, size) == 0;
}

/* Splits client-final; *ret_covered is the part without the proof. */
static int scram_read_final(struct scram *s, struct span text, struct span *ret_binding,
                            struct span *ret_covered, struct span *ret_proof)
{
    struct span rest = text, binding = SPAN_NONE, nonce = SPAN_NONE, field = SPAN_NONE;
    if (text.size > SCRAM_MESSAGE_MAX)
        return scram_refused(s, "Message too long");
    if (!scram_take_field(&rest, &binding) || !span_has_prefix(binding, SPAN("c=")))
        return scram_refused(s, "Malformed channel binding");
    if (!scram_take_field(&rest, &nonce) || !span_has_prefix(nonce, SPAN("r=")))
        return scram_refused(s, "Malformed nonce");
    while (scram_take_field(&rest, &field))
        if (!is_scram_extension(field) || field.ptr[0] == 'p')
            return scram_refused(s, "Malformed or mandatory extension");
    if (!span_has_prefix(rest, SPAN("p=")))
        return scram_refused(s, "The proof is missing");
    if (!span_equal(span_from(nonce, 2), strbuf_span(&s->nonce))) {
        s->why = "The nonce is not the one of this exchange";
        return SASL_CONDITION_NOT_AUTHORIZED;
    }
    *ret_binding = span_from(binding, 2);
    *ret_covered = span_first(text, (size_t)(rest.ptr - text.ptr) - 1);
    *ret_proof = span_from(rest, 2);
    return 0;
}

int scram_finish(struct scram *s, struct span client_final, struct strbuf *out)
{
    struct span binding = SPAN_NONE, covered = SPAN_NONE, encoded = SPAN_NONE;
    int rc = scram_read_final(s, client_final, &binding, &covered, &encoded);
    if (rc > 0)
        return rc;
    CLEANUP(strbuf_done) struct strbuf proof = {0};
    if (base64_decode(&proof, encoded) < 0 ||
        proof.size != scram_verifier_key_size(s->terms.kind))
        return scram_refused(s, "Malformed proof");
    rc = scram_check_binding(s, binding);
    if (rc > 0)
        return rc;

    CLEANUP(strbuf_done) struct strbuf auth_message = {0};
    strbuf_add(&auth_message, strbuf_span(&s->client_first_bare));
    strbuf_add_byte(&auth_message, ',');
    strbuf_add(&auth_message, strbuf_span(&s->server_first));
    strbuf_add_byte(&auth_message, ',');
    strbuf_add(&auth_message, covered);
    if (!is_proof_right(s, strbuf_span(&auth_message), (const uint8_t *)proof.data)) {
        s->is_wrong_proof = true;
        s->why = NULL; /* of a wrong password no more is said than that */
        return SASL_CONDITION_NOT_AUTHORIZED;
    }
    uint8_t signature[SCRAM_VERIFIER_KEY_MAX];
    scram_verifier_hmac(s->terms.kind, s->verifier.server_key, strbuf_span(&auth_message),
                        signature);
    strbuf_add_text(out, "v=");
    base64_encode(out, span_of(signature, scram_verifier_key_size(s->terms.kind)));
    return 0;
}

void scram_done(struct scram *s)
{
    strbuf_done(&s->gs2_header);
    strbuf_done(&s->client_first_bare);
    strbuf_done(&s->server_first);
    strbuf_done(&s->nonce);
    strbuf_done(&s->user);
    strbuf_done(&s->authzid);
    scram_verifier_wipe(&s->verifier);
    *s = (struct scram){0};
}
