/* SPDX-License-Identifier: Apache-2.0 */
/* Feed: a worker follows the change feed of the store by its own position. A wake-up is
 * only a hint that there is more; a lost one or a full mailbox skips nothing, for rows are
 * read by index. What concerns nobody online here is passed over.
 *
 * Before it follows up to an index the messages that were posted to the loop until then are
 * delivered: a live stanza that was sent before a message was proposed comes first. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/mailbox.h"

struct im_worker;
struct wakeup;

struct feed {
    struct im_worker *worker;
    struct wakeup *wakeup;
    struct message turn;
    bool is_turn_asked, is_following;
    uint64_t position; /* rows up to it were dealt with */
};

int feed_open(struct feed *f, struct im_worker *w);
void feed_close(struct feed *f);

/* Deals with all rows up to index, which is applied, before it returns. */
void feed_follow(struct im_worker *w, uint64_t index);
