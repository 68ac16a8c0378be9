/* SPDX-License-Identifier: Apache-2.0 */
/* certificate_identity.h: names of the right kind only, prepared, and a limit on them. */
#include "tests/support/unit.h"

#include "base/arena.h"
#include "base/strbuf.h"
#include "proto/auth/certificate_identity.h"
#include "tests/support/certificate.h"

#define TEXT(literal)                                                                          \
    {                                                                                          \
        ("" literal ""), sizeof(literal) - 1                                                   \
    }
#define XMPP(literal)                                                                          \
    {                                                                                          \
        NID_XmppAddr, V_ASN1_UTF8STRING, TEXT(literal)                                         \
    }
enum { NAMES_MAX = 10 };

struct identity_case {
    const char *name;
    struct certificate_name names[NAMES_MAX];
    const char *want; /* with a space behind each */
};

static const struct identity_case identity_cases[] = {
    {"no names; the common name is none", {{0}}, ""},
    {"one", {XMPP("alice@demo.example")}, "alice@demo.example "},
    {"prepared", {XMPP("ALICE@Demo.Example")}, "alice@demo.example "},
    {"two", {XMPP("a@x"), XMPP("b@y")}, "a@x b@y "},
    {"a domain is no user", {XMPP("demo.example")}, ""},
    {"a resource is no part of it", {XMPP("alice@demo.example/desk")}, ""},
    {"not an address", {XMPP("alice@")}, ""},
    {"NUL inside", {XMPP("alice@demo.example\0.evil.example")}, ""},
    {"a host name beside it", {{0, 0, TEXT("demo.example")}, XMPP("a@x")}, "a@x "},
    {"user principal name is another kind", {{NID_ms_upn, V_ASN1_UTF8STRING, TEXT("a@x")}}, ""},
    {"IA5String is not UTF8String", {{NID_XmppAddr, V_ASN1_IA5STRING, TEXT("a@x")}}, ""},
    {"octets are not text", {{NID_XmppAddr, V_ASN1_OCTET_STRING, TEXT("a@x")}}, ""},
    {"more than eight",
     {XMPP("a@x"), XMPP("b@x"), XMPP("c@x"), XMPP("d@x"), XMPP("e@x"), XMPP("f@x"), XMPP("g@x"),
      XMPP("h@x"), XMPP("i@x")},
     "a@x b@x c@x d@x e@x f@x g@x h@x "},
};

static void identity_case_holds(void **state)
{
    const struct identity_case *t = *state;
    size_t count = 0;
    while (count < NAMES_MAX && t->names[count].text.size)
        count++;
    X509 *certificate = certificate_made("EC", "SHA256", t->names, count);
    struct arena arena = {0};
    struct strbuf got = {0};
    struct certificate_identity identity;
    certificate_identity_read(certificate, &arena, &identity);
    for (size_t i = 0; i < identity.count; i++) {
        strbuf_add(&got, identity.users[i]);
        strbuf_add_byte(&got, ' ');
    }
    assert_true(span_is(strbuf_span(&got), t->want));
    strbuf_done(&got);
    arena_done(&arena);
    X509_free(certificate);
}

int main(void)
{
    struct CMUnitTest tests[COUNT_OF(identity_cases)];

    for (size_t i = 0; i < COUNT_OF(identity_cases); i++)
        tests[i] = (struct CMUnitTest){.name = identity_cases[i].name,
                                       .test_func = identity_case_holds,
                                       .initial_state = (void *)&identity_cases[i]};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
