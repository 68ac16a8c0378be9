/* SPDX-License-Identifier: Apache-2.0 */
#include "base/strbuf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/mem.h"

enum { STRBUF_SMALLEST = 64 };

void strbuf_done(struct strbuf *b)
{
    free(b->data);
    *b = (struct strbuf){0};
}

void strbuf_wipe(struct strbuf *b)
{
    if (b->data)
        explicit_bzero(b->data, b->capacity);
    strbuf_done(b);
}

void strbuf_clear(struct strbuf *b)
{
    b->size = 0;
    if (b->data)
        b->data[0] = '\0';
}

char *strbuf_reserve(struct strbuf *b, size_t more)
{
    const size_t wanted = b->size + more + 1;
    assert(wanted > more); /* sizes from outside were limited long before */

    if (wanted > b->capacity) {
        size_t capacity = b->capacity ? b->capacity : STRBUF_SMALLEST;
        while (capacity < wanted)
            capacity *= 2;
        b->data = mem_resized(b->data, capacity, 1);
        b->capacity = capacity;
    }
    return b->data + b->size;
}

void strbuf_add(struct strbuf *b, struct span bytes)
{
    char *room = strbuf_reserve(b, bytes.size);
    if (bytes.size)
        memcpy(room, bytes.ptr, bytes.size);
    b->size += bytes.size;
    b->data[b->size] = '\0';
}

void strbuf_add_text(struct strbuf *b, const char *text)
{
    strbuf_add(b, span_text(text));
}

void strbuf_add_byte(struct strbuf *b, char byte)
{
    strbuf_add(b, span_of(&byte, 1));
}

void strbuf_add_u32be(struct strbuf *b, uint32_t number)
{
    char bytes[4];
    for (int i = 0; i < 4; i++)
        bytes[i] = (char)(number >> (24 - 8 * i));
    strbuf_add(b, span_of(bytes, sizeof(bytes)));
}

void strbuf_add_u64be(struct strbuf *b, uint64_t number)
{
    strbuf_add_u32be(b, (uint32_t)(number >> 32));
    strbuf_add_u32be(b, (uint32_t)number);
}

void strbuf_add_number(struct strbuf *b, uint64_t number)
{
    char digits[20];
    size_t first = sizeof(digits);
    do {
        digits[--first] = (char)('0' + number % 10);
        number /= 10;
    } while (number);
    strbuf_add(b, span_of(digits + first, sizeof(digits) - first));
}

void strbuf_printf(struct strbuf *b, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const int size = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (size < 0)
        abort(); /* a broken format is our bug */

    char *room = strbuf_reserve(b, (size_t)size);
    va_start(args, format);
    (void)vsnprintf(room, (size_t)size + 1, format, args);
    va_end(args);
    b->size += (size_t)size;
}

void strbuf_consume(struct strbuf *b, size_t size)
{
    if (size >= b->size) {
        strbuf_clear(b);
        return;
    }
    memmove(b->data, b->data + size, b->size - size);
    b->size -= size;
    b->data[b->size] = '\0';
}

char *strbuf_steal(struct strbuf *b)
{
    char *data = b->data ? b->data : mem_zeroed(1, 1);
    *b = (struct strbuf){0};
    return data;
}
