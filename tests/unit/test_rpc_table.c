/* SPDX-License-Identifier: Apache-2.0 */
/* Methods are found by their whole path only; roles by their name. */
#include "tests/support/unit.h"

#include "proto/rpc/rpc_table.h"

static void methods_by_path(void **state)
{
    (void)state;
    static const struct rpc_method methods[] = {{.path = "/a.B/C"}, {.path = "/a.B/D"}};
    const struct rpc_table table = {methods, 2};
    assert_ptr_equal(rpc_table_find(&table, SPAN("/a.B/D")), &methods[1]);
    assert_null(rpc_table_find(&table, SPAN("/a.B/")));
    assert_null(rpc_table_find(&table, SPAN("/a.B/DD")));
    assert_null(rpc_table_find(&table, SPAN("")));
}

static void roles_by_name(void **state)
{
    (void)state;
    for (unsigned role = RPC_ROLE_VIEWER; role < RPC_ROLE_COUNT; role++) {
        const char *name = rpc_table_role_name((enum rpc_role)role);
        assert_int_equal(rpc_table_role_parse(span_text(name)), role);
    }
    /* What grants nothing has no name that a certificate could carry. */
    assert_int_equal(rpc_table_role_parse(SPAN("anyone")), RPC_ROLE_UNSET);
    assert_int_equal(rpc_table_role_parse(SPAN("none")), RPC_ROLE_UNSET);
    assert_int_equal(rpc_table_role_parse(SPAN("Admin")), RPC_ROLE_UNSET);
    assert_int_equal(rpc_table_role_parse(SPAN("")), RPC_ROLE_UNSET);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(methods_by_path),
        cmocka_unit_test(roles_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
