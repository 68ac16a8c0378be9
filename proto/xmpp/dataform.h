/* SPDX-License-Identifier: Apache-2.0 */
/* Data forms (XEP-0004) with their FORM_TYPE (XEP-0068). */
#pragma once

#include "proto/xml/xml_node.h"

/* The form inside parent, or NULL. */
struct xml_node *dataform_find(const struct xml_node *parent);

/* Value of FORM_TYPE; SPAN_NONE without one. */
struct span dataform_form_type(const struct xml_node *form, struct arena *arena);

/* Field by its var, or NULL. */
struct xml_node *dataform_field(const struct xml_node *form, const char *var);
/* First value of a field; SPAN_NONE without one. field may be NULL. */
struct span dataform_value(const struct xml_node *field, struct arena *arena);
/* Values of a field; the caller walks them with xml_node_child() and xml_node_next() of
 * "value". */
size_t dataform_value_count(const struct xml_node *field);

/* A form of type "form", "submit" or "result", with FORM_TYPE. */
struct xml_node *dataform_new(struct arena *arena, const char *type, const char *form_type);
/* Appends a field; type may be NULL, value SPAN_NONE. */
struct xml_node *dataform_add_field(struct arena *arena, struct xml_node *form, const char *var,
                                    const char *type, struct span value);
