/* SPDX-License-Identifier: Apache-2.0 */
/* scram.h: the exchanges of RFC 5802, 5 and RFC 7677, 3 word for word, and every message
 * that must not get through. */
#include "tests/support/unit.h"

#include "proto/auth/scram.h"
#include "tests/support/scram_client.h"

static void vector_holds(enum scram_verifier_kind kind, struct span nonce, struct span first,
                         const char *challenge, struct span final, const char *answer)
{
    const struct channel_binding_set none = {0};
    const struct scram_terms terms = {.kind = kind, .bindings = &none};
    struct strbuf salt = {0}, out = {0};
    struct scram_verifier v;
    struct scram s = {0};

    assert_int_equal(base64_decode(&salt, scram_client_attribute(span_text(challenge), 's')),
                     0);
    assert_int_equal(scram_verifier_derive(kind, SPAN("pencil"), strbuf_span(&salt), 4096, &v),
                     0);
    assert_int_equal(scram_begin(&s, &terms, first), 0);
    assert_true(span_is(strbuf_span(&s.user), "user"));
    assert_int_equal(s.authzid.size, 0);
    scram_challenge(&s, &v, nonce, SPAN_NONE, &out);
    assert_string_equal(out.data, challenge);
    strbuf_clear(&out);
    assert_int_equal(scram_finish(&s, final, &out), 0);
    assert_string_equal(out.data, answer);
    scram_done(&s);
    strbuf_done(&out);
    strbuf_done(&salt);
}

static void rfc_5802_holds(void **state)
{
    (void)state;
    vector_holds(SCRAM_VERIFIER_SHA_1, SPAN("3rfcNHYJY1ZVvWVs7j"),
                 SPAN("n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL"),
                 "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
                 SPAN("c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,"
                      "p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts="),
                 "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=");
}

static void rfc_7677_holds(void **state)
{
    (void)state;
    vector_holds(SCRAM_VERIFIER_SHA_256, SPAN("%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"),
                 SPAN("n,,n=user,r=rOprNGfwEbeRWgbNEkqO"),
                 "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
                 "s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
                 SPAN("c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
                      "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="),
                 "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
}

/* ---- client-first -------------------------------------------------------------------- */
enum offered { NOTHING, PLUS_OFFERED, PLUS_USED };

struct first_case {
    const char *name;
    struct span message;
    enum offered offered;
    int want;
    const char *want_user;
    const char *want_authzid;
};

#define TEXT(literal)                                                                          \
    {                                                                                          \
        ("" literal ""), sizeof(literal) - 1                                                   \
    }
#define BAD SASL_CONDITION_MALFORMED_REQUEST, NULL, NULL
static const struct first_case first_cases[] = {
    {"no binding", TEXT("n,,n=u,r=x"), NOTHING, 0, "u", ""},
    {"n though -PLUS was offered", TEXT("n,,n=u,r=x"), PLUS_OFFERED, 0, "u", ""},
    {"y, -PLUS was not offered", TEXT("y,,n=u,r=x"), NOTHING, 0, "u", ""},
    {"authzid", TEXT("n,a=v@d,n=u,r=x"), NOTHING, 0, "u", "v@d"},
    {"escapes", TEXT("n,a=a=2Cb,n=c=3Dd=2C,r=x"), NOTHING, 0, "c=d,", "a,b"},
    {"extension", TEXT("n,,n=u,r=x,e=any=thing,Z=1"), NOTHING, 0, "u", ""},
    {"tls-exporter", TEXT("p=tls-exporter,,n=u,r=x"), PLUS_USED, 0, "u", ""},
    {"tls-server-end-point", TEXT("p=tls-server-end-point,,n=u,r=x"), PLUS_USED, 0, "u", ""},
    {"Unicode name", TEXT("n,,n=\303\244,r=x"), NOTHING, 0, "\303\244", ""},

    {"y though -PLUS was offered", TEXT("y,,n=u,r=x"), PLUS_OFFERED, BAD},
    {"y with -PLUS", TEXT("y,,n=u,r=x"), PLUS_USED, BAD},
    {"n with -PLUS", TEXT("n,,n=u,r=x"), PLUS_USED, BAD},
    {"p without -PLUS", TEXT("p=tls-exporter,,n=u,r=x"), PLUS_OFFERED, BAD},
    {"p, nothing offered", TEXT("p=tls-exporter,,n=u,r=x"), NOTHING, BAD},
    {"tls-unique", TEXT("p=tls-unique,,n=u,r=x"), PLUS_USED, BAD},
    {"empty binding name", TEXT("p=,,n=u,r=x"), PLUS_USED, BAD},
    {"p alone", TEXT("p,,n=u,r=x"), PLUS_USED, BAD},
    {"empty", TEXT(""), NOTHING, BAD},
    {"flag alone", TEXT("n"), NOTHING, BAD},
    {"header alone", TEXT("n,,"), NOTHING, BAD},
    {"no flag", TEXT(",,n=u,r=x"), NOTHING, BAD},
    {"unknown flag", TEXT("z,,n=u,r=x"), NOTHING, BAD},
    {"long flag", TEXT("nn,,n=u,r=x"), NOTHING, BAD},
    {"no second comma", TEXT("n,n=u,r=x"), NOTHING, BAD},
    {"authzid without a=", TEXT("n,v,n=u,r=x"), NOTHING, BAD},
    {"empty authzid", TEXT("n,a=,n=u,r=x"), NOTHING, BAD},
    {"no name", TEXT("n,,r=x"), NOTHING, BAD},
    {"empty name", TEXT("n,,n=,r=x"), NOTHING, BAD},
    {"name ends in =", TEXT("n,,n=u=,r=x"), NOTHING, BAD},
    {"name with =2", TEXT("n,,n=u=2,r=x"), NOTHING, BAD},
    {"name with =2c", TEXT("n,,n=u=2c,r=x"), NOTHING, BAD},
    {"name with NUL", TEXT("n,,n=u\0v,r=x"), NOTHING, BAD},
    {"name not UTF-8", TEXT("n,,n=u\377,r=x"), NOTHING, BAD},
    {"no nonce", TEXT("n,,n=u"), NOTHING, BAD},
    {"no nonce behind the comma", TEXT("n,,n=u,"), NOTHING, BAD},
    {"empty nonce", TEXT("n,,n=u,r="), NOTHING, BAD},
    {"nonce with space", TEXT("n,,n=u,r=a b"), NOTHING, BAD},
    {"nonce not ASCII", TEXT("n,,n=u,r=\303\244"), NOTHING, BAD},
    {"order turned", TEXT("n,,r=x,n=u"), NOTHING, BAD},
    {"m= first", TEXT("n,,m=ext,n=u,r=x"), NOTHING, BAD},
    {"m= last", TEXT("n,,n=u,r=x,m=ext"), NOTHING, BAD},
    {"empty extension", TEXT("n,,n=u,r=x,"), NOTHING, BAD},
    {"extension without value", TEXT("n,,n=u,r=x,e="), NOTHING, BAD},
    {"extension not a letter", TEXT("n,,n=u,r=x,1=2"), NOTHING, BAD},
};

static struct channel_binding_set both_bindings(void)
{
    struct channel_binding_set set = {0};
    assert_int_equal(channel_binding_put(&set, CHANNEL_BINDING_TLS_EXPORTER, SPAN("EXPORTED")),
                     0);
    assert_int_equal(
        channel_binding_put(&set, CHANNEL_BINDING_TLS_SERVER_END_POINT, SPAN("ENDPOINT")), 0);
    return set;
}

static void first_case_holds(void **state)
{
    const struct first_case *t = *state;
    const struct channel_binding_set set =
        t->offered == NOTHING ? (struct channel_binding_set){0} : both_bindings();
    const struct scram_terms terms = {.kind = SCRAM_VERIFIER_SHA_1,
                                      .is_plus = t->offered == PLUS_USED,
                                      .was_plus_offered = t->offered != NOTHING,
                                      .bindings = &set};
    struct scram s = {0};
    assert_int_equal(scram_begin(&s, &terms, t->message), t->want);
    if (t->want == 0) {
        assert_true(span_is(strbuf_span(&s.user), t->want_user));
        assert_true(span_is(strbuf_span(&s.authzid), t->want_authzid));
    } else {
        assert_non_null(s.why);
    }
    assert_false(s.is_wrong_proof);
    scram_done(&s);
}

/* ---- client-final -------------------------------------------------------------------- */
struct final_case {
    const char *name;
    const char *gs2;  /* as sent first */
    const char *gs2b; /* as repeated in c= */
    const char *binding;
    const char *password;
    const char *remove; /* what is replaced in the honest message */
    const char *insert;
    int want;
    bool is_wrong_proof;
};

#define EXPORTER "p=tls-exporter,,"
#define ENDPOINT "p=tls-server-end-point,,"
static const struct final_case final_cases[] = {
    {"honest", "n,,", "n,,", "", "pencil", "", "", 0, false},
    {"honest with y", "y,,", "y,,", "", "pencil", "", "", 0, false},
    {"honest exporter", EXPORTER, EXPORTER, "EXPORTED", "pencil", "", "", 0, false},
    {"honest end point", ENDPOINT, ENDPOINT, "ENDPOINT", "pencil", "", "", 0, false},
    {"wrong password", "n,,", "n,,", "", "pencik", "", "", SASL_CONDITION_NOT_AUTHORIZED, true},
    {"wrong password, bound", EXPORTER, EXPORTER, "EXPORTED", "x", "", "",
     SASL_CONDITION_NOT_AUTHORIZED, true},
    {"other channel", EXPORTER, EXPORTER, "EXPORTEE", "pencil", "", "",
     SASL_CONDITION_NOT_AUTHORIZED, false},
    {"no channel", EXPORTER, EXPORTER, "", "pencil", "", "", SASL_CONDITION_NOT_AUTHORIZED,
     false},
    {"value of the other type", EXPORTER, EXPORTER, "ENDPOINT", "pencil", "", "",
     SASL_CONDITION_NOT_AUTHORIZED, false},
    {"other type said later", EXPORTER, ENDPOINT, "ENDPOINT", "pencil", "", "",
     SASL_CONDITION_NOT_AUTHORIZED, false},
    {"y said first, n later", "y,,", "n,,", "", "pencil", "", "", SASL_CONDITION_NOT_AUTHORIZED,
     false},
    {"authzid said later", "n,,", "n,a=x,", "", "pencil", "", "", SASL_CONDITION_NOT_AUTHORIZED,
     false},
    {"binding without type", "n,,", "n,,", "EXPORTED", "pencil", "", "",
     SASL_CONDITION_NOT_AUTHORIZED, false},
    {"nonce changed", "n,,", "n,,", "", "pencil", "server-nonce", "server-nonse",
     SASL_CONDITION_NOT_AUTHORIZED, false},
    {"nonce cut", "n,,", "n,,", "", "pencil", "-123456", "", SASL_CONDITION_NOT_AUTHORIZED,
     false},
    {"nonce longer", "n,,", "n,,", "", "pencil", "-123456", "-1234567",
     SASL_CONDITION_NOT_AUTHORIZED, false},
    {"iterations are not ours to read", "n,,", "n,,", "", "pencil",
     ",p=", ",i=1,p=", SASL_CONDITION_NOT_AUTHORIZED, true},
    {"m=", "n,,", "n,,", "", "pencil", ",p=", ",m=x,p=", SASL_CONDITION_MALFORMED_REQUEST,
     false},
    {"two proofs", "n,,", "n,,", "", "pencil",
     ",p=", ",p=AAAA,p=", SASL_CONDITION_MALFORMED_REQUEST, false},
    {"no proof", "n,,", "n,,", "", "pencil", ",p=", ",q=", SASL_CONDITION_MALFORMED_REQUEST,
     false},
    {"proof not base64", "n,,", "n,,", "", "pencil", ",p=", ",p=*",
     SASL_CONDITION_MALFORMED_REQUEST, false},
    {"proof too long", "n,,", "n,,", "", "pencil", ",p=", ",p=AAAA",
     SASL_CONDITION_MALFORMED_REQUEST, false},
    {"binding not base64", "n,,", "n,,", "", "pencil", "c=b", "c=*",
     SASL_CONDITION_MALFORMED_REQUEST, false},
    {"no binding field", "n,,", "n,,", "", "pencil",
     "c=", "d=", SASL_CONDITION_MALFORMED_REQUEST, false},
    {"no nonce field", "n,,", "n,,", "", "pencil",
     ",r=", ",s=", SASL_CONDITION_MALFORMED_REQUEST, false},
};

/* The text with its first `remove` replaced. */
static void edit(struct strbuf *text, const char *remove, const char *insert)
{
    const char *found = *remove ? strstr(text->data, remove) : NULL;
    if (!found)
        return;
    struct strbuf edited = {0};
    strbuf_add(&edited, span_of(text->data, (size_t)(found - text->data)));
    strbuf_add_text(&edited, insert);
    strbuf_add_text(&edited, found + strlen(remove));
    strbuf_done(text);
    *text = edited;
}

static void final_case_holds(void **state)
{
    const struct final_case *t = *state;
    static const struct span bare = {"n=user,r=client", 15};
    const struct channel_binding_set set = both_bindings();
    for (int kind = SCRAM_VERIFIER_SHA_1; kind <= SCRAM_VERIFIER_SHA_512; kind++) {
        const bool is_plus = t->gs2[0] == 'p';
        const struct scram_terms terms = {.kind = (enum scram_verifier_kind)kind,
                                          .is_plus = is_plus,
                                          .was_plus_offered = is_plus,
                                          .bindings = &set};
        struct strbuf first = {0}, challenge = {0}, final = {0}, answer = {0};
        struct scram_verifier v;
        struct scram s = {0};
        assert_int_equal(
            scram_verifier_derive(terms.kind, SPAN("pencil"), SPAN("salt"), 4096, &v), 0);
        strbuf_add_text(&first, t->gs2);
        strbuf_add(&first, bare);
        assert_int_equal(scram_begin(&s, &terms, strbuf_span(&first)), 0);
        scram_challenge(&s, &v, SPAN("server-nonce-123456"), SPAN("aGFzaA=="), &challenge);
        assert_string_equal(challenge.data,
                            "r=clientserver-nonce-123456,s=c2FsdA==,i=4096,h=aGFzaA==");
        scram_client_final(terms.kind, span_text(t->password), span_text(t->gs2b),
                           span_text(t->binding), bare, strbuf_span(&challenge), &final);
        edit(&final, t->remove, t->insert);
        assert_int_equal(scram_finish(&s, strbuf_span(&final), &answer), t->want);
        assert_int_equal(s.is_wrong_proof, t->is_wrong_proof);
        assert_int_equal(answer.size > 0, t->want == 0);
        scram_done(&s);
        strbuf_done(&first);
        strbuf_done(&challenge);
        strbuf_done(&final);
        strbuf_done(&answer);
    }
}

static void long_messages_are_refused(void **state)
{
    (void)state;
    const struct channel_binding_set none = {0};
    const struct scram_terms terms = {.kind = SCRAM_VERIFIER_SHA_1, .bindings = &none};
    for (size_t size = SCRAM_MESSAGE_MAX - 1; size <= SCRAM_MESSAGE_MAX + 1; size++) {
        struct strbuf first = {0};
        struct scram s = {0};
        strbuf_add_text(&first, "n,,n=u,r=");
        while (first.size < size)
            strbuf_add_byte(&first, 'x');
        assert_int_equal(scram_begin(&s, &terms, strbuf_span(&first)),
                         size > SCRAM_MESSAGE_MAX ? SASL_CONDITION_MALFORMED_REQUEST : 0);
        scram_done(&s);
        strbuf_done(&first);
    }
}

enum { FIXED = 3 };

int main(void)
{
    struct CMUnitTest tests[FIXED + COUNT_OF(first_cases) + COUNT_OF(final_cases)] = {
        cmocka_unit_test(rfc_5802_holds), cmocka_unit_test(rfc_7677_holds),
        cmocka_unit_test(long_messages_are_refused)};
    struct CMUnitTest *next = tests + FIXED;

    for (size_t i = 0; i < COUNT_OF(first_cases); i++)
        *next++ = (struct CMUnitTest){.name = first_cases[i].name,
                                      .test_func = first_case_holds,
                                      .initial_state = (void *)&first_cases[i]};
    for (size_t i = 0; i < COUNT_OF(final_cases); i++)
        *next++ = (struct CMUnitTest){.name = final_cases[i].name,
                                      .test_func = final_case_holds,
                                      .initial_state = (void *)&final_cases[i]};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
