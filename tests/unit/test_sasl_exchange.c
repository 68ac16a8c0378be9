/* SPDX-License-Identifier: Apache-2.0 */
/* sasl_exchange.h: what is offered, who may sign in as whom, and every event in every
 * state. */
#include "tests/support/unit.h"

#include "proto/auth/sasl_exchange.h"
#include "tests/support/scram_client.h"

#define TEXT(literal)                                                                          \
    {                                                                                          \
        ("" literal ""), sizeof(literal) - 1                                                   \
    }
static const uint8_t nonce[SASL_EXCHANGE_NONCE_SIZE] = {1, 2, 3};
static const struct certificate_identity two_names = {
    {TEXT("alice@demo.example"), TEXT("bob@demo.example"), TEXT("carol@other.example")}, 3};
static const struct certificate_identity one_name = {
    {TEXT("carol@other.example"), TEXT("alice@demo.example"), TEXT("alice@demo.example")}, 3};

static struct sasl_exchange_offer full_offer(void)
{
    struct sasl_exchange_offer offer = {.domain = SPAN("demo.example"),
                                        .is_tls = true,
                                        .kinds = SCRAM_VERIFIER_ALL,
                                        .has_plain = true};
    assert_int_equal(
        channel_binding_put(&offer.bindings, CHANNEL_BINDING_TLS_EXPORTER, SPAN("EXPORTED")),
        0);
    assert_int_equal(channel_binding_put(&offer.bindings, CHANNEL_BINDING_TLS_SERVER_END_POINT,
                                         SPAN("ENDPOINT")),
                     0);
    return offer;
}

/* ---- the list ------------------------------------------------------------------------ */
static void assert_offer(const struct sasl_exchange_offer *offer, const char *want_mechanisms,
                         const char *want_bindings)
{
    struct sasl_exchange x;
    struct strbuf names = {0};
    sasl_exchange_init(&x, offer);
    for (size_t i = 0; i < x.mechanism_count; i++)
        strbuf_printf(&names, "%s ", x.mechanisms[i]);
    assert_true(span_is(strbuf_span(&names), want_mechanisms));
    strbuf_clear(&names);
    for (size_t i = 0; i < x.binding_count; i++)
        strbuf_printf(&names, "%s ", x.bindings[i]);
    assert_true(span_is(strbuf_span(&names), want_bindings));
    strbuf_done(&names);
    sasl_exchange_done(&x);
}

static void list_follows_what_is_possible(void **state)
{
    (void)state;
    struct sasl_exchange_offer offer = full_offer();
    assert_offer(&offer,
                 "SCRAM-SHA-512-PLUS SCRAM-SHA-256-PLUS SCRAM-SHA-1-PLUS SCRAM-SHA-512 "
                 "SCRAM-SHA-256 SCRAM-SHA-1 PLAIN ",
                 "tls-exporter tls-server-end-point ");
    offer.certificate = &two_names;
    offer.has_plain = false;
    offer.kinds = SCRAM_VERIFIER_BIT(SCRAM_VERIFIER_SHA_1);
    offer.bindings.of[CHANNEL_BINDING_TLS_EXPORTER].size = 0;
    assert_offer(&offer, "EXTERNAL SCRAM-SHA-1-PLUS SCRAM-SHA-1 ", "tls-server-end-point ");
    offer.domain = SPAN("third.example");
    assert_offer(&offer, "SCRAM-SHA-1-PLUS SCRAM-SHA-1 ", "tls-server-end-point ");
    offer.bindings.of[CHANNEL_BINDING_TLS_SERVER_END_POINT].size = 0;
    assert_offer(&offer, "SCRAM-SHA-1 ", "");
    offer = full_offer();
    offer.kinds = 0;
    assert_offer(&offer, "PLAIN ", "");
    offer.is_tls = false;
    assert_offer(&offer, "", "");
}

/* The example of XEP-0474, 5.3: these two mechanisms and both bindings. */
static void downgrade_hash_is_that_of_the_xep(void **state)
{
    (void)state;
    struct sasl_exchange_offer offer = full_offer();
    struct sasl_exchange x;
    struct strbuf hash = {0};
    offer.kinds = SCRAM_VERIFIER_BIT(SCRAM_VERIFIER_SHA_1);
    offer.has_plain = false;
    sasl_exchange_init(&x, &offer);
    sasl_exchange_downgrade_hash(&x, SCRAM_VERIFIER_SHA_1, &hash);
    assert_string_equal(hash.data, "G6k/rBLDqgOhRRaCuuatSDFkJ08=");
    strbuf_done(&hash);
    sasl_exchange_done(&x);
}

/* ---- the first message of each mechanism --------------------------------------------- */
struct begin_case {
    const char *name;
    const char *mechanism;
    struct span initial; /* before base64 */
    enum sasl_exchange_action want;
    enum sasl_condition condition;
    const char *user;
};

#define FAILS(condition) SASL_EXCHANGE_FAILURE, SASL_CONDITION_##condition, NULL
#define PLAIN_OK(user)   SASL_EXCHANGE_NEED_PLAIN_CHECK, 0, user
#define SCRAM_OK(user)   SASL_EXCHANGE_NEED_CREDENTIALS, 0, user
#define EXTERNAL_OK(u)   SASL_EXCHANGE_NEED_EXTERNAL, 0, u
static const struct begin_case begin_cases[] = {
    {"PLAIN", "PLAIN", TEXT("\0alice\0pw"), PLAIN_OK("alice")},
    {"PLAIN, own authzid", "PLAIN", TEXT("alice@demo.example\0alice\0pw"), PLAIN_OK("alice")},
    {"PLAIN, unprepared authzid", "PLAIN", TEXT("ALICE@Demo.example\0Alice\0pw"),
     PLAIN_OK("alice")},
    {"PLAIN, whole address", "PLAIN", TEXT("\0alice@demo.example\0pw"), PLAIN_OK("alice")},
    {"PLAIN, other's authzid", "PLAIN", TEXT("bob@demo.example\0alice\0pw"),
     FAILS(INVALID_AUTHZID)},
    {"PLAIN, authzid elsewhere", "PLAIN", TEXT("alice@x\0alice\0pw"), FAILS(INVALID_AUTHZID)},
    {"PLAIN, full authzid", "PLAIN", TEXT("alice@demo.example/x\0alice\0pw"),
     FAILS(INVALID_AUTHZID)},
    {"PLAIN, authzid without domain", "PLAIN", TEXT("alice\0alice\0pw"),
     FAILS(INVALID_AUTHZID)},
    {"PLAIN, authzid is the domain", "PLAIN", TEXT("demo.example\0alice\0pw"),
     FAILS(INVALID_AUTHZID)},
    {"PLAIN, other domain", "PLAIN", TEXT("\0alice@x\0pw"), FAILS(NOT_AUTHORIZED)},
    {"PLAIN, no name", "PLAIN", TEXT("\0\0pw"), FAILS(MALFORMED_REQUEST)},
    {"PLAIN, no password", "PLAIN", TEXT("\0alice\0"), FAILS(MALFORMED_REQUEST)},
    {"PLAIN, one NUL", "PLAIN", TEXT("alice\0pw"), FAILS(MALFORMED_REQUEST)},
    {"PLAIN, no NUL", "PLAIN", TEXT("alice"), FAILS(MALFORMED_REQUEST)},
    {"PLAIN, three NULs", "PLAIN", TEXT("\0alice\0p\0w"), FAILS(MALFORMED_REQUEST)},
    {"PLAIN, not UTF-8", "PLAIN", TEXT("\0alice\0\377"), FAILS(MALFORMED_REQUEST)},
    {"PLAIN, name empty when prepared", "PLAIN", TEXT("\0\302\255\0pw"), FAILS(NOT_AUTHORIZED)},
    {"PLAIN, impossible name", "PLAIN", TEXT("\0a b\0pw"), FAILS(NOT_AUTHORIZED)},

    {"SCRAM", "SCRAM-SHA-256", TEXT("n,,n=Alice,r=x"), SCRAM_OK("alice")},
    {"SCRAM, bound", "SCRAM-SHA-512-PLUS", TEXT("p=tls-exporter,,n=alice,r=x"),
     SCRAM_OK("alice")},
    {"SCRAM, own authzid", "SCRAM-SHA-1", TEXT("n,a=alice@demo.example,n=alice,r=x"),
     SCRAM_OK("alice")},
    {"SCRAM, other's authzid", "SCRAM-SHA-1", TEXT("n,a=bob@demo.example,n=alice,r=x"),
     FAILS(INVALID_AUTHZID)},
    {"SCRAM, y", "SCRAM-SHA-1", TEXT("y,,n=alice,r=x"), FAILS(MALFORMED_REQUEST)},
    {"SCRAM, tls-unique", "SCRAM-SHA-1-PLUS", TEXT("p=tls-unique,,n=alice,r=x"),
     FAILS(MALFORMED_REQUEST)},
    {"SCRAM, name empty when prepared", "SCRAM-SHA-1", TEXT("n,,n=\302\255,r=x"),
     FAILS(NOT_AUTHORIZED)},
    {"SCRAM, malformed", "SCRAM-SHA-1", TEXT("n,,r=x"), FAILS(MALFORMED_REQUEST)},

    {"EXTERNAL, says which", "EXTERNAL", TEXT("bob@demo.example"), EXTERNAL_OK("bob")},
    {"EXTERNAL, says neither of two", "EXTERNAL", TEXT(""), FAILS(INVALID_AUTHZID)},
    {"EXTERNAL, not in the certificate", "EXTERNAL", TEXT("carol@demo.example"),
     FAILS(INVALID_AUTHZID)},
    {"EXTERNAL, of another domain", "EXTERNAL", TEXT("carol@other.example"),
     FAILS(INVALID_AUTHZID)},
    {"EXTERNAL, full address", "EXTERNAL", TEXT("bob@demo.example/x"), FAILS(INVALID_AUTHZID)},
    {"EXTERNAL, no address", "EXTERNAL", TEXT("@"), FAILS(INVALID_AUTHZID)},

    {"not offered", "DIGEST-MD5", TEXT("x"), FAILS(INVALID_MECHANISM)},
    {"other case", "plain", TEXT("\0alice\0pw"), FAILS(INVALID_MECHANISM)},
    {"no mechanism", "", TEXT("x"), FAILS(INVALID_MECHANISM)},
};

/* begin() with base64 of the bytes; "=" when there are none. */
static enum sasl_exchange_action begin(struct sasl_exchange *x, const char *mechanism,
                                       struct span initial)
{
    struct strbuf text = {0};
    base64_encode(&text, initial);
    if (text.size == 0)
        strbuf_add_byte(&text, '=');
    const enum sasl_exchange_action action =
        sasl_exchange_begin(x, span_text(mechanism), strbuf_span(&text));
    strbuf_done(&text);
    return action;
}

static enum sasl_exchange_action respond(struct sasl_exchange *x, struct span bytes)
{
    struct strbuf text = {0};
    base64_encode(&text, bytes);
    const enum sasl_exchange_action action = sasl_exchange_respond(x, strbuf_span(&text));
    strbuf_done(&text);
    return action;
}

static void assert_begun(const struct sasl_exchange *x, const struct begin_case *t,
                         enum sasl_exchange_action action)
{
    assert_int_equal(action, t->want);
    assert_int_equal(x->condition, t->condition);
    assert_false(x->is_guess || x->is_exhausted);
    if (t->user)
        assert_true(span_is(x->user, t->user));
    if (t->want == SASL_EXCHANGE_NEED_PLAIN_CHECK)
        assert_true(span_is(strbuf_span(&x->password), "pw"));
    else
        assert_int_equal(x->password.size, 0);
    assert_int_equal(x->state, t->user ? SASL_EXCHANGE_AWAITS_ANSWER : SASL_EXCHANGE_IDLE);
}

static void begin_case_holds(void **state)
{
    const struct begin_case *t = *state;
    struct sasl_exchange_offer offer = full_offer();
    struct sasl_exchange x;
    offer.certificate = &two_names;
    sasl_exchange_init(&x, &offer);
    assert_begun(&x, t, begin(&x, t->mechanism, t->initial));
    sasl_exchange_done(&x);
    if (t->condition == SASL_CONDITION_INVALID_MECHANISM)
        return;
    /* The same in answer to an empty challenge. */
    sasl_exchange_init(&x, &offer);
    assert_int_equal(sasl_exchange_begin(&x, span_text(t->mechanism), SPAN_NONE),
                     SASL_EXCHANGE_CHALLENGE);
    assert_int_equal(x.output.size, 0);
    assert_begun(&x, t, respond(&x, t->initial));
    sasl_exchange_done(&x);
}

static void one_name_needs_no_authzid(void **state)
{
    (void)state;
    struct sasl_exchange_offer offer = full_offer();
    struct sasl_exchange x;
    offer.certificate = &one_name;
    sasl_exchange_init(&x, &offer);
    assert_int_equal(begin(&x, "EXTERNAL", SPAN("")), SASL_EXCHANGE_NEED_EXTERNAL);
    assert_true(span_is(x.user, "alice"));
    assert_int_equal(sasl_exchange_verdict(&x, x.question, SASL_EXCHANGE_RIGHT),
                     SASL_EXCHANGE_SUCCESS);
    sasl_exchange_done(&x);
}

/* ---- verdicts ------------------------------------------------------------------------ */
struct verdict_case {
    const char *name;
    const char *mechanism;
    struct span initial;
    enum sasl_exchange_verdict verdict;
    enum sasl_exchange_action want;
    enum sasl_condition condition;
    bool is_guess;
};

#define PLAIN_TRY    "PLAIN", TEXT("\0alice\0pw")
#define EXTERNAL_TRY "EXTERNAL", TEXT("alice@demo.example")
static const struct verdict_case verdict_cases[] = {
    {"right", PLAIN_TRY, SASL_EXCHANGE_RIGHT, SASL_EXCHANGE_SUCCESS, 0, false},
    {"wrong", PLAIN_TRY, SASL_EXCHANGE_WRONG, SASL_EXCHANGE_FAILURE,
     SASL_CONDITION_NOT_AUTHORIZED, true},
    {"disabled", PLAIN_TRY, SASL_EXCHANGE_DISABLED, SASL_EXCHANGE_FAILURE,
     SASL_CONDITION_ACCOUNT_DISABLED, false},
    {"unavailable", PLAIN_TRY, SASL_EXCHANGE_UNAVAILABLE, SASL_EXCHANGE_FAILURE,
     SASL_CONDITION_TEMPORARY_AUTH_FAILURE, false},
    {"certificate, right", EXTERNAL_TRY, SASL_EXCHANGE_RIGHT, SASL_EXCHANGE_SUCCESS, 0, false},
    {"certificate, no account", EXTERNAL_TRY, SASL_EXCHANGE_WRONG, SASL_EXCHANGE_FAILURE,
     SASL_CONDITION_NOT_AUTHORIZED, false},
    {"certificate, disabled", EXTERNAL_TRY, SASL_EXCHANGE_DISABLED, SASL_EXCHANGE_FAILURE,
     SASL_CONDITION_ACCOUNT_DISABLED, false},
};

static void verdict_case_holds(void **state)
{
    const struct verdict_case *t = *state;
    struct sasl_exchange_offer offer = full_offer();
    struct sasl_exchange x;
    offer.certificate = &two_names;
    sasl_exchange_init(&x, &offer);
    (void)begin(&x, t->mechanism, t->initial);
    const uint64_t question = x.question;
    assert_int_equal(sasl_exchange_verdict(&x, question - 1, SASL_EXCHANGE_RIGHT),
                     SASL_EXCHANGE_WAIT);
    assert_int_equal(sasl_exchange_verdict(&x, question, t->verdict), t->want);
    assert_int_equal(x.condition, t->condition);
    assert_int_equal(x.is_guess, t->is_guess);
    assert_int_equal(x.password.size, 0);
    assert_int_equal(sasl_exchange_verdict(&x, question, SASL_EXCHANGE_RIGHT),
                     SASL_EXCHANGE_WAIT);
    sasl_exchange_done(&x);
}

/* ---- SCRAM to its end ---------------------------------------------------------------- */
static enum sasl_exchange_action whole_scram(struct sasl_exchange *x, const char *mechanism,
                                             const char *gs2, struct span binding,
                                             struct span password,
                                             enum sasl_exchange_verdict verdict)
{
    struct strbuf first = {0}, challenge = {0}, final = {0};
    struct scram_verifier v;
    strbuf_printf(&first, "%sn=alice,r=client", gs2);
    assert_int_equal(begin(x, mechanism, strbuf_span(&first)), SASL_EXCHANGE_NEED_CREDENTIALS);
    assert_int_equal(scram_verifier_derive(x->kind, SPAN("secret"), SPAN("somesalt"), 4096, &v),
                     0);
    assert_int_equal(sasl_exchange_credentials(x, x->question - 1, verdict, &v, nonce),
                     SASL_EXCHANGE_WAIT);
    assert_int_equal(sasl_exchange_credentials(x, x->question, verdict, &v, nonce),
                     SASL_EXCHANGE_CHALLENGE);
    assert_int_equal(base64_decode(&challenge, strbuf_span(&x->output)), 0);
    struct strbuf hash = {0};
    sasl_exchange_downgrade_hash(x, x->kind, &hash);
    assert_true(
        span_equal(scram_client_attribute(strbuf_span(&challenge), 'h'), strbuf_span(&hash)));
    strbuf_done(&hash);
    scram_client_final(x->kind, password, span_text(gs2), binding, SPAN("n=alice,r=client"),
                       strbuf_span(&challenge), &final);
    const enum sasl_exchange_action action = respond(x, strbuf_span(&final));
    strbuf_done(&first);
    strbuf_done(&challenge);
    strbuf_done(&final);
    return action;
}

static void scram_goes_through(void **state)
{
    (void)state;
    static const struct {
        const char *mechanism, *gs2, *binding;
    } ways[] = {{"SCRAM-SHA-1", "n,,", ""},
                {"SCRAM-SHA-256", "n,,", ""},
                {"SCRAM-SHA-512", "n,,", ""},
                {"SCRAM-SHA-1-PLUS", "p=tls-exporter,,", "EXPORTED"},
                {"SCRAM-SHA-256-PLUS", "p=tls-server-end-point,,", "ENDPOINT"},
                {"SCRAM-SHA-512-PLUS", "p=tls-exporter,,", "EXPORTED"}};
    for (size_t i = 0; i < COUNT_OF(ways); i++) {
        const struct sasl_exchange_offer offer = full_offer();
        struct sasl_exchange x;
        struct strbuf answer = {0};
        sasl_exchange_init(&x, &offer);
        assert_int_equal(whole_scram(&x, ways[i].mechanism, ways[i].gs2,
                                     span_text(ways[i].binding), SPAN("wrong"),
                                     SASL_EXCHANGE_RIGHT),
                         SASL_EXCHANGE_FAILURE);
        assert_true(x.is_guess && x.condition == SASL_CONDITION_NOT_AUTHORIZED);
        assert_int_equal(whole_scram(&x, ways[i].mechanism, ways[i].gs2,
                                     span_text(ways[i].binding), SPAN("secret"),
                                     SASL_EXCHANGE_RIGHT),
                         SASL_EXCHANGE_SUCCESS);
        assert_true(span_is(x.user, "alice"));
        assert_string_equal(x.mechanism, ways[i].mechanism);
        assert_int_equal(base64_decode(&answer, strbuf_span(&x.output)), 0);
        assert_true(span_has_prefix(strbuf_span(&answer), SPAN("v=")));
        strbuf_done(&answer);
        sasl_exchange_done(&x);
    }
}

static void disabled_is_said_to_the_owner_only(void **state)
{
    (void)state;
    const struct sasl_exchange_offer offer = full_offer();
    struct sasl_exchange x;
    sasl_exchange_init(&x, &offer);
    assert_int_equal(
        whole_scram(&x, "SCRAM-SHA-1", "n,,", SPAN(""), SPAN("wrong"), SASL_EXCHANGE_DISABLED),
        SASL_EXCHANGE_FAILURE);
    assert_int_equal(x.condition, SASL_CONDITION_NOT_AUTHORIZED);
    assert_int_equal(
        whole_scram(&x, "SCRAM-SHA-1", "n,,", SPAN(""), SPAN("secret"), SASL_EXCHANGE_DISABLED),
        SASL_EXCHANGE_FAILURE);
    assert_int_equal(x.condition, SASL_CONDITION_ACCOUNT_DISABLED);
    assert_false(x.is_guess);
    assert_int_equal(whole_scram(&x, "SCRAM-SHA-1-PLUS", "p=tls-exporter,,", SPAN("OTHER"),
                                 SPAN("secret"), SASL_EXCHANGE_RIGHT),
                     SASL_EXCHANGE_FAILURE);
    assert_false(x.is_guess); /* somebody else's channel is no guess */
    sasl_exchange_done(&x);
}

static void store_may_be_unavailable(void **state)
{
    (void)state;
    const struct sasl_exchange_offer offer = full_offer();
    struct sasl_exchange x;
    sasl_exchange_init(&x, &offer);
    (void)begin(&x, "SCRAM-SHA-1", SPAN("n,,n=alice,r=x"));
    assert_int_equal(
        sasl_exchange_credentials(&x, x.question, SASL_EXCHANGE_UNAVAILABLE, NULL, nonce),
        SASL_EXCHANGE_FAILURE);
    assert_int_equal(x.condition, SASL_CONDITION_TEMPORARY_AUTH_FAILURE);
    assert_true(span_is(x.user, "alice"));
    (void)begin(&x, "LOGIN", SPAN("x")); /* a try that names nobody is nobody's */
    assert_true(span_is_none(x.user));
    sasl_exchange_done(&x);
}

/* ---- every event in every state ------------------------------------------------------ */
enum event { BEGIN, RESPOND, ABORT, CREDENTIALS, VERDICT, EVENTS };
enum stage { IDLE, INITIAL, ANSWER_SCRAM, ANSWER_PLAIN, FINAL, DONE, STAGES };

/* What each event yields: the action, and where the exchange stands after it. */
static const struct {
    enum sasl_exchange_action action;
    enum sasl_exchange_state state;
} cells[STAGES][EVENTS] = {
    [IDLE] = {[BEGIN] = {SASL_EXCHANGE_CHALLENGE, SASL_EXCHANGE_AWAITS_INITIAL},
              [RESPOND] = {SASL_EXCHANGE_FAILURE, SASL_EXCHANGE_IDLE},
              [ABORT] = {SASL_EXCHANGE_FAILURE, SASL_EXCHANGE_IDLE},
              [CREDENTIALS] = {SASL_EXCHANGE_WAIT, SASL_EXCHANGE_IDLE},
              [VERDICT] = {SASL_EXCHANGE_WAIT, SASL_EXCHANGE_IDLE}},
    [INITIAL] = {[BEGIN] = {SASL_EXCHANGE_FAILURE, SASL_EXCHANGE_IDLE},
                 [RESPOND] = {SASL_EXCHANGE_FAILURE, SASL_EXCHANGE_IDLE},
                 [ABORT] = {SASL_EXCHANGE_FAILURE, SASL_EXCHANGE_IDLE},
                 [CREDENTIALS] = {SASL_EXCHANGE_WAIT, SASL_EXCHANGE_AWAITS_INITIAL},
                 [VERDICT] = {SASL_EXCHANGE_WAIT, SASL_EXCHANGE_AWAITS_INITIAL}},
    [ANSWER_SCRAM] = {[BEGIN] = {SASL_EXCHANGE_FAILURE, SASL_EXCHANGE_IDLE},
                      [RESPOND] = {SASL_EXCHANGE_FAILURE, SASL_EXCHANGE_IDLE},
                      [ABORT] = {SASL_EXCHANGE_FAILURE, SASL_EXCHANGE_IDLE},
                      [CREDENTIALS] = {SASL_EXCHANGE_CHALLENGE, SASL_EXCHANGE_AWAITS_FINAL},
                      [VERDICT] = {SASL_EXCHANGE_WAIT, SASL_EXCHANGE_AWAITS_ANSWER}},
    [ANSWER_PLAIN] = {[BEGIN] = {SASL_EXCHANGE_FAILURE, SASL_EXCHANGE_IDLE},
                      [RESPOND] = {SASL_EXCHANGE_FAILURE, SASL_EXCHANGE_IDLE},
                      [ABORT] = {SASL_EXCHANGE_FAILURE, SASL_EXCHANGE_IDLE},
                      [CREDENTIALS] = {SASL_EXCHANGE_WAIT, SASL_EXCHANGE_AWAITS_ANSWER},
                      [VERDICT] = {SASL_EXCHANGE_SUCCESS, SASL_EXCHANGE_DONE}},
    [FINAL] = {[BEGIN] = {SASL_EXCHANGE_FAILURE, SASL_EXCHANGE_IDLE},
               [RESPOND] = {SASL_EXCHANGE_FAILURE, SASL_EXCHANGE_IDLE},
               [ABORT] = {SASL_EXCHANGE_FAILURE, SASL_EXCHANGE_IDLE},
               [CREDENTIALS] = {SASL_EXCHANGE_WAIT, SASL_EXCHANGE_AWAITS_FINAL},
               [VERDICT] = {SASL_EXCHANGE_WAIT, SASL_EXCHANGE_AWAITS_FINAL}},
    [DONE] = {[BEGIN] = {SASL_EXCHANGE_FAILURE, SASL_EXCHANGE_DONE},
              [RESPOND] = {SASL_EXCHANGE_FAILURE, SASL_EXCHANGE_DONE},
              [ABORT] = {SASL_EXCHANGE_FAILURE, SASL_EXCHANGE_DONE},
              [CREDENTIALS] = {SASL_EXCHANGE_WAIT, SASL_EXCHANGE_DONE},
              [VERDICT] = {SASL_EXCHANGE_WAIT, SASL_EXCHANGE_DONE}},
};

static void bring_to(struct sasl_exchange *x, enum stage stage, const struct scram_verifier *v)
{
    if (stage == INITIAL)
        (void)sasl_exchange_begin(x, SPAN("PLAIN"), SPAN_NONE);
    if (stage == ANSWER_SCRAM || stage == FINAL)
        (void)begin(x, "SCRAM-SHA-1", SPAN("n,,n=alice,r=x"));
    if (stage == FINAL)
        (void)sasl_exchange_credentials(x, x->question, SASL_EXCHANGE_RIGHT, v, nonce);
    if (stage == ANSWER_PLAIN || stage == DONE)
        (void)begin(x, "PLAIN", SPAN("\0alice\0pw"));
    if (stage == DONE)
        (void)sasl_exchange_verdict(x, x->question, SASL_EXCHANGE_RIGHT);
}

static enum sasl_exchange_action happen(struct sasl_exchange *x, enum event event,
                                        const struct scram_verifier *v)
{
    switch (event) {
    case BEGIN:
        return sasl_exchange_begin(x, SPAN("PLAIN"), SPAN_NONE);
    case RESPOND:
        return sasl_exchange_respond(x, SPAN("AAAA"));
    case ABORT:
        return sasl_exchange_abort(x);
    case CREDENTIALS:
        return sasl_exchange_credentials(x, x->question, SASL_EXCHANGE_RIGHT, v, nonce);
    case VERDICT:
        return sasl_exchange_verdict(x, x->question, SASL_EXCHANGE_RIGHT);
    case EVENTS:
        break;
    }
    return SASL_EXCHANGE_WAIT;
}

static void every_cell_holds(void **state)
{
    (void)state;
    struct scram_verifier v;
    scram_verifier_fake(SCRAM_VERIFIER_SHA_1, SPAN("k"), SPAN("u"), 10000, &v);
    for (int stage = 0; stage < STAGES; stage++)
        for (int event = 0; event < EVENTS; event++) {
            const struct sasl_exchange_offer offer = full_offer();
            struct sasl_exchange x;
            sasl_exchange_init(&x, &offer);
            bring_to(&x, (enum stage)stage, &v);
            const enum sasl_exchange_action action = happen(&x, (enum event)event, &v);
            if (action != cells[stage][event].action || x.state != cells[stage][event].state)
                fail_msg("stage %d, event %d: action %d, state %d", stage, event, (int)action,
                         (int)x.state);
            if (stage == DONE)
                assert_true(span_is(x.user, "alice"));
            sasl_exchange_done(&x);
        }
}

/* ---- tries and encoding -------------------------------------------------------------- */
static void tries_are_many_but_not_endless(void **state)
{
    (void)state;
    const struct sasl_exchange_offer offer = full_offer();
    struct sasl_exchange x;
    sasl_exchange_init(&x, &offer);
    for (unsigned i = 1; i <= SASL_EXCHANGE_TRIES_MAX + 1; i++) {
        assert_int_equal(begin(&x, "SCRAM-SHA-1", SPAN("y,,n=alice,r=x")),
                         SASL_EXCHANGE_FAILURE);
        assert_int_equal(x.is_exhausted, i >= SASL_EXCHANGE_TRIES_MAX);
        assert_false(x.is_guess);
    }
    sasl_exchange_done(&x);
}

static void bad_base64_has_its_own_word(void **state)
{
    (void)state;
    const struct sasl_exchange_offer offer = full_offer();
    struct sasl_exchange x;
    sasl_exchange_init(&x, &offer);
    assert_int_equal(sasl_exchange_begin(&x, SPAN("PLAIN"), SPAN("AGFs*")),
                     SASL_EXCHANGE_FAILURE);
    assert_int_equal(x.condition, SASL_CONDITION_INCORRECT_ENCODING);
    bring_to(&x, INITIAL, NULL);
    assert_int_equal(sasl_exchange_respond(&x, SPAN("a")), SASL_EXCHANGE_FAILURE);
    assert_int_equal(x.condition, SASL_CONDITION_INCORRECT_ENCODING);
    struct scram_verifier v;
    scram_verifier_fake(SCRAM_VERIFIER_SHA_1, SPAN("k"), SPAN("u"), 10000, &v);
    bring_to(&x, FINAL, &v);
    assert_int_equal(sasl_exchange_respond(&x, SPAN("a b=")), SASL_EXCHANGE_FAILURE);
    assert_int_equal(x.condition, SASL_CONDITION_INCORRECT_ENCODING);
    assert_string_equal(sasl_condition_name(x.condition), "incorrect-encoding");
    sasl_exchange_done(&x);
}

static void without_tls_there_is_nothing(void **state)
{
    (void)state;
    struct sasl_exchange_offer offer = full_offer();
    struct sasl_exchange x;
    offer.is_tls = false;
    sasl_exchange_init(&x, &offer);
    assert_int_equal(begin(&x, "PLAIN", SPAN("\0alice\0pw")), SASL_EXCHANGE_FAILURE);
    assert_int_equal(x.condition, SASL_CONDITION_ENCRYPTION_REQUIRED);
    sasl_exchange_done(&x);
}

static void long_passwords_are_refused(void **state)
{
    (void)state;
    const struct sasl_exchange_offer offer = full_offer();
    char message[7 + 1024] = "\0alice";
    struct sasl_exchange x;
    sasl_exchange_init(&x, &offer);
    memset(message + 7, 'p', 1024);
    assert_int_equal(begin(&x, "PLAIN", span_of(message, 7 + 1023)),
                     SASL_EXCHANGE_NEED_PLAIN_CHECK);
    (void)sasl_exchange_abort(&x);
    assert_int_equal(begin(&x, "PLAIN", span_of(message, 7 + 1024)), SASL_EXCHANGE_FAILURE);
    sasl_exchange_done(&x);
}

int main(void)
{
    const struct CMUnitTest fixed[] = {
        cmocka_unit_test(list_follows_what_is_possible),
        cmocka_unit_test(downgrade_hash_is_that_of_the_xep),
        cmocka_unit_test(one_name_needs_no_authzid),
        cmocka_unit_test(scram_goes_through),
        cmocka_unit_test(disabled_is_said_to_the_owner_only),
        cmocka_unit_test(store_may_be_unavailable),
        cmocka_unit_test(every_cell_holds),
        cmocka_unit_test(tries_are_many_but_not_endless),
        cmocka_unit_test(bad_base64_has_its_own_word),
        cmocka_unit_test(without_tls_there_is_nothing),
        cmocka_unit_test(long_passwords_are_refused),
    };
    struct CMUnitTest tests[COUNT_OF(fixed) + COUNT_OF(begin_cases) + COUNT_OF(verdict_cases)];
    struct CMUnitTest *next = tests + COUNT_OF(fixed);

    memcpy(tests, fixed, sizeof(fixed));
    for (size_t i = 0; i < COUNT_OF(begin_cases); i++)
        *next++ = (struct CMUnitTest){.name = begin_cases[i].name,
                                      .test_func = begin_case_holds,
                                      .initial_state = (void *)&begin_cases[i]};
    for (size_t i = 0; i < COUNT_OF(verdict_cases); i++)
        *next++ = (struct CMUnitTest){.name = verdict_cases[i].name,
                                      .test_func = verdict_case_holds,
                                      .initial_state = (void *)&verdict_cases[i]};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
