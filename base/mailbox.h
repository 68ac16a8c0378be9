/* SPDX-License-Identifier: Apache-2.0 */
/* Mailbox: the one way from thread to thread.
 *
 * Each loop owns one mailbox (loop.h wraps it; other code posts to loops). Any thread
 * posts; only the owning loop receives, in posting order per sender. A mailbox is bounded:
 * when it is full the post is refused and the sender keeps the message, so that load is
 * shed where it arises instead of piling up. An answer is never refused: what it answers
 * was counted when it was accepted.
 *
 * Threads: mailbox_post() and mailbox_reply() from any; the rest on the owning loop only. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

struct mailbox; /* opaque */

/* Embed as the first member of a concrete message. */
struct message {
    struct message *next;
    void (*deliver)(struct message *self, void *owner); /* consumes self */
    void (*discard)(struct message *self);              /* frees it undelivered */
};

/* Opens a mailbox on loop for at most capacity messages (>= 1). Returns 0 and a mailbox
 * that the caller closes, then frees; or a negative error. */
int mailbox_open(uv_loop_t *loop, size_t capacity, struct mailbox **ret_mailbox);

/* Whom every deliver() is handed; borrowed. Set it before the loop runs. */
void mailbox_set_owner(struct mailbox *mailbox, void *owner);

/* Posts a message. Returns 0, and the mailbox owns it; or ERR_FULL or ERR_CLOSED, and the
 * caller still does. Never blocks. */
int mailbox_post(struct mailbox *mailbox, struct message *message);

/* Posts what must not be refused. A closed mailbox discards it. */
void mailbox_reply(struct mailbox *mailbox, struct message *message);

/* Delivers what was posted so far, now. Not from inside a deliver(): messages of the batch
 * that is under way would be overtaken. */
void mailbox_drain(struct mailbox *mailbox);

/* Refuses further posts and discards what is not yet delivered. May be called from
 * deliver(): the rest of the batch is discarded then. A second close does nothing. */
void mailbox_close(struct mailbox *mailbox);

/* True from mailbox_close() on. */
bool mailbox_is_closed(struct mailbox *mailbox);

/* After the loop ran once more behind the close, when no sender is left. NULL is fine. */
void mailbox_free(struct mailbox *mailbox);
