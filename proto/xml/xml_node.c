/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/xml/xml_node.h"

#include <assert.h>

#include "base/strbuf.h"

struct xml_node *xml_node_new_span(struct arena *arena, struct span name, struct span ns)
{
    struct xml_node *n = arena_zeroed(arena, sizeof(*n));
    n->kind = XML_NODE_ELEMENT;
    n->name = name;
    n->ns = ns;
    return n;
}

struct xml_node *xml_node_new(struct arena *arena, const char *name, const char *ns)
{
    return xml_node_new_span(arena, span_text(name), span_text(ns ? ns : ""));
}

static struct xml_attr *attr_find(const struct xml_node *n, struct span name, struct span ns)
{
    for (struct xml_attr *a = n->attrs; a; a = a->next)
        if (span_equal(a->name, name) && span_equal(a->ns, ns))
            return a;
    return NULL;
}

struct span xml_node_attr(const struct xml_node *n, const char *name)
{
    return xml_node_attr_ns(n, name, "");
}

struct span xml_node_attr_ns(const struct xml_node *n, const char *name, const char *ns)
{
    const struct xml_attr *a = attr_find(n, span_text(name), span_text(ns));
    return a ? a->value : SPAN_NONE;
}

struct span xml_node_lang(const struct xml_node *n)
{
    return xml_node_attr_ns(n, "lang", XML_NODE_NS_XML);
}

static void attr_remove(struct xml_node *n, const struct xml_attr *gone)
{
    struct xml_attr **at = &n->attrs;
    while (*at != gone)
        at = &(*at)->next;
    *at = gone->next;
}

void xml_node_set_ns(struct arena *arena, struct xml_node *n, const char *name, const char *ns,
                     struct span value)
{
    struct xml_attr *a = attr_find(n, span_text(name), span_text(ns));
    if (span_is_none(value)) {
        if (a)
            attr_remove(n, a);
        return;
    }
    if (!a) {
        struct xml_attr **end = &n->attrs;
        while (*end)
            end = &(*end)->next;
        a = *end = arena_zeroed(arena, sizeof(*a));
        a->name = span_text(name);
        a->ns = span_text(ns);
    }
    a->value = value;
}

void xml_node_set(struct arena *arena, struct xml_node *n, const char *name, struct span value)
{
    xml_node_set_ns(arena, n, name, "", value);
}

void xml_node_set_copy(struct arena *arena, struct xml_node *n, const char *name,
                       struct span value)
{
    xml_node_set(arena, n, name, arena_copy(arena, value));
}

void xml_node_set_number(struct arena *arena, struct xml_node *n, const char *name,
                         uint64_t value)
{
    char digits[20];
    size_t first = sizeof(digits);
    do {
        digits[--first] = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    xml_node_set_copy(arena, n, name, span_of(digits + first, sizeof(digits) - first));
}

bool xml_node_is(const struct xml_node *n, const char *name, const char *ns)
{
    return n->kind == XML_NODE_ELEMENT && (!name || span_is(n->name, name)) &&
           (!ns || span_is(n->ns, ns));
}

static struct xml_node *first_match(struct xml_node *n, const char *name, const char *ns)
{
    while (n && !xml_node_is(n, name, ns))
        n = n->next;
    return n;
}

struct xml_node *xml_node_child(const struct xml_node *n, const char *name, const char *ns)
{
    return first_match(n->first_child, name, ns);
}

struct xml_node *xml_node_next(const struct xml_node *n, const char *name, const char *ns)
{
    return first_match(n->next, name, ns);
}

size_t xml_node_child_count(const struct xml_node *n)
{
    size_t count = 0;
    for (const struct xml_node *c = n->first_child; c; c = c->next)
        count += c->kind == XML_NODE_ELEMENT;
    return count;
}

struct span xml_node_text(const struct xml_node *n, struct arena *arena)
{
    struct span only = SPAN("");
    size_t size = 0;
    size_t pieces = 0;
    for (const struct xml_node *c = n->first_child; c; c = c->next) {
        if (c->kind != XML_NODE_TEXT)
            continue;
        only = c->text;
        size += c->text.size;
        pieces++;
    }
    if (pieces < 2)
        return only;

    char *joined = arena_zeroed(arena, size + 1);
    size_t at = 0;
    for (const struct xml_node *c = n->first_child; c; c = c->next) {
        if (c->kind != XML_NODE_TEXT || c->text.size == 0)
            continue;
        memcpy(joined + at, c->text.ptr, c->text.size);
        at += c->text.size;
    }
    return span_of(joined, size);
}

void xml_node_add(struct xml_node *n, struct xml_node *child)
{
    assert(!child->next);
    if (n->last_child)
        n->last_child->next = child;
    else
        n->first_child = child;
    n->last_child = child;
}

struct xml_node *xml_node_add_new(struct arena *arena, struct xml_node *n, const char *name,
                                  const char *ns)
{
    struct xml_node *child = xml_node_new(arena, name, ns);
    xml_node_add(n, child);
    return child;
}

static void add_characters(struct arena *arena, struct xml_node *n, enum xml_node_kind kind,
                           struct span text)
{
    struct xml_node *child = arena_zeroed(arena, sizeof(*child));
    child->kind = kind;
    child->text = text;
    xml_node_add(n, child);
}

void xml_node_add_text(struct arena *arena, struct xml_node *n, struct span text)
{
    add_characters(arena, n, XML_NODE_TEXT, text);
}

struct xml_node *xml_node_add_leaf(struct arena *arena, struct xml_node *n, const char *name,
                                   struct span text)
{
    struct xml_node *child = xml_node_new_span(arena, span_text(name), n->ns);
    xml_node_add(n, child);
    xml_node_add_text(arena, child, text);
    return child;
}

void xml_node_add_raw(struct arena *arena, struct xml_node *n, struct span bytes)
{
    add_characters(arena, n, XML_NODE_RAW, bytes);
}

void xml_node_remove(struct xml_node *n, struct xml_node *child)
{
    struct xml_node *before = NULL;
    for (struct xml_node *c = n->first_child; c != child; c = c->next) {
        assert(c); /* it is a child */
        before = c;
    }
    if (before)
        before->next = child->next;
    else
        n->first_child = child->next;
    if (n->last_child == child)
        n->last_child = before;
    child->next = NULL;
}

size_t xml_node_remove_all(struct xml_node *n, const char *name, const char *ns)
{
    size_t removed = 0;
    for (struct xml_node *c = xml_node_child(n, name, ns); c;) {
        struct xml_node *next = xml_node_next(c, name, ns);
        xml_node_remove(n, c);
        removed++;
        c = next;
    }
    return removed;
}

struct xml_node *xml_node_shallow(struct arena *arena, const struct xml_node *n)
{
    struct xml_node *copy = arena_zeroed(arena, sizeof(*copy));
    *copy = *n;
    copy->next = NULL;
    copy->attrs = NULL;
    struct xml_attr **end = &copy->attrs;
    for (const struct xml_attr *a = n->attrs; a; a = a->next) {
        *end = arena_zeroed(arena, sizeof(**end));
        **end = *a;
        (*end)->next = NULL;
        end = &(*end)->next;
    }
    return copy;
}

struct xml_node *xml_node_copy(struct arena *arena, const struct xml_node *n)
{
    struct xml_node *copy = xml_node_shallow(arena, n);
    copy->name = arena_copy(arena, n->name);
    copy->ns = arena_copy(arena, n->ns);
    copy->text = arena_copy(arena, n->text);
    for (struct xml_attr *a = copy->attrs; a; a = a->next) {
        a->name = arena_copy(arena, a->name);
        a->ns = arena_copy(arena, a->ns);
        a->value = arena_copy(arena, a->value);
    }
    copy->first_child = copy->last_child = NULL;
    for (const struct xml_node *c = n->first_child; c; c = c->next)
        xml_node_add(copy, xml_node_copy(arena, c));
    return copy;
}

static bool attrs_within(const struct xml_node *a, const struct xml_node *b)
{
    for (const struct xml_attr *at = a->attrs; at; at = at->next) {
        const struct xml_attr *other = attr_find(b, at->name, at->ns);
        if (!other || !span_equal(at->value, other->value))
            return false;
    }
    return true;
}

/* Steps over a run of text nodes; returns what follows and the run's joined text. */
static const struct xml_node *text_run(const struct xml_node *n, struct strbuf *ret_text)
{
    strbuf_clear(ret_text);
    for (; n && n->kind == XML_NODE_TEXT; n = n->next)
        strbuf_add(ret_text, n->text);
    return n;
}

static bool children_equal(const struct xml_node *a, const struct xml_node *b)
{
    struct strbuf text_a = {0};
    struct strbuf text_b = {0};
    const struct xml_node *ca = a->first_child;
    const struct xml_node *cb = b->first_child;
    bool is_equal = true;
    while (is_equal && (ca || cb)) {
        ca = text_run(ca, &text_a);
        cb = text_run(cb, &text_b);
        is_equal = span_equal(strbuf_span(&text_a), strbuf_span(&text_b)) && !ca == !cb &&
                   (!ca || xml_node_equal(ca, cb));
        ca = ca ? ca->next : NULL;
        cb = cb ? cb->next : NULL;
    }
    strbuf_done(&text_a);
    strbuf_done(&text_b);
    return is_equal;
}

bool xml_node_equal(const struct xml_node *a, const struct xml_node *b)
{
    return a->kind == b->kind && span_equal(a->name, b->name) && span_equal(a->ns, b->ns) &&
           (a->kind != XML_NODE_RAW || span_equal(a->text, b->text)) && attrs_within(a, b) &&
           attrs_within(b, a) && children_equal(a, b);
}
