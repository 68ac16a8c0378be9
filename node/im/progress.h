/* SPDX-License-Identifier: Apache-2.0 */
/* Progress: tells the store, at most PROGRESS_DELAY_MS late and for many sessions at once,
 * what has no entry of its own: safe, what clients acknowledged, what TCP took. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/wheel.h"

struct im_worker;
struct progress_batch;
struct session;

enum {
    PROGRESS_DELAY_MS = 500,
    PROGRESS_SESSIONS_MAX = 256, /* of one command */
};

struct progress {
    struct im_worker *worker;
    struct session *first, *last; /* that have something to tell */
    struct wheel_timer timer;
    struct progress_batch *refused; /* batches to be proposed again */
};

void progress_open(struct progress *p, struct im_worker *w);

/* The session has news; they go out soon. */
void progress_touch(struct session *s);
/* The client has an inbox row. is_marked: its mark and client_h say so. */
void progress_confirm(struct session *s, uint64_t index, bool is_marked);

/* Proposes the news now: of one session, of all. */
void progress_flush_session(struct session *s);
void progress_flush(struct progress *p);
/* The session is about to go: takes it out of the list. */
void progress_forget(struct session *s);
void progress_done(struct progress *p);
