/* SPDX-License-Identifier: Apache-2.0 */
/* Base64 of RFC 4648, section 4, strictly: padded, no line breaks, unused bits zero, so that
 * every value has one spelling. */
#pragma once

#include "base/strbuf.h"

/* Bytes of text that `size` bytes become. */
static inline size_t base64_size(size_t size)
{
    return (size + 2) / 3 * 4;
}

/* Appends the text. */
void base64_encode(struct strbuf *out, struct span bytes);

/* Appends the bytes (at most three quarters of text.size). ERR_INVALID, and nothing is
 * appended, when it is not such a text. The empty text is the empty value. */
int base64_decode(struct strbuf *out, struct span text);
