/* SPDX-License-Identifier: Apache-2.0 */
/* xml_node: attributes, children and text of a small tree. */
#include "tests/support/unit.h"

#include "proto/xml/xml_node.h"

static struct arena arena;

static int arena_drop(void **state)
{
    (void)state;
    arena_done(&arena);
    return 0;
}

static void attributes_come_and_go(void **state)
{
    (void)state;
    struct xml_node *n = xml_node_new(&arena, "n", NULL);
    assert_true(span_is_none(xml_node_attr(n, "a")));
    xml_node_set(&arena, n, "a", SPAN("1"));
    xml_node_set_ns(&arena, n, "a", "ns", SPAN("2"));
    xml_node_set_ns(&arena, n, "lang", XML_NODE_NS_XML, SPAN("de"));
    xml_node_set_number(&arena, n, "h", 18446744073709551615U);
    assert_true(span_is(xml_node_attr(n, "a"), "1"));
    assert_true(span_is(xml_node_attr_ns(n, "a", "ns"), "2"));
    assert_true(span_is(xml_node_lang(n), "de"));
    assert_true(span_is(xml_node_attr(n, "h"), "18446744073709551615"));

    char changing[] = "3";
    xml_node_set_copy(&arena, n, "a", span_text(changing));
    changing[0] = '4';
    assert_true(span_is(xml_node_attr(n, "a"), "3"));
    xml_node_set(&arena, n, "a", SPAN_NONE);
    xml_node_set(&arena, n, "never", SPAN_NONE);
    assert_true(span_is_none(xml_node_attr(n, "a")));
    assert_true(span_is(xml_node_attr_ns(n, "a", "ns"), "2"));
}

static void children_are_found_and_removed(void **state)
{
    (void)state;
    struct xml_node *n = xml_node_new(&arena, "n", "x");
    assert_null(xml_node_child(n, NULL, NULL));
    xml_node_add_text(&arena, n, SPAN("t"));
    struct xml_node *a = xml_node_add_new(&arena, n, "a", "x");
    struct xml_node *b = xml_node_add_new(&arena, n, "a", "y");
    struct xml_node *c = xml_node_add_leaf(&arena, n, "c", SPAN("deep"));
    xml_node_add_text(&arena, n, SPAN("u"));

    assert_ptr_equal(xml_node_child(n, "a", NULL), a);
    assert_ptr_equal(xml_node_child(n, "a", "y"), b);
    assert_ptr_equal(xml_node_next(a, "a", NULL), b);
    assert_null(xml_node_next(b, "a", NULL));
    assert_true(xml_node_is(c, "c", "x"));
    assert_int_equal(xml_node_child_count(n), 3);
    assert_true(span_is(xml_node_text(n, &arena), "tu"));
    assert_true(span_is(xml_node_text(c, &arena), "deep"));
    assert_true(span_is(xml_node_text(a, &arena), ""));
    assert_non_null(xml_node_text(a, &arena).ptr);

    assert_int_equal(xml_node_remove_all(n, "a", NULL), 2);
    assert_ptr_equal(xml_node_child(n, NULL, NULL), c);
    xml_node_remove(n, n->last_child);
    xml_node_remove(n, n->first_child);
    xml_node_remove(n, c);
    assert_null(n->first_child);
    assert_null(n->last_child);
    xml_node_add(n, c);
    assert_ptr_equal(xml_node_child(n, "c", NULL), c);
}

static void copies_stand_alone(void **state)
{
    (void)state;
    struct arena first = {0};
    struct xml_node *n = xml_node_new(&first, "n", "x");
    xml_node_set(&first, n, "a", SPAN("1"));
    xml_node_add_leaf(&first, n, "b", SPAN("text"));

    struct xml_node *light = xml_node_shallow(&first, n);
    xml_node_set(&first, light, "a", SPAN("2"));
    assert_true(span_is(xml_node_attr(n, "a"), "1"));
    assert_ptr_equal(light->first_child, n->first_child);

    struct xml_node *copy = xml_node_copy(&arena, n);
    assert_true(xml_node_equal(copy, n));
    assert_false(xml_node_equal(copy, light));
    arena_done(&first);
    assert_true(span_is(xml_node_text(xml_node_child(copy, "b", "x"), &arena), "text"));
}

static void equality_ignores_order_and_pieces(void **state)
{
    (void)state;
    struct xml_node *a = xml_node_new(&arena, "n", "x");
    struct xml_node *b = xml_node_new(&arena, "n", "x");
    xml_node_set(&arena, a, "k", SPAN("1"));
    xml_node_set(&arena, a, "l", SPAN("2"));
    xml_node_set(&arena, b, "l", SPAN("2"));
    assert_false(xml_node_equal(a, b));
    assert_false(xml_node_equal(b, a));
    xml_node_set(&arena, b, "k", SPAN("1"));
    assert_true(xml_node_equal(a, b));
    xml_node_add_text(&arena, a, SPAN("ab"));
    xml_node_add_text(&arena, b, SPAN("a"));
    assert_false(xml_node_equal(a, b));
    xml_node_add_text(&arena, b, SPAN("b"));
    assert_true(xml_node_equal(a, b));
    xml_node_add_new(&arena, a, "c", "x");
    assert_false(xml_node_equal(a, b));
    xml_node_add_new(&arena, b, "c", "y");
    assert_false(xml_node_equal(a, b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(attributes_come_and_go, arena_drop),
        cmocka_unit_test_teardown(children_are_found_and_removed, arena_drop),
        cmocka_unit_test_teardown(copies_stand_alone, arena_drop),
        cmocka_unit_test_teardown(equality_ignores_order_and_pieces, arena_drop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
