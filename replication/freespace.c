/* SPDX-License-Identifier: Apache-2.0 */
#include "replication/freespace.h"

#include <errno.h>
#include <sys/statvfs.h>

#include "base/faults.h"

#define FLOOR_SIZE UINT64_C(1000000000)

int freespace_read(const char *path, struct freespace *ret_space)
{
    struct statvfs s;
    if (statvfs(path, &s) != 0)
        return -errno;
    ret_space->free = (uint64_t)s.f_bavail * s.f_frsize;
    ret_space->size = (uint64_t)s.f_blocks * s.f_frsize;
    if (FAULT("freespace.full"))
        ret_space->free = 0;
    return 0;
}

uint64_t freespace_default_min(uint64_t size)
{
    const uint64_t share = size / 20;
    return share > FLOOR_SIZE ? share : FLOOR_SIZE;
}
