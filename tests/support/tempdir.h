/* SPDX-License-Identifier: Apache-2.0 */
/* A directory of a test's own, removed with all that is in it. */
#pragma once

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

struct tempdir {
    char path[64];
};

static inline void tempdir_make(struct tempdir *d)
{
    (void)snprintf(d->path, sizeof(d->path), "/tmp/presenced-test-XXXXXX");
    if (!mkdtemp(d->path))
        abort();
}

static inline int tempdir_unlink(const char *path, const struct stat *st, int type,
                                 struct FTW *walk)
{
    (void)st, (void)type, (void)walk;
    return remove(path);
}

static inline void tempdir_remove_tree(const char *path)
{
    (void)nftw(path, tempdir_unlink, 16, FTW_DEPTH | FTW_PHYS);
}

static inline void tempdir_remove(struct tempdir *d)
{
    tempdir_remove_tree(d->path);
}
