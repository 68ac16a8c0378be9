/* SPDX-License-Identifier: Apache-2.0 */
/* Decimal numbers in attributes and text: digits alone, no sign, no space. */
#pragma once

#include <stdint.h>

#include "base/err.h"
#include "base/span.h"

/* Returns 0, or ERR_INVALID for anything else or what does not fit. */
static inline int xmpp_number_u64(struct span text, uint64_t *ret_number)
{
    uint64_t number = 0;
    if (text.size == 0)
        return ERR_INVALID;
    for (size_t i = 0; i < text.size; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return ERR_INVALID;
        const unsigned digit = (unsigned)(text.ptr[i] - '0');
        if (number > (UINT64_MAX - digit) / 10)
            return ERR_INVALID;
        number = number * 10 + digit;
    }
    *ret_number = number;
    return 0;
}

static inline int xmpp_number_u32(struct span text, uint32_t *ret_number)
{
    uint64_t number;
    int rc = xmpp_number_u64(text, &number);
    if (rc < 0)
        return rc;
    if (number > UINT32_MAX)
        return ERR_INVALID;
    *ret_number = (uint32_t)number;
    return 0;
}
