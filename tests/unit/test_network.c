/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/unit.h"

#include "base/err.h"
#include "base/network.h"

struct network_case {
    const char *name, *network, *address; /* address: NULL where the network is none */
    bool is_inside;
};

static const struct network_case cases[] = {
    {"an address is itself", "192.0.2.1", "192.0.2.1", true},
    {"and no other", "192.0.2.1", "192.0.2.2", false},
    {"within", "10.1.0.0/16", "10.1.255.255", true},
    {"beside", "10.1.0.0/16", "10.2.0.0", false},
    {"not on a byte", "10.0.0.0/9", "10.127.0.1", true},
    {"not on a byte, beside", "10.0.0.0/9", "10.128.0.1", false},
    {"all of IPv4", "0.0.0.0/0", "203.0.113.9", true},
    {"all of IPv4 is not IPv6", "0.0.0.0/0", "2001:db8::1", false},
    {"IPv6", "2001:db8::/32", "2001:db8:1::9", true},
    {"most bits of IPv4", "10.0.0.1/32", "10.0.0.1", true},
    {"too many bits of IPv4", "10.0.0.1/33", NULL, false},
    {"too many bits of IPv6", "::1/129", NULL, false},
    {"no bits", "10.0.0.0/", NULL, false},
    {"bits that are no number", "10.0.0.0/x", NULL, false},
    {"a name", "localhost", NULL, false},
    {"nothing", "", NULL, false},
};

static void network_case_holds(void **state)
{
    const struct network_case *c = *state;
    struct network n, single;
    if (!c->address) {
        assert_int_equal(network_parse(span_text(c->network), &n), ERR_INVALID);
        return;
    }
    assert_int_equal(network_parse(span_text(c->network), &n), 0);
    assert_int_equal(network_parse(span_text(c->address), &single), 0);
    assert_int_equal(network_has(&n, single.bytes), c->is_inside);
}

static void a_list_is_taken_apart(void **state)
{
    (void)state;
    struct span list = SPAN(" a, b c,,d ");
    const char *const words[] = {"a", "b", "c", "d"};
    for (size_t i = 0; i < COUNT_OF(words); i++)
        assert_true(span_is(network_next(&list), words[i]));
    assert_true(span_is_none(network_next(&list)));
    assert_true(span_is_none(network_next(&list)));
}

int main(void)
{
    struct CMUnitTest tests[COUNT_OF(cases) + 1];
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        tests[i] = (struct CMUnitTest){.name = cases[i].name,
                                       .test_func = network_case_holds,
                                       .initial_state = (void *)(uintptr_t)&cases[i]};
    tests[COUNT_OF(cases)] = (struct CMUnitTest)cmocka_unit_test(a_list_is_taken_apart);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
