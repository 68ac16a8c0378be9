/* SPDX-License-Identifier: Apache-2.0 */
#include "node/node_watch.h"

#include <assert.h>
#include <signal.h>
#include <systemd/sd-daemon.h>

#include "base/entropy.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/tlsctx.h"

enum {
    WATCH_TURN_MS = 1000,
    WATCH_STUCK_TURNS = 5,         /* a loop that stands still so long is reported, unfed */
    WATCH_CERTIFICATE_TURNS = 5,   /* between looks at the files */
    WATCH_TICKET_TURNS = 12 * 3600 /* keys serve for twice that: one term new, one old */
};

static const struct {
    int number;
    enum node_watch_signal means;
} watch_signals[] = {
    {SIGTERM, NODE_WATCH_STOP},  {SIGINT, NODE_WATCH_STOP},  {SIGHUP, NODE_WATCH_RELOAD},
    {SIGUSR1, NODE_WATCH_DEBUG}, {SIGUSR2, NODE_WATCH_DUMP},
};
enum { WATCH_SIGNALS = sizeof(watch_signals) / sizeof(watch_signals[0]) };

struct watched_loop {
    struct loop *loop;
    uint64_t beat;
    unsigned still_turns;
};

struct node_watch {
    struct loop *loop;
    struct node_watch_events events;
    uv_signal_t signals[WATCH_SIGNALS];
    unsigned handles_open;
    struct wheel_timer timer;
    uint64_t turn;
    struct watched_loop loops[NODE_WATCH_LOOPS_MAX];
    size_t loop_count;
    struct tlsctx *contexts[NODE_WATCH_CONTEXTS_MAX];
    size_t context_count;
    struct tlsctx_ticket_key current, previous;
};

static void watch_signalled(uv_signal_t *handle, int number)
{
    struct node_watch *watch = handle->data;
    for (size_t i = 0; i < WATCH_SIGNALS; i++)
        if (watch_signals[i].number == number)
            watch->events.signalled(watch_signals[i].means, watch->events.arg);
}

/* Whether every loop has turned lately. */
static bool watch_loops_turn(struct node_watch *watch)
{
    bool all_turn = true;
    for (size_t i = 0; i < watch->loop_count; i++) {
        struct watched_loop *l = &watch->loops[i];
        const uint64_t beat = loop_beat(l->loop);
        l->still_turns = beat == l->beat ? l->still_turns + 1 : 0;
        l->beat = beat;
        if (l->still_turns == WATCH_STUCK_TURNS)
            log_error("node: a thread stands still", LOG_STR("thread", loop_name(l->loop)));
        if (l->still_turns >= WATCH_STUCK_TURNS)
            all_turn = false;
    }
    return all_turn;
}

static void watch_renew_tickets(struct node_watch *watch)
{
    watch->previous = watch->current;
    entropy_fill(&watch->current, sizeof(watch->current));
    for (size_t i = 0; i < watch->context_count; i++)
        tlsctx_tickets_set(watch->contexts[i], &watch->current, &watch->previous);
}

static void watch_turn(struct wheel_timer *timer, void *arg)
{
    struct node_watch *watch = arg;

    watch->turn++;
    if (watch_loops_turn(watch))
        (void)sd_notify(0, "WATCHDOG=1");
    if (watch->turn % WATCH_TICKET_TURNS == 0)
        watch_renew_tickets(watch);
    if (watch->turn % WATCH_CERTIFICATE_TURNS == 0) {
        bool has_changed = false;
        for (size_t i = 0; i < watch->context_count; i++)
            has_changed |= tlsctx_files_changed(watch->contexts[i]);
        if (has_changed)
            watch->events.certificates_changed(watch->events.arg);
    }
    wheel_set(loop_wheel(watch->loop), timer, loop_now_ms(watch->loop) + WATCH_TURN_MS);
}

static void watch_handle_closed(uv_handle_t *handle)
{
    struct node_watch *watch = handle->data;
    if (--watch->handles_open == 0)
        free(watch);
}

int node_watch_open(struct loop *loop, const struct node_watch_events *events,
                    struct node_watch **ret_watch)
{
    struct node_watch *watch = mem_zeroed(1, sizeof(*watch));
    watch->loop = loop;
    watch->events = *events;
    watch->timer = (struct wheel_timer){.expired = watch_turn, .arg = watch};
    entropy_fill(&watch->current, sizeof(watch->current));
    entropy_fill(&watch->previous, sizeof(watch->previous));

    for (size_t i = 0; i < WATCH_SIGNALS; i++) {
        int rc = uv_signal_init(loop_uv(loop), &watch->signals[i]);
        watch->signals[i].data = watch;
        watch->handles_open += rc == 0;
        if (rc == 0)
            rc = uv_signal_start(&watch->signals[i], watch_signalled, watch_signals[i].number);
        if (rc < 0) {
            node_watch_close(watch);
            return rc;
        }
    }
    wheel_set(loop_wheel(loop), &watch->timer, loop_now_ms(loop) + WATCH_TURN_MS);
    *ret_watch = watch;
    return 0;
}

void node_watch_add_loop(struct node_watch *watch, struct loop *loop)
{
    assert(watch->loop_count < NODE_WATCH_LOOPS_MAX);
    watch->loops[watch->loop_count++] = (struct watched_loop){.loop = loop};
}

void node_watch_add_context(struct node_watch *watch, struct tlsctx *ctx)
{
    assert(watch->context_count < NODE_WATCH_CONTEXTS_MAX);
    watch->contexts[watch->context_count++] = ctx;
    tlsctx_tickets_set(ctx, &watch->current, &watch->previous);
}

void node_watch_close(struct node_watch *watch)
{
    if (!watch)
        return;
    wheel_cancel(loop_wheel(watch->loop), &watch->timer);
    const unsigned count = watch->handles_open;
    if (count == 0)
        free(watch);
    for (unsigned i = 0; i < count; i++)
        uv_close((uv_handle_t *)&watch->signals[i], watch_handle_closed);
}
