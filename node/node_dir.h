/* SPDX-License-Identifier: Apache-2.0 */
/* The node's directories: for its data, and for its sockets. Blocking; main thread at start. */
#pragma once

#include <sys/types.h>

#include "base/strbuf.h"

/* Makes path and what is missing above it, with this mode. Returns 0, also when it was
 * there; or what the system said, with a sentence added to why. */
int node_dir_make(const char *path, mode_t mode, struct strbuf *why);

/* "cannot read PATH: reason" of errno, added to why; returns -errno. */
int node_dir_failed(const char *what, const char *path, struct strbuf *why);
