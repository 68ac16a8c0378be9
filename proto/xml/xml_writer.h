/* SPDX-License-Identifier: Apache-2.0 */
/* Writes xml_node trees as bytes (XML 1.0, Namespaces in XML 1.0).
 *
 * What is written is self-contained: given the default namespace that the caller names, it
 * needs no declaration from outside. Elements carry no prefixes; an attribute in a
 * namespace other than xml: gets a prefix of its own. Tab, LF and CR in attributes and CR
 * in text go out as character references, so that what was parsed and is written parses to
 * the same tree again. A control character that XML forbids becomes U+FFFD. */
#pragma once

#include "base/strbuf.h"
#include "proto/xml/xml_node.h"

/* The element. default_ns: the one in force where the bytes will stand. */
void xml_writer_node(struct strbuf *out, const struct xml_node *n, struct span default_ns);

/* What is inside the element, without its own tags. With default_ns = n->ns the bytes can
 * be stored and put back by xml_node_add_raw(). */
void xml_writer_children(struct strbuf *out, const struct xml_node *n, struct span default_ns);

/* Only `<name a='v' …>`, with xmlns when the namespace is not default_ns. */
void xml_writer_open(struct strbuf *out, const struct xml_node *n, struct span default_ns);
void xml_writer_close(struct strbuf *out, const struct xml_node *n);

/* Escaped text, and ` name='value'` (nothing for SPAN_NONE). */
void xml_writer_text(struct strbuf *out, struct span text);
void xml_writer_attr(struct strbuf *out, const char *name, struct span value);
