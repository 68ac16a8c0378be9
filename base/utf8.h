/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8 as RFC 3629 defines it: no overlong form, no surrogate, nothing above U+10FFFF. */
#pragma once

#include <stdint.h>

#include "base/span.h"

/* Whether all of it is UTF-8. A NUL byte is a character like any other here. */
static inline bool utf8_is_valid(struct span text)
{
    static const uint32_t smallest[] = {0, 0x80, 0x800, 0x10000};
    for (size_t i = 0; i < text.size;) {
        const uint8_t lead = (uint8_t)text.ptr[i++];
        const size_t more = lead < 0x80 ? 0 : lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
        if ((lead >= 0x80 && lead < 0xc2) || lead > 0xf4 || text.size - i < more)
            return false;
        uint32_t code = more ? lead & (0x3fU >> more) : lead;
        for (size_t k = 0; k < more; k++, i++) {
            if (((uint8_t)text.ptr[i] & 0xc0U) != 0x80)
                return false;
            code = code << 6 | ((uint8_t)text.ptr[i] & 0x3fU);
        }
        if (code < smallest[more] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
            return false;
    }
    return true;
}
