/* SPDX-License-Identifier: Apache-2.0 */
/* What a consensus core asks of the log it is started from. Part of consensus.c; pure. */
#pragma once

#include "replication/consensus.h"

/* Returns 0, or ERR_CORRUPT when the image breaks a rule: a hole between snapshot and log,
 * terms that fall, a first entry that is no membership, a state ahead of the log. */
int consensus_boot_check(const struct consensus_boot *b);

/* The membership in force, and the position in entries of the last one that is known to be
 * committed (entry_count: none). */
void consensus_boot_membership(const struct consensus_boot *b, struct membership *ret_members,
                               size_t *ret_committed);
