/* SPDX-License-Identifier: Apache-2.0 */
#include "replication/consensus_peer.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/err.h"

static int check_append(const struct consensus *c, const struct consensus_message *in)
{
    if (raft_state((struct raft *)&c->raft) == RAFT_LEADER &&
        in->term == raft_current_term(&c->raft))
        return ERR_PROTOCOL; /* two leaders in one term */
    if (in->entry_count > CONSENSUS_MESSAGE_ENTRIES_MAX ||
        in->prev_log_index > UINT64_MAX - CONSENSUS_MESSAGE_ENTRIES_MAX ||
        (in->prev_log_index == 0) != (in->prev_log_term == 0) || in->prev_log_term > in->term)
        return ERR_PROTOCOL;
    uint64_t term = in->prev_log_term;
    for (size_t i = 0; i < in->entry_count; i++) {
        const struct consensus_entry *e = &in->entries[i];
        struct membership m;
        if (e->term < term || e->term == 0 || e->term > in->term ||
            e->type < CONSENSUS_COMMAND || e->type > CONSENSUS_CHANGE)
            return ERR_PROTOCOL;
        if (e->type == CONSENSUS_CHANGE && membership_parse(e->payload, &m) < 0)
            return ERR_PROTOCOL;
        term = e->term;
    }
    return 0;
}

/* Feeds entries from..end of an append message; their bytes are copied to one block. */
static int feed_part(struct consensus *c, struct raft_message *message,
                     const struct consensus_message *in, size_t from, size_t end)
{
    struct raft_append_entries *append = &message->append_entries;
    struct raft_entry *entries = NULL;
    size_t size = 1;
    for (size_t i = from; i < end; i++)
        size += in->entries[i].payload.size;
    char *block = NULL;
    if (end > from) {
        entries = arena_zeroed(&c->arena, (end - from) * sizeof(*entries));
        block = consensus_block_new(size);
    }
    size_t used = 0;
    for (size_t i = from; i < end; i++) {
        const struct consensus_entry *e = &in->entries[i];
        if (e->payload.size)
            memcpy(block + used, e->payload.ptr, e->payload.size);
        entries[i - from] = (struct raft_entry){.term = e->term,
                                                .type = (enum raft_entry_type)e->type,
                                                .buf = {block + used, e->payload.size},
                                                .batch = block};
        used += e->payload.size;
    }
    append->version = in->version;
    append->term = in->term;
    append->prev_log_index = in->prev_log_index + from;
    append->prev_log_term = from ? in->entries[from - 1].term : in->prev_log_term;
    append->entries = entries;
    append->n_entries = (unsigned)(end - from);
    /* Fence e: a commit index beyond what this message vouches for is cut off. */
    const uint64_t vouched = in->prev_log_index + end;
    append->leader_commit = in->leader_commit < vouched ? in->leader_commit : vouched;
    struct raft_event event = consensus_core_event(c, RAFT_RECEIVE);
    event.receive.message = message;
    return consensus_core_step(c, &event);
}

/* Fence a: the core records a CHANGE at the index of the first entry it is given, so each
 * part has one only at its head. After a refused part the rest would be a gap. */
static int receive_append(struct consensus *c, struct raft_message *message,
                          const struct consensus_message *in)
{
    int rc = check_append(c, in);
    size_t from = 0;
    do {
        size_t end = from < in->entry_count ? from + 1 : from;
        while (end < in->entry_count && in->entries[end].type != CONSENSUS_CHANGE)
            end++;
        if (rc == 0) {
            const size_t said = c->update->message_count;
            const uint64_t appended = c->update->append_count;
            rc = feed_part(c, message, in, from, end);
            const bool is_refused = c->update->message_count == said
                                        ? c->update->append_count == appended
                                        : c->messages[said].rejected != 0;
            if (is_refused)
                break;
        }
        from = end;
    } while (rc == 0 && from < in->entry_count);
    return rc;
}

static int receive_install(struct consensus *c, const struct consensus_message *in)
{
    struct membership m;
    if (membership_parse(in->snapshot.configuration, &m) < 0 || in->snapshot.index == 0 ||
        in->snapshot.term == 0)
        return ERR_PROTOCOL;
    if (in->term < raft_current_term(&c->raft) || in->snapshot.index <= c->wanted_index ||
        in->snapshot.index <= c->apply_to)
        return 0;
    c->wanted_index = in->snapshot.index;
    c->update->has_wanted = true;
    c->update->wanted_from = in->from;
    c->update->wanted = in->snapshot;
    return 0;
}

int consensus_peer_received(struct consensus *c, const struct consensus_message *in)
{
    char address[CONSENSUS_CORE_ADDRESS_SIZE];
    (void)snprintf(address, sizeof(address), "%" PRIu64, in->from);
    struct raft_message message = {.server_id = in->from, .server_address = address};
    if (in->from == 0 || in->from == c->config.id || in->term == 0)
        return ERR_PROTOCOL;

    const enum raft_state state = raft_state(&c->raft);
    switch (in->type) {
    case CONSENSUS_APPEND:
        message.type = RAFT_APPEND_ENTRIES;
        return receive_append(c, &message, in);
    case CONSENSUS_INSTALL:
        return receive_install(c, in);
    case CONSENSUS_APPEND_RESULT:
        message.type = RAFT_APPEND_ENTRIES_RESULT;
        message.append_entries_result =
            (struct raft_append_entries_result){.version = in->version,
                                                .term = in->term,
                                                .rejected = in->rejected,
                                                .last_log_index = in->last_log_index,
                                                .features = in->features,
                                                .capacity = in->capacity};
        break;
    case CONSENSUS_VOTE:
        message.type = RAFT_REQUEST_VOTE;
        message.request_vote = (struct raft_request_vote){.version = in->version,
                                                          .term = in->term,
                                                          .candidate_id = in->from,
                                                          .last_log_index = in->last_log_index,
                                                          .last_log_term = in->last_log_term,
                                                          .disrupt_leader = in->is_disruptive,
                                                          .pre_vote = in->is_pre_vote};
        break;
    case CONSENSUS_VOTE_RESULT:
        if (state != RAFT_CANDIDATE)
            return 0; /* the core would read another state's fields */
        message.type = RAFT_REQUEST_VOTE_RESULT;
        message.request_vote_result =
            (struct raft_request_vote_result){.version = in->version,
                                              .term = in->term,
                                              .vote_granted = in->is_granted,
                                              .pre_vote = in->is_pre_vote,
                                              .features = in->features,
                                              .capacity = in->capacity};
        break;
    case CONSENSUS_TIMEOUT_NOW:
        if (state != RAFT_FOLLOWER || in->from != consensus_leader(c) || c->posted < c->last)
            return 0;
        message.type = RAFT_TIMEOUT_NOW;
        message.timeout_now = (struct raft_timeout_now){.version = in->version,
                                                        .term = in->term,
                                                        .last_log_index = in->last_log_index,
                                                        .last_log_term = in->last_log_term};
        break;
    default:
        return ERR_PROTOCOL;
    }
    struct raft_event event = consensus_core_event(c, RAFT_RECEIVE);
    event.receive.message = &message;
    return consensus_core_step(c, &event);
}
