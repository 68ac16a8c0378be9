/* SPDX-License-Identifier: Apache-2.0 */
/* Session state: the inside of a session, for the files of this folder that work on it:
 * binding (bind, resume), intake (from the client), output (to the client), farewell (its
 * end), availability and inbox. One worker, no locks. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/hashmap.h"
#include "base/wheel.h"
#include "node/im/front.h"
#include "node/im/inbound.h"
#include "node/im/outbound.h"
#include "node/im/session.h"
#include "replication/proposal.h"

struct intake_work;
struct user;

enum { SESSION_STATE_DIRECTED_MAX = 1000 }; /* addresses that got directed presence */

struct session {
    struct im_worker *worker;
    struct user *user;    /* outlives it */
    struct session *next; /* of the user */
    char id[SESSION_ID_SIZE];
    char *address;              /* full, NUL-terminated */
    struct span bare, resource; /* into address */
    uint64_t epoch;
    uint64_t bound_us; /* wall clock */

    const struct front *front; /* NULL while detached */
    void *arg;

    /* From the client. */
    struct inbound inbound;
    struct intake_work *works, *works_tail; /* by n: not effective yet */
    uint64_t safe_told;
    uint64_t last_put; /* log index of its newest stored message */

    /* To the client. */
    struct outbound outbound;
    uint64_t flushed_to; /* inbox rows up to here were flushed; 0: not flushed */
    uint64_t queried_to; /* archive rows it may have seen; 0: never asked */

    /* What Progress has not told the store yet. */
    struct session *progress_next;
    uint64_t safe_stored, acked_stored;
    uint64_t *confirmed; /* inbox rows the client has */
    size_t confirmed_count, confirmed_capacity;

    struct presence *presence; /* available as its client said; NULL: not */
    struct presence *shown;    /* what contacts see of this resource; NULL: nothing */
    struct hashmap directed;   /* address to itself (allocated) */

    struct wheel_timer timer;       /* resume window; grace of a replaced resource */
    struct session_request *resume; /* waits until all that came in has its effect */
    struct message doom;            /* ends it after the current callback */
    struct proposal farewell;       /* its SessionEnd */
    struct wheel_timer farewell_retry;
    enum session_end end;
    unsigned claim_count; /* claims in flight: it is not freed before */

    bool is_window_closed;
    bool is_pumping;
    bool is_in_progress; /* in the worker's list */
    bool is_resumable, is_resumable_stored;
    bool is_resuming; /* a claim for a new stream is in flight */
    bool has_carbons, wants_roster, wants_blocks;
    bool is_ending; /* nothing goes in or out any more */
    bool is_doomed;
    bool is_orderly; /* its client closed it: the last count is final */
    bool is_fenced;  /* the store takes nothing from it any more */
    bool is_farewell_sent;
};
