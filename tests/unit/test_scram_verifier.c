/* SPDX-License-Identifier: Apache-2.0 */
/* scram_verifier.h: derives what others derive, and refuses what nobody should store. */
#include "tests/support/unit.h"

#include <stdio.h>

#include "base/err.h"
#include "base/strbuf.h"
#include "proto/auth/scram_verifier.h"

static void assert_key(const uint8_t *key, size_t size, const char *want_hex)
{
    struct strbuf hex = {0};
    for (size_t i = 0; i < size; i++)
        strbuf_printf(&hex, "%02x", key[i]);
    assert_string_equal(hex.data, want_hex);
    strbuf_done(&hex);
}

/* Password "pencil", salt QSXCR+Q6sek8bf92 of RFC 5802, 4,096 iterations; the keys are those
 * that Python's hashlib and hmac derive. */
static const struct span salt = {"A%\302G\344:\261\351<m\377v", 12};

static void keys_are_those_of_others(void **state)
{
    (void)state;
    struct scram_verifier v;
    assert_int_equal(
        scram_verifier_derive(SCRAM_VERIFIER_SHA_1, SPAN("pencil"), salt, 4096, &v), 0);
    assert_key(v.stored_key, 20, "e9d94660c39d65c38fbad91c358f14da0eef2bd6");
    assert_key(v.server_key, 20, "0fe09258b3ac852ba502cc62ba903eaacdbf7d31");
    assert_int_equal(v.iterations, 4096);
    assert_true(span_equal(span_of(v.salt, v.salt_size), salt));
    assert_int_equal(
        scram_verifier_derive(SCRAM_VERIFIER_SHA_256, SPAN("pencil"), salt, 4096, &v), 0);
    assert_key(v.stored_key, 32,
               "14efbd8c16f7314ba4b7a8c99f38cf64e59ce68c3f3eee89b4fca3bb46aa684f");
    assert_key(v.server_key, 32,
               "ab127549b992022e44712d09e4293f70a026ffe2316be2b0a7addfe0e1c3833a");
    assert_int_equal(
        scram_verifier_derive(SCRAM_VERIFIER_SHA_512, SPAN("pencil"), salt, 4096, &v), 0);
    assert_key(v.stored_key, 64,
               "2e6ef0eb33c6031f94a1a865126d7084837b3d2d4a194fbdf95e4fcae74ae9cf"
               "e659556d917482a553e650a40b603291eefd2e4a4c6b0733e6ec7b92c19ff2b7");
    assert_key(v.server_key, 64,
               "6ff3e1e64182a5f770d8cc8b8740bc975d2288510d96864b28f889207bf9ec9d"
               "c1443f7efb846fa188d32a139e8721e0252fe7b319cd075ed42a0354ee7472ea");
}

static void matches_its_password_only(void **state)
{
    (void)state;
    for (int kind = SCRAM_VERIFIER_SHA_1; kind <= SCRAM_VERIFIER_SHA_512; kind++) {
        struct scram_verifier v;
        assert_int_equal(scram_verifier_derive((enum scram_verifier_kind)kind,
                                               SPAN("I\302\255X"), salt, 4096, &v),
                         0);
        assert_true(scram_verifier_matches(&v, SPAN("IX")));
        assert_true(scram_verifier_matches(&v, SPAN("\342\205\250")));
        assert_false(scram_verifier_matches(&v, SPAN("ix")));
        assert_false(scram_verifier_matches(&v, SPAN("")));
        assert_false(scram_verifier_matches(&v, SPAN("\377")));
    }
}

struct refusal {
    const char *name;
    enum scram_verifier_kind kind;
    size_t password_size;
    size_t salt_size;
    uint32_t iterations;
    int want;
};

static const struct refusal refusals[] = {
    {"fewest iterations", SCRAM_VERIFIER_SHA_1, 1, 16, 4096, 0},
    {"one iteration", SCRAM_VERIFIER_SHA_1, 1, 16, 1, ERR_INVALID},
    {"too few iterations", SCRAM_VERIFIER_SHA_1, 1, 16, 4095, ERR_INVALID},
    {"too many iterations", SCRAM_VERIFIER_SHA_1, 1, 16, 1000001, ERR_INVALID},
    {"2^31 iterations", SCRAM_VERIFIER_SHA_1, 1, 16, 1U << 31, ERR_INVALID},
    {"no salt", SCRAM_VERIFIER_SHA_1, 1, 0, 4096, ERR_INVALID},
    {"longest salt", SCRAM_VERIFIER_SHA_1, 1, 64, 4096, 0},
    {"salt too long", SCRAM_VERIFIER_SHA_1, 1, 65, 4096, ERR_INVALID},
    {"no password", SCRAM_VERIFIER_SHA_1, 0, 16, 4096, ERR_INVALID},
    {"longest password", SCRAM_VERIFIER_SHA_1, 1023, 16, 4096, 0},
    {"password too long", SCRAM_VERIFIER_SHA_1, 1024, 16, 4096, ERR_TOO_BIG},
    {"no kind", 0, 1, 16, 4096, ERR_INVALID},
    {"unknown kind", 4, 1, 16, 4096, ERR_INVALID},
};

static void refusal_holds(void **state)
{
    const struct refusal *t = *state;
    char bytes[2048];
    struct scram_verifier v = {.iterations = 7};
    memset(bytes, 'x', sizeof(bytes));
    assert_int_equal(scram_verifier_derive(t->kind, span_of(bytes, t->password_size),
                                           span_of(bytes, t->salt_size), t->iterations, &v),
                     t->want);
    assert_int_equal(v.iterations, t->want ? 7 : t->iterations);
}

/* Good and bad passwords among each other, more than go into one batch. */
static void many_are_as_each(void **state)
{
    (void)state;
    enum { COUNT = 37 };
    char passwords[COUNT][32];
    struct scram_verifier made[COUNT], want;
    for (int kind = SCRAM_VERIFIER_SHA_1; kind <= SCRAM_VERIFIER_SHA_512; kind++) {
        struct scram_verifier_ask asks[COUNT];
        memset(made, 0xee, sizeof(made));
        for (size_t i = 0; i < COUNT; i++) {
            (void)snprintf(passwords[i], sizeof(passwords[i]), i % 5 == 3 ? "" : "password%zu",
                           i);
            asks[i] = (struct scram_verifier_ask){span_text(passwords[i]),
                                                  span_of(passwords, i % 7 == 6 ? 0 : i + 1),
                                                  &made[i], 1};
        }
        scram_verifier_derive_many((enum scram_verifier_kind)kind, asks, COUNT, 4096);
        for (size_t i = 0; i < COUNT; i++) {
            memset(&want, 0xee, sizeof(want));
            assert_int_equal(asks[i].rc, scram_verifier_derive((enum scram_verifier_kind)kind,
                                                               asks[i].password, asks[i].salt,
                                                               4096, &want));
            assert_int_equal(asks[i].rc, i % 5 == 3 || i % 7 == 6 ? ERR_INVALID : 0);
            assert_memory_equal(&made[i], &want, sizeof(want));
        }
    }
}

static void fakes_are_steady_and_differ(void **state)
{
    (void)state;
    struct scram_verifier a, b;
    scram_verifier_fake(SCRAM_VERIFIER_SHA_1, SPAN("key"), SPAN("nobody"), 10000, &a);
    assert_true(scram_verifier_is_sound(&a));
    scram_verifier_fake(SCRAM_VERIFIER_SHA_1, SPAN("key"), SPAN("nobody"), 10000, &b);
    assert_memory_equal(&a, &b, sizeof(a));
    scram_verifier_fake(SCRAM_VERIFIER_SHA_1, SPAN("key"), SPAN("nobodz"), 10000, &b);
    assert_memory_not_equal(a.salt, b.salt, a.salt_size);
    scram_verifier_fake(SCRAM_VERIFIER_SHA_1, SPAN("kez"), SPAN("nobody"), 10000, &b);
    assert_memory_not_equal(a.salt, b.salt, a.salt_size);
    scram_verifier_fake(SCRAM_VERIFIER_SHA_256, SPAN("key"), SPAN("nobody"), 10000, &b);
    assert_memory_not_equal(a.salt, b.salt, a.salt_size);
    assert_string_equal(scram_verifier_kind_name(b.kind), "SCRAM-SHA-256");
}

int main(void)
{
    struct CMUnitTest tests[COUNT_OF(refusals) + 4] = {
        cmocka_unit_test(keys_are_those_of_others), cmocka_unit_test(matches_its_password_only),
        cmocka_unit_test(many_are_as_each), cmocka_unit_test(fakes_are_steady_and_differ)};

    for (size_t i = 0; i < COUNT_OF(refusals); i++)
        tests[i + 4] = (struct CMUnitTest){.name = refusals[i].name,
                                           .test_func = refusal_holds,
                                           .initial_state = (void *)&refusals[i]};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
