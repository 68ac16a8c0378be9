/* SPDX-License-Identifier: Apache-2.0 */
/* Messages: one MessagePut is archive rows on both sides, an inbox row for the recipient
 * and feed rows for both; or, when it may not be delivered, a bounce: an inbox row of the
 * sender's, so that the refusal survives the node that should have told it.
 *
 * The inbox is a set. A row leaves when a session it was sent to has it; the message itself
 * leaves when neither an archive nor an inbox refers to it any more. */
#pragma once

#include "base/span.h"
#include "presenced/store/v1/store.pb-c.h"

struct apply;

void apply_message_put(struct apply *a, const Store__MessagePut *c);

/* A session of the user has the message: its inbox row leaves, if it is there. */
void apply_message_delivered(struct apply *a, struct span user, uint64_t index);

/* Removes the bounces that only this session of the user was to be shown. */
void apply_message_drop_bounces(struct apply *a, struct span user, struct span session_id);

/* Removes the message when nothing refers to it. */
void apply_message_release(struct apply *a, uint64_t index);

/* Removes a message and all rows about it; every message of a user, sent or received. */
void apply_message_erase(struct apply *a, uint64_t index);
void apply_message_forget(struct apply *a, struct span user);
