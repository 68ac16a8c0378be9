/* SPDX-License-Identifier: Apache-2.0 */
/* The node's number in the Raft log: drawn once, when the data directory is new, and kept
 * in it. A directory that was wiped gets another number, for a replica that forgot what it
 * had acknowledged must not pass for the one that knew (replication/replica.h). */
#pragma once

#include <stdint.h>

#include "base/strbuf.h"

/* Makes data_dir (mode 0700) where it is missing and reads or draws the number. On failure
 * a sentence is added to why: ERR_CORRUPT when the file holds no number, or what the system
 * said. Blocks on the disk. */
int node_identity_load(const char *data_dir, uint64_t *ret_node_id, struct strbuf *why);
