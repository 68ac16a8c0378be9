/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/auth/verifier_record.h"

#include <openssl/crypto.h>

#include "base/err.h"

int verifier_record_derive(struct span password, unsigned kinds, uint32_t iterations,
                           const uint8_t salts[VERIFIER_RECORD_SALTS_SIZE],
                           struct verifier_record_set *ret_set)
{
    struct scram_verifier made[SCRAM_VERIFIER_KINDS];
    size_t count = 0;
    for (int kind = SCRAM_VERIFIER_SHA_1; kind <= SCRAM_VERIFIER_SHA_512; kind++) {
        if (!(kinds & SCRAM_VERIFIER_BIT(kind)))
            continue;
        const struct span salt =
            span_of(salts + count * SCRAM_VERIFIER_SALT_SIZE, SCRAM_VERIFIER_SALT_SIZE);
        const int rc = scram_verifier_derive((enum scram_verifier_kind)kind, password, salt,
                                             iterations, &made[count]);
        if (rc < 0) {
            OPENSSL_cleanse(made, sizeof(made));
            return rc;
        }
        count++;
    }
    ret_set->count = count;
    for (size_t i = 0; i < count; i++) {
        ret_set->verifiers[i] = made[i];
        verifier_record_fill(&ret_set->verifiers[i], &ret_set->records[i]);
        ret_set->pointers[i] = &ret_set->records[i];
    }
    OPENSSL_cleanse(made, sizeof(made));
    return 0;
}

void verifier_record_wipe(struct verifier_record_set *set)
{
    OPENSSL_cleanse(set, sizeof(*set));
}

void verifier_record_fill(const struct scram_verifier *v, Store__Verifier *ret_record)
{
    const size_t size = scram_verifier_key_size(v->kind);
    store__verifier__init(ret_record);
    ret_record->kind = (Store__Verifier__Kind)v->kind;
    ret_record->iterations = v->iterations;
    ret_record->salt = (ProtobufCBinaryData){v->salt_size, (uint8_t *)v->salt};
    ret_record->stored_key = (ProtobufCBinaryData){size, (uint8_t *)v->stored_key};
    ret_record->server_key = (ProtobufCBinaryData){size, (uint8_t *)v->server_key};
}

int verifier_record_read(const Store__Verifier *record, struct scram_verifier *ret_verifier)
{
    struct scram_verifier v = {.kind = (enum scram_verifier_kind)record->kind,
                               .iterations = record->iterations,
                               .salt_size = record->salt.len};
    if (!scram_verifier_is_sound(&v) ||
        record->stored_key.len != scram_verifier_key_size(v.kind) ||
        record->server_key.len != scram_verifier_key_size(v.kind))
        return ERR_CORRUPT;
    memcpy(v.salt, record->salt.data, v.salt_size);
    memcpy(v.stored_key, record->stored_key.data, record->stored_key.len);
    memcpy(v.server_key, record->server_key.data, record->server_key.len);
    *ret_verifier = v;
    return 0;
}

int verifier_record_find(Store__Verifier *const *records, size_t count,
                         enum scram_verifier_kind kind, struct scram_verifier *ret_verifier)
{
    for (size_t i = 0; i < count; i++)
        if ((int)records[i]->kind == (int)kind &&
            verifier_record_read(records[i], ret_verifier) == 0)
            return 1;
    return 0;
}

unsigned verifier_record_kinds(Store__Verifier *const *records, size_t count)
{
    unsigned kinds = 0;
    struct scram_verifier v;
    for (size_t i = 0; i < count; i++)
        if (verifier_record_read(records[i], &v) == 0)
            kinds |= SCRAM_VERIFIER_BIT(v.kind);
    return kinds;
}
