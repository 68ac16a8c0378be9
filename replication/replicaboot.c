/* SPDX-License-Identifier: Apache-2.0 */
#include "replication/replicaboot.h"

#include <inttypes.h>

#include "base/err.h"
#include "base/mem.h"
#include "replication/command.h"
#include "replication/raftdb.h"
#include "replication/statedb.h"

static void add_entry(uint64_t index, const struct logrecord *r, void *arg)
{
    struct replicaboot *image = arg;
    struct consensus_entry e = {.term = r->term, .type = (enum consensus_entry_type)r->type};

    if (e.type == CONSENSUS_CHANGE) {
        e.payload = arena_copy(&image->arena, r->payload);
        if (index <= image->boot.applied) {
            image->configuration = e.payload;
            image->configuration_index = index;
        }
    } else if (e.type == CONSENSUS_COMMAND) {
        struct command_header header;
        if (command_parse_header(r->payload, &header) == 0 && header.stamp_us > image->stamp_us)
            image->stamp_us = header.stamp_us;
    }
    if (index == image->boot.applied)
        image->term_at_applied = r->term;
    if (image->entry_count == image->entry_capacity) {
        image->entry_capacity = image->entry_capacity ? image->entry_capacity * 2 : 1024;
        image->entries =
            mem_resized(image->entries, image->entry_capacity, sizeof(*image->entries));
    }
    image->entries[image->entry_count++] = e;
}

static int check_against_state(struct replicaboot *image, const struct raftdb_boot *log,
                               const struct statedb_applied *applied, struct strbuf *why)
{
    if (log->last_index < applied->index) {
        strbuf_printf(why,
                      "the log ends at entry %" PRIu64 " but the state has entry %" PRIu64
                      ": the log has lost synced entries",
                      log->last_index, applied->index);
        return ERR_CORRUPT;
    }
    if (applied->index + 1 < log->first_index ||
        (log->snapshot.index && applied->index < log->snapshot.index)) {
        strbuf_printf(why,
                      "the state ends at entry %" PRIu64
                      ", before the log's snapshot at %" PRIu64 ": the state was lost",
                      applied->index, log->snapshot.index);
        return ERR_CORRUPT;
    }
    if (applied->index == log->snapshot.index)
        image->term_at_applied = log->snapshot.term;
    if (image->term_at_applied != applied->term) {
        strbuf_printf(why,
                      "entry %" PRIu64 " has term %" PRIu64 " in the log and %" PRIu64
                      " in the state: they do not belong together",
                      applied->index, image->term_at_applied, applied->term);
        return ERR_CORRUPT;
    }
    return 0;
}

int replicaboot_load(struct raftdb *raftdb, const struct statedb *statedb,
                     struct replicaboot *image, struct strbuf *why)
{
    const struct statedb_applied *applied = statedb_get_applied(statedb);
    struct raftdb_boot log;
    image->boot.applied = applied->index;
    int rc = raftdb_load(raftdb, add_entry, image, &log, why);
    if (rc == 0)
        rc = check_against_state(image, &log, applied, why);
    if (rc < 0)
        return rc;

    image->boot.term = log.vote.term;
    image->boot.voted_for = log.vote.voted_for;
    image->boot.start_index = log.first_index;
    image->boot.entries = image->entries;
    image->boot.entry_count = image->entry_count;
    if (log.snapshot.index) {
        image->boot.has_snapshot = true;
        image->boot.snapshot = (struct consensus_snapshot){
            .index = log.snapshot.index,
            .term = log.snapshot.term,
            .configuration_index = log.snapshot.configuration_index,
            .configuration = arena_copy(&image->arena, log.snapshot.configuration)};
        if (log.snapshot.stamp_us > image->stamp_us)
            image->stamp_us = log.snapshot.stamp_us;
        if (log.snapshot.configuration_index > image->configuration_index) {
            image->configuration = image->boot.snapshot.configuration;
            image->configuration_index = log.snapshot.configuration_index;
        }
    }
    return 0;
}

void replicaboot_done(struct replicaboot *image)
{
    free(image->entries);
    arena_done(&image->arena);
}
