/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/unit.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/faults.h"

static void nth_call_fails(void **state)
{
    (void)state;
    assert_false(FAULT("a.write")); /* nothing armed: not even counted */
    assert_int_equal(faults_arm("a.write", 3, 2), 0);
    const bool wanted[] = {false, false, true, true, false};
    for (size_t i = 0; i < COUNT_OF(wanted); i++)
        assert_int_equal(FAULT("a.write"), wanted[i]);
    assert_false(FAULT("b.write"));
    assert_int_equal(faults_passed("a.write"), 5);
    assert_int_equal(faults_passed("b.write"), 0);
    assert_int_equal(faults_arm("a.write", 2, 0), 0); /* for ever from the second on */
    assert_false(FAULT("a.write"));
    for (int i = 0; i < 10; i++)
        assert_true(FAULT("a.write"));
    faults_reset();
    assert_false(FAULT("a.write"));
}

static void chance_repeats_with_its_seed(void **state)
{
    (void)state;
    uint64_t runs[2] = {0, 0};
    for (int run = 0; run < 2; run++) {
        assert_int_equal(faults_arm_random("a", 300, 7), 0);
        for (int i = 0; i < 64; i++)
            runs[run] = runs[run] << 1 | FAULT("a");
    }
    assert_true(runs[0] != 0 && runs[0] != UINT64_MAX);
    assert_int_equal(runs[0], runs[1]);
    assert_int_equal(faults_arm_random("a", 1000, 1), 0);
    assert_true(FAULT("a"));
    faults_reset();
}

static void bad_points_are_refused(void **state)
{
    (void)state;
    char name[FAULTS_NAME_MAX + 2];
    memset(name, 'n', sizeof(name));
    name[FAULTS_NAME_MAX + 1] = '\0';
    assert_int_equal(faults_arm(name, 1, 1), ERR_INVALID);
    name[FAULTS_NAME_MAX] = '\0';
    assert_int_equal(faults_arm(name, 1, 1), 0);
    assert_int_equal(faults_arm("", 1, 1), ERR_INVALID);
    assert_int_equal(faults_arm("a", 0, 1), ERR_INVALID);
    assert_int_equal(faults_arm_random("a", 0, 1), ERR_INVALID);
    assert_int_equal(faults_arm_random("a", 1001, 1), ERR_INVALID);
    for (int i = 1; i < FAULTS_MAX; i++) {
        (void)snprintf(name, sizeof(name), "p%d", i);
        assert_int_equal(faults_arm(name, 1, 1), 0);
    }
    assert_int_equal(faults_arm("one more", 1, 1), ERR_FULL);
    faults_reset();
}

struct text_case {
    const char *name, *text;
    int rc;
};

static const struct text_case texts[] = {
    {"one", "a=2", 0},
    {"two", " a=2  b=1+3 ", 0},
    {"by chance", "a=2 c=~50/7", 0},
    {"nothing", "", 0},
    {"no number", "a=", ERR_INVALID},
    {"no sign", "a", ERR_INVALID},
    {"zero", "a=0", ERR_INVALID},
    {"tail", "a=2x", ERR_INVALID},
    {"no count", "a=2+", ERR_INVALID},
    {"no name", "=2", ERR_INVALID},
    {"too often", "a=~1001/1", ERR_INVALID},
    {"good then bad", "a=2 b=", ERR_INVALID},
};

static void text_arms(void **state)
{
    const struct text_case *c = *state;
    CLEANUP(strbuf_done) struct strbuf why = {0};
    assert_int_equal(faults_arm_text(c->text, &why), c->rc);
    assert_true((why.size > 0) == (c->rc < 0));
    const bool is_armed = c->rc == 0 && c->text[0] != '\0';
    assert_false(FAULT("a"));
    assert_int_equal(FAULT("a"), is_armed);
    faults_reset();
}

int main(void)
{
    struct CMUnitTest rows[COUNT_OF(texts)];
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        rows[i] = (struct CMUnitTest){
            .name = texts[i].name, .test_func = text_arms, .initial_state = (void *)&texts[i]};
    const struct CMUnitTest others[] = {
        cmocka_unit_test(nth_call_fails),
        cmocka_unit_test(chance_repeats_with_its_seed),
        cmocka_unit_test(bad_points_are_refused),
    };
    return cmocka_run_group_tests(rows, NULL, NULL) +
           cmocka_run_group_tests(others, NULL, NULL);
}
