/* SPDX-License-Identifier: Apache-2.0 */
/* SCRAM's server side on any two client messages, split by a 0xff byte: whoever does not
 * know the password never gets through, and what is refused says nothing. */
#include <assert.h>

#include "proto/auth/scram.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void check_begun(const struct scram *s, bool is_plus, size_t first_size)
{
    assert(s->user.size > 0 && s->nonce.size > 0);
    assert((s->binding != CHANNEL_BINDING_NONE) == is_plus);
    /* What is covered by the proof is what came in. */
    assert(s->gs2_header.size + s->client_first_bare.size == first_size);
}

static void check_refused(struct scram *s, struct span last)
{
    struct strbuf answer = {0};
    const int rc = scram_finish(s, last, &answer);
    assert(rc == SASL_CONDITION_MALFORMED_REQUEST || rc == SASL_CONDITION_NOT_AUTHORIZED);
    assert(answer.size == 0);
    assert(!s->is_wrong_proof || rc == SASL_CONDITION_NOT_AUTHORIZED);
    strbuf_done(&answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (size < 1)
        return 0;
    const struct span all = span_of(bytes + 1, size - 1);
    const size_t cut = span_index(all, '\xff');
    struct channel_binding_set set = {0};
    (void)channel_binding_put(&set, CHANNEL_BINDING_TLS_EXPORTER, SPAN("EXPORTED"));
    const struct scram_terms terms = {.kind =
                                          (enum scram_verifier_kind)(1 + (bytes[0] & 3U) % 3),
                                      .is_plus = bytes[0] & 4U,
                                      .was_plus_offered = bytes[0] & 8U,
                                      .bindings = &set};
    struct scram s = {0};
    struct scram_verifier v;
    struct strbuf challenge = {0};

    scram_verifier_fake(terms.kind, SPAN("key"), SPAN("user"), SCRAM_VERIFIER_ITERATIONS, &v);
    if (scram_begin(&s, &terms, span_first(all, cut)) == 0) {
        check_begun(&s, terms.is_plus, span_first(all, cut).size);
        scram_challenge(&s, &v, SPAN("abcdefghijklmnopqr"), SPAN("aGFzaA=="), &challenge);
        check_refused(&s, span_from(all, cut + 1));
    }
    strbuf_done(&challenge);
    scram_done(&s);
    return 0;
}
