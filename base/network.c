/* SPDX-License-Identifier: Apache-2.0 */
#include "base/network.h"

#include <arpa/inet.h>

#include "base/err.h"

enum {
    ADDRESS_BITS = NETWORK_ADDRESS_SIZE * 8,
    V4_BITS = 96, /* in front of a mapped IPv4 address */
};

bool network_has(const struct network *n, const uint8_t address[NETWORK_ADDRESS_SIZE])
{
    for (unsigned i = 0; i < NETWORK_ADDRESS_SIZE; i++) {
        const unsigned bits = n->bits > i * 8 ? n->bits - i * 8 : 0;
        const unsigned mask = bits >= 8 ? 0xffU : 0xff00U >> bits & 0xffU;
        if ((address[i] ^ n->bytes[i]) & mask)
            return false;
    }
    return true;
}

/* The number of bits behind the slash, or -1. */
static int network_bits(struct span digits, unsigned most)
{
    unsigned bits = 0;
    if (digits.size == 0 || digits.size > 3)
        return -1;
    for (size_t i = 0; i < digits.size; i++) {
        if (digits.ptr[i] < '0' || digits.ptr[i] > '9')
            return -1;
        bits = bits * 10 + (unsigned)(digits.ptr[i] - '0');
    }
    return bits <= most ? (int)bits : -1;
}

int network_parse(struct span text, struct network *ret_network)
{
    const size_t slash = span_index(text, '/');
    struct network n = {.bits = ADDRESS_BITS};
    char address[INET6_ADDRSTRLEN] = "";
    if (slash >= sizeof(address) || span_is_none(text) || memchr(text.ptr, 0, text.size))
        return ERR_INVALID;
    memcpy(address, text.ptr, slash);
    const bool is_v4 = inet_pton(AF_INET, address, n.bytes + 12) == 1;
    if (is_v4)
        memset(n.bytes + 10, 0xff, 2);
    else if (inet_pton(AF_INET6, address, n.bytes) != 1)
        return ERR_INVALID;
    if (slash < text.size) {
        const int bits = network_bits(span_from(text, slash + 1),
                                      is_v4 ? ADDRESS_BITS - V4_BITS : ADDRESS_BITS);
        if (bits < 0)
            return ERR_INVALID;
        n.bits = (unsigned)bits + (is_v4 ? V4_BITS : 0);
    }
    *ret_network = n;
    return 0;
}

struct span network_next(struct span *list)
{
    while (list->size && (*list->ptr == ' ' || *list->ptr == ','))
        *list = span_from(*list, 1);
    if (list->size == 0)
        return SPAN_NONE;
    size_t size = 0;
    while (size < list->size && list->ptr[size] != ' ' && list->ptr[size] != ',')
        size++;
    const struct span first = span_first(*list, size);
    *list = span_from(*list, size);
    return first;
}
