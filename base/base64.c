/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base64.h"

#include "base/err.h"

static const char base64_alphabet[65] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

enum { NO_DIGIT = 64 };

/* The value of a digit, or NO_DIGIT. */
static uint32_t base64_digit(char digit)
{
    if (digit >= 'A' && digit <= 'Z')
        return (uint32_t)(digit - 'A');
    if (digit >= 'a' && digit <= 'z')
        return (uint32_t)(digit - 'a') + 26;
    if (digit >= '0' && digit <= '9')
        return (uint32_t)(digit - '0') + 52;
    return digit == '+' ? 62 : digit == '/' ? 63 : NO_DIGIT;
}

void base64_encode(struct strbuf *out, struct span bytes)
{
    char *to = strbuf_reserve(out, base64_size(bytes.size));
    for (size_t i = 0; i < bytes.size; i += 3) {
        const size_t size = bytes.size - i < 3 ? bytes.size - i : 3;
        uint32_t bits = 0;
        for (size_t k = 0; k < 3; k++)
            bits = bits << 8 | (k < size ? (uint8_t)bytes.ptr[i + k] : 0U);
        for (size_t k = 0; k < 4; k++) {
            *to = '=';
            if (k <= size)
                *to = base64_alphabet[bits >> (18 - 6 * k) & 0x3f];
            to++;
        }
    }
    *to = '\0';
    out->size += base64_size(bytes.size);
}

int base64_decode(struct strbuf *out, struct span text)
{
    if (text.size % 4)
        return ERR_INVALID;
    char *to = strbuf_reserve(out, text.size / 4 * 3);
    size_t size = 0;
    for (size_t i = 0; i < text.size; i += 4) {
        size_t digits = 4;
        if (i + 4 == text.size) /* padding ends the text and stands nowhere else */
            while (digits > 2 && text.ptr[i + digits - 1] == '=')
                digits--;
        uint32_t bits = 0;
        bool is_bad = false;
        for (size_t k = 0; k < 4; k++) {
            const uint32_t digit = k < digits ? base64_digit(text.ptr[i + k]) : 0;
            is_bad = is_bad || digit == NO_DIGIT;
            bits = bits << 6 | (digit & 0x3f);
        }
        const uint32_t unused = digits == 4 ? 0 : digits == 3 ? 0xff : 0xffff;
        if (is_bad || (bits & unused)) {
            *to = '\0'; /* nothing was appended */
            return ERR_INVALID;
        }
        for (size_t k = 0; k + 1 < digits; k++)
            to[size++] = (char)(unsigned char)(bits >> (16 - 8 * k) & 0xff);
    }
    to[size] = '\0';
    out->size += size;
    return 0;
}
