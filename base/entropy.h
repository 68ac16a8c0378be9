/* SPDX-License-Identifier: Apache-2.0 */
/* Randomness fit for secrets, from the kernel. Threads: any. */
#pragma once

#include <stddef.h>

/* Fills size bytes. Aborts when the kernel has none to give: nothing can go on safely. */
void entropy_fill(void *bytes, size_t size);
