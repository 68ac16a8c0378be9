/* SPDX-License-Identifier: Apache-2.0 */
/* Marks: send marks of all sessions of a worker, one batch in flight, the rest behind it.
 * A message to a client that may resume is written when its mark is applied. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mailbox.h"
#include "base/wheel.h"
#include "node/im/session.h"
#include "replication/proposal.h"

struct im_worker;

enum { MARKS_BATCH_MAX = 1024 };

struct marks_mark {
    char session_id[SESSION_ID_SIZE];
    uint64_t epoch, seq, message;
};

struct marks {
    struct proposal proposal;
    struct im_worker *worker;
    struct marks_mark *waiting; /* the first flight_count of them are in flight */
    size_t count, capacity, flight_count;
    struct message turn; /* proposes at the end of the turn */
    bool is_turn_asked;
    struct wheel_timer retry;
};

void marks_open(struct marks *m, struct im_worker *w);
void marks_add(struct marks *m, const struct session *s, uint64_t seq, uint64_t message);
void marks_done(struct marks *m); /* nothing is in flight */
