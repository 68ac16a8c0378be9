/* SPDX-License-Identifier: Apache-2.0 */
/* CRC-32C (Castagnoli; RFC 3720, B.4), with the processor's instruction where it has one.
 * Pure; threads: any. */
#pragma once

#include <stdint.h>

#include "base/span.h"

/* Continues a checksum, which begins with 0, over more bytes. */
uint32_t crc32c_add(uint32_t crc, struct span bytes);

/* The same without the instruction, for machines without it and for the test. */
uint32_t crc32c_add_portable(uint32_t crc, struct span bytes);
