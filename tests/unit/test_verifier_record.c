/* SPDX-License-Identifier: Apache-2.0 */
/* verifier_record.h: through the wire format and back, and records that nobody here wrote. */
#include "tests/support/unit.h"

#include "base/err.h"
#include "proto/auth/verifier_record.h"

static const uint8_t salts[VERIFIER_RECORD_SALTS_SIZE] = {1, [16] = 2, [32] = 3};

static void passwords_become_records_and_come_back(void **state)
{
    (void)state;
    struct verifier_record_set set;
    struct scram_verifier v;
    assert_int_equal(verifier_record_derive(SPAN("pw"), SCRAM_VERIFIER_ALL, 4096, salts, &set),
                     0);
    assert_int_equal(set.count, 3);
    assert_int_equal(verifier_record_kinds(set.pointers, set.count), SCRAM_VERIFIER_ALL);
    for (size_t i = 0; i < set.count; i++) {
        uint8_t packed[512];
        const size_t size = store__verifier__pack(set.pointers[i], packed);
        Store__Verifier *read = store__verifier__unpack(NULL, size, packed);
        assert_int_equal(verifier_record_read(read, &v), 0);
        assert_int_equal(v.salt[0], i + 1); /* each has a salt of its own */
        assert_true(scram_verifier_matches(&v, SPAN("pw")));
        assert_false(scram_verifier_matches(&v, SPAN("pW")));
        store__verifier__free_unpacked(read, NULL);
    }
    assert_int_equal(verifier_record_find(set.pointers, set.count, SCRAM_VERIFIER_SHA_512, &v),
                     1);
    assert_int_equal(v.kind, SCRAM_VERIFIER_SHA_512);
    assert_int_equal(verifier_record_find(set.pointers, 1, SCRAM_VERIFIER_SHA_512, &v), 0);
    verifier_record_wipe(&set);

    assert_int_equal(verifier_record_derive(SPAN("pw"),
                                            SCRAM_VERIFIER_BIT(SCRAM_VERIFIER_SHA_256), 4096,
                                            salts, &set),
                     0);
    assert_int_equal(set.count, 1);
    assert_int_equal(verifier_record_derive(SPAN(""), SCRAM_VERIFIER_ALL, 4096, salts, &set),
                     ERR_INVALID);
    assert_int_equal(set.count, 1);
}

static void strange_records_are_corrupt(void **state)
{
    (void)state;
    struct verifier_record_set set;
    struct scram_verifier v;
    assert_int_equal(verifier_record_derive(SPAN("pw"), 2U, 4096, salts, &set), 0);
    const Store__Verifier good = set.records[0];
    Store__Verifier *bad = &set.records[0];
    bad->kind = STORE__VERIFIER__KIND__KIND_UNSPECIFIED;
    assert_int_equal(verifier_record_read(bad, &v), ERR_CORRUPT);
    *bad = good;
    bad->iterations = 1;
    assert_int_equal(verifier_record_read(bad, &v), ERR_CORRUPT);
    *bad = good;
    bad->salt.len = 0;
    assert_int_equal(verifier_record_read(bad, &v), ERR_CORRUPT);
    bad->salt.len = SCRAM_VERIFIER_SALT_MAX + 1;
    assert_int_equal(verifier_record_read(bad, &v), ERR_CORRUPT);
    *bad = good;
    bad->stored_key.len--;
    assert_int_equal(verifier_record_read(bad, &v), ERR_CORRUPT);
    *bad = good;
    bad->server_key.len++;
    assert_int_equal(verifier_record_read(bad, &v), ERR_CORRUPT);
    assert_int_equal(verifier_record_find(set.pointers, 1, SCRAM_VERIFIER_SHA_1, &v), 0);
    assert_int_equal(verifier_record_kinds(set.pointers, 1), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(passwords_become_records_and_come_back),
                                       cmocka_unit_test(strange_records_are_corrupt)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
