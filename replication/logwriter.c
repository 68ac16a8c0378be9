/* SPDX-License-Identifier: Apache-2.0 */
#include "replication/logwriter.h"

#include "base/cleanup.h"
#include "base/cursor.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/monoclock.h"
#include "base/strbuf.h"
#include "replication/raftdb.h"
#include "replication/storemetrics.h"

struct logwriter {
    struct loop *loop; /* the writing thread */
    struct loop *home;
    struct raftdb *raftdb;
    logwriter_written_fn written;
    struct storemetrics metrics;
    /* Of the writing thread. */
    struct message sync; /* queued when the batch has something */
    bool is_sync_queued;
    uint64_t generation, index; /* what the batch brings the log to */
};

struct logwriter_request {
    struct message message;
    uint64_t generation;
    uint64_t truncate_from;
    uint64_t index;
    struct strbuf entries; /* u64 term, u32 size, u8 type, payload; big-endian */
};

struct logwriter_report {
    struct message message;
    logwriter_written_fn written;
    int rc;
    uint64_t generation, index;
};

static void logwriter_request_free(struct message *self)
{
    struct logwriter_request *request = (struct logwriter_request *)self;
    strbuf_done(&request->entries);
    free(request);
}

/* ---- On the writing thread ------------------------------------------------------------ */

static void report_delivered(struct message *self, void *owner)
{
    struct logwriter_report *report = (struct logwriter_report *)self;
    report->written(report->rc, report->generation, report->index, owner);
    free(report);
}

static void report_discarded(struct message *self)
{
    free(self);
}

static void sync_due(struct message *self, void *owner)
{
    (void)self;
    struct logwriter *w = owner;
    struct logwriter_report *report = mem_zeroed(1, sizeof(*report));
    report->message.deliver = report_delivered;
    report->message.discard = report_discarded;
    report->written = w->written;
    report->generation = w->generation;
    report->index = w->index;
    w->is_sync_queued = false;
    const uint64_t since_us = monoclock_us();
    report->rc = raftdb_batch_commit(w->raftdb);
    storemetrics_took(w->metrics.fsync_seconds, since_us, monoclock_us());
    loop_reply(w->home, &report->message);
}

static void sync_discarded(struct message *self)
{
    (void)self; /* part of the writer */
}

static void request_delivered(struct message *self, void *owner)
{
    struct logwriter *w = owner;
    struct logwriter_request *request = (struct logwriter_request *)self;
    struct cursor c = cursor_of(strbuf_span(&request->entries).ptr, request->entries.size);

    if (request->truncate_from)
        raftdb_batch_truncate(w->raftdb, request->truncate_from);
    uint64_t index = request->index;
    for (; cursor_left(&c) > 0; index++) {
        struct logrecord record;
        record.term = (uint64_t)cursor_u32be(&c) << 32;
        record.term |= cursor_u32be(&c);
        const size_t size = cursor_u32be(&c);
        record.type = cursor_u8(&c);
        record.payload = span_of(cursor_take(&c, size), size);
        raftdb_batch_put(w->raftdb, index, &record);
    }
    w->generation = request->generation;
    w->index = index - 1;
    logwriter_request_free(self);
    if (!w->is_sync_queued) /* after the rest of the mail, so that it comes along */
        loop_later(w->loop, &w->sync);
    w->is_sync_queued = true;
}

/* ---- On the home thread --------------------------------------------------------------- */

struct logwriter_request *logwriter_request_new(uint64_t generation, uint64_t truncate_from,
                                                uint64_t index)
{
    struct logwriter_request *request = mem_zeroed(1, sizeof(*request));
    request->message.deliver = request_delivered;
    request->message.discard = logwriter_request_free;
    request->generation = generation;
    request->truncate_from = truncate_from;
    request->index = index;
    return request;
}

void logwriter_request_add(struct logwriter_request *request, const struct logrecord *record)
{
    strbuf_add_u64be(&request->entries, record->term);
    strbuf_add_u32be(&request->entries, (uint32_t)record->payload.size);
    strbuf_add_byte(&request->entries, (char)record->type);
    strbuf_add(&request->entries, record->payload);
}

void logwriter_append(struct logwriter *w, struct logwriter_request *request)
{
    loop_reply(w->loop, &request->message);
}

int logwriter_open(struct raftdb *raftdb, struct loop *home, logwriter_written_fn written,
                   struct logwriter **ret_writer)
{
    CLEANUP(mem_release) struct logwriter *w = mem_zeroed(1, sizeof(*w));
    w->raftdb = raftdb;
    w->home = home;
    w->written = written;
    storemetrics_init(&w->metrics);
    w->sync.deliver = sync_due;
    w->sync.discard = sync_discarded;
    int rc = loop_new("log-writer", 1, &w->loop);
    if (rc < 0)
        return rc;
    loop_set_owner(w->loop, w);
    rc = loop_start(w->loop);
    if (rc < 0) {
        loop_free(w->loop);
        return rc;
    }
    *ret_writer = STEAL(w);
    return 0;
}

void logwriter_close(struct logwriter *w)
{
    if (!w)
        return;
    loop_stop(w->loop);
    loop_join(w->loop);
    loop_free(w->loop);
    free(w);
}
