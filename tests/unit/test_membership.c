/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/unit.h"

#include "base/err.h"
#include "replication/membership.h"

struct parse_case {
    const char *name;
    struct span bytes;
    int expected; /* rc, or the number of members */
};

#define COUNT_1 "\1\1\0\0\0\0\0\0\0"
#define COUNT_2 "\1\2\0\0\0\0\0\0\0"
#define ID_1    "\1\0\0\0\0\0\0\0"
#define ID_2    "\2\0\0\0\0\0\0\0"

static const struct parse_case cases[] = {
    {"nothing", {"", 0}, ERR_PROTOCOL},
    {"no members", {"\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16}, 0},
    {"one voter", {COUNT_1 ID_1 "1\0\1\0\0\0\0", 24}, 1},
    {"not padded", {COUNT_1 ID_1 "1\0\1", 20}, ERR_PROTOCOL},
    {"padded too far", {COUNT_1 ID_1 "1\0\1\0\0\0\0\0\0\0\0\0\0\0\0", 32}, ERR_PROTOCOL},
    {"padded with something", {COUNT_1 ID_1 "1\0\1\0\0\0\1", 24}, ERR_PROTOCOL},
    {"unknown format", {"\2\1\0\0\0\0\0\0\0" ID_1 "1\0\1\0\0\0\0", 24}, ERR_PROTOCOL},
    {"id 0",
     {COUNT_1 "\0\0\0\0\0\0\0\0"
              "1\0\1\0\0\0\0",
      24},
     ERR_PROTOCOL},
    {"role 3", {COUNT_1 ID_1 "1\0\3\0\0\0\0", 24}, ERR_PROTOCOL},
    {"no address", {COUNT_1 ID_1 "\0\1\0\0\0\0\0", 24}, ERR_PROTOCOL},
    {"address without end", {COUNT_1 ID_1 "1111111", 24}, ERR_PROTOCOL},
    {"address too long",
     {COUNT_1 ID_1 "11111111111111111111111111111111\0\1\0\0\0\0\0\0\0\0", 57},
     ERR_TOO_BIG},
    {"two", {COUNT_2 ID_1 "1\0\1" ID_2 "2\0\0\0\0", 32}, 2},
    {"two of one id", {COUNT_2 ID_1 "1\0\1" ID_1 "2\0\0\0\0", 32}, ERR_PROTOCOL},
    {"two of one address", {COUNT_2 ID_1 "1\0\1" ID_2 "1\0\0\0\0", 32}, ERR_PROTOCOL},
    {"more than there are", {"\1\20\0\0\0\0\0\0\0" ID_1 "1\0\1\0\0\0\0", 24}, ERR_PROTOCOL},
    {"more than allowed", {"\1\21\0\0\0\0\0\0\0" ID_1 "1\0\1\0\0\0\0", 24}, ERR_TOO_BIG},
    {"absurdly many",
     {"\1\377\377\377\377\377\377\377\377" ID_1 "1\0\1\0\0\0\0", 24},
     ERR_TOO_BIG},
};

static void parses(void **state)
{
    const struct parse_case *c = *state;
    struct membership m = {.count = 99};
    const int rc = membership_parse(c->bytes, &m);
    if (c->expected < 0) {
        assert_int_equal(rc, c->expected);
        assert_int_equal(m.count, 99); /* untouched */
        return;
    }
    assert_int_equal(rc, 0);
    assert_int_equal(m.count, c->expected);
    struct strbuf back = {0};
    membership_format(&m, &back);
    assert_true(span_equal(strbuf_span(&back), c->bytes));
    strbuf_done(&back);
}

static struct membership of(size_t voters, size_t standbys)
{
    struct membership m = {.count = 0};
    for (size_t i = 0; i < voters + standbys; i++)
        assert_int_equal(
            membership_set(&m, i + 1, i < voters ? MEMBERSHIP_VOTER : MEMBERSHIP_STANDBY), 0);
    return m;
}

static void holds_a_bounded_number(void **state)
{
    (void)state;
    struct membership m = of(MEMBERSHIP_MAX, 0);
    assert_int_equal(membership_set(&m, 99, MEMBERSHIP_VOTER), ERR_FULL);
    assert_int_equal(membership_set(&m, 3, MEMBERSHIP_SPARE), 0);
    assert_int_equal(membership_voter_count(&m), MEMBERSHIP_MAX - 1);
    assert_int_equal(membership_remove(&m, 99), ERR_NOT_FOUND);
    assert_int_equal(membership_remove(&m, 3), 0);
    assert_null(membership_find(&m, 3));
    assert_int_equal(membership_find(&m, 4)->id, 4);
}

static void one_step_is_one_member(void **state)
{
    (void)state;
    const struct membership three = of(3, 0);
    struct membership m = three;
    assert_false(membership_is_one_step(&three, &m)); /* nothing */
    (void)membership_set(&m, 4, MEMBERSHIP_STANDBY);
    assert_true(membership_is_one_step(&three, &m));
    assert_true(membership_is_one_step(&m, &three));
    struct membership two_more = m;
    (void)membership_set(&two_more, 5, MEMBERSHIP_STANDBY);
    assert_false(membership_is_one_step(&three, &two_more));
    (void)membership_set(&m, 1, MEMBERSHIP_SPARE); /* added and re-roled */
    assert_false(membership_is_one_step(&three, &m));

    m = three;
    (void)membership_set(&m, 2, MEMBERSHIP_STANDBY);
    assert_true(membership_is_one_step(&three, &m));
    (void)membership_set(&m, 3, MEMBERSHIP_STANDBY);
    assert_false(membership_is_one_step(&three, &m));

    for (uint64_t id = 1; id <= 3; id++) { /* the first, a middle one, the last */
        m = three;
        (void)membership_remove(&m, id);
        assert_true(membership_is_one_step(&three, &m));
        (void)membership_set(&m, 9, MEMBERSHIP_VOTER); /* swapped */
        assert_false(membership_is_one_step(&three, &m));
    }
}

int main(void)
{
    struct CMUnitTest tests[COUNT_OF(cases) + 2] = {
        cmocka_unit_test(holds_a_bounded_number),
        cmocka_unit_test(one_step_is_one_member),
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        tests[2 + i] = (struct CMUnitTest){.name = cases[i].name,
                                           .test_func = parses,
                                           .initial_state = (void *)(uintptr_t)&cases[i]};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
