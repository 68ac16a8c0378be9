/* SPDX-License-Identifier: Apache-2.0 */
/* plain_cache.h: who is remembered, how long, and who makes room. */
#include "tests/support/unit.h"

#include <stdio.h>

#include "proto/auth/plain_cache.h"

static const uint8_t cache_key[PLAIN_CACHE_KEY_SIZE] = {1};

static void only_the_same_is_known(void **state)
{
    (void)state;
    struct plain_cache *c = plain_cache_new(cache_key, 10);
    assert_false(plain_cache_has(c, SPAN("a@x"), 7, SPAN("pw"), 1000));
    plain_cache_put(c, SPAN("a@x"), 7, SPAN("pw"), 1000);
    assert_true(plain_cache_has(c, SPAN("a@x"), 7, SPAN("pw"), 1000));
    assert_false(plain_cache_has(c, SPAN("a@x"), 8, SPAN("pw"), 1000));
    assert_false(plain_cache_has(c, SPAN("a@x"), 7, SPAN("pW"), 1000));
    assert_false(plain_cache_has(c, SPAN("a@x"), 7, SPAN(""), 1000));
    assert_false(plain_cache_has(c, SPAN("b@x"), 7, SPAN("pw"), 1000));
    assert_false(plain_cache_has(c, SPAN("a@"), 7, SPAN("xpw"), 1000));
    plain_cache_put(c, SPAN("a@x"), 8, SPAN("new"), 1000);
    assert_false(plain_cache_has(c, SPAN("a@x"), 7, SPAN("pw"), 1000));
    assert_true(plain_cache_has(c, SPAN("a@x"), 8, SPAN("new"), 1000));
    plain_cache_forget(c, SPAN("a@x"));
    plain_cache_forget(c, SPAN("nobody@x"));
    assert_false(plain_cache_has(c, SPAN("a@x"), 8, SPAN("new"), 1000));
    plain_cache_free(c);
    plain_cache_free(NULL);
}

static void an_hour_is_an_hour(void **state)
{
    (void)state;
    struct plain_cache *c = plain_cache_new(cache_key, 1);
    plain_cache_put(c, SPAN("a@x"), 7, SPAN("pw"), 1000);
    assert_true(plain_cache_has(c, SPAN("a@x"), 7, SPAN("pw"), 1000 + 3599999));
    assert_false(plain_cache_has(c, SPAN("a@x"), 7, SPAN("pw"), 1000 + 3600000));
    plain_cache_free(c);
}

static void the_oldest_makes_room(void **state)
{
    (void)state;
    struct plain_cache *c = plain_cache_new(cache_key, 3);
    for (int i = 0; i < 100; i++) {
        char user[16];
        (void)snprintf(user, sizeof(user), "u%d@x", i);
        plain_cache_put(c, span_text(user), 1, SPAN("pw"), 0);
        if (i % 5 == 0)
            plain_cache_forget(c, span_text(user));
        if (i % 7 == 0)
            plain_cache_put(c, span_text(user), 2, SPAN("pw"), 0);
    }
    assert_true(plain_cache_has(c, SPAN("u99@x"), 1, SPAN("pw"), 0));
    assert_true(plain_cache_has(c, SPAN("u98@x"), 2, SPAN("pw"), 0));
    assert_false(plain_cache_has(c, SPAN("u96@x"), 1, SPAN("pw"), 0));
    assert_false(plain_cache_has(c, SPAN("u1@x"), 1, SPAN("pw"), 0));
    plain_cache_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(only_the_same_is_known),
                                       cmocka_unit_test(an_hour_is_an_hour),
                                       cmocka_unit_test(the_oldest_makes_room)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
