/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 6121, Appendix A, cell by cell, written down a second time as the RFC prints it. */
#include "tests/support/unit.h"

#include <stdio.h>
#include <string.h>

#include "replication/rostertable.h"

static const char *const names[ROSTERTABLE_STATES] = {
    "None",    "None + Out", "None + In",  "None + Out+In", "To",
    "To + In", "From",       "From + Out", "Both",
};

enum direction { OUT, IN };

/* One row a state, one column a kind: subscribe, unsubscribe, subscribed, unsubscribed.
 * "!" before the state: goes on; "=": the state stays. */
struct table_case {
    const char *name;
    enum direction direction;
    const char *cells[4];
};

static const struct table_case cases[] = {
    {"None", OUT, {"!None + Out", "!=", "=", "="}},
    {"None + Out", OUT, {"!=", "!None", "=", "="}},
    {"None + In", OUT, {"!None + Out+In", "!=", "!From", "!None"}},
    {"None + Out+In", OUT, {"!=", "!None + In", "!From + Out", "!None + Out"}},
    {"To", OUT, {"!=", "!None", "=", "="}},
    {"To + In", OUT, {"!=", "!None + In", "!Both", "!To"}},
    {"From", OUT, {"!From + Out", "!=", "=", "!None"}},
    {"From + Out", OUT, {"!=", "!From", "=", "!None + Out"}},
    {"Both", OUT, {"!=", "!From", "=", "!To"}},
    {"None", IN, {"!None + In", "=", "=", "="}},
    {"None + Out", IN, {"!None + Out+In", "=", "!To", "!None"}},
    {"None + In", IN, {"=", "!None", "=", "="}},
    {"None + Out+In", IN, {"=", "!None + Out", "!To + In", "!None + In"}},
    {"To", IN, {"!To + In", "=", "=", "!None"}},
    {"To + In", IN, {"=", "!To", "=", "!None + In"}},
    {"From", IN, {"=", "!None", "=", "="}},
    {"From + Out", IN, {"=", "!None + Out", "!Both", "!From"}},
    {"Both", IN, {"=", "!To", "=", "!From"}},
};

static const Store__SubscribeKind kinds[4] = {
    STORE__SUBSCRIBE_KIND__SUBSCRIBE_ASK,
    STORE__SUBSCRIBE_KIND__SUBSCRIBE_CANCEL,
    STORE__SUBSCRIBE_KIND__SUBSCRIBE_GRANT,
    STORE__SUBSCRIBE_KIND__SUBSCRIBE_DENY,
};

static enum rostertable_state state_named(const char *name)
{
    for (enum rostertable_state s = ROSTERTABLE_NONE; s < ROSTERTABLE_STATES; s++)
        if (strcmp(names[s], name) == 0)
            return s;
    fail_msg("no state %s", name);
    return ROSTERTABLE_NONE;
}

static void row_is_as_the_rfc_prints_it(void **state)
{
    const struct table_case *c = *state;
    const enum rostertable_state from = state_named(c->name);

    for (int i = 0; i < 4; i++) {
        const char *cell = c->cells[i];
        const bool is_passed = cell[0] == '!';
        cell += is_passed;
        const struct rostertable_move move = c->direction == OUT
                                                 ? rostertable_out(from, kinds[i])
                                                 : rostertable_in(from, kinds[i]);
        const char *to = cell[0] == '=' ? c->name : cell;
        if (move.is_passed != is_passed || strcmp(names[move.state], to) != 0)
            fail_msg("kind %d: %s%s, not %s%s", i, move.is_passed ? "!" : "", names[move.state],
                     is_passed ? "!" : "", to);
        /* Only a request of somebody who may see the user already is answered at once. */
        assert_int_equal(move.is_answered,
                         c->direction == IN && i == 0 && from >= ROSTERTABLE_FROM);
    }
}

static void states_and_rows_map_both_ways(void **state)
{
    (void)state;
    for (enum rostertable_state s = ROSTERTABLE_NONE; s < ROSTERTABLE_STATES; s++) {
        Store__RosterRow row = STORE__ROSTER_ROW__INIT;
        rostertable_to_row(s, &row);
        assert_int_equal(rostertable_of_row(&row), s);
    }
    /* Flags that cannot be together are read as the stronger one. */
    Store__RosterRow odd = STORE__ROSTER_ROW__INIT;
    odd.is_to = odd.is_from = odd.is_pending_out = odd.is_pending_in = true;
    assert_int_equal(rostertable_of_row(&odd), ROSTERTABLE_BOTH);
}

int main(void)
{
    struct CMUnitTest tests[COUNT_OF(cases) + 1];
    char labels[COUNT_OF(cases)][32];
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        (void)snprintf(labels[i], sizeof(labels[i]), "%s %s",
                       cases[i].direction == OUT ? "out" : "in", cases[i].name);
        tests[i] = (struct CMUnitTest){.name = labels[i],
                                       .test_func = row_is_as_the_rfc_prints_it,
                                       .initial_state = (void *)(uintptr_t)&cases[i]};
    }
    tests[COUNT_OF(cases)] = (struct CMUnitTest)cmocka_unit_test(states_and_rows_map_both_ways);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
