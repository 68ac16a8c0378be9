/* SPDX-License-Identifier: Apache-2.0 */
/* A network of IP addresses, as settings write it: "10.1.0.0/16", "2001:db8::/32" or one
 * address. IPv4 addresses are IPv6 ones, mapped (RFC 4291, 2.5.5.2).
 *
 * Pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

enum { NETWORK_ADDRESS_SIZE = 16 };

struct network {
    uint8_t bytes[NETWORK_ADDRESS_SIZE];
    unsigned bits; /* leading ones that count */
};

/* Returns 0 or ERR_INVALID. */
int network_parse(struct span text, struct network *ret_network);

bool network_has(const struct network *n, const uint8_t address[NETWORK_ADDRESS_SIZE]);

/* The next of a list separated by spaces and commas, taken off its front; SPAN_NONE at the
 * end. */
struct span network_next(struct span *list);
