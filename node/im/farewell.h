/* SPDX-License-Identifier: Apache-2.0 */
/* Farewell: how a session ends. Whoever saw it sees it no more; what its client does not
 * have goes to the user's other sessions or stays in the inbox; requests it did not answer
 * are answered; what it sent still takes effect; then the store is told.
 *
 *     farewell_end -> farewell_settle (all it sent is in the log) -> SessionEnd -> freed */
#pragma once

#include "base/span.h"
#include "node/im/session.h"

struct im_worker;

/* Ends it now; the front is told. The session is freed later. */
void farewell_end(struct session *s, enum session_end why);
/* Ends it in order, as its client asked: what was written has arrived. */
void farewell_close(struct session *s);
/* Its stream is lost: it waits for a resume, or ends. */
void farewell_detach(struct session *s);

/* Ends it after the current callback. */
void farewell_doom(struct session *s, enum session_end why);
/* The store does not know it any more, or takes nothing: ends it after the current callback
 * and drops what it has not proposed. */
void farewell_fence(struct session *s);

/* A newer session takes its resource over. */
void farewell_replaced(struct session *s, struct session *heir);

/* Goes on when nothing of it is in flight. */
void farewell_settle(struct session *s);

/* Begins to wait for a resume. */
void farewell_wait(struct session *s);

/* Somebody asked to end the user's sessions: all, or that of a resource. */
void farewell_asked(struct im_worker *w, struct span user, struct span resource,
                    enum session_end why);

/* The last step; also for one that was never shown to anybody. */
void farewell_free(struct session *s);
