/* SPDX-License-Identifier: Apache-2.0 */
#include "node/im/roll.h"

#include <string.h>

#include "admin/admin_hooks.h"
#include "base/err.h"
#include "base/loop.h"
#include "base/mem.h"
#include "node/im/farewell.h"
#include "node/im/im_worker.h"
#include "node/im/session_state.h"
#include "node/im/user.h"

/* A question under way; the ask's own message is left alone, for deliver() needs the core. */
struct roll {
    struct message message; /* first */
    struct im *im;
    struct admin_hooks_ask *ask;
    unsigned index;
};

static char *roll_text(struct span text)
{
    return mem_text(text.ptr, text.size);
}

static void roll_add(struct admin_hooks_ask *ask, struct session *s)
{
    struct front_description about = {"", "", "", ""};
    if (s->front && s->front->describe)
        s->front->describe(s->arg, &about);
    struct admin_hooks_session row = {
        .user = roll_text(s->bare),
        .resource = roll_text(s->resource),
        .protocol = roll_text(span_text(about.protocol)),
        .address = roll_text(span_text(about.address)),
        .tls = roll_text(span_text(about.tls)),
        .show = roll_text(span_text(about.show)),
        .priority = s->presence ? s->presence->priority : 0,
        .since_us = s->bound_us,
        .unacked_count = session_unacked(s),
        .is_online = s->front != NULL,
    };
    memcpy(row.id, s->id, sizeof(row.id));
    if (!admin_hooks_add(ask, &row))
        ask->has_more = true;
    free(row.user);
    free(row.resource);
    free(row.protocol);
    free(row.address);
    free(row.tls);
    free(row.show);
}

static void roll_session(struct admin_hooks_ask *ask, struct session *s)
{
    char *resource = roll_text(s->resource);
    const bool is_meant = admin_hooks_matches(ask, s->user->name, resource);
    free(resource);
    if (!is_meant)
        return;
    switch (ask->verb) {
    case ADMIN_HOOKS_LIST:
        roll_add(ask, s);
        break;
    case ADMIN_HOOKS_END:
    case ADMIN_HOOKS_REVOKE:
        ask->ended_count++;
        farewell_end(s,
                     ask->verb == ADMIN_HOOKS_END ? SESSION_END_CLOSED : SESSION_END_REVOKED);
        break;
    }
}

static void roll_worker(struct admin_hooks_ask *ask, struct im_worker *w)
{
    void *value = NULL;
    for (size_t position = 0; w->is_open && hashmap_next(&w->users, &position, NULL, &value);) {
        struct session *next = ((struct user *)value)->sessions;
        while (next) {
            struct session *s = next;
            next = s->next;
            roll_session(ask, s);
        }
    }
}

static void roll_finish(struct roll *r, int rc)
{
    struct admin_hooks_ask *ask = r->ask;
    ask->rc = rc;
    free(r);
    admin_hooks_answer(ask);
}

static void roll_deliver(struct message *m, void *owner)
{
    (void)owner;
    struct roll *r = (struct roll *)m;
    roll_worker(r->ask, r->im->workers[r->index]);
    if (++r->index == r->im->config.worker_count)
        roll_finish(r, 0);
    else
        loop_reply(r->im->workers[r->index]->loop, m);
}

static void roll_discard(struct message *m)
{
    roll_finish((struct roll *)m, ERR_CLOSED);
}

int roll_ask(struct im *im, struct admin_hooks_ask *ask)
{
    struct roll *r = mem_zeroed(1, sizeof(*r));
    r->message.deliver = roll_deliver;
    r->message.discard = roll_discard;
    r->im = im;
    r->ask = ask;
    const int rc = loop_post(im->workers[0]->loop, &r->message);
    if (rc < 0)
        free(r);
    return rc;
}
