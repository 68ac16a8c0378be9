/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/xmpp/dataform.h"

#include "proto/xmpp/xmpp_ns.h"

struct xml_node *dataform_find(const struct xml_node *parent)
{
    return xml_node_child(parent, "x", XMPP_NS_DATA);
}

struct span dataform_form_type(const struct xml_node *form, struct arena *arena)
{
    return dataform_value(dataform_field(form, "FORM_TYPE"), arena);
}

struct xml_node *dataform_field(const struct xml_node *form, const char *var)
{
    struct xml_node *field = xml_node_child(form, "field", XMPP_NS_DATA);
    while (field && !span_is(xml_node_attr(field, "var"), var))
        field = xml_node_next(field, "field", XMPP_NS_DATA);
    return field;
}

struct span dataform_value(const struct xml_node *field, struct arena *arena)
{
    const struct xml_node *value = field ? xml_node_child(field, "value", XMPP_NS_DATA) : NULL;
    return value ? xml_node_text(value, arena) : SPAN_NONE;
}

size_t dataform_value_count(const struct xml_node *field)
{
    size_t count = 0;
    const struct xml_node *value = xml_node_child(field, "value", XMPP_NS_DATA);
    for (; value; value = xml_node_next(value, "value", XMPP_NS_DATA))
        count++;
    return count;
}

struct xml_node *dataform_new(struct arena *arena, const char *type, const char *form_type)
{
    struct xml_node *form = xml_node_new(arena, "x", XMPP_NS_DATA);
    xml_node_set(arena, form, "type", span_text(type));
    dataform_add_field(arena, form, "FORM_TYPE", "hidden", span_text(form_type));
    return form;
}

struct xml_node *dataform_add_field(struct arena *arena, struct xml_node *form, const char *var,
                                    const char *type, struct span value)
{
    struct xml_node *field = xml_node_add_new(arena, form, "field", XMPP_NS_DATA);
    xml_node_set(arena, field, "var", span_text(var));
    xml_node_set(arena, field, "type", span_text(type));
    if (!span_is_none(value))
        xml_node_add_leaf(arena, field, "value", value);
    return field;
}
