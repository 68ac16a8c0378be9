/* SPDX-License-Identifier: Apache-2.0 */
/* Orphans: sessions that the store still shows from an earlier life of this node. Their
 * live state is gone, so nobody can resume them; until the resume window has passed since
 * the start, a client that tries is still told the exact count. Then they end. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/wheel.h"
#include "node/im/session.h"
#include "replication/proposal.h"

struct im_worker;

struct orphans {
    struct proposal proposal; /* first */
    struct im_worker *worker;
    struct wheel_timer timer;
    char session_id[SESSION_ID_SIZE]; /* the one being ended */
    bool is_in_flight;
};

/* On one worker of the node. */
void orphans_open(struct orphans *o, struct im_worker *w);
void orphans_close(struct orphans *o);
