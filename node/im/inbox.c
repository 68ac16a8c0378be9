/* SPDX-License-Identifier: Apache-2.0 */
#include "node/im/inbox.h"

#include "base/err.h"
#include "base/log.h"
#include "node/im/delivery.h"
#include "node/im/im_worker.h"
#include "node/im/output.h"
#include "node/im/session_state.h"
#include "node/im/user.h"
#include "replication/read.h"

struct inbox_walk {
    struct user *user;
    struct session *session; /* of a flush */
    uint64_t position;
};

/* M6: what the client read from the archive before its first presence is with it. */
static bool inbox_is_read(const struct session *s, uint64_t index)
{
    if (index > s->queried_to)
        return false;
    Store__MessageRow *row = NULL;
    if (read_message(im_view(s->worker->im), index, &row) < 1)
        return false;
    const bool is_kept = row->class_ == STORE__MESSAGE_CLASS__KEEP;
    store__message_row__free_unpacked(row, NULL);
    return is_kept;
}

/* Is the row on its way to a client that is there? One that waits in a lost stream does not
 * keep it from a device at which the user is now. */
static bool inbox_is_held(const struct user *u, uint64_t index)
{
    const struct user_row *row = user_row(u, index);
    if (!row || row->is_done)
        return row != NULL;
    for (const struct session *s = u->sessions; s; s = s->next)
        if (s->front && !s->is_ending && outbound_has_message(&s->outbound, index))
            return true;
    return false;
}

static bool inbox_flush_row(uint64_t index, const Store__InboxRow *row, void *arg)
{
    struct inbox_walk *walk = arg;
    if (index > walk->position)
        return false;
    if (row->kind != STORE__INBOX_ROW__KIND__MESSAGE || inbox_is_held(walk->user, index))
        return true;
    if (inbox_is_read(walk->session, index)) {
        user_row_hold(walk->user, index);
        user_row_confirm(walk->user, index);
        progress_confirm(walk->session, index, false);
        return true;
    }
    output_inbox(walk->session, index);
    return true;
}

void inbox_flush(struct session *s)
{
    struct inbox_walk walk = {s->user, s, s->worker->feed.position};
    s->flushed_to = walk.position;
    const int rc =
        read_inbox(im_view(s->worker->im), user_name(s->user), 0, inbox_flush_row, &walk);
    if (rc < 0)
        log_error("im: inbox cannot be read", LOG_SPAN("user", user_name(s->user)), LOG_RC(rc));
}

static bool inbox_spread_row(uint64_t index, const Store__InboxRow *row, void *arg)
{
    struct inbox_walk *walk = arg;
    if (index > walk->position)
        return false;
    if (row->kind != STORE__INBOX_ROW__KIND__MESSAGE || user_row(walk->user, index))
        return true;
    for (struct session *s = walk->user->sessions; s; s = s->next)
        if (s->presence && s->presence->priority >= 0)
            output_inbox(s, index);
    return true;
}

void inbox_spread(struct user *u)
{
    struct inbox_walk walk = {u, NULL, u->worker->feed.position};
    bool is_anybody_there = false;
    for (const struct session *s = u->sessions; s; s = s->next)
        is_anybody_there =
            is_anybody_there || (s->presence && s->presence->priority >= 0 && !s->is_ending);
    if (!is_anybody_there)
        return;
    const int rc = read_inbox(im_view(u->worker->im), user_name(u), 0, inbox_spread_row, &walk);
    if (rc < 0)
        log_error("im: inbox cannot be read", LOG_SPAN("user", user_name(u)), LOG_RC(rc));
}
