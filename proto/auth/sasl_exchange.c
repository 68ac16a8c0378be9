/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/auth/sasl_exchange.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <stdlib.h>

#include "base/base64.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/utf8.h"
#include "proto/auth/saslprep.h"

enum mechanism_family { FAMILY_EXTERNAL, FAMILY_SCRAM, FAMILY_PLAIN };

struct sasl_mechanism {
    const char *name;
    enum mechanism_family family;
    enum scram_verifier_kind kind;
    bool is_plus;
};

/* Strongest first: many clients take the first that they know. */
static const struct sasl_mechanism sasl_mechanisms[SASL_EXCHANGE_MECHANISMS_MAX] = {
    {"EXTERNAL", FAMILY_EXTERNAL, 0, false},
    {"SCRAM-SHA-512-PLUS", FAMILY_SCRAM, SCRAM_VERIFIER_SHA_512, true},
    {"SCRAM-SHA-256-PLUS", FAMILY_SCRAM, SCRAM_VERIFIER_SHA_256, true},
    {"SCRAM-SHA-1-PLUS", FAMILY_SCRAM, SCRAM_VERIFIER_SHA_1, true},
    {"SCRAM-SHA-512", FAMILY_SCRAM, SCRAM_VERIFIER_SHA_512, false},
    {"SCRAM-SHA-256", FAMILY_SCRAM, SCRAM_VERIFIER_SHA_256, false},
    {"SCRAM-SHA-1", FAMILY_SCRAM, SCRAM_VERIFIER_SHA_1, false},
    {"PLAIN", FAMILY_PLAIN, 0, false},
};

static const struct sasl_mechanism *find_mechanism(const char *name)
{
    for (size_t i = 0; i < SASL_EXCHANGE_MECHANISMS_MAX; i++)
        if (strcmp(sasl_mechanisms[i].name, name) == 0)
            return &sasl_mechanisms[i];
    return NULL;
}

static bool exchange_has_identity(const struct sasl_exchange *x)
{
    const struct certificate_identity *c = x->offer.certificate;
    for (size_t i = 0; c && i < c->count; i++)
        if (span_equal(address_domain_of(c->users[i]), x->offer.domain))
            return true;
    return false;
}

static bool is_mechanism_offered(const struct sasl_exchange *x, const struct sasl_mechanism *m)
{
    if (!x->offer.is_tls)
        return false;
    switch (m->family) {
    case FAMILY_EXTERNAL:
        return exchange_has_identity(x);
    case FAMILY_PLAIN:
        return x->offer.has_plain;
    case FAMILY_SCRAM:
        break;
    }
    return (x->offer.kinds & SCRAM_VERIFIER_BIT(m->kind)) &&
           (!m->is_plus || !channel_binding_is_empty(&x->offer.bindings));
}

void sasl_exchange_init(struct sasl_exchange *x, const struct sasl_exchange_offer *offer)
{
    assert(offer->domain.size > 0 && offer->domain.size <= ADDRESS_PART_MAX);
    *x = (struct sasl_exchange){.offer = *offer};
    memcpy(x->domain.bytes, offer->domain.ptr, offer->domain.size);
    x->offer.domain = span_of(x->domain.bytes, offer->domain.size);
    bool is_plus_offered = false;
    for (size_t i = 0; i < SASL_EXCHANGE_MECHANISMS_MAX; i++) {
        if (!is_mechanism_offered(x, &sasl_mechanisms[i]))
            continue;
        x->mechanisms[x->mechanism_count++] = sasl_mechanisms[i].name;
        is_plus_offered = is_plus_offered || sasl_mechanisms[i].is_plus;
    }
    for (int type = CHANNEL_BINDING_NONE + 1; is_plus_offered && type < CHANNEL_BINDING_TYPES;
         type++)
        if (x->offer.bindings.of[type].size)
            x->bindings[x->binding_count++] =
                channel_binding_name((enum channel_binding_type)type);
}

/* Forgets the try under way, secrets first. */
static void exchange_reset(struct sasl_exchange *x)
{
    scram_done(&x->scram);
    if (x->password.data)
        OPENSSL_cleanse(x->password.data, x->password.capacity);
    strbuf_done(&x->password);
    x->state = SASL_EXCHANGE_IDLE;
    x->is_account_disabled = false;
    x->question++;
}

void sasl_exchange_done(struct sasl_exchange *x)
{
    exchange_reset(x);
    strbuf_done(&x->output);
    *x = (struct sasl_exchange){0};
}

/* The results of the call before this one. */
static void exchange_clear(struct sasl_exchange *x)
{
    strbuf_clear(&x->output);
    x->condition = SASL_CONDITION_NONE;
    x->why = NULL;
    x->is_guess = false;
    x->is_exhausted = false;
}

static enum sasl_exchange_action exchange_failed(struct sasl_exchange *x,
                                                 enum sasl_condition condition, const char *why)
{
    exchange_reset(x);
    strbuf_clear(&x->output);
    x->condition = condition;
    x->why = why;
    x->is_exhausted = x->tries >= SASL_EXCHANGE_TRIES_MAX;
    return SASL_EXCHANGE_FAILURE;
}

/* Who is signed in stays so, as that user, and never becomes another. */
static enum sasl_exchange_action exchange_is_over(struct sasl_exchange *x)
{
    x->condition = SASL_CONDITION_MALFORMED_REQUEST;
    x->why = "Already signed in";
    x->is_exhausted = true;
    return SASL_EXCHANGE_FAILURE;
}

static enum sasl_exchange_action exchange_guessed(struct sasl_exchange *x)
{
    const enum sasl_exchange_action action =
        exchange_failed(x, SASL_CONDITION_NOT_AUTHORIZED, NULL);
    x->is_guess = true;
    return action;
}

static enum sasl_exchange_action exchange_succeeded(struct sasl_exchange *x)
{
    exchange_reset(x);
    x->state = SASL_EXCHANGE_DONE;
    return SASL_EXCHANGE_SUCCESS;
}

static enum sasl_exchange_action exchange_asks(struct sasl_exchange *x,
                                               enum sasl_exchange_action action)
{
    x->state = SASL_EXCHANGE_AWAITS_ANSWER;
    x->question++;
    x->asked = action;
    return action;
}

/* Sets x->user from a name as the client sent it: a local part, or a bare address here. */
static bool take_user(struct sasl_exchange *x, struct span name)
{
    if (span_index(name, '@') == name.size)
        return address_local(name, &x->user_text, &x->user) == 0;
    struct address_text storage;
    struct address a;
    if (address_parse(name, &storage, &a) < 0 || !address_is_bare(&a) ||
        span_is_none(a.local) || !span_equal(a.domain, x->offer.domain))
        return false;
    memcpy(x->user_text.bytes, a.local.ptr, a.local.size);
    x->user_text.bytes[a.local.size] = '\0';
    x->user = span_of(x->user_text.bytes, a.local.size);
    return true;
}

/* RFC 6120, 6.3.8: who signs in acts as nobody else. */
static bool is_own_authzid(const struct sasl_exchange *x, struct span authzid)
{
    if (authzid.size == 0)
        return true;
    struct address_text storage;
    struct address a;
    return address_parse(authzid, &storage, &a) == 0 && address_is_bare(&a) &&
           span_equal(a.local, x->user) && span_equal(a.domain, x->offer.domain);
}

/* Both identities of a try; the action is meaningful when it returns false. */
static bool take_identities(struct sasl_exchange *x, struct span name, struct span authzid,
                            enum sasl_exchange_action *ret_failure)
{
    if (!take_user(x, name)) {
        *ret_failure = exchange_failed(x, SASL_CONDITION_NOT_AUTHORIZED,
                                       "No account here can have this name");
        return false;
    }
    if (!is_own_authzid(x, authzid)) {
        *ret_failure = exchange_failed(x, SASL_CONDITION_INVALID_AUTHZID,
                                       "The authorization identity must be your own");
        return false;
    }
    return true;
}

static enum sasl_exchange_action
begin_scram(struct sasl_exchange *x, const struct sasl_mechanism *m, struct span client_first)
{
    const struct scram_terms terms = {.kind = m->kind,
                                      .is_plus = m->is_plus,
                                      .was_plus_offered = x->binding_count > 0,
                                      .bindings = &x->offer.bindings};
    const int rc = scram_begin(&x->scram, &terms, client_first);
    if (rc > 0)
        return exchange_failed(x, (enum sasl_condition)rc, x->scram.why);
    enum sasl_exchange_action failure = SASL_EXCHANGE_FAILURE;
    if (!take_identities(x, strbuf_span(&x->scram.user), strbuf_span(&x->scram.authzid),
                         &failure))
        return failure;
    x->kind = m->kind;
    return exchange_asks(x, SASL_EXCHANGE_NEED_CREDENTIALS);
}

/* RFC 4616, 2: [authzid] NUL authcid NUL passwd */
static enum sasl_exchange_action begin_plain(struct sasl_exchange *x, struct span message)
{
    const size_t first = span_index(message, '\0');
    const struct span rest = span_from(message, first + 1);
    const size_t second = span_index(rest, '\0');
    const struct span name = span_first(rest, second);
    const struct span password = span_from(rest, second + 1);
    if (first == message.size || second == rest.size || name.size == 0 || password.size == 0 ||
        memchr(password.ptr, 0, password.size) || !utf8_is_valid(message))
        return exchange_failed(x, SASL_CONDITION_MALFORMED_REQUEST, "Malformed PLAIN message");
    if (password.size > SASLPREP_MAX)
        return exchange_failed(x, SASL_CONDITION_MALFORMED_REQUEST, "Password too long");
    enum sasl_exchange_action failure = SASL_EXCHANGE_FAILURE;
    if (!take_identities(x, name, span_first(message, first), &failure))
        return failure;
    strbuf_add(&x->password, password);
    return exchange_asks(x, SASL_EXCHANGE_NEED_PLAIN_CHECK);
}

/* XEP-0178, 2: an empty authzid stands for the one name in the certificate. */
static enum sasl_exchange_action begin_external(struct sasl_exchange *x, struct span authzid)
{
    struct address_text storage;
    struct address wanted = {SPAN_NONE, SPAN_NONE, SPAN_NONE};
    if (authzid.size && (address_parse(authzid, &storage, &wanted) < 0 ||
                         !address_is_bare(&wanted) || span_is_none(wanted.local)))
        return exchange_failed(x, SASL_CONDITION_INVALID_AUTHZID,
                               "The authorization identity must be a bare address");
    const struct certificate_identity *c = x->offer.certificate;
    struct span found = SPAN_NONE;
    for (size_t i = 0; i < c->count; i++) {
        if (!span_equal(address_domain_of(c->users[i]), x->offer.domain))
            continue;
        if (authzid.size ? !span_equal(c->users[i], address_bare(&wanted))
                         : span_equal(c->users[i], found))
            continue;
        if (!span_is_none(found) && authzid.size == 0)
            return exchange_failed(x, SASL_CONDITION_INVALID_AUTHZID,
                                   "The certificate has several names: say which");
        found = c->users[i];
    }
    if (span_is_none(found) || !take_user(x, found))
        return exchange_failed(x, SASL_CONDITION_INVALID_AUTHZID,
                               "The certificate does not have this name");
    return exchange_asks(x, SASL_EXCHANGE_NEED_EXTERNAL);
}

/* The first bytes of a try, wherever they came from. */
static enum sasl_exchange_action begin_with(struct sasl_exchange *x, struct span text)
{
    CLEANUP(strbuf_done) struct strbuf bytes = {0};
    if (!span_is(text, "=") && base64_decode(&bytes, text) < 0)
        return exchange_failed(x, SASL_CONDITION_INCORRECT_ENCODING, "This is not base64");
    const struct sasl_mechanism *m = find_mechanism(x->mechanism);
    enum sasl_exchange_action action = SASL_EXCHANGE_FAILURE;
    switch (m->family) {
    case FAMILY_EXTERNAL:
        action = begin_external(x, strbuf_span(&bytes));
        break;
    case FAMILY_SCRAM:
        action = begin_scram(x, m, strbuf_span(&bytes));
        break;
    case FAMILY_PLAIN:
        action = begin_plain(x, strbuf_span(&bytes));
        break;
    }
    if (bytes.data)
        OPENSSL_cleanse(bytes.data, bytes.capacity);
    return action;
}

enum sasl_exchange_action sasl_exchange_begin(struct sasl_exchange *x, struct span mechanism,
                                              struct span initial)
{
    exchange_clear(x);
    if (x->state == SASL_EXCHANGE_DONE)
        return exchange_is_over(x);
    const bool was_idle = x->state == SASL_EXCHANGE_IDLE;
    exchange_reset(x);
    x->mechanism = NULL;
    x->user = SPAN_NONE;
    if (x->tries < SASL_EXCHANGE_TRIES_MAX)
        x->tries++;
    if (!was_idle)
        return exchange_failed(x, SASL_CONDITION_MALFORMED_REQUEST,
                               "Another exchange was under way");
    for (size_t i = 0; i < x->mechanism_count; i++)
        if (span_is(mechanism, x->mechanisms[i]))
            x->mechanism = x->mechanisms[i];
    if (!x->mechanism && !x->offer.is_tls)
        return exchange_failed(x, SASL_CONDITION_ENCRYPTION_REQUIRED, "Start TLS first");
    if (!x->mechanism)
        return exchange_failed(x, SASL_CONDITION_INVALID_MECHANISM,
                               "This mechanism was not offered");
    if (initial.size)
        return begin_with(x, initial);
    x->state = SASL_EXCHANGE_AWAITS_INITIAL;
    return SASL_EXCHANGE_CHALLENGE; /* RFC 4422, 5.1: an empty one */
}

static enum sasl_exchange_action finish_scram(struct sasl_exchange *x, struct span text)
{
    CLEANUP(strbuf_done) struct strbuf bytes = {0};
    CLEANUP(strbuf_done) struct strbuf answer = {0};
    if (!span_is(text, "=") && base64_decode(&bytes, text) < 0)
        return exchange_failed(x, SASL_CONDITION_INCORRECT_ENCODING, "This is not base64");
    const int rc = scram_finish(&x->scram, strbuf_span(&bytes), &answer);
    if (rc > 0 && x->scram.is_wrong_proof)
        return exchange_guessed(x);
    if (rc > 0)
        return exchange_failed(x, (enum sasl_condition)rc, x->scram.why);
    if (x->is_account_disabled) /* said only to who knows the password */
        return exchange_failed(x, SASL_CONDITION_ACCOUNT_DISABLED, NULL);
    base64_encode(&x->output, strbuf_span(&answer));
    return exchange_succeeded(x);
}

enum sasl_exchange_action sasl_exchange_respond(struct sasl_exchange *x, struct span text)
{
    exchange_clear(x);
    switch (x->state) {
    case SASL_EXCHANGE_AWAITS_INITIAL:
        return begin_with(x, text);
    case SASL_EXCHANGE_AWAITS_FINAL:
        return finish_scram(x, text);
    case SASL_EXCHANGE_DONE:
        return exchange_is_over(x);
    case SASL_EXCHANGE_IDLE:
    case SASL_EXCHANGE_AWAITS_ANSWER:
        break;
    }
    return exchange_failed(x, SASL_CONDITION_MALFORMED_REQUEST, "No response was asked for");
}

enum sasl_exchange_action sasl_exchange_abort(struct sasl_exchange *x)
{
    exchange_clear(x);
    if (x->state == SASL_EXCHANGE_DONE)
        return exchange_is_over(x);
    return exchange_failed(x, SASL_CONDITION_ABORTED, NULL);
}

static bool is_question_open(const struct sasl_exchange *x, uint64_t question)
{
    return x->state == SASL_EXCHANGE_AWAITS_ANSWER && x->question == question;
}

enum sasl_exchange_action sasl_exchange_credentials(
    struct sasl_exchange *x, uint64_t question, enum sasl_exchange_verdict verdict,
    const struct scram_verifier *verifier, const uint8_t nonce[SASL_EXCHANGE_NONCE_SIZE])
{
    if (!is_question_open(x, question) || x->asked != SASL_EXCHANGE_NEED_CREDENTIALS)
        return SASL_EXCHANGE_WAIT;
    exchange_clear(x);
    if (verdict == SASL_EXCHANGE_UNAVAILABLE)
        return exchange_failed(x, SASL_CONDITION_TEMPORARY_AUTH_FAILURE, NULL);
    assert(verifier && verifier->kind == x->kind && verdict != SASL_EXCHANGE_WRONG);
    CLEANUP(strbuf_done) struct strbuf hash = {0};
    CLEANUP(strbuf_done) struct strbuf challenge = {0};
    CLEANUP(strbuf_done) struct strbuf nonce_text = {0};
    sasl_exchange_downgrade_hash(x, x->kind, &hash);
    base64_encode(&nonce_text, span_of(nonce, SASL_EXCHANGE_NONCE_SIZE)); /* no comma in it */
    scram_challenge(&x->scram, verifier, strbuf_span(&nonce_text), strbuf_span(&hash),
                    &challenge);
    base64_encode(&x->output, strbuf_span(&challenge));
    x->is_account_disabled = verdict == SASL_EXCHANGE_DISABLED;
    x->state = SASL_EXCHANGE_AWAITS_FINAL;
    return SASL_EXCHANGE_CHALLENGE;
}

enum sasl_exchange_action sasl_exchange_verdict(struct sasl_exchange *x, uint64_t question,
                                                enum sasl_exchange_verdict verdict)
{
    if (!is_question_open(x, question) || x->asked == SASL_EXCHANGE_NEED_CREDENTIALS)
        return SASL_EXCHANGE_WAIT;
    exchange_clear(x);
    const bool is_plain = x->asked == SASL_EXCHANGE_NEED_PLAIN_CHECK;
    switch (verdict) {
    case SASL_EXCHANGE_RIGHT:
        return exchange_succeeded(x);
    case SASL_EXCHANGE_DISABLED:
        return exchange_failed(x, SASL_CONDITION_ACCOUNT_DISABLED, NULL);
    case SASL_EXCHANGE_UNAVAILABLE:
        return exchange_failed(x, SASL_CONDITION_TEMPORARY_AUTH_FAILURE, NULL);
    case SASL_EXCHANGE_WRONG:
        break;
    }
    /* A certificate is no guess. */
    return is_plain ? exchange_guessed(x)
                    : exchange_failed(x, SASL_CONDITION_NOT_AUTHORIZED, NULL);
}

static int exchange_name_order(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The names in the order of their octets, joined by %x1E. */
static void exchange_add_sorted(struct strbuf *out, const char *const *names, size_t count)
{
    const char *sorted[SASL_EXCHANGE_MECHANISMS_MAX];
    assert(count <= SASL_EXCHANGE_MECHANISMS_MAX);
    for (size_t i = 0; i < count; i++)
        sorted[i] = names[i];
    qsort(sorted, count, sizeof(sorted[0]), exchange_name_order);
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            strbuf_add_byte(out, '\x1e');
        strbuf_add_text(out, sorted[i]);
    }
}

void sasl_exchange_downgrade_hash(const struct sasl_exchange *x, enum scram_verifier_kind kind,
                                  struct strbuf *out)
{
    CLEANUP(strbuf_done) struct strbuf list = {0};
    exchange_add_sorted(&list, x->mechanisms, x->mechanism_count);
    if (x->binding_count > 0) {
        strbuf_add_byte(&list, '\x1f');
        exchange_add_sorted(&list, x->bindings, x->binding_count);
    }
    uint8_t hash[SCRAM_VERIFIER_KEY_MAX];
    scram_verifier_hash(kind, strbuf_span(&list), hash);
    base64_encode(out, span_of(hash, scram_verifier_key_size(kind)));
}
