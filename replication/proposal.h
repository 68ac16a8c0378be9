/* SPDX-License-Identifier: Apache-2.0 */
/* Proposal: one durable change on its way into the log and back.
 *
 * Embed it, set home and answered, fill it, replica_propose() it; it is answered on its
 * home loop exactly once. Between the two it belongs to the replica. Zeroed is ready.
 *
 * A home loop that is stopped while proposals are out gets no answers: what they hold is
 * released, the objects they are embedded in are left to who owns the loop. */
#pragma once

#include <stdint.h>

#include "base/mailbox.h"
#include "base/strbuf.h"
#include "presenced/store/v1/store.pb-c.h"

struct loop;

struct proposal {
    struct message message; /* must stay first; the replica's while proposed */
    struct loop *home;      /* where the answer is delivered; not NULL */
    /* Called on home with its owner. The proposal is the caller's again. */
    void (*answered)(struct proposal *p, void *owner);
    /* 0: committed and applied, result is set. Refused, never entered the log:
     * ERR_NOT_LEADER, ERR_FULL, ERR_NO_SPACE, ERR_CLOSED, ERR_TOO_BIG. ERR_UNKNOWN: it may
     * or may not have been committed; never to be reported as done or as refused. */
    int rc;
    Store__Result *result; /* freed by proposal_release() */
    struct strbuf command; /* header and packed command: proposal_fill() */

    /* The replica's. */
    struct proposal *next;
    uint64_t index, term, sequence;
    uint64_t since_us; /* monoclock_us() of its arrival; 0: made by the replica itself */
};

/* Puts a command into a proposal. Any former command or result is released. A command over
 * COMMAND_SIZE_MAX leaves it empty; replica_propose() says so. */
void proposal_fill(struct proposal *p, const Store__Command *command);

/* Releases command and result; the proposal can be filled again. Not while proposed. */
void proposal_release(struct proposal *p);
