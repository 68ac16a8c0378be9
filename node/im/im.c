/* SPDX-License-Identifier: Apache-2.0 */
#include "node/im/im.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/hashmap.h"
#include "base/mem.h"
#include "base/metric.h"
#include "node/im/im_worker.h"
#include "node/im/presence.h"
#include "replication/replica.h"

void im_settings_init(struct im_settings *ret_settings)
{
    *ret_settings = (struct im_settings){.sessions_max = 20,
                                         .resume_window_ms = 300000,
                                         .roster_max = 2000,
                                         .blocked_max = 1000,
                                         .inbox_max = 10000};
}

int im_new(const struct im_config *config, struct im **ret_im)
{
    if (config->worker_count == 0 || !config->replica)
        return ERR_INVALID;
    struct im *im = mem_zeroed(1, sizeof(*im));
    im->config = *config;
    im->domain = mem_text(config->domain, strlen(config->domain));
    im->config.domain = im->domain;
    im->loops = (struct loop **)mem_zeroed(config->worker_count, sizeof(void *));
    im->workers = (struct im_worker **)mem_zeroed(config->worker_count, sizeof(void *));
    for (unsigned i = 0; i < config->worker_count; i++) {
        im->loops[i] = config->loops[i];
        im->workers[i] = mem_zeroed(1, sizeof(struct im_worker));
        im->workers[i]->im = im;
        im->workers[i]->index = i;
        im->workers[i]->loop = im->loops[i];
    }
    *ret_im = im;
    return 0;
}

void im_free(struct im *im)
{
    if (!im)
        return;
    for (unsigned i = 0; i < im->config.worker_count; i++)
        free(im->workers[i]);
    free((void *)im->workers);
    free((void *)im->loops);
    free(im->domain);
    free(im);
}

int im_worker_open(struct im *im, unsigned index)
{
    return im_worker_start(im->workers[index]);
}

void im_worker_close(struct im *im, unsigned index, void (*closed)(void *arg), void *arg)
{
    im_worker_stop(im->workers[index], closed, arg);
}

struct im_worker *im_worker_of(struct im *im, struct span user)
{
    return im->workers[hashmap_hash(user) % im->config.worker_count];
}

struct loop *im_loop_of(struct im *im, struct span user)
{
    return im_worker_of(im, user)->loop;
}

struct loop *im_worker_loop(const struct im_worker *w)
{
    return w->loop;
}

struct im *im_worker_im(const struct im_worker *w)
{
    return w->im;
}

struct replica *im_replica(const struct im *im)
{
    return im->config.replica;
}

const struct statedb_view *im_view(const struct im *im)
{
    return replica_view(im->config.replica);
}

struct span im_domain(const struct im *im)
{
    return span_text(im->domain);
}

struct span im_bare(struct span address)
{
    return span_first(address, span_index(address, '/'));
}

struct span im_resource(struct span address)
{
    const size_t slash = span_index(address, '/');
    return slash < address.size ? span_from(address, slash + 1) : SPAN_NONE;
}

bool im_is_local(const struct im *im, struct span address)
{
    const struct span bare = im_bare(address);
    const size_t at = span_index(bare, '@');
    return span_equal(at < bare.size ? span_from(bare, at + 1) : bare, im_domain(im));
}

int im_end_sessions(struct im *im, struct span user, struct span resource, enum session_end why)
{
    struct strbuf to = {0};
    strbuf_add(&to, user);
    if (!span_is_none(resource)) {
        strbuf_add_byte(&to, '/');
        strbuf_add(&to, resource);
    }
    const struct presence fields = {.to = strbuf_span(&to)};
    struct note *n = note_new(NOTE_END);
    n->presence = presence_new(&fields);
    n->why = why;
    note_add_user(n, user);
    strbuf_done(&to);
    const int rc = note_post(im, NULL, n);
    if (rc < 0)
        note_free(n);
    return rc;
}

void im_counts(const struct im *im, struct im_counts *ret_counts)
{
    (void)im;
    *ret_counts = (struct im_counts){
        .users = (uint64_t)metric_value(im_worker_gauge(IM_WORKER_USERS)),
        .sessions = (uint64_t)metric_value(im_worker_gauge(IM_WORKER_SESSIONS)),
        .detached = (uint64_t)metric_value(im_worker_gauge(IM_WORKER_DETACHED)),
    };
}
