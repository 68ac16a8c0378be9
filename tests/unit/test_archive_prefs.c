/* SPDX-License-Identifier: Apache-2.0 */
/* archive_prefs: in, out, and what is refused. */
#include "tests/support/xml_text.h"

#include "base/err.h"
#include "proto/xmpp/archive_prefs.h"

#define PREFS(mode, in) "<prefs xmlns='urn:xmpp:mam:2' default='" mode "'>" in "</prefs>"
#define EMPTY           "<always/><never/>"
#define FINE            STANZA_ERROR_CONDITIONS

struct prefs_case {
    const char *name;
    const char *in;
    enum stanza_error_condition want;
    const char *out;
};
static const struct prefs_case cases[] = {
    {"always", PREFS("always", ""), FINE, PREFS("always", EMPTY)},
    {"never", PREFS("never", EMPTY), FINE, PREFS("never", EMPTY)},
    {"lists",
     PREFS("roster", "<never><jid>A@B/c</jid><jid>d</jid></never><always><jid>e@f</jid>"
                     "</always>"),
     FINE,
     PREFS("roster", "<always><jid>e@f</jid></always><never><jid>a@b/c</jid><jid>d</jid>"
                     "</never>")},
    {"unknown default", PREFS("sometimes", ""), STANZA_ERROR_BAD_REQUEST, NULL},
    {"no default", "<prefs xmlns='urn:xmpp:mam:2'/>", STANZA_ERROR_BAD_REQUEST, NULL},
    {"another element", "<query xmlns='urn:xmpp:mam:2' default='always'/>",
     STANZA_ERROR_BAD_REQUEST, NULL},
    {"malformed address", PREFS("always", "<never><jid>@</jid></never>"),
     STANZA_ERROR_JID_MALFORMED, NULL},
    {"empty address", PREFS("always", "<always><jid/></always>"), STANZA_ERROR_JID_MALFORMED,
     NULL},
};

static void prefs_case_holds(void **state)
{
    const struct prefs_case *t = *state;
    struct arena a = {0};
    struct archive_prefs prefs;
    enum stanza_error_condition condition = FINE;
    const int rc = archive_prefs_parse(xml_text_parse(&a, t->in), &a, &prefs, &condition);
    assert_int_equal(rc, t->want == FINE ? 0 : ERR_PROTOCOL);
    assert_int_equal(condition, t->want);
    if (t->out)
        xml_text_assert(archive_prefs_node(&a, &prefs), t->out);
    arena_done(&a);
}

static void bounds_each_list(void **state)
{
    (void)state;
    for (size_t count = ARCHIVE_PREFS_ADDRESSES_MAX; count <= ARCHIVE_PREFS_ADDRESSES_MAX + 1;
         count++) {
        struct arena a = {0};
        struct archive_prefs prefs;
        enum stanza_error_condition condition = FINE;
        struct xml_node *n = xml_text_parse(&a, PREFS("always", "<never/>"));
        for (size_t i = 0; i < count; i++)
            xml_node_add_leaf(&a, n->first_child, "jid", SPAN("a@b"));
        (void)archive_prefs_parse(n, &a, &prefs, &condition);
        assert_int_equal(condition, count == ARCHIVE_PREFS_ADDRESSES_MAX
                                        ? FINE
                                        : STANZA_ERROR_POLICY_VIOLATION);
        arena_done(&a);
    }
}

int main(void)
{
    struct CMUnitTest tests[COUNT_OF(cases) + 1];
    size_t n = 0;
    XML_TEXT_ROWS(tests, n, cases, prefs_case_holds);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(bounds_each_list);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
