/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/admin_hooks.h"

#include <assert.h>

#include "base/mem.h"

bool admin_hooks_matches(const struct admin_hooks_ask *ask, const char *user,
                         const char *resource)
{
    return (!ask->user || strcmp(ask->user, user) == 0) &&
           (!ask->resource || strcmp(ask->resource, resource) == 0);
}

static char *hooks_copy(const char *text)
{
    return mem_text(text ? text : "", text ? strlen(text) : 0);
}

bool admin_hooks_add(struct admin_hooks_ask *ask, const struct admin_hooks_session *row)
{
    if (ask->row_count >= ask->rows_max) {
        ask->has_more = true;
        return false;
    }
    if (ask->row_count == ask->row_capacity) {
        ask->row_capacity = ask->row_capacity ? ask->row_capacity * 2 : 16;
        ask->rows = mem_resized(ask->rows, ask->row_capacity, sizeof(*ask->rows));
    }
    struct admin_hooks_session *copy = &ask->rows[ask->row_count++];
    *copy = *row;
    copy->user = hooks_copy(row->user);
    copy->resource = hooks_copy(row->resource);
    copy->protocol = hooks_copy(row->protocol);
    copy->address = hooks_copy(row->address);
    copy->tls = hooks_copy(row->tls);
    copy->show = hooks_copy(row->show);
    return true;
}

static void hooks_deliver(struct message *self, void *owner)
{
    struct admin_hooks_ask *ask = (struct admin_hooks_ask *)(void *)self;
    ask->answered(ask, owner);
}

static void hooks_discard(struct message *self)
{
    /* The home loop waits for its questions before it stops, so this is never called. */
    (void)self;
}

void admin_hooks_answer(struct admin_hooks_ask *ask)
{
    ask->message.deliver = hooks_deliver;
    ask->message.discard = hooks_discard;
    loop_reply(ask->home, &ask->message);
}

void admin_hooks_ask_done(struct admin_hooks_ask *ask)
{
    for (size_t i = 0; i < ask->row_count; i++) {
        struct admin_hooks_session *row = &ask->rows[i];
        free(row->user);
        free(row->resource);
        free(row->protocol);
        free(row->address);
        free(row->tls);
        free(row->show);
    }
    free(ask->rows);
    ask->rows = NULL;
    ask->row_count = ask->row_capacity = 0;
}
