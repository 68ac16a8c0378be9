/* SPDX-License-Identifier: Apache-2.0 */
/* xml_reader: what it lets through, what it refuses and why, however the bytes are cut. */
#include "tests/support/unit.h"

#include "base/err.h"
#include "base/strbuf.h"
#include "proto/xml/xml_reader.h"
#include "proto/xml/xml_writer.h"

static const struct xml_reader_limits small = {.element_size = 400,
                                               .tag_size = 200,
                                               .renew_size = 64,
                                               .depth = 5,
                                               .attribute_count = 4,
                                               .node_count = 8};

static const char *const errors[] = {
    [XML_READER_NOT_WELL_FORMED] = "!form",  [XML_READER_BAD_PREFIX] = "!prefix",
    [XML_READER_RESTRICTED] = "!restricted", [XML_READER_BAD_ENCODING] = "!encoding",
    [XML_READER_BAD_FORMAT] = "!format",     [XML_READER_TOO_BIG] = "!big",
};

static void note(struct strbuf *out, const struct xml_reader_event *e)
{
    if (out->size)
        strbuf_add_byte(out, ' ');
    switch (e->kind) {
    case XML_READER_OPENED:
        strbuf_add_byte(out, '[');
        strbuf_add(out, e->node->name);
        strbuf_add_byte(out, ':');
        strbuf_add(out, e->default_ns);
        break;
    case XML_READER_ELEMENT:
        xml_writer_node(out, e->node, SPAN("c"));
        break;
    case XML_READER_CLOSED:
        strbuf_add_byte(out, ']');
        break;
    case XML_READER_FAILED:
        strbuf_add_text(out, errors[e->error]);
        assert_non_null(e->why);
        break;
    }
}

static void drain(struct xml_reader *r, struct strbuf *out)
{
    struct xml_reader_event e;
    while (xml_reader_next(r, &e) == 1)
        note(out, &e);
}

static void feed_cut(struct span in, size_t piece, bool parks, struct strbuf *out)
{
    struct xml_reader *r = xml_reader_new(&small, 1);
    for (size_t at = 0; at < in.size; at += piece) {
        xml_reader_feed(r, span_first(span_from(in, at), piece));
        drain(r, out);
        if (parks)
            xml_reader_park(r);
    }
    drain(r, out);
    xml_reader_free(r);
}

#define BYTES(literal)                                                                         \
    {                                                                                          \
        ("" literal ""), sizeof(literal) - 1                                                   \
    }
struct reader_case {
    const char *name;
    struct span in;
    const char *want;
};

#define S    "<s:s xmlns='c' xmlns:s='st'>"
#define X10  "xxxxxxxxxx"
#define X100 X10 X10 X10 X10 X10 X10 X10 X10 X10 X10
static const struct reader_case cases[] = {
    {"header, element, end", BYTES(S "<m a='1'>hi</m></s:s>"), "[s:c <m a='1'>hi</m> ]"},
    {"declaration before it", BYTES("<?xml version='1.0'?>\n" S "<m/>"), "[s:c <m/>"},
    {"encoding in any case", BYTES("<?xml version='1.0' encoding='utf-8'?>" S), "[s:c"},
    {"whitespace keeps alive", BYTES(S " \n\t<m/>\r\n <n/> "), "[s:c <m/> <n/>"},
    {"last bytes are not held back", BYTES(S "<a></a>"), "[s:c <a/>"},
    {"empty root", BYTES("<s:s xmlns='c' xmlns:s='st'/>"), "[s:c ]"},
    {"nothing after the end counts", BYTES(S "</s:s> <x>&bad;"), "[s:c ]"},
    {"no default namespace", BYTES("<s><m/>"), "[s: <m xmlns=''/>"},
    {"text in pieces", BYTES(S "<m>a&amp;b&lt;c\nd<![CDATA[<e>]]></m>"),
     "[s:c <m>a&amp;b&lt;c\nd&lt;e&gt;</m>"},
    {"other namespaces", BYTES(S "<m><q xmlns='q'><r xmlns='c'/></q></m>"),
     "[s:c <m><q xmlns='q'><r xmlns='c'/></q></m>"},
    {"prefixes are gone", BYTES(S "<s:e><x:y xmlns:x='z' x:k='v' xml:lang='de'/></s:e>"),
     "[s:c <e xmlns='st'><y xmlns='z' xmlns:a0='z' a0:k='v' xml:lang='de'/></e>"},
    {"colon in a namespace", BYTES(S "<a xmlns='x:y'/>"), "[s:c <a xmlns='x:y'/>"},
    {"controls in attributes", BYTES(S "<m a='&#10;&#9;&#13;\n'/>"),
     "[s:c <m a='&#10;&#9;&#13; '/>"},
    {"carriage returns in text", BYTES(S "<m>a\r\nb&#13;</m>"), "[s:c <m>a\nb&#13;</m>"},
    {"many, renewed between", BYTES(S "<a>" X10 X10 "</a><b>" X10 X10 X10 "</b><d/><e/></s:s>"),
     "[s:c <a>" X10 X10 "</a> <b>" X10 X10 X10 "</b> <d/> <e/> ]"},
    {"good ones before a bad one", BYTES(S "<a/><b/><!-- -->"), "[s:c <a/> <b/> !restricted"},

    {"comment", BYTES(S "<m><!-- x --></m>"), "[s:c !restricted"},
    {"comment before the root", BYTES("<!-- x -->" S), "!restricted"},
    {"processing instruction", BYTES(S "<?php x?>"), "[s:c !restricted"},
    {"document type", BYTES("<!DOCTYPE s [<!ENTITY a 'b'>]>" S), "!restricted"},
    {"document type inside", BYTES(S "<!DOCTYPE s>"), "[s:c !form"},
    {"declaration inside", BYTES(S "<?xml version='1.0'?>"), "[s:c !form"},
    {"undefined entity", BYTES(S "<m>&foo;</m>"), "[s:c !form"},
    {"unbound prefix", BYTES(S "<q:m/>"), "[s:c !prefix"},
    {"unbound attribute prefix", BYTES(S "<m q:a=''/>"), "[s:c !prefix"},
    {"undeclared prefix", BYTES(S "<m xmlns:p=''/>"), "[s:c !form"},
    {"xml rebound", BYTES(S "<m xmlns:xml='q'/>"), "[s:c !form"},
    {"attribute twice", BYTES(S "<m a='' a=''/>"), "[s:c !form"},
    {"attribute twice by prefixes", BYTES(S "<m xmlns:p='q' xmlns:r='q' p:a='' r:a=''/>"),
     "[s:c !form"},
    {"wrong end tag", BYTES(S "<m></n>"), "[s:c !form"},
    {"text between elements", BYTES(S "<m/>x"), "[s:c <m/> !format"},
    {"CDATA between elements", BYTES(S "<![CDATA[ ]]>"), "[s:c !format"},
    {"no XML at all", BYTES("GET / HTTP/1.1\r\n"), "!form"},
    {"UTF-8 mark", BYTES("\xEF\xBB\xBF" S), "!form"},
    {"UTF-16, little end first", BYTES("\xFF\xFE<\0s\0>\0"), "!encoding"},
    {"UTF-16, big end first", BYTES("\xFE\xFF\0<\0s\0>"), "!encoding"},
    {"UTF-16 without a mark", BYTES("<\0s\0/\0>\0"), "!encoding"},
    {"another encoding named", BYTES("<?xml version='1.0' encoding='ISO-8859-1'?>" S),
     "!encoding"},
    {"XML 1.1", BYTES("<?xml version='1.1'?>" S), "!format"},
    {"byte 0xFF", BYTES(S "<m>\xFF</m>"), "[s:c !form"},
    {"overlong", BYTES(S "<m>\xC0\xAF</m>"), "[s:c !form"},
    {"surrogate", BYTES(S "<m>\xED\xA0\x80</m>"), "[s:c !form"},
    {"cut sequence", BYTES(S "<m>\xE2\x82</m>"), "[s:c !form"},
    {"U+FFFE", BYTES(S "<m>\xEF\xBF\xBE</m>"), "[s:c !form"},
    {"NUL", BYTES(S "<m>\0</m>"), "[s:c !form"},
    {"NUL by reference", BYTES(S "<m>&#0;</m>"), "[s:c !form"},
    {"control by reference", BYTES(S "<m>&#1;</m>"), "[s:c !form"},

    {"depth at the limit", BYTES(S "<a><a><a><a/></a></a></a>"),
     "[s:c <a><a><a><a/></a></a></a>"},
    {"depth beyond", BYTES(S "<a><a><a><a><a/></a></a></a></a>"), "[s:c !big"},
    {"attributes at the limit", BYTES(S "<a b='' c='' d='' xmlns='c'/>"),
     "[s:c <a b='' c='' d=''/>"},
    {"attributes beyond", BYTES(S "<a b='' c='' d='' e='' xmlns='c'/>"), "[s:c !big"},
    {"namespaces beyond",
     BYTES(S "<a xmlns:b='b' xmlns:c='c' xmlns:d='d' xmlns:e='e' "
             "xmlns:f='f'/>"),
     "[s:c !big"},
    {"nodes at the limit", BYTES(S "<a><b/><b/><b/><b/><b/><b/><b/></a>"),
     "[s:c <a><b/><b/><b/><b/><b/><b/><b/></a>"},
    {"nodes beyond", BYTES(S "<a><b/><b/><b/><b/><b/><b/><b/><b/></a>"), "[s:c !big"},
    {"tag at the limit", BYTES(S "<a b='" X100 X10 X10 X10 X10 X10 X10 X10 X10 X10 "1'/>"),
     "[s:c <a b='" X100 X10 X10 X10 X10 X10 X10 X10 X10 X10 "1'/>"},
    {"tag beyond", BYTES(S "<a b='" X100 X10 X10 X10 X10 X10 X10 X10 X10 X10 "12'/>"),
     "[s:c !big"},
    {"element at the limit",
     BYTES(S "  <a>" X100 X100 X100 X10 X10 X10 X10 X10 X10 X10 X10 X10 "123</a>  "),
     "[s:c <a>" X100 X100 X100 X10 X10 X10 X10 X10 X10 X10 X10 X10 "123</a>"},
    {"element beyond",
     BYTES(S "  <a>" X100 X100 X100 X10 X10 X10 X10 X10 X10 X10 X10 X10 "1234</a>  "),
     "[s:c !big"},
    {"endless header", BYTES("<s a='" X100 X100), "!big"},
    {"endless space before it",
     BYTES("<?xml version='1.0'?>"
           "                                                  "
           "                                                  "
           "                                                  "
           "                                                  " S),
     "!big"},
};

static void reader_case_holds(void **state)
{
    const struct reader_case *t = *state;
    const size_t pieces[] = {1, 2, 7, 100000};
    for (size_t i = 0; i < 2 * COUNT_OF(pieces); i++) {
        struct strbuf out = {0};
        feed_cut(t->in, pieces[i / 2], i % 2, &out);
        assert_string_equal(out.data ? out.data : "", t->want);
        strbuf_done(&out);
    }
}

static void tells_what_is_unread(void **state)
{
    (void)state;
    struct xml_reader *r = xml_reader_new(&small, 0);
    struct xml_reader_event e;

    xml_reader_feed(r, SPAN(S "<starttls/><auth>evil</auth>"));
    assert_int_equal(xml_reader_next(r, &e), 1);
    assert_int_equal(xml_reader_next(r, &e), 1);
    assert_int_equal(e.size, strlen("<starttls/>"));
    assert_int_equal(xml_reader_unread(r), strlen("<auth>evil</auth>"));
    xml_reader_restart(r, false);
    assert_int_equal(xml_reader_unread(r), 0);
    assert_int_equal(xml_reader_next(r, &e), 0);

    struct strbuf out = {0};
    xml_reader_feed(r, SPAN(S "<m/>"));
    drain(r, &out);
    assert_string_equal(out.data, "[s:c <m/>");
    strbuf_done(&out);
    xml_reader_free(r);
}

static void keeps_what_was_sent_ahead(void **state)
{
    (void)state;
    struct xml_reader *r = xml_reader_new(&small, 0);
    struct xml_reader_event e;
    struct strbuf out = {0};

    /* The line feed behind <auth/> is what go-xmpp sends. */
    xml_reader_feed(r, SPAN(S "<auth/>\n<?xml version='1.0'?>" S "<m/>"));
    assert_int_equal(xml_reader_next(r, &e), 1);
    assert_int_equal(xml_reader_next(r, &e), 1);
    xml_reader_restart(r, true);
    drain(r, &out);
    assert_string_equal(out.data, "[s:c <m/>");
    strbuf_done(&out);
    xml_reader_free(r);
}

static void works_again_after_a_failure(void **state)
{
    (void)state;
    struct xml_reader *r = xml_reader_new(&small, 0);
    struct strbuf out = {0};

    xml_reader_feed(r, SPAN("junk"));
    drain(r, &out);
    xml_reader_feed(r, SPAN("more junk"));
    drain(r, &out);
    assert_string_equal(out.data, "!form");
    xml_reader_restart(r, true);
    xml_reader_feed(r, SPAN(S));
    drain(r, &out);
    assert_string_equal(out.data, "!form [s:c");
    strbuf_done(&out);
    xml_reader_free(r);
}

static void parks_when_idle(void **state)
{
    (void)state;
    struct xml_reader *r = xml_reader_new(&small, 0);
    struct strbuf out = {0};

    assert_true(xml_reader_is_parked(r));
    xml_reader_feed(r, SPAN(S "<m/>"));
    drain(r, &out);
    assert_false(xml_reader_is_parked(r));
    xml_reader_park(r);
    assert_true(xml_reader_is_parked(r));
    drain(r, &out);
    assert_true(xml_reader_is_parked(r));
    xml_reader_feed(r, SPAN("<n/>"));
    drain(r, &out);
    assert_string_equal(out.data, "[s:c <m/> <n/>");
    strbuf_done(&out);
    xml_reader_free(r);
}

static void limits_change_on_the_way(void **state)
{
    (void)state;
    struct xml_reader_limits wider = small;
    wider.element_size = 4000;
    struct xml_reader *r = xml_reader_new(&small, 0);
    struct strbuf out = {0};

    xml_reader_feed(r, SPAN(S));
    drain(r, &out);
    xml_reader_set_limits(r, &wider);
    xml_reader_feed(r, SPAN("<m>" X100 X100 X100 X100 X100 "</m>"));
    drain(r, &out);
    assert_string_equal(out.data, "[s:c <m>" X100 X100 X100 X100 X100 "</m>");
    strbuf_done(&out);
    xml_reader_free(r);
}

struct fragment_case {
    const char *name;
    struct span in;
    int want;
    const char *want_out;
};
static const struct fragment_case fragments[] = {
    {"nothing", BYTES(""), 0, ""},
    {"elements and text", BYTES("a<b/>c<d xmlns='e'/>"), 0, "a<b/>c<d xmlns='e'/>"},
    {"an end tag of ours", BYTES("</p><p>"), ERR_PROTOCOL, ""},
    {"two end tags of ours", BYTES("</p></x>"), ERR_PROTOCOL, ""},
    {"unfinished", BYTES("<a>"), ERR_PROTOCOL, ""},
    {"a comment", BYTES("<!---->"), ERR_PROTOCOL, ""},
    {"too big", BYTES("<a>" X100 X100 X100 X100 X100 "</a>"), ERR_TOO_BIG, ""},
};

static void fragment_case_holds(void **state)
{
    const struct fragment_case *t = *state;
    struct arena arena = {0};
    struct xml_node *parent = NULL;
    struct strbuf out = {0};

    assert_int_equal(xml_reader_fragment(t->in, SPAN("c&d"), &small, &arena, &parent), t->want);
    if (t->want == 0) {
        xml_writer_children(&out, parent, SPAN("c&d"));
        assert_int_equal(out.size, strlen(t->want_out));
        assert_string_equal(strbuf_span(&out).ptr, t->want_out);
    }
    strbuf_done(&out);
    arena_done(&arena);
}

int main(void)
{
    struct CMUnitTest tests[COUNT_OF(cases) + COUNT_OF(fragments) + 5];
    size_t n = 0;

    for (size_t i = 0; i < COUNT_OF(cases); i++)
        tests[n++] = (struct CMUnitTest){.name = cases[i].name,
                                         .test_func = reader_case_holds,
                                         .initial_state = (void *)&cases[i]};
    for (size_t i = 0; i < COUNT_OF(fragments); i++)
        tests[n++] = (struct CMUnitTest){.name = fragments[i].name,
                                         .test_func = fragment_case_holds,
                                         .initial_state = (void *)&fragments[i]};
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(tells_what_is_unread);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(keeps_what_was_sent_ahead);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(works_again_after_a_failure);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(parks_when_idle);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(limits_change_on_the_way);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
