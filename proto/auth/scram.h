/* SPDX-License-Identifier: Apache-2.0 */
/* SCRAM, the server's side of one exchange (RFC 5802, 7677; XEP-0474 0.5 for `h`).
 *
 *     scram_begin(client-first) -> user, authzid
 *     scram_challenge(verifier, nonce) -> server-first
 *     scram_finish(client-final) -> server-final, or failed
 *
 * Pure: verifier, nonce and channel bindings are passed in; the caller looks users up and
 * decides what an authzid may be. All three return 0, or the sasl_condition (> 0) and
 * `why`, a constant sentence for the peer. Refused, all with malformed-request: a
 * mechanism without -PLUS given `p=` and the other way round, a binding type that was not
 * offered, `y` when -PLUS was offered (RFC 5802, 6: somebody took it out of the list),
 * extension `m=`, anything not as the grammar says. A binding or nonce that differs and a
 * wrong proof are not-authorized; only the wrong proof sets is_wrong_proof.
 *
 * Plain data, single-threaded; zero it, begin, and release with scram_done(), which wipes. */
#pragma once

#include "base/strbuf.h"
#include "proto/auth/channel_binding.h"
#include "proto/auth/sasl_condition.h"
#include "proto/auth/scram_verifier.h"

#define SCRAM_MESSAGE_MAX 8192 /* bytes of one client message */

/* What the stream was offered, for one mechanism. */
struct scram_terms {
    enum scram_verifier_kind kind;
    bool is_plus;                               /* the mechanism's name ends in -PLUS */
    bool was_plus_offered;                      /* some -PLUS stood in the list */
    const struct channel_binding_set *bindings; /* borrowed until scram_done() */
};

struct scram {
    struct scram_terms terms;
    enum channel_binding_type binding; /* NONE without `p=` */
    struct strbuf gs2_header;
    struct strbuf client_first_bare;
    struct strbuf server_first;
    struct strbuf nonce;   /* the client's, then both */
    struct strbuf user;    /* as sent, unescaped, not prepared */
    struct strbuf authzid; /* empty: none */
    struct scram_verifier verifier;
    bool is_wrong_proof;
    const char *why;
};

int scram_begin(struct scram *s, const struct scram_terms *terms, struct span client_first);

/* Appends server-first. nonce: our part, fresh, of printable ASCII without comma, at least
 * 16 characters. downgrade_hash: XEP-0474's `h` in base64, SPAN_NONE for none. A fake
 * verifier takes the same steps and fails at the end. */
void scram_challenge(struct scram *s, const struct scram_verifier *verifier, struct span nonce,
                     struct span downgrade_hash, struct strbuf *out);

/* Appends server-final when it returns 0. */
int scram_finish(struct scram *s, struct span client_final, struct strbuf *out);

void scram_done(struct scram *s);
