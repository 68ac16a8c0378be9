/* SPDX-License-Identifier: Apache-2.0 */
#include "node/im/im_worker.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/metric.h"
#include "node/im/farewell.h"
#include "node/im/session_state.h"
#include "node/im/user.h"

struct metric *im_worker_gauge(enum im_worker_gauge which)
{
    switch (which) {
    case IM_WORKER_USERS:
        return metric_gauge("users_online", "Users with at least one session.");
    case IM_WORKER_SESSIONS:
        return metric_gauge("sessions_bound", "Sessions, those without a stream included.");
    case IM_WORKER_DETACHED:
        return metric_gauge("sessions_detached", "Sessions that wait to be resumed.");
    }
    return NULL;
}

uint64_t im_worker_now_ms(const struct im_worker *w)
{
    return loop_now_ms(w->loop);
}

void im_worker_load_settings(struct im_worker *w)
{
    const struct im_config *config = &w->im->config;
    im_settings_init(&w->settings);
    if (config->load_settings)
        config->load_settings(&w->settings, config->arg);
}

void im_worker_count(struct im_worker *w, enum im_worker_gauge which, int change)
{
    metric_add(w->gauges[which], change);
}

int im_worker_start(struct im_worker *w)
{
    const unsigned count = w->im->config.worker_count;
    im_worker_load_settings(w);
    for (int i = 0; i < IM_WORKER_GAUGES; i++)
        w->gauges[i] = im_worker_gauge((enum im_worker_gauge)i);
    w->outboxes = mem_zeroed(count, sizeof(*w->outboxes));
    marks_open(&w->marks, w);
    progress_open(&w->progress, w);
    const int rc = feed_open(&w->feed, w);
    if (rc < 0) {
        free(w->outboxes);
        w->outboxes = NULL;
        return rc;
    }
    w->is_open = true;
    if (w->index == 0)
        orphans_open(&w->orphans, w);
    return 0;
}

/* ---- Stop ----------------------------------------------------------------------------- */

static void im_worker_closed(struct message *m, void *owner)
{
    (void)owner;
    struct im_worker *w = (struct im_worker *)((char *)m - offsetof(struct im_worker, closing));
    void *value = NULL;
    w->is_open = false;
    wheel_cancel(loop_wheel(w->loop), &w->outbox_timer);
    note_flush(w);
    for (size_t position = 0; hashmap_next(&w->users, &position, NULL, &value);)
        user_free(value);
    hashmap_done(&w->users);
    hashmap_done(&w->sessions);
    marks_done(&w->marks);
    progress_done(&w->progress);
    free(w->outboxes);
    w->outboxes = NULL;
    w->closed(w->closed_arg);
}

static void im_worker_close_discard(struct message *m)
{
    (void)m; /* part of the worker */
}

void im_worker_settled(struct im_worker *w)
{
    if (!w->is_closing || w->pending || w->is_closed)
        return;
    w->is_closed = true;
    w->closing.deliver = im_worker_closed;
    w->closing.discard = im_worker_close_discard;
    loop_at_turn_end(w->loop, &w->closing);
}

static struct session *im_worker_any_session(struct im_worker *w)
{
    void *value = NULL;
    size_t position = 0;
    return hashmap_next(&w->sessions, &position, NULL, &value) ? value : NULL;
}

void im_worker_stop(struct im_worker *w, void (*closed)(void *arg), void *arg)
{
    w->closed = closed;
    w->closed_arg = arg;
    w->is_closing = true;
    feed_close(&w->feed);
    orphans_close(&w->orphans);
    progress_flush(&w->progress);
    for (struct session *s = im_worker_any_session(w); s; s = im_worker_any_session(w))
        farewell_end(s, SESSION_END_SHUTDOWN);
    progress_flush(&w->progress);
    im_worker_settled(w);
}
