/* SPDX-License-Identifier: Apache-2.0 */
/* Any sequence of client messages and late or early answers: nobody signs in without the
 * right answer to the question that stands, the name is prepared, and who is signed in stays
 * who he is. */
#include <assert.h>

#include "base/cursor.h"
#include "proto/auth/sasl_exchange.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* One byte of length, then the text. */
static struct span fuzz_text(struct cursor *in)
{
    size_t size = cursor_u8(in);
    if (size > cursor_left(in))
        size = cursor_left(in);
    return span_of(cursor_take(in, size), size);
}

static void check_user(struct span user)
{
    struct address_part storage;
    struct span again = SPAN_NONE;
    assert(address_local(user, &storage, &again) == 0 && span_equal(again, user));
}

static void check_after(const struct sasl_exchange *x, enum sasl_exchange_action action,
                        bool was_answered_right)
{
    assert(action != SASL_EXCHANGE_SUCCESS || was_answered_right);
    assert((action == SASL_EXCHANGE_FAILURE) == (x->condition != SASL_CONDITION_NONE) ||
           action == SASL_EXCHANGE_WAIT);
    assert(!x->is_guess || x->condition == SASL_CONDITION_NOT_AUTHORIZED);
    if (x->state == SASL_EXCHANGE_AWAITS_ANSWER)
        check_user(x->user);
    assert(x->password.size == 0 || x->state == SASL_EXCHANGE_AWAITS_ANSWER);
}

static enum sasl_exchange_action one_event(struct sasl_exchange *x, struct cursor *in,
                                           bool *ret_is_right)
{
    static const uint8_t nonce_bytes[SASL_EXCHANGE_NONCE_SIZE] = {9};
    const uint8_t event = cursor_u8(in);
    const uint64_t question = x->question - (event >> 7U);
    struct scram_verifier v;
    switch (event & 7U) {
    case 0:
    case 1:
        return sasl_exchange_begin(
            x, span_text(x->mechanisms[(event >> 3U) % x->mechanism_count]), fuzz_text(in));
    case 2:
        return sasl_exchange_begin(x, fuzz_text(in), fuzz_text(in));
    case 3:
    case 4:
        return sasl_exchange_respond(x, fuzz_text(in));
    case 5:
        return sasl_exchange_abort(x);
    case 6:
        if (x->kind == 0)
            return SASL_EXCHANGE_WAIT;
        scram_verifier_fake(x->kind, SPAN("k"), x->user, SCRAM_VERIFIER_ITERATIONS, &v);
        return sasl_exchange_credentials(x, question, SASL_EXCHANGE_RIGHT, &v, nonce_bytes);
    default:
        *ret_is_right = x->state == SASL_EXCHANGE_AWAITS_ANSWER && question == x->question &&
                        x->asked != SASL_EXCHANGE_NEED_CREDENTIALS && !(event & 8U);
        return sasl_exchange_verdict(x, question,
                                     event & 8U ? SASL_EXCHANGE_WRONG : SASL_EXCHANGE_RIGHT);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const struct certificate_identity certificate = {{{"a@demo.example", 14}}, 1};
    struct sasl_exchange_offer offer = {.domain = SPAN("demo.example"),
                                        .is_tls = true,
                                        .kinds = SCRAM_VERIFIER_ALL,
                                        .has_plain = true,
                                        .certificate = &certificate};
    struct cursor in = cursor_of(bytes, size);
    struct sasl_exchange x;

    (void)channel_binding_put(&offer.bindings, CHANNEL_BINDING_TLS_EXPORTER, SPAN("E"));
    sasl_exchange_init(&x, &offer);
    while (cursor_left(&in) > 0) {
        bool is_right = false;
        const bool was_done = x.state == SASL_EXCHANGE_DONE;
        const enum sasl_exchange_action action = one_event(&x, &in, &is_right);
        check_after(&x, action, is_right);
        assert(!was_done || x.state == SASL_EXCHANGE_DONE);
    }
    sasl_exchange_done(&x);
    return 0;
}
