/* SPDX-License-Identifier: Apache-2.0 */
/* Allocation that cannot fail: out of memory ends the process, and its peer takes over.
 * So a size that comes from outside is held against a limit before it gets here. */
#pragma once

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* Returns count zeroed objects of size bytes each; the caller frees them with free(). */
static inline void *mem_zeroed(size_t count, size_t size)
{
    void *memory = calloc(count, size);
    if (!memory)
        abort();
    return memory;
}

/* realloc() to count objects of size bytes, that aborts; new bytes are not zeroed. */
static inline void *mem_resized(void *old, size_t count, size_t size)
{
    void *memory = reallocarray(old, count ? count : 1, size);
    if (!memory)
        abort();
    return memory;
}

/* Copies size bytes and adds a NUL behind them; the caller frees. */
static inline char *mem_text(const void *bytes, size_t size)
{
    char *copy = mem_zeroed(size + 1, 1);
    if (size)
        memcpy(copy, bytes, size);
    return copy;
}

/* For CLEANUP() on a local that malloc() or one of the above filled. */
static inline void mem_release(void *pointer_to_pointer)
{
    free(*(void **)pointer_to_pointer);
}
