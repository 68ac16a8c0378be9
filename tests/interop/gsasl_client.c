/* SPDX-License-Identifier: Apache-2.0 */
/* GNU SASL's client against our server side: a client that nobody here wrote, one row a
 * mechanism and password. */
#include "tests/support/unit.h"

#include <gsasl.h>

#include "base/base64.h"
#include "proto/auth/sasl_exchange.h"

struct gsasl_case {
    const char *name;
    const char *mechanism;
    const char *password;
    const char *exporter; /* the client's view of the channel, base64 */
    enum sasl_exchange_action want;
    bool is_guess;
};

#define EXPORTED "RVhQT1JURUQ=" /* "EXPORTED" */
#define DONE     SASL_EXCHANGE_SUCCESS
#define FAILED   SASL_EXCHANGE_FAILURE
static const struct gsasl_case gsasl_cases[] = {
    {"PLAIN", "PLAIN", "secret", NULL, DONE, false},
    {"PLAIN, wrong", "PLAIN", "secreT", NULL, FAILED, true},
    {"SCRAM-SHA-1", "SCRAM-SHA-1", "secret", NULL, DONE, false},
    {"SCRAM-SHA-1, wrong", "SCRAM-SHA-1", "secreT", NULL, FAILED, true},
    {"SCRAM-SHA-256", "SCRAM-SHA-256", "secret", NULL, DONE, false},
    {"SCRAM-SHA-256, wrong", "SCRAM-SHA-256", "secreT", NULL, FAILED, true},
    {"SCRAM-SHA-1-PLUS", "SCRAM-SHA-1-PLUS", "secret", EXPORTED, DONE, false},
    {"SCRAM-SHA-256-PLUS", "SCRAM-SHA-256-PLUS", "secret", EXPORTED, DONE, false},
    {"SCRAM-SHA-256-PLUS, wrong", "SCRAM-SHA-256-PLUS", "x", EXPORTED, FAILED, true},
    {"SCRAM-SHA-256-PLUS, other channel", "SCRAM-SHA-256-PLUS", "secret", "T1RIRVI=", FAILED,
     false},
};

/* Answers the server's questions as the credentials of "alice" would. */
static enum sasl_exchange_action answered(struct sasl_exchange *x,
                                          enum sasl_exchange_action action)
{
    static const uint8_t nonce[SASL_EXCHANGE_NONCE_SIZE] = {5, 6, 7};
    struct scram_verifier v;
    if (action == SASL_EXCHANGE_NEED_CREDENTIALS) {
        assert_true(span_is(x->user, "alice"));
        assert_int_equal(scram_verifier_derive(x->kind, SPAN("secret"),
                                               SPAN("0123456789abcdef"),
                                               SCRAM_VERIFIER_ITERATIONS, &v),
                         0);
        return sasl_exchange_credentials(x, x->question, SASL_EXCHANGE_RIGHT, &v, nonce);
    }
    if (action == SASL_EXCHANGE_NEED_PLAIN_CHECK)
        return sasl_exchange_verdict(x, x->question,
                                     span_is(strbuf_span(&x->password), "secret")
                                         ? SASL_EXCHANGE_RIGHT
                                         : SASL_EXCHANGE_WRONG);
    return action;
}

/* One step of the client: base64 in, base64 out. */
static int client_step(Gsasl_session *client, const char *in, struct strbuf *out)
{
    char *answer = NULL;
    const int rc = gsasl_step64(client, in, &answer);
    strbuf_clear(out);
    if (answer)
        strbuf_add_text(out, answer);
    gsasl_free(answer);
    return rc;
}

static void gsasl_case_holds(void **state)
{
    const struct gsasl_case *t = *state;
    struct sasl_exchange_offer offer = {.domain = SPAN("demo.example"),
                                        .is_tls = true,
                                        .kinds = SCRAM_VERIFIER_ALL,
                                        .has_plain = true};
    struct sasl_exchange x;
    struct strbuf out = {0};
    Gsasl *gsasl = NULL;
    Gsasl_session *client = NULL;
    if (t->exporter)
        assert_int_equal(channel_binding_put(&offer.bindings, CHANNEL_BINDING_TLS_EXPORTER,
                                             SPAN("EXPORTED")),
                         0);
    sasl_exchange_init(&x, &offer);
    assert_int_equal(gsasl_init(&gsasl), GSASL_OK);
    assert_int_equal(gsasl_client_start(gsasl, t->mechanism, &client), GSASL_OK);
    gsasl_property_set(client, GSASL_AUTHID, "alice");
    gsasl_property_set(client, GSASL_PASSWORD, t->password);
    if (t->exporter)
        gsasl_property_set(client, GSASL_CB_TLS_EXPORTER, t->exporter);

    int rc = client_step(client, "", &out);
    assert_true(rc == GSASL_NEEDS_MORE || rc == GSASL_OK);
    enum sasl_exchange_action action =
        answered(&x, sasl_exchange_begin(&x, span_text(t->mechanism), strbuf_span(&out)));
    while (action == SASL_EXCHANGE_CHALLENGE) {
        rc = client_step(client, x.output.data, &out);
        assert_int_equal(rc, GSASL_NEEDS_MORE);
        action = answered(&x, sasl_exchange_respond(&x, strbuf_span(&out)));
    }
    assert_int_equal(action, t->want);
    assert_int_equal(x.is_guess, t->is_guess);
    if (action == SASL_EXCHANGE_SUCCESS && x.output.size) /* it checks our signature */
        assert_int_equal(client_step(client, x.output.data, &out), GSASL_OK);
    gsasl_finish(client);
    gsasl_done(gsasl);
    strbuf_done(&out);
    sasl_exchange_done(&x);
}

int main(void)
{
    struct CMUnitTest tests[COUNT_OF(gsasl_cases)];

    for (size_t i = 0; i < COUNT_OF(gsasl_cases); i++)
        tests[i] = (struct CMUnitTest){.name = gsasl_cases[i].name,
                                       .test_func = gsasl_case_holds,
                                       .initial_state = (void *)&gsasl_cases[i]};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
