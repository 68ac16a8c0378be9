/* SPDX-License-Identifier: Apache-2.0 */
/* An XML element as a small tree in an arena (Namespaces in XML 1.0: a name is local name
 * and namespace, prefixes are gone).
 *
 * Nodes, names and values live as long as the arena they were made in; spans given to the
 * builders are borrowed, not copied, and must live as long. Nobody frees a node.
 * Single-threaded, like its arena. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/span.h"

#define XML_NODE_NS_XML "http://www.w3.org/XML/1998/namespace" /* of xml:lang */

enum xml_node_kind {
    XML_NODE_ELEMENT,
    XML_NODE_TEXT, /* characters, unescaped */
    XML_NODE_RAW,  /* children of its parent, already written by xml_writer_children()
                      with the parent's namespace as the default one */
};

struct xml_attr {
    struct xml_attr *next;
    struct span name;
    struct span ns; /* empty for nearly all */
    struct span value;
};

struct xml_node {
    enum xml_node_kind kind;
    struct span name; /* of an element */
    struct span ns;   /* of an element; empty: none */
    struct span text; /* of the other kinds */
    struct xml_attr *attrs;
    struct xml_node *first_child, *last_child;
    struct xml_node *next; /* sibling */
};

/* A new element without parent. ns may be NULL: no namespace. Both are borrowed. */
struct xml_node *xml_node_new(struct arena *arena, const char *name, const char *ns);
struct xml_node *xml_node_new_span(struct arena *arena, struct span name, struct span ns);

/* Value of an attribute without namespace; SPAN_NONE when absent. */
struct span xml_node_attr(const struct xml_node *n, const char *name);
struct span xml_node_attr_ns(const struct xml_node *n, const char *name, const char *ns);
struct span xml_node_lang(const struct xml_node *n); /* xml:lang */

/* Sets an attribute; a value of SPAN_NONE removes it. The value is borrowed. */
void xml_node_set(struct arena *arena, struct xml_node *n, const char *name, struct span value);
void xml_node_set_ns(struct arena *arena, struct xml_node *n, const char *name, const char *ns,
                     struct span value);
/* The same with a copy of the value. */
void xml_node_set_copy(struct arena *arena, struct xml_node *n, const char *name,
                       struct span value);
void xml_node_set_number(struct arena *arena, struct xml_node *n, const char *name,
                         uint64_t value);

/* True for an element of that name and namespace (NULL: any namespace). */
bool xml_node_is(const struct xml_node *n, const char *name, const char *ns);

/* First child element of that name (NULL: any) and namespace (NULL: any); else NULL. */
struct xml_node *xml_node_child(const struct xml_node *n, const char *name, const char *ns);
/* The next sibling element that matches likewise. */
struct xml_node *xml_node_next(const struct xml_node *n, const char *name, const char *ns);
/* Count of child elements. */
size_t xml_node_child_count(const struct xml_node *n);

/* All character data directly inside, joined (borrowed when it is one piece, else in the
 * arena). Empty, never SPAN_NONE, when there is none. */
struct span xml_node_text(const struct xml_node *n, struct arena *arena);

/* Appends a child that has no parent yet. */
void xml_node_add(struct xml_node *n, struct xml_node *child);
/* Makes a child element and appends it. */
struct xml_node *xml_node_add_new(struct arena *arena, struct xml_node *n, const char *name,
                                  const char *ns);
void xml_node_add_text(struct arena *arena, struct xml_node *n, struct span text);
/* Child element `name`, in the namespace of n, with text inside. */
struct xml_node *xml_node_add_leaf(struct arena *arena, struct xml_node *n, const char *name,
                                   struct span text);
void xml_node_add_raw(struct arena *arena, struct xml_node *n, struct span bytes);

/* Takes a child out. It must be one. */
void xml_node_remove(struct xml_node *n, struct xml_node *child);
/* Takes out every child element that matches; returns how many. */
size_t xml_node_remove_all(struct xml_node *n, const char *name, const char *ns);

/* A copy of the element, its attributes and children in the arena, spans and all. */
struct xml_node *xml_node_copy(struct arena *arena, const struct xml_node *n);
/* Element and attributes copied, spans and children shared with n: for a stanza that goes
 * out with another `to`. Do not add to or remove from both. */
struct xml_node *xml_node_shallow(struct arena *arena, const struct xml_node *n);

/* Same names, namespaces, values in any order of attributes, and joined text. Raw nodes
 * are equal when their bytes are. */
bool xml_node_equal(const struct xml_node *a, const struct xml_node *b);
