/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/xml/xml_writer.h"

static struct span text_escape(unsigned char byte)
{
    switch (byte) {
    case '&':
        return SPAN("&amp;");
    case '<':
        return SPAN("&lt;");
    case '>':
        return SPAN("&gt;");
    case '\r': /* a literal one would be read as LF (XML 1.0, 2.11) */
        return SPAN("&#13;");
    case '\t':
    case '\n':
        return SPAN_NONE;
    default:
        return byte < 0x20 ? SPAN("\xEF\xBF\xBD") : SPAN_NONE;
    }
}

static struct span attr_escape(unsigned char byte)
{
    switch (byte) {
    case '\'':
        return SPAN("&apos;");
    case '"':
        return SPAN("&quot;");
    case '\t': /* literal ones would be read as spaces (XML 1.0, 3.3.3) */
        return SPAN("&#9;");
    case '\n':
        return SPAN("&#10;");
    default:
        return text_escape(byte);
    }
}

static void add_escaped(struct strbuf *out, struct span text,
                        struct span (*escape)(unsigned char byte))
{
    size_t done = 0;
    for (size_t i = 0; i < text.size; i++) {
        const struct span escaped = escape((unsigned char)text.ptr[i]);
        if (span_is_none(escaped))
            continue;
        strbuf_add(out, span_of(text.ptr + done, i - done));
        strbuf_add(out, escaped);
        done = i + 1;
    }
    strbuf_add(out, span_from(text, done));
}

void xml_writer_text(struct strbuf *out, struct span text)
{
    add_escaped(out, text, text_escape);
}

static void add_quoted(struct strbuf *out, struct span value)
{
    strbuf_add_text(out, "='");
    add_escaped(out, value, attr_escape);
    strbuf_add_byte(out, '\'');
}

void xml_writer_attr(struct strbuf *out, const char *name, struct span value)
{
    if (span_is_none(value))
        return;
    strbuf_add_byte(out, ' ');
    strbuf_add_text(out, name);
    add_quoted(out, value);
}

static void add_attribute(struct strbuf *out, const struct xml_attr *a, unsigned *prefixes)
{
    strbuf_add_byte(out, ' ');
    if (span_is(a->ns, XML_NODE_NS_XML)) {
        strbuf_add_text(out, "xml:");
    } else if (a->ns.size > 0) {
        /* A prefix of its own for each: two of one namespace are rare. */
        strbuf_printf(out, "xmlns:a%u", *prefixes);
        add_quoted(out, a->ns);
        strbuf_printf(out, " a%u:", *prefixes);
        ++*prefixes;
    }
    strbuf_add(out, a->name);
    add_quoted(out, a->value);
}

/* The xml: namespace cannot be declared as the default one. */
static bool has_xml_prefix(const struct xml_node *n)
{
    return span_is(n->ns, XML_NODE_NS_XML);
}

static void add_element_name(struct strbuf *out, const struct xml_node *n)
{
    if (has_xml_prefix(n))
        strbuf_add_text(out, "xml:");
    strbuf_add(out, n->name);
}

static void add_start(struct strbuf *out, const struct xml_node *n, struct span default_ns)
{
    strbuf_add_byte(out, '<');
    add_element_name(out, n);
    if (!has_xml_prefix(n) && !span_equal(n->ns, default_ns)) {
        strbuf_add_text(out, " xmlns");
        add_quoted(out, n->ns);
    }
    unsigned prefixes = 0;
    for (const struct xml_attr *a = n->attrs; a; a = a->next)
        add_attribute(out, a, &prefixes);
}

void xml_writer_open(struct strbuf *out, const struct xml_node *n, struct span default_ns)
{
    add_start(out, n, default_ns);
    strbuf_add_byte(out, '>');
}

void xml_writer_close(struct strbuf *out, const struct xml_node *n)
{
    strbuf_add_text(out, "</");
    add_element_name(out, n);
    strbuf_add_byte(out, '>');
}

void xml_writer_children(struct strbuf *out, const struct xml_node *n, struct span default_ns)
{
    for (const struct xml_node *c = n->first_child; c; c = c->next) {
        switch (c->kind) {
        case XML_NODE_ELEMENT:
            xml_writer_node(out, c, default_ns);
            break;
        case XML_NODE_TEXT:
            xml_writer_text(out, c->text);
            break;
        case XML_NODE_RAW:
            strbuf_add(out, c->text);
            break;
        }
    }
}

void xml_writer_node(struct strbuf *out, const struct xml_node *n, struct span default_ns)
{
    add_start(out, n, default_ns);
    if (!n->first_child) {
        strbuf_add_text(out, "/>");
        return;
    }
    strbuf_add_byte(out, '>');
    xml_writer_children(out, n, has_xml_prefix(n) ? default_ns : n->ns);
    xml_writer_close(out, n);
}
