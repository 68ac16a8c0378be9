/* SPDX-License-Identifier: Apache-2.0 */
/* Messages from peers on their way into the core: checked field by field, cut where the core
 * would stumble, copied into memory that it may free. Part of consensus.c. */
#pragma once

#include "replication/consensus_core.h"

/* Returns 0; ERR_PROTOCOL, and nothing has changed; or ERR_CORRUPT. */
int consensus_peer_received(struct consensus *c, const struct consensus_message *in);
