/* SPDX-License-Identifier: Apache-2.0 */
/* One UTF-8 character at a time (RFC 3629). Pure. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

/* Size of the well-formed UTF-8 character at the start of bytes, 0 when there is none; the
 * character itself in ret. RFC 3629. */
static inline size_t utf8char_size(struct span bytes, uint32_t *ret_character)
{
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    if (bytes.size == 0)
        return 0;
    const unsigned char *b = (const unsigned char *)bytes.ptr;
    if (b[0] < 0x80) {
        *ret_character = b[0];
        return 1;
    }
    const size_t size = b[0] >= 0xf0 ? 4 : b[0] >= 0xe0 ? 3 : 2;
    if (b[0] < 0xc2 || b[0] > 0xf4 || bytes.size < size)
        return 0;
    uint32_t character = b[0] & (0x7fU >> size);
    for (size_t i = 1; i < size; i++) {
        if ((b[i] & 0xc0) != 0x80)
            return 0;
        character = character << 6 | (b[i] & 0x3f);
    }
    if (character < smallest[size] || character > 0x10ffff ||
        (character >= 0xd800 && character <= 0xdfff))
        return 0;
    *ret_character = character;
    return size;
}
