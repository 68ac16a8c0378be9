/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/unit.h"

#include "base/mem.h"
#include "base/prng.h"
#include "node/im/inbound.h"

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

enum { ALL = 200, FLIGHTS_MAX = 4096 };

enum fate { FATE_LOST, FATE_REFUSED, FATE_UNKNOWN, FATE_APPLIED };

struct flight {
    struct inbound_origin origin;
    enum fate fate;
};

struct life {
    struct prng random;
    struct inbound in;
    struct log_model log;
    struct flight flights[FLIGHTS_MAX];
    size_t flown, answered;
    bool is_refused[ALL + 1], is_durable[ALL + 1];
    uint64_t told;
};

static void life_count(struct life *l)
{
    const uint64_t n = inbound_count(&l->in);
    l->is_durable[n] = prng_below(&l->random, 2);
    if (l->is_durable[n])
        inbound_wait(&l->in, n, &work);
    else
        inbound_finish(&l->in, n);
}

static void life_propose(struct life *l)
{
    struct inbound_origin o;
    if (inbound_wants_repair(&l->in))
        inbound_repair(&l->in, l->log.durable_n);
    if (!inbound_next(&l->in, &o) || prng_below(&l->random, 4) == 0)
        return;
    const uint64_t fate = prng_below(&l->random, 20);
    assert_true(l->flown < FLIGHTS_MAX);
    l->flights[l->flown++] =
        (struct flight){o, fate < FATE_APPLIED ? (enum fate)fate : FATE_APPLIED};
    inbound_proposed(&l->in, o.n);
}

static void life_answer(struct life *l)
{
    const struct flight *f = &l->flights[l->answered++];
    enum inbound_verdict verdict = INBOUND_AGAIN;
    switch (f->fate) {
    case FATE_LOST:
        break;
    case FATE_REFUSED:
        verdict = INBOUND_NEVER;
        l->is_refused[f->origin.n] = true;
        break;
    case FATE_UNKNOWN:
        (void)log_apply(&l->log, &f->origin);
        break;
    case FATE_APPLIED:
        verdict = log_apply(&l->log, &f->origin);
        break;
    }
    inbound_answered(&l->in, f->origin.n, verdict);
}

static void life_check(struct life *l)
{
    assert_true(l->in.safe >= l->told); /* what a client was told stays true */
    l->told = l->in.safe;
    /* What the store would tell after a kill is never more than has happened. */
    for (uint64_t n = 1; n <= l->log.safe; n++)
        if (l->is_durable[n] && !l->is_refused[n])
            assert_true(n <= l->log.durable_n);
}

/* Each durable one is in the log once, ascending, or was refused; nothing else is. */
static void life_check_log(const struct life *l)
{
    size_t at = 0;
    for (uint64_t n = 1; n <= ALL; n++) {
        if (!l->is_durable[n])
            continue;
        if (at < l->log.count && l->log.applied[at] == n)
            at++;
        else
            assert_true(l->is_refused[n]);
    }
    assert_int_equal(at, l->log.count);
    assert_int_equal(l->in.safe, ALL);
}

static void whatever_happens_the_log_has_each_once_in_order(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct life *l = mem_zeroed(1, sizeof(*l));
        prng_seed(&l->random, seed);
        while (l->in.last_n < ALL || !inbound_is_quiet(&l->in)) {
            if (l->in.last_n < ALL && prng_below(&l->random, 3))
                life_count(l);
            life_propose(l);
            if (l->answered < l->flown && prng_below(&l->random, 2))
                life_answer(l);
            life_check(l);
        }
        life_check_log(l);
        inbound_done(&l->in);
        free(l);
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
