/* SPDX-License-Identifier: Apache-2.0 */
/* xml_writer: escaping, and namespaces that need nothing from outside. */
#include "tests/support/unit.h"

#include "proto/xml/xml_writer.h"

struct escape_case {
    const char *name;
    const char *in;
    const char *want_text;
    const char *want_attr;
};

static const struct escape_case cases[] = {
    {"plain", "abc", "abc", " a='abc'"},
    {"empty", "", "", " a=''"},
    {"markup", "<a & b>", "&lt;a &amp; b&gt;", " a='&lt;a &amp; b&gt;'"},
    {"quotes", "'\"", "'\"", " a='&apos;&quot;'"},
    {"end of CDATA", "]]>", "]]&gt;", " a=']]&gt;'"},
    {"tab and newline", "\t\n", "\t\n", " a='&#9;&#10;'"},
    {"carriage return", "\r", "&#13;", " a='&#13;'"},
    {"forbidden control", "a\1b",
     "a\xEF\xBF\xBD"
     "b",
     " a='a\xEF\xBF\xBD"
     "b'"},
    {"beyond ASCII", "\xC3\xA4", "\xC3\xA4", " a='\xC3\xA4'"},
};

static void escape_case_holds(void **state)
{
    const struct escape_case *t = *state;
    struct strbuf out = {0};
    xml_writer_text(&out, span_text(t->in));
    assert_string_equal(strbuf_span(&out).ptr, t->want_text);
    strbuf_clear(&out);
    xml_writer_attr(&out, "a", span_text(t->in));
    assert_string_equal(strbuf_span(&out).ptr, t->want_attr);
    strbuf_done(&out);
}

static void writes_namespaces_where_they_change(void **state)
{
    (void)state;
    struct arena a = {0};
    struct strbuf out = {0};
    struct xml_node *m = xml_node_new(&a, "message", "c");
    struct xml_node *q = xml_node_add_new(&a, m, "q", "other");
    xml_node_add_leaf(&a, q, "r", SPAN("x"));
    xml_node_add_new(&a, q, "none", NULL);
    xml_node_add_new(&a, xml_node_add_new(&a, m, "odd", XML_NODE_NS_XML), "in", "c");
    xml_node_set_ns(&a, m, "lang", XML_NODE_NS_XML, SPAN("en"));
    xml_node_set_ns(&a, m, "k", "k-ns", SPAN("1"));
    xml_node_set_ns(&a, m, "l", "k-ns", SPAN("2"));

    xml_writer_node(&out, m, SPAN("c"));
    assert_string_equal(out.data,
                        "<message xml:lang='en' xmlns:a0='k-ns' a0:k='1' xmlns:a1='k-ns' "
                        "a1:l='2'><q xmlns='other'><r>x</r><none xmlns=''/></q>"
                        "<xml:odd><in/></xml:odd></message>");
    strbuf_clear(&out);
    xml_writer_node(&out, q, SPAN(""));
    assert_string_equal(out.data, "<q xmlns='other'><r>x</r><none xmlns=''/></q>");
    strbuf_done(&out);
    arena_done(&a);
}

static void puts_written_children_back(void **state)
{
    (void)state;
    struct arena a = {0};
    struct strbuf body = {0};
    struct strbuf out = {0};
    struct xml_node *m = xml_node_new(&a, "m", "c");
    xml_node_add_leaf(&a, m, "body", SPAN("hi & ho"));
    xml_writer_children(&body, m, m->ns);
    assert_string_equal(body.data, "<body>hi &amp; ho</body>");

    struct xml_node *f = xml_node_new(&a, "forwarded", "f");
    struct xml_node *inner = xml_node_add_new(&a, f, "m", "c");
    xml_node_add_raw(&a, inner, strbuf_span(&body));
    xml_writer_open(&out, f, SPAN(""));
    xml_writer_children(&out, f, f->ns);
    xml_writer_close(&out, f);
    assert_string_equal(out.data, "<forwarded xmlns='f'><m xmlns='c'><body>hi &amp; ho</body>"
                                  "</m></forwarded>");
    strbuf_done(&out);
    strbuf_done(&body);
    arena_done(&a);
}

int main(void)
{
    struct CMUnitTest tests[COUNT_OF(cases) + 2];
    size_t n = 0;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        tests[n++] = (struct CMUnitTest){.name = cases[i].name,
                                         .test_func = escape_case_holds,
                                         .initial_state = (void *)&cases[i]};
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(writes_namespaces_where_they_change);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(puts_written_children_back);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
