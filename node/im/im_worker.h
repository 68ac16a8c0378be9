/* SPDX-License-Identifier: Apache-2.0 */
/* IM worker: one worker's part of the IM core: its users and sessions, its place in the
 * change feed, and the proposals it puts together for all its sessions. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hashmap.h"
#include "base/wheel.h"
#include "node/im/feed.h"
#include "node/im/im.h"
#include "node/im/marks.h"
#include "node/im/note.h"
#include "node/im/orphans.h"
#include "node/im/progress.h"

struct metric;

enum im_worker_gauge { IM_WORKER_USERS, IM_WORKER_SESSIONS, IM_WORKER_DETACHED };
enum { IM_WORKER_GAUGES = 3 };

struct im {
    struct im_config config;
    char *domain;
    struct loop **loops;
    struct im_worker **workers;
};

struct im_worker {
    struct im *im;
    unsigned index;
    struct loop *loop;
    struct im_settings settings;
    struct hashmap users;    /* bare address to struct user */
    struct hashmap sessions; /* id to struct session, while it can be resumed */
    struct feed feed;
    struct marks marks;
    struct progress progress;
    struct orphans orphans;
    struct note_outbox *outboxes; /* by worker */
    struct wheel_timer outbox_timer;
    size_t pending; /* proposals in flight, and objects that wait for them */
    struct metric *gauges[IM_WORKER_GAUGES];
    bool is_open, is_closing, is_closed;
    void (*closed)(void *arg);
    void *closed_arg;
    struct message closing;
};

int im_worker_start(struct im_worker *w);
void im_worker_stop(struct im_worker *w, void (*closed)(void *arg), void *arg);

/* Something that was in flight is not any more: the close may be complete. */
void im_worker_settled(struct im_worker *w);
void im_worker_load_settings(struct im_worker *w);
uint64_t im_worker_now_ms(const struct im_worker *w);

/* The process-wide gauge; this worker's share of it changes. */
struct metric *im_worker_gauge(enum im_worker_gauge which);
void im_worker_count(struct im_worker *w, enum im_worker_gauge which, int change);
