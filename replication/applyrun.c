/* SPDX-License-Identifier: Apache-2.0 */
#include "replication/applyrun.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/mem.h"
#include "replication/applier.h"
#include "replication/command.h"
#include "replication/raftdb.h"
#include "replication/statedb.h"

int applyrun_read_back(uint64_t index, struct consensus_entry *ret_entry, void *arg)
{
    struct applyrun *a = arg;
    struct logrecord record;
    const int rc = raftdb_read(a->raftdb, index, &a->fetched, &record);
    if (rc < 0)
        return rc;
    *ret_entry = (struct consensus_entry){.term = record.term,
                                          .type = (enum consensus_entry_type)record.type,
                                          .payload = record.payload};
    return 0;
}

/* Results seldom hold more than numbers; the rest is copied by way of its bytes. */
static Store__Result *copy_result(const Store__Result *result)
{
    if (!result->session && result->n_rows == 0 && result->reason[0] == '\0') {
        Store__Result *copy = mem_zeroed(1, sizeof(*copy));
        *copy = *result;
        copy->reason = (char *)(uintptr_t)protobuf_c_empty_string;
        return copy;
    }
    CLEANUP(strbuf_done) struct strbuf bytes = {0};
    const size_t size = store__result__get_packed_size(result);
    store__result__pack(result, (uint8_t *)strbuf_reserve(&bytes, size));
    return store__result__unpack(NULL, size, (const uint8_t *)bytes.data);
}

static int apply_command(struct applyrun *a, struct statedb_batch *batch, uint64_t index,
                         const struct consensus_entry *e, struct proposalqueue *done)
{
    struct command_header header = {0};
    CLEANUP(command_release) Store__Command *command = NULL;
    Store__Result result = STORE__RESULT__INIT;
    if (command_parse(e->payload, &header, &command) < 0)
        (void)command_parse_header(e->payload, &header);
    const int rc = applier_apply(batch, index, &header, command, &a->arena, &result);
    if (rc < 0)
        return rc;
    if (header.stamp_us > a->stamp_us)
        a->stamp_us = header.stamp_us;
    if (a->in_flight->head && a->in_flight->head->index == index) {
        struct proposal *p = proposalqueue_pop(a->in_flight);
        p->rc = p->term == e->term ? 0 : ERR_UNKNOWN;
        p->result = p->rc == 0 ? copy_result(&result) : NULL;
        proposalqueue_push(done, p);
    }
    return 0;
}

void applyrun_note(struct applyrun *a, uint64_t index, struct span configuration)
{
    strbuf_clear(&a->configuration);
    strbuf_add(&a->configuration, configuration);
    a->configuration_index = index;
}

int applyrun_step(struct applyrun *a, uint64_t apply_to, struct proposalqueue *done)
{
    struct statedb_batch *batch = statedb_batch_begin(a->statedb);
    uint64_t index = a->applied;
    uint64_t term = 0;
    bool has_change = false;
    int rc = 0;
    while (rc == 0 && !has_change && index < apply_to &&
           index < a->applied + APPLYRUN_ENTRIES_MAX &&
           statedb_batch_size(batch) < APPLYRUN_SIZE_MAX) {
        struct consensus_entry e;
        index++;
        if (!consensus_entry(a->core, index, &e))
            rc = applyrun_read_back(index, &e, a);
        if (rc < 0)
            break;
        term = e.term;
        if (e.type == CONSENSUS_COMMAND) {
            rc = apply_command(a, batch, index, &e, done);
        } else if (e.type == CONSENSUS_CHANGE) {
            applyrun_note(a, index, e.payload);
            statedb_batch_configuration(batch, index);
            has_change = true;
        }
    }
    if (rc < 0)
        statedb_batch_abandon(batch);
    else
        rc = statedb_batch_commit(batch, index, term);
    arena_reset(&a->arena);
    if (rc < 0)
        return rc;
    a->applied = index;
    return has_change;
}

void applyrun_done(struct applyrun *a)
{
    strbuf_done(&a->configuration);
    strbuf_done(&a->fetched);
    arena_done(&a->arena);
}
