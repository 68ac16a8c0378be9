/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mailbox.h"

#include <assert.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/mem.h"

struct mailbox {
    uv_async_t wakeup;
    uv_mutex_t lock; /* guards what follows, down to the blank line */
    struct message *head;
    struct message **tail;
    size_t count; /* posts, without replies */
    bool is_closed;

    size_t capacity;
    void *owner;
};

/* Detaches the whole queue in one short critical section. */
static struct message *mailbox_take_all(struct mailbox *m)
{
    uv_mutex_lock(&m->lock);
    struct message *batch = m->head;
    m->head = NULL;
    m->tail = &m->head;
    m->count = 0;
    uv_mutex_unlock(&m->lock);
    return batch;
}

static void mailbox_discard_all(struct message *message)
{
    while (message) {
        struct message *next = message->next;
        message->discard(message);
        message = next;
    }
}

void mailbox_drain(struct mailbox *m)
{
    struct message *message = mailbox_take_all(m);

    while (message) {
        if (mailbox_is_closed(m)) { /* by the deliver() before this one */
            mailbox_discard_all(message);
            return;
        }
        struct message *next = message->next;
        message->deliver(message, m->owner);
        message = next;
    }
}

static void mailbox_woken(uv_async_t *wakeup)
{
    mailbox_drain(wakeup->data);
}

int mailbox_open(uv_loop_t *loop, size_t capacity, struct mailbox **ret_mailbox)
{
    assert(loop);
    assert(capacity >= 1);

    CLEANUP(mem_release) struct mailbox *m = mem_zeroed(1, sizeof(*m));
    m->tail = &m->head;
    m->capacity = capacity;

    int rc = uv_mutex_init(&m->lock);
    if (rc < 0)
        return rc;
    rc = uv_async_init(loop, &m->wakeup, mailbox_woken);
    if (rc < 0) {
        uv_mutex_destroy(&m->lock);
        return rc;
    }
    m->wakeup.data = m;

    *ret_mailbox = STEAL(m);
    return 0;
}

void mailbox_set_owner(struct mailbox *m, void *owner)
{
    m->owner = owner;
}

/* The caller holds the lock, under which no close can take the handle away. */
static void mailbox_append(struct mailbox *m, struct message *message)
{
    const bool was_empty = !m->head;
    *m->tail = message;
    m->tail = &message->next;
    if (was_empty)
        (void)uv_async_send(&m->wakeup);
}

int mailbox_post(struct mailbox *m, struct message *message)
{
    int rc = 0;

    message->next = NULL;
    uv_mutex_lock(&m->lock);
    if (m->is_closed) {
        rc = ERR_CLOSED;
    } else if (m->count == m->capacity) {
        rc = ERR_FULL;
    } else {
        mailbox_append(m, message);
        m->count++;
    }
    uv_mutex_unlock(&m->lock);
    return rc;
}

void mailbox_reply(struct mailbox *m, struct message *message)
{
    message->next = NULL;
    uv_mutex_lock(&m->lock);
    const bool is_closed = m->is_closed;
    if (!is_closed)
        mailbox_append(m, message);
    uv_mutex_unlock(&m->lock);

    if (is_closed)
        message->discard(message);
}

void mailbox_close(struct mailbox *m)
{
    uv_mutex_lock(&m->lock);
    const bool was_closed = m->is_closed;
    m->is_closed = true;
    if (!was_closed)
        uv_close((uv_handle_t *)&m->wakeup, NULL);
    uv_mutex_unlock(&m->lock);

    mailbox_discard_all(mailbox_take_all(m));
}

bool mailbox_is_closed(struct mailbox *m)
{
    uv_mutex_lock(&m->lock);
    const bool is_closed = m->is_closed;
    uv_mutex_unlock(&m->lock);
    return is_closed;
}

void mailbox_free(struct mailbox *m)
{
    if (!m)
        return;
    assert(m->is_closed);
    uv_mutex_destroy(&m->lock);
    free(m);
}
