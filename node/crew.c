/* SPDX-License-Identifier: Apache-2.0 */
#include "node/crew.h"

#include <stdio.h>
#include <uv.h>

#include "admin/admin_settings.h"
#include "admin/node_config.h"
#include "base/cleanup.h"
#include "base/loop.h"
#include "base/mem.h"
#include "node/errand.h"
#include "node/im/im.h"
#include "node/im/roll.h"
#include "node/worker.h"
#include "node/xmpp/xmpp_metrics.h"
#include "replication/replica.h"

enum { CREW_MAILBOX_MAX = 65536 }; /* messages of a worker: a storm of presence fits */

struct crew {
    struct crew_config config;
    char *domain;
    struct xmpp_metrics metrics;
    struct im *im;
    unsigned count, opened_count, closed_count;
    struct loop *loops[CREW_WORKERS_MAX];
    struct worker *workers[CREW_WORKERS_MAX]; /* NULL: not started */
};

static void free_crew(struct crew **crew)
{
    crew_free(*crew);
}

int crew_new(const struct crew_config *config, struct crew **ret_crew)
{
    CLEANUP(free_crew) struct crew *crew = mem_zeroed(1, sizeof(*crew));
    const unsigned wanted = config->node->limits.workers ? config->node->limits.workers
                                                         : uv_available_parallelism();

    crew->config = *config;
    xmpp_metrics_init(&crew->metrics);
    while (crew->count < wanted && crew->count < CREW_WORKERS_MAX) {
        char name[16];
        (void)snprintf(name, sizeof(name), "worker%u", crew->count);
        const int rc = loop_new(name, CREW_MAILBOX_MAX, &crew->loops[crew->count]);
        if (rc < 0)
            return rc;
        crew->count++;
    }
    *ret_crew = STEAL(crew);
    return 0;
}

/* ---- Opening --------------------------------------------------------------------------------
 */

/* One worker's report, on its way to the main thread. */
struct crew_report {
    struct crew *crew;
    int rc;
    char why[160];
};

static void crew_worker_reported(void *arg)
{
    struct crew_report *report = arg;
    struct crew *crew = report->crew;

    crew->opened_count++;
    if (report->rc < 0 || crew->opened_count == crew->count)
        crew->config.opened(report->rc, report->why, crew->config.arg);
    free(report);
}

static void crew_worker_opened(struct worker *worker, int rc, const char *why, void *arg)
{
    struct crew_report *report = mem_zeroed(1, sizeof(*report));
    (void)worker;
    *report = (struct crew_report){.crew = arg, .rc = rc};
    (void)snprintf(report->why, sizeof(report->why), "%s", why);
    errand_send(report->crew->config.main, crew_worker_reported, report);
}

static void crew_counted_out(void *arg)
{
    struct crew *crew = arg;
    if (++crew->closed_count == crew->count)
        crew->config.closed(crew->config.arg);
}

static void crew_worker_closed(struct worker *worker, void *arg)
{
    struct crew *crew = arg;
    (void)worker;
    errand_send(crew->config.main, crew_counted_out, crew);
}

/* The IM core asks for its settings, on a worker, at the start and when one has changed;
 * that worker's connections then want theirs as well. */
static void crew_load_settings(struct im_settings *ret_settings, void *arg)
{
    const struct crew *crew = arg;
    struct admin_settings settings;

    (void)admin_settings_load(&settings, replica_view(crew->config.replica));
    *ret_settings = (struct im_settings){
        .sessions_max = settings.resources_max,
        .resume_window_ms = (uint32_t)settings.resume_window_ms,
        .roster_max = settings.roster_max,
        .blocked_max = settings.block_max,
        .inbox_max = settings.inbox_max,
    };
    struct worker *here = loop_owner(loop_current());
    if (here)
        worker_refresh(here);
}

static int crew_start_worker(struct crew *crew, unsigned index)
{
    const struct worker_config config = {.index = index,
                                         .count = crew->count,
                                         .loop = crew->loops[index],
                                         .im = crew->im,
                                         .node = crew->config.node,
                                         .domain = crew->domain,
                                         .starttls = crew->config.starttls,
                                         .direct_tls = crew->config.direct_tls,
                                         .credentials = crew->config.credentials,
                                         .metrics = &crew->metrics,
                                         .pool = crew->config.pool,
                                         .replica = crew->config.replica,
                                         .opened = crew_worker_opened,
                                         .closed = crew_worker_closed,
                                         .arg = crew};
    return worker_start(&config, &crew->workers[index]);
}

int crew_open(struct crew *crew, const char *domain)
{
    struct replica_status status;
    replica_status(crew->config.replica, &status);
    crew->domain = mem_text(domain, strlen(domain));
    const struct im_config im = {.replica = crew->config.replica,
                                 .domain = crew->domain,
                                 .node_id = status.node_id,
                                 .node_epoch = status.epoch,
                                 .loops = crew->loops,
                                 .worker_count = crew->count,
                                 .load_settings = crew_load_settings,
                                 .arg = crew};
    int rc = im_new(&im, &crew->im);
    for (unsigned i = 0; i < crew->count && rc == 0; i++)
        rc = crew_start_worker(crew, i);
    return rc;
}

/* ---- Closing --------------------------------------------------------------------------------
 */

void crew_close(struct crew *crew)
{
    bool has_worker = false;
    for (unsigned i = 0; i < crew->count; i++) {
        if (crew->workers[i])
            worker_close(crew->workers[i]);
        else
            crew->closed_count++;
        has_worker |= crew->workers[i] != NULL;
    }
    if (!has_worker)
        crew->config.closed(crew->config.arg);
}

void crew_free(struct crew *crew)
{
    if (!crew)
        return;
    for (unsigned i = 0; i < crew->count; i++) {
        loop_stop(crew->loops[i]);
        if (crew->workers[i])
            loop_join(crew->loops[i]);
    }
    im_free(crew->im);
    for (unsigned i = 0; i < crew->count; i++) {
        worker_free(crew->workers[i]);
        loop_free(crew->loops[i]);
    }
    free(crew->domain);
    free(crew);
}

/* ---- Questions ------------------------------------------------------------------------------
 */

unsigned crew_worker_count(const struct crew *crew)
{
    return crew->count;
}

struct loop *crew_loop(const struct crew *crew, unsigned index)
{
    return crew->loops[index];
}

const char *crew_domain(const struct crew *crew)
{
    return crew->domain;
}

uint64_t crew_session_count(const struct crew *crew)
{
    struct im_counts counts = {0};
    if (crew->im)
        im_counts(crew->im, &counts);
    return counts.sessions;
}

int crew_ask(struct crew *crew, struct admin_hooks_ask *ask)
{
    return roll_ask(crew->im, ask);
}
