/* SPDX-License-Identifier: Apache-2.0 */
#include "node/im/inbound.h"

#include "base/mem.h"
#include "base/prng.h"
#include "tests/support/unit.h"

/* The store's side of the contract, as applier and log would keep it. */
struct log_model {
    uint64_t durable_n, safe;
    uint64_t applied[4096];
    size_t count;
};

/* Applies one proposal as apply_session_origin() does. */
static enum inbound_verdict log_apply(struct log_model *log, const struct inbound_origin *o)
{
    if (o->n <= log->durable_n)
        return INBOUND_APPLIED; /* a duplicate */
    if (o->prev != log->durable_n)
        return INBOUND_AGAIN;
    log->durable_n = o->n;
    if (o->safe > log->safe)
        log->safe = o->safe;
    log->applied[log->count++] = o->n;
    return INBOUND_APPLIED;
}

static int work; /* what waiting entries point to */

/* ---- Safe ----------------------------------------------------------------------------- */

static void safe_stops_at_the_first_that_is_not_effective(void **state)
{
    (void)state;
    struct inbound in = {0};
    for (uint64_t n = 1; n <= 5; n++)
        assert_int_equal(inbound_count(&in), n);
    inbound_finish(&in, 2);
    inbound_finish(&in, 3);
    assert_int_equal(in.safe, 0);
    inbound_finish(&in, 1);
    assert_int_equal(in.safe, 3);
    inbound_finish(&in, 1); /* again: nothing */
    inbound_finish(&in, 5);
    assert_int_equal(in.safe, 3);
    assert_false(inbound_is_quiet(&in));
    inbound_finish(&in, 4);
    assert_int_equal(in.safe, 5);
    assert_true(inbound_is_quiet(&in));
    inbound_done(&in);
}

static void enabling_begins_a_count_of_its_own(void **state)
{
    (void)state;
    struct inbound in = {0};
    const uint64_t before = inbound_count(&in);
    inbound_enable(&in);
    assert_int_equal(inbound_safe_h(&in), 0);
    const uint64_t first = inbound_count(&in);
    assert_int_equal(inbound_h(first), 1);
    assert_true(first > before);
    inbound_finish(&in, first);
    assert_int_equal(inbound_safe_h(&in), 0); /* what came before is not done */
    assert_int_equal(inbound_stored_h(in.safe), 0);
    inbound_finish(&in, before);
    assert_int_equal(inbound_safe_h(&in), 1);
    assert_int_equal(inbound_stored_h(in.safe), 1);
    assert_int_equal(inbound_stored_h(5), 0); /* a count from before */
    inbound_done(&in);
}

static void a_proposal_carries_what_will_hold(void **state)
{
    (void)state;
    struct inbound in = {0};
    struct inbound_origin o;
    for (int i = 0; i < 6; i++)
        inbound_count(&in);
    inbound_finish(&in, 1);
    inbound_wait(&in, 2, &work);
    assert_ptr_equal(inbound_next(&in, &o), &work);
    assert_int_equal(o.n, 2);
    assert_int_equal(o.prev, 0);
    assert_int_equal(o.safe, 2); /* once it is applied */
    inbound_proposed(&in, 2);
    inbound_wait(&in, 3, &work);
    inbound_next(&in, &o);
    assert_int_equal(o.prev, 2);
    assert_int_equal(o.safe, 3); /* 2 stands before it in the log */
    inbound_proposed(&in, 3);
    inbound_wait(&in, 5, &work);
    inbound_next(&in, &o);
    assert_int_equal(o.prev, 3);
    assert_int_equal(o.safe, 3); /* 4 is under way */
    inbound_finish(&in, 4);
    inbound_next(&in, &o);
    assert_int_equal(o.safe, 5);
    inbound_done(&in);
}

static void deferred_ones_hold_back_those_behind(void **state)
{
    (void)state;
    struct inbound in = {0};
    struct inbound_origin o;
    inbound_count(&in);
    inbound_count(&in);
    inbound_defer(&in, 1);
    inbound_wait(&in, 2, &work);
    assert_null(inbound_next(&in, &o));
    inbound_wait(&in, 1, &work);
    assert_non_null(inbound_next(&in, &o));
    assert_int_equal(o.n, 1);
    inbound_done(&in);
}

static bool keeps_two(uint64_t n, void *arg)
{
    (void)arg;
    return n == 2;
}

static void abandoned_ones_count_as_done(void **state)
{
    (void)state;
    struct inbound in = {0};
    for (int i = 0; i < 4; i++)
        inbound_count(&in);
    inbound_defer(&in, 3);
    inbound_abandon(&in, keeps_two, NULL);
    assert_int_equal(in.safe, 1);
    assert_int_equal(in.open_count, 1);
    inbound_finish(&in, 2);
    assert_int_equal(in.safe, 4);
    inbound_done(&in);
}

/* ---- Repair --------------------------------------------------------------------------- */

struct repair_case {
    const char *name;
    enum inbound_verdict verdicts[3]; /* of 1, 2, 3, proposed in a row */
    uint64_t durable_n;               /* what the store says then */
    uint64_t again[3];                /* what is proposed again, 0: nothing */
    uint64_t first_prev;
    uint64_t safe; /* before that */
};

static const struct repair_case repair_cases[] = {
    {"all applied", {INBOUND_APPLIED, INBOUND_APPLIED, INBOUND_APPLIED}, 3, {0}, 0, 3},
    {"first lost", {INBOUND_AGAIN, INBOUND_AGAIN, INBOUND_AGAIN}, 0, {1, 2, 3}, 0, 0},
    {"middle lost", {INBOUND_APPLIED, INBOUND_AGAIN, INBOUND_AGAIN}, 1, {2, 3}, 1, 1},
    {"last lost", {INBOUND_APPLIED, INBOUND_APPLIED, INBOUND_AGAIN}, 2, {3}, 2, 2},
    {"first refused", {INBOUND_NEVER, INBOUND_AGAIN, INBOUND_AGAIN}, 0, {2, 3}, 0, 1},
    {"middle refused", {INBOUND_APPLIED, INBOUND_NEVER, INBOUND_AGAIN}, 1, {3}, 1, 2},
    {"last refused", {INBOUND_APPLIED, INBOUND_APPLIED, INBOUND_NEVER}, 2, {0}, 0, 3},
    {"unknown, but applied", {INBOUND_AGAIN, INBOUND_AGAIN, INBOUND_AGAIN}, 2, {1, 2, 3}, 2, 0},
};

static void gaps_are_repaired(void **state)
{
    const struct repair_case *c = *state;
    struct inbound in = {0};
    struct inbound_origin o;
    for (uint64_t n = 1; n <= 3; n++) {
        inbound_count(&in);
        inbound_wait(&in, n, &work);
        assert_non_null(inbound_next(&in, &o));
        inbound_proposed(&in, n);
    }
    for (uint64_t n = 1; n <= 3; n++) {
        assert_null(inbound_next(&in, &o));
        assert_false(inbound_wants_repair(&in));
        inbound_answered(&in, n, c->verdicts[n - 1]);
    }
    assert_int_equal(in.safe, c->safe);
    if (inbound_wants_repair(&in))
        inbound_repair(&in, c->durable_n);
    for (int i = 0; i < 3 && c->again[i]; i++) {
        assert_non_null(inbound_next(&in, &o));
        assert_int_equal(o.n, c->again[i]);
        if (i == 0)
            assert_int_equal(o.prev, c->first_prev);
        inbound_proposed(&in, o.n);
        inbound_answered(&in, o.n, INBOUND_APPLIED);
    }
    assert_null(inbound_next(&in, &o));
    assert_int_equal(in.safe, 3);
    assert_true(inbound_is_quiet(&in));
    inbound_done(&in);
}

static void it_gives_up_after_many_tries(void **state)
{
    (void)state;
    struct inbound in = {0};
    struct inbound_origin o;
    inbound_count(&in);
    inbound_wait(&in, 1, &work);
    for (int i = 0; i < INBOUND_TRIES_MAX; i++) {
        assert_non_null(inbound_next(&in, &o));
        assert_false(inbound_is_stuck(&in));
        inbound_proposed(&in, 1);
        inbound_answered(&in, 1, INBOUND_AGAIN);
        inbound_repair(&in, 0);
    }
    assert_true(inbound_is_stuck(&in));
    inbound_done(&in);
}

static void it_is_full_at_its_limit(void **state)
{
    (void)state;
    struct inbound in = {0};
    for (int i = 1; i < INBOUND_UNCOMMITTED_MAX; i++)
        inbound_count(&in);
    assert_false(inbound_is_full(&in));
    inbound_count(&in);
    assert_true(inbound_is_full(&in));
    inbound_finish(&in, 1);
    assert_false(inbound_is_full(&in));
    inbound_done(&in);
}

/* ---- Many lives: losses, refusals, unknown outcomes, in every mixture ------------------ */

struct flight {
    struct inbound_origin origin;
    bool is_lost, is_refused, is_unknown;
};

static void whatever_happens_the_log_has_each_once_in_order(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct prng random;
        prng_seed(&random, seed);
        struct inbound in = {0};
        struct log_model *log = mem_zeroed(1, sizeof(*log));
        struct flight *flights = mem_zeroed(4096, sizeof(*flights));
        bool *is_refused = mem_zeroed(512, sizeof(*is_refused));
        bool *is_durable = mem_zeroed(512, sizeof(*is_durable));
        size_t flown = 0;
        size_t answered = 0;
        uint64_t told = 0;
        enum { ALL = 200 };
        while (in.last_n < ALL || !inbound_is_quiet(&in)) {
            if (in.last_n < ALL && prng_below(&random, 3)) {
                const uint64_t n = inbound_count(&in);
                is_durable[n] = prng_below(&random, 2);
                if (is_durable[n])
                    inbound_wait(&in, n, &work);
                else
                    inbound_finish(&in, n);
            }
            struct inbound_origin o;
            if (inbound_wants_repair(&in))
                inbound_repair(&in, log->durable_n);
            if (inbound_next(&in, &o) && prng_below(&random, 4)) {
                struct flight *f = &flights[flown++];
                *f = (struct flight){.origin = o};
                const uint64_t fate = prng_below(&random, 20);
                f->is_lost = fate == 0;
                f->is_refused = fate == 1;
                f->is_unknown = fate == 2;
                inbound_proposed(&in, o.n);
            }
            if (answered < flown && prng_below(&random, 2)) {
                const struct flight *f = &flights[answered++];
                enum inbound_verdict verdict = INBOUND_AGAIN;
                if (f->is_refused) {
                    verdict = INBOUND_NEVER;
                    is_refused[f->origin.n] = true;
                } else if (!f->is_lost) {
                    verdict = log_apply(log, &f->origin);
                    verdict = f->is_unknown ? INBOUND_AGAIN : verdict;
                }
                inbound_answered(&in, f->origin.n, verdict);
            }
            assert_true(in.safe >= told); /* what a client was told stays true */
            told = in.safe;
            /* What the store would tell after a kill is never more than has happened. */
            for (uint64_t n = 1; n <= log->safe; n++)
                if (is_durable[n] && !is_refused[n])
                    assert_true(n <= log->durable_n);
        }
        size_t at = 0;
        for (uint64_t n = 1; n <= ALL; n++)
            if (is_durable[n] && at < log->count && log->applied[at] == n)
                at++;
            else if (is_durable[n])
                assert_true(is_refused[n]);
        assert_int_equal(at, log->count); /* ascending, each once, nothing else */
        assert_int_equal(in.safe, ALL);
        inbound_done(&in);
        free(log);
        free(flights);
        free(is_refused);
        free(is_durable);
    }
}

int main(void)
{
    struct CMUnitTest tests[8 + COUNT_OF(repair_cases)] = {
        cmocka_unit_test(safe_stops_at_the_first_that_is_not_effective),
        cmocka_unit_test(enabling_begins_a_count_of_its_own),
        cmocka_unit_test(a_proposal_carries_what_will_hold),
        cmocka_unit_test(deferred_ones_hold_back_those_behind),
        cmocka_unit_test(abandoned_ones_count_as_done),
        cmocka_unit_test(it_gives_up_after_many_tries),
        cmocka_unit_test(it_is_full_at_its_limit),
        cmocka_unit_test(whatever_happens_the_log_has_each_once_in_order),
    };
    for (size_t i = 0; i < COUNT_OF(repair_cases); i++)
        tests[8 + i] = (struct CMUnitTest){.name = repair_cases[i].name,
                                           .test_func = gaps_are_repaired,
                                           .initial_state = (void *)&repair_cases[i]};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
