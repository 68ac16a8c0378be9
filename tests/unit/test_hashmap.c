/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/unit.h"

#include <stdio.h>

#include "base/hashmap.h"
#include "base/prng.h"

enum { KEYS = 500 };

static struct span key_of(char *buffer, size_t size, uint64_t number)
{
    const int length = snprintf(buffer, size, "key-%llu", (unsigned long long)number);
    return span_of(buffer, (size_t)length);
}

static void empty_map_answers(void **state)
{
    (void)state;
    struct hashmap m = {0};
    size_t position = 0;
    assert_null(hashmap_find(&m, SPAN("a")));
    assert_null(hashmap_remove(&m, SPAN("a")));
    assert_false(hashmap_next(&m, &position, NULL, NULL));
    assert_int_equal(hashmap_count(&m), 0);
    hashmap_done(&m);
}

static void keys_are_bytes_and_copied(void **state)
{
    (void)state;
    struct hashmap m = {0};
    int one = 1;
    int two = 2;
    char key[] = "a\0b";
    assert_null(hashmap_set(&m, span_of(key, 3), &one));
    assert_null(hashmap_set(&m, span_of(key, 1), &two));
    assert_null(hashmap_set(&m, SPAN(""), &two));
    key[0] = 'x';
    assert_ptr_equal(hashmap_find(&m, span_of("a\0b", 3)), &one);
    assert_ptr_equal(hashmap_set(&m, span_of("a\0b", 3), &two), &one);
    assert_int_equal(hashmap_count(&m), 3);
    assert_ptr_equal(hashmap_remove(&m, SPAN("")), &two);
    assert_null(hashmap_find(&m, SPAN("")));
    hashmap_done(&m);
}

/* Against an array as the truth, through growth and removals of every kind. */
static void random_life_matches_an_array(void **state)
{
    (void)state;
    struct hashmap m = {0};
    int values[KEYS];
    bool is_in[KEYS] = {false};
    char text[32];
    size_t count = 0;
    struct prng chance;
    prng_seed(&chance, 1);
    for (int step = 0; step < 50000; step++) {
        const size_t i = (size_t)prng_below(&chance, KEYS);
        const struct span key = key_of(text, sizeof(text), i);
        if (prng_below(&chance, 2)) {
            assert_ptr_equal(hashmap_set(&m, key, &values[i]), is_in[i] ? &values[i] : NULL);
            count += !is_in[i];
            is_in[i] = true;
        } else {
            assert_ptr_equal(hashmap_remove(&m, key), is_in[i] ? &values[i] : NULL);
            count -= is_in[i];
            is_in[i] = false;
        }
        assert_int_equal(hashmap_count(&m), count);
    }
    for (size_t i = 0; i < KEYS; i++)
        assert_ptr_equal(hashmap_find(&m, key_of(text, sizeof(text), i)),
                         is_in[i] ? &values[i] : NULL);

    size_t position = 0;
    size_t seen = 0;
    struct span key;
    void *value = NULL;
    while (hashmap_next(&m, &position, &key, &value)) {
        assert_true(is_in[(int *)value - values]);
        assert_true(span_has_prefix(key, SPAN("key-")));
        seen++;
    }
    assert_int_equal(seen, count);
    hashmap_done(&m);
}

static void hash_depends_on_every_byte_and_the_size(void **state)
{
    (void)state;
    char bytes[20] = {0};
    const uint64_t hash = hashmap_hash(span_of(bytes, sizeof(bytes)));
    assert_int_equal(hash, hashmap_hash(span_of(bytes, sizeof(bytes))));
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = 1;
        assert_int_not_equal(hash, hashmap_hash(span_of(bytes, sizeof(bytes))));
        bytes[i] = 0;
        assert_int_not_equal(hash, hashmap_hash(span_of(bytes, i)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_map_answers),
        cmocka_unit_test(keys_are_bytes_and_copied),
        cmocka_unit_test(random_life_matches_an_array),
        cmocka_unit_test(hash_depends_on_every_byte_and_the_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
