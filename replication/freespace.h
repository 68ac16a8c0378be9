/* SPDX-License-Identifier: Apache-2.0 */
/* Free space of the disk under the store, and the mark below which nothing is accepted.
 *
 * RocksDB may abort the process when the disk is full, so it must never get there. */
#pragma once

#include <stdint.h>

struct freespace {
    uint64_t free; /* bytes a process without privileges may still use */
    uint64_t size; /* bytes of the file system */
};

/* Returns 0 or -errno. Asks the kernel: about a microsecond. */
int freespace_read(const char *path, struct freespace *ret_space);

/* The mark of DESIGN: max(5 % of the disk, 1 GB). */
uint64_t freespace_default_min(uint64_t size);
