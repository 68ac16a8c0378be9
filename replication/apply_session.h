/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions: claims, ends, send marks and progress.
 *
 * A claim is compare-and-set on the epoch; from then on everything of the former epoch is
 * refused. A mark says "the client's stanza number seq was this message", so that the h a
 * client tells when it resumes says exactly which messages it has: those leave the inbox,
 * later marks are forgotten and made anew. A session that has ended keeps its row and marks
 * for ten minutes, so that a resume that fails can still tell its h. */
#pragma once

#include "base/span.h"
#include "presenced/store/v1/store.pb-c.h"

struct apply;

void apply_session_claim(struct apply *a, const Store__SessionClaim *c);
void apply_session_end(struct apply *a, const Store__SessionEnd *c);
void apply_session_marks(struct apply *a, const Store__SendMarks *c);
void apply_session_progress(struct apply *a, const Store__Progress *c);

/* The row, ended or not; NULL when there is none or id is no session id. */
Store__SessionRow *apply_session_find(struct apply *a, struct span id);
void apply_session_put(struct apply *a, const Store__SessionRow *row);

/* Checks what a command says of the session that asked: fills a->session in and counts the
 * stanza. False with the outcome STALE, DUPLICATE, GAP or MALFORMED: nothing may be done. */
bool apply_session_origin(struct apply *a, const Store__Origin *origin);

/* Ends all sessions of a user but one (SPAN_NONE: all): they cannot be resumed. */
void apply_session_end_all(struct apply *a, struct span user, struct span keep_id);

/* Removes every row of a session; of all sessions of a user, ended ones too. */
void apply_session_erase(struct apply *a, const Store__SessionRow *row);
void apply_session_forget(struct apply *a, struct span user);
