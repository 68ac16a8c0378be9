/* SPDX-License-Identifier: Apache-2.0 */
#include "replication/proposalqueue.h"

#include "base/loop.h"

void proposalqueue_push(struct proposalqueue *q, struct proposal *p)
{
    p->next = NULL;
    if (!q->head)
        q->tail = &q->head;
    *q->tail = p;
    q->tail = &p->next;
    q->count++;
    q->size += p->command.size;
}

struct proposal *proposalqueue_pop(struct proposalqueue *q)
{
    struct proposal *p = q->head;
    q->head = p->next;
    q->count--;
    q->size -= p->command.size;
    return p;
}

static void proposal_came_home(struct message *self, void *owner)
{
    struct proposal *p = (struct proposal *)self;
    p->answered(p, owner);
}

static void proposal_found_no_home(struct message *self)
{
    proposal_release((struct proposal *)self);
}

void proposalqueue_answer(struct proposal *p, int rc)
{
    p->rc = rc;
    if (!p->home)
        return;
    p->message.deliver = proposal_came_home;
    p->message.discard = proposal_found_no_home;
    loop_reply(p->home, &p->message);
}

void proposalqueue_answer_all(struct proposalqueue *q, int rc)
{
    while (q->head)
        proposalqueue_answer(proposalqueue_pop(q), rc);
}
