/* SPDX-License-Identifier: Apache-2.0 */
#include "node/retention.h"

#include "admin/admin_settings.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "replication/proposal.h"
#include "replication/replica.h"

enum {
    RETENTION_ROUND_MS = 3600000, /* between rounds */
    RETENTION_STEP_MS = 50,       /* between steps of a round */
    RETENTION_STEP_ROWS = 1000,   /* archive rows a step: a few milliseconds to apply */
};
#define RETENTION_DAY_US (UINT64_C(86400) * 1000000)

struct retention {
    struct proposal proposal; /* must stay first */
    struct retention_config config;
    struct wheel_timer timer;
    bool is_proposed;
    bool is_closing;
    void (*closed)(void *arg);
    void *arg;
};

static void retention_set_timer(struct retention *r, uint64_t in_ms)
{
    wheel_set(loop_wheel(r->config.loop), &r->timer, loop_now_ms(r->config.loop) + in_ms);
}

static void retention_finish(struct retention *r)
{
    proposal_release(&r->proposal);
    r->closed(r->arg);
    free(r);
}

static void retention_answered(struct proposal *proposal, void *owner)
{
    struct retention *r = (struct retention *)proposal;
    (void)owner;

    r->is_proposed = false;
    if (r->is_closing) {
        retention_finish(r);
        return;
    }
    const bool has_more = proposal->rc == 0 && proposal->result->has_more;
    if (proposal->rc == 0 && !has_more)
        log_debug("archive: what was older than archive.days is gone");
    retention_set_timer(r, has_more ? RETENTION_STEP_MS : RETENTION_ROUND_MS);
}

static void retention_due(struct wheel_timer *timer, void *arg)
{
    struct retention *r = arg;
    struct admin_settings settings;
    struct replica_status status;
    (void)timer;

    replica_status(r->config.replica, &status);
    const int rc = admin_settings_load(&settings, replica_view(r->config.replica));
    const uint64_t keep_us = settings.archive_days * RETENTION_DAY_US;
    const uint64_t now_us = r->config.now_us();
    if (rc < 0 || keep_us == 0 || now_us <= keep_us || !status.is_leader) {
        retention_set_timer(r, RETENTION_ROUND_MS);
        return;
    }

    Store__ArchiveTrim trim = STORE__ARCHIVE_TRIM__INIT;
    trim.before_us = now_us - keep_us;
    trim.rows_max = RETENTION_STEP_ROWS;
    Store__Command command = STORE__COMMAND__INIT;
    command.body_case = STORE__COMMAND__BODY_ARCHIVE_TRIM;
    command.archive_trim = &trim;
    proposal_fill(&r->proposal, &command);
    r->is_proposed = replica_propose(r->config.replica, &r->proposal) == 0;
    if (!r->is_proposed)
        retention_set_timer(r, RETENTION_ROUND_MS);
}

struct retention *retention_open(const struct retention_config *config)
{
    struct retention *r = mem_zeroed(1, sizeof(*r));
    r->config = *config;
    r->proposal.home = config->loop;
    r->proposal.answered = retention_answered;
    r->timer = (struct wheel_timer){.expired = retention_due, .arg = r};
    retention_set_timer(r, config->first_ms);
    return r;
}

void retention_close(struct retention *r, void (*closed)(void *arg), void *arg)
{
    if (!r) {
        closed(arg);
        return;
    }
    wheel_cancel(loop_wheel(r->config.loop), &r->timer);
    r->is_closing = true;
    r->closed = closed;
    r->arg = arg;
    if (!r->is_proposed)
        retention_finish(r);
}
