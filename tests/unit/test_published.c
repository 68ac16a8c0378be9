/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/unit.h"

#include <pthread.h>

#include "base/mem.h"
#include "base/published.h"

enum { READERS = 3, VALUES = 3000 };

struct pair { /* both numbers are always the same */
    struct published_value value;
    int first, second;
};

static atomic_int released_count;
static struct published board;

static void pair_released(struct published_value *self)
{
    atomic_fetch_add(&released_count, 1);
    free(self);
}

static struct published_value *pair_new(int number)
{
    struct pair *p = mem_zeroed(1, sizeof(*p));
    published_value_init(&p->value, pair_released);
    p->first = p->second = number;
    return &p->value;
}

static void *read_pairs(void *arg)
{
    (void)arg;
    int last = 0;
    while (last < VALUES) {
        struct published_value *v = published_get(&board);
        const struct pair *p = (const struct pair *)v;
        assert_true(p->first == p->second && p->first >= last);
        last = p->first;
        published_unref(published_ref(v));
        published_unref(v);
    }
    return NULL;
}

static void readers_see_whole_values_in_order(void **state)
{
    (void)state;
    pthread_t readers[READERS];
    atomic_store(&released_count, 0);
    published_init(&board, pair_new(0));
    for (int i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&readers[i], NULL, read_pairs, NULL), 0);
    for (int i = 1; i <= VALUES; i++)
        published_set(&board, pair_new(i));
    for (int i = 0; i < READERS; i++)
        (void)pthread_join(readers[i], NULL);
    assert_int_equal(atomic_load(&released_count), VALUES);
    published_done(&board);
    assert_int_equal(atomic_load(&released_count), VALUES + 1);
}

static void held_value_outlives_its_replacement(void **state)
{
    (void)state;
    atomic_store(&released_count, 0);
    published_init(&board, NULL);
    assert_null(published_get(&board));
    published_set(&board, pair_new(1));
    struct published_value *held = published_get(&board);
    published_set(&board, pair_new(2));
    assert_int_equal(atomic_load(&released_count), 0);
    assert_int_equal(((struct pair *)held)->first, 1);
    published_unref(held);
    assert_int_equal(atomic_load(&released_count), 1);
    published_done(&board);
    published_unref(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readers_see_whole_values_in_order),
        cmocka_unit_test(held_value_outlives_its_replacement),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
