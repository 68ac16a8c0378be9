/* SPDX-License-Identifier: Apache-2.0 */
/* address_parse() on any bytes: what it accepts keeps the limits, holds no separator where
 * none may be, and prepares to itself. */
#include <assert.h>
#include <stdint.h>

#include "proto/auth/address.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void check_sizes(const struct address *a)
{
    assert(a->domain.size >= 1 && a->domain.size <= ADDRESS_PART_MAX);
    assert(span_is_none(a->local) || (a->local.size >= 1 && a->local.size <= ADDRESS_PART_MAX));
    assert(a->resource.size <= ADDRESS_PART_MAX);
}

static void check_separators(const struct address *a)
{
    assert(span_index(a->domain, '/') == a->domain.size);
    assert(span_index(a->domain, '@') == a->domain.size);
    assert(span_is_none(a->local) || span_index(a->local, '@') == a->local.size);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct address_text storage;
    struct address_text storage2;
    struct address a;
    struct address again;

    if (address_parse(span_of(bytes, size), &storage, &a) < 0)
        return 0;
    check_sizes(&a);
    check_separators(&a);
    assert(strlen(storage.bytes) == address_full(&a).size);

    const int rc = address_parse(address_full(&a), &storage2, &again);
    assert(rc == 0 && span_equal(address_full(&again), address_full(&a)));
    assert(span_equal(again.local, a.local) && span_equal(again.domain, a.domain));
    return 0;
}
