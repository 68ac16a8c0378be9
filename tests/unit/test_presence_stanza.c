/* SPDX-License-Identifier: Apache-2.0 */
/* presence_stanza: show, priority, status. */
#include "tests/support/xml_text.h"

#include "base/err.h"
#include "proto/xmpp/presence_stanza.h"

struct presence_case {
    const char *name;
    const char *in;
    int want;
    enum presence_stanza_show show;
    int priority;
    const char *status;
};
#define PRIO(p) "<priority>" p "</priority>"
static const struct presence_case cases[] = {
    {"nothing", "", 0, PRESENCE_STANZA_ONLINE, 0, NULL},
    {"away with words", "<show>away</show><status>out &amp; about</status>", 0,
     PRESENCE_STANZA_AWAY, 0, "out & about"},
    {"chat", "<show>chat</show>", 0, PRESENCE_STANZA_CHAT, 0, NULL},
    {"xa", "<show> xa\n</show>", 0, PRESENCE_STANZA_XA, 0, NULL},
    {"dnd", "<show>dnd</show>", 0, PRESENCE_STANZA_DND, 0, NULL},
    {"empty show", "<show/>", 0, PRESENCE_STANZA_ONLINE, 0, NULL},
    {"show of another namespace", "<show xmlns='x'>away</show>", 0, PRESENCE_STANZA_ONLINE, 0,
     NULL},
    {"unknown show", "<show>online</show>", ERR_PROTOCOL, 0, 0, NULL},
    {"lowest priority", PRIO("-128"), 0, 0, -128, NULL},
    {"highest priority", PRIO("127"), 0, 0, 127, NULL},
    {"signed priority", PRIO("+5"), 0, 0, 5, NULL},
    {"priority with space", PRIO(" 5 "), 0, 0, 5, NULL},
    {"minus zero", PRIO("-0"), 0, 0, 0, NULL},
    {"too low", PRIO("-129"), ERR_PROTOCOL, 0, 0, NULL},
    {"too high", PRIO("128"), ERR_PROTOCOL, 0, 0, NULL},
    {"empty priority", PRIO(""), ERR_PROTOCOL, 0, 0, NULL},
    {"priority in words", PRIO("high"), ERR_PROTOCOL, 0, 0, NULL},
    {"half a priority", PRIO("1.5"), ERR_PROTOCOL, 0, 0, NULL},
    {"first status counts", "<status>a</status><status xml:lang='de'>b</status>", 0, 0, 0, "a"},
};

static void presence_case_holds(void **state)
{
    const struct presence_case *t = *state;
    struct arena a = {0};
    struct strbuf text = {0};
    struct presence_stanza p = {0};
    strbuf_printf(&text, "<presence>%s</presence>", t->in);
    const struct stanza s = xml_text_stanza(&a, text.data);
    assert_int_equal(presence_stanza_parse(&s, &a, &p), t->want);
    assert_int_equal(p.show, t->show);
    assert_int_equal(p.priority, t->priority);
    if (t->status)
        assert_true(span_is(p.status, t->status));
    else
        assert_true(span_is_none(p.status));
    strbuf_done(&text);
    arena_done(&a);
}

static void sorts_types(void **state)
{
    (void)state;
    assert_true(presence_stanza_is_subscription(STANZA_SUBSCRIBE));
    assert_true(presence_stanza_is_subscription(STANZA_UNSUBSCRIBED));
    assert_false(presence_stanza_is_subscription(STANZA_PROBE));
    assert_true(presence_stanza_is_availability(STANZA_AVAILABLE));
    assert_true(presence_stanza_is_availability(STANZA_UNAVAILABLE));
    assert_false(presence_stanza_is_availability(STANZA_ERROR));
    assert_null(presence_stanza_show_name(PRESENCE_STANZA_ONLINE));
    assert_string_equal(presence_stanza_show_name(PRESENCE_STANZA_DND), "dnd");
}

int main(void)
{
    struct CMUnitTest tests[COUNT_OF(cases) + 1];
    size_t n = 0;
    XML_TEXT_ROWS(tests, n, cases, presence_case_holds);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(sorts_types);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
