/* SPDX-License-Identifier: Apache-2.0 */
/* Verifier record: SCRAM verifiers as the store keeps them (Verifier of store.proto), and
 * the way from a new password to the records of a UserPut.
 *
 *     entropy_fill(salts); verifier_record_derive(password, ..., &set)   on the pool
 *     put.verifiers = set.pointers; put.n_verifiers = set.count;
 *
 * Pure; any thread. A set points into itself: it is not copied or moved. */
#pragma once

#include "presenced/store/v1/store.pb-c.h"
#include "proto/auth/scram_verifier.h"

#define VERIFIER_RECORD_SALTS_SIZE ((size_t)SCRAM_VERIFIER_KINDS * SCRAM_VERIFIER_SALT_SIZE)

struct verifier_record_set {
    struct scram_verifier verifiers[SCRAM_VERIFIER_KINDS];
    Store__Verifier records[SCRAM_VERIFIER_KINDS];
    Store__Verifier *pointers[SCRAM_VERIFIER_KINDS];
    size_t count;
};

/* Derives a verifier of each kind in the set of kinds, each with its own salt. Takes
 * milliseconds. Errors of scram_verifier_derive(). */
int verifier_record_derive(struct span password, unsigned kinds, uint32_t iterations,
                           const uint8_t salts[VERIFIER_RECORD_SALTS_SIZE],
                           struct verifier_record_set *ret_set);

void verifier_record_wipe(struct verifier_record_set *set);

/* Fills a record whose bytes are borrowed from the verifier. */
void verifier_record_fill(const struct scram_verifier *v, Store__Verifier *ret_record);

/* ERR_CORRUPT when the record is none that we would write. */
int verifier_record_read(const Store__Verifier *record, struct scram_verifier *ret_verifier);

/* The verifier of a kind among a user's records: 1 found, 0 there is none (or only one that
 * cannot be read). */
int verifier_record_find(Store__Verifier *const *records, size_t count,
                         enum scram_verifier_kind kind, struct scram_verifier *ret_verifier);

/* SCRAM_VERIFIER_BIT()s of the kinds that the records have. */
unsigned verifier_record_kinds(Store__Verifier *const *records, size_t count);
