/* SPDX-License-Identifier: Apache-2.0 */
/* register_stanza: a change of password, and what is not one. */
#include "tests/support/xml_text.h"

#include "proto/xmpp/register_stanza.h"

#define Q(in) "<query xmlns='jabber:iq:register'>" in "</query>"

struct register_case {
    const char *name;
    const char *in;
    enum register_stanza_request want;
};
static const struct register_case cases[] = {
    {"password", Q("<username>a</username><password>p w</password>"), REGISTER_STANZA_PASSWORD},
    {"no username", Q("<password>p</password>"), REGISTER_STANZA_MALFORMED},
    {"empty username", Q("<username/><password>p</password>"), REGISTER_STANZA_MALFORMED},
    {"empty password", Q("<username>a</username><password/>"), REGISTER_STANZA_MALFORMED},
    {"nothing", Q(""), REGISTER_STANZA_MALFORMED},
    {"removal", Q("<remove/>"), REGISTER_STANZA_REMOVE},
};

static void register_case_holds(void **state)
{
    const struct register_case *t = *state;
    struct arena a = {0};
    struct register_stanza r;
    register_stanza_parse(xml_text_parse(&a, t->in), &a, &r);
    assert_int_equal(r.request, t->want);
    if (t->want == REGISTER_STANZA_PASSWORD)
        assert_true(span_is(r.username, "a") && span_is(r.password, "p w"));
    arena_done(&a);
}

static void shows_the_form(void **state)
{
    (void)state;
    struct arena a = {0};
    xml_text_assert(register_stanza_form(&a, SPAN("alice")),
                    Q("<registered/><username>alice</username><password/>"));
    arena_done(&a);
}

int main(void)
{
    struct CMUnitTest tests[COUNT_OF(cases) + 1];
    size_t n = 0;
    XML_TEXT_ROWS(tests, n, cases, register_case_holds);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(shows_the_form);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
