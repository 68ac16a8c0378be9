/* SPDX-License-Identifier: Apache-2.0 */
/* SASL exchange: the server's side of sign-in on one stream (RFC 6120, 6; RFC 4422).
 *
 *     init(offer) -> mechanisms, bindings for the stream features
 *     begin(mechanism, initial) / respond(text) / abort -> action
 *     NEED_... -> the caller asks for credentials, however long that takes, then
 *     credentials(...) or verdict(...) -> action
 *
 * Each call returns what to do; what it takes stands in the struct until the next call:
 * `output` (base64, ready to be an element's text), `user`, `password`, `condition`, `why`.
 * Text from the peer is base64 as it stands in the element.
 *
 * Rules. A mechanism that was not offered is refused. Both identities are one: an authzid is
 * empty or the user's own bare address (CVEs of three servers say why). The name is a local
 * part, or the bare address in this domain. Many tries are normal (clients walk through
 * the list), so SASL_EXCHANGE_TRIES_MAX per stream; only is_guess failures are held
 * against anybody: a wrong password or proof. A question (NEED_...) carries a number, and an
 * answer to one that no longer stands is ignored.
 *
 * Pure, single-threaded; it points into itself, so it is not copied or moved;
 * sasl_exchange_done() wipes and releases. */
#pragma once

#include "base/strbuf.h"
#include "proto/auth/address.h"
#include "proto/auth/certificate_identity.h"
#include "proto/auth/sasl_condition.h"
#include "proto/auth/scram.h"

#define SASL_EXCHANGE_TRIES_MAX      16 /* slixmpp needs 7, a second password doubles that */
#define SASL_EXCHANGE_MECHANISMS_MAX 8
#define SASL_EXCHANGE_NONCE_SIZE     18 /* random bytes */

/* What this stream can be offered. Without TLS nothing is. */
struct sasl_exchange_offer {
    struct span domain; /* prepared; copied */
    bool is_tls;        /* PLAIN and all else only under TLS */
    unsigned kinds;     /* SCRAM_VERIFIER_BIT()s that every account of the domain has */
    bool has_plain;     /* policy */
    struct channel_binding_set bindings;            /* of this connection */
    const struct certificate_identity *certificate; /* NULL: none; borrowed to done() */
};

enum sasl_exchange_action {
    SASL_EXCHANGE_WAIT,             /* nothing: an answer came too late */
    SASL_EXCHANGE_CHALLENGE,        /* send output */
    SASL_EXCHANGE_NEED_CREDENTIALS, /* find user's verifier of `kind`: _credentials() */
    SASL_EXCHANGE_NEED_PLAIN_CHECK, /* check user's password: _verdict() */
    SASL_EXCHANGE_NEED_EXTERNAL,    /* is there such an account? _verdict() */
    SASL_EXCHANGE_SUCCESS,          /* user signed in; send output, which may be empty */
    SASL_EXCHANGE_FAILURE,          /* send condition and why; see is_exhausted */
};

enum sasl_exchange_verdict {
    SASL_EXCHANGE_RIGHT,
    SASL_EXCHANGE_WRONG,       /* password, or no such user */
    SASL_EXCHANGE_DISABLED,    /* right, but the account is disabled */
    SASL_EXCHANGE_UNAVAILABLE, /* cannot be told now */
};

enum sasl_exchange_state {
    SASL_EXCHANGE_IDLE,
    SASL_EXCHANGE_AWAITS_INITIAL, /* begun without an initial response */
    SASL_EXCHANGE_AWAITS_ANSWER,  /* the caller's */
    SASL_EXCHANGE_AWAITS_FINAL,   /* SCRAM's last message */
    SASL_EXCHANGE_DONE,           /* signed in */
};

struct sasl_exchange {
    struct sasl_exchange_offer offer;
    const char *mechanisms[SASL_EXCHANGE_MECHANISMS_MAX]; /* offered, strongest first */
    size_t mechanism_count;
    const char *bindings[CHANNEL_BINDING_TYPES]; /* XEP-0440; none when no -PLUS is offered */
    size_t binding_count;

    const char *mechanism;           /* last tried, one of the list above; NULL: unknown name */
    uint64_t question;               /* number of the last NEED_... */
    enum sasl_exchange_action asked; /* which one that was */
    enum sasl_exchange_state state;
    unsigned tries;

    /* results */
    enum scram_verifier_kind kind; /* with NEED_CREDENTIALS */
    struct span user;              /* prepared local part; borrowed from user_text */
    struct strbuf output;
    struct strbuf password; /* with NEED_PLAIN_CHECK; wiped by the next call */
    const char *why;        /* constant sentence, or NULL */
    enum sasl_condition condition;
    bool is_guess;     /* this FAILURE was a wrong password or proof: count it */
    bool is_exhausted; /* this FAILURE was the last try: close the stream, policy-violation */

    bool is_account_disabled;
    struct scram scram;
    struct address_part domain;
    struct address_part user_text;
};

void sasl_exchange_init(struct sasl_exchange *x, const struct sasl_exchange_offer *offer);
void sasl_exchange_done(struct sasl_exchange *x);

/* <auth/>. initial: the element's text; empty or SPAN_NONE is no initial response, "=" an
 * empty one (RFC 6120, 6.4.2). */
enum sasl_exchange_action sasl_exchange_begin(struct sasl_exchange *x, struct span mechanism,
                                              struct span initial);
/* <response/> */
enum sasl_exchange_action sasl_exchange_respond(struct sasl_exchange *x, struct span text);
/* <abort/> */
enum sasl_exchange_action sasl_exchange_abort(struct sasl_exchange *x);

/* Answers NEED_CREDENTIALS number `question`. verdict: RIGHT with a verifier of x->kind (for
 * an unknown user a fake one, scram_verifier_fake()), DISABLED the same, or UNAVAILABLE (then
 * NULL). nonce: fresh random bytes. */
enum sasl_exchange_action sasl_exchange_credentials(
    struct sasl_exchange *x, uint64_t question, enum sasl_exchange_verdict verdict,
    const struct scram_verifier *verifier, const uint8_t nonce[SASL_EXCHANGE_NONCE_SIZE]);

/* Answers NEED_PLAIN_CHECK or NEED_EXTERNAL number `question`. */
enum sasl_exchange_action sasl_exchange_verdict(struct sasl_exchange *x, uint64_t question,
                                                enum sasl_exchange_verdict verdict);

/* XEP-0474, 5.1: base64 of the hash over exactly what this stream was offered; appended. */
void sasl_exchange_downgrade_hash(const struct sasl_exchange *x, enum scram_verifier_kind kind,
                                  struct strbuf *out);
