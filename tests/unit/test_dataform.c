/* SPDX-License-Identifier: Apache-2.0 */
/* dataform: fields in, fields out. */
#include "tests/support/xml_text.h"

#include "proto/xmpp/dataform.h"

static void reads_fields(void **state)
{
    (void)state;
    struct arena a = {0};
    const struct xml_node *form = dataform_find(xml_text_parse(
        &a, "<q><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>t</value>"
            "</field><field var='a'><value>1</value><value>2</value></field><field var='b'/>"
            "<field><value>none</value></field></x></q>"));
    assert_non_null(form);
    assert_true(span_is(dataform_form_type(form, &a), "t"));
    assert_true(span_is(dataform_value(dataform_field(form, "a"), &a), "1"));
    assert_int_equal(dataform_value_count(dataform_field(form, "a")), 2);
    assert_true(span_is_none(dataform_value(dataform_field(form, "b"), &a)));
    assert_null(dataform_field(form, "c"));
    assert_true(span_is_none(dataform_value(NULL, &a)));
    assert_null(dataform_find(form));
    arena_done(&a);
}

static void writes_fields(void **state)
{
    (void)state;
    struct arena a = {0};
    struct xml_node *form = dataform_new(&a, "result", "t");
    dataform_add_field(&a, form, "a", NULL, SPAN("1"));
    dataform_add_field(&a, form, "b", "boolean", SPAN_NONE);
    xml_text_assert(form, "<x xmlns='jabber:x:data' type='result'><field var='FORM_TYPE' "
                          "type='hidden'><value>t</value></field><field var='a'><value>1"
                          "</value></field><field var='b' type='boolean'/></x>");
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_fields),
        cmocka_unit_test(writes_fields),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
