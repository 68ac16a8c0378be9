/* SPDX-License-Identifier: Apache-2.0 */
#include "replication/consensus_core.h"

#include "base/err.h"
#include "base/mem.h"

/* The library's asserts are compiled out, so every precondition of its step is checked
 * here. Its entry types and member roles are the stored ones of ours. */
_Static_assert((int)RAFT_COMMAND == CONSENSUS_COMMAND &&
                   (int)RAFT_BARRIER == CONSENSUS_BARRIER &&
                   (int)RAFT_CHANGE == CONSENSUS_CHANGE,
               "entry types are stored");
_Static_assert((int)RAFT_STANDBY == MEMBERSHIP_STANDBY && (int)RAFT_VOTER == MEMBERSHIP_VOTER &&
                   (int)RAFT_SPARE == MEMBERSHIP_SPARE,
               "roles are stored");

int consensus_core_break(struct consensus *c)
{
    c->is_broken = true;
    return ERR_CORRUPT;
}

static void consensus_release_block(void *memory)
{
    raft_free(memory);
}

int consensus_core_fetch(struct consensus *c, uint64_t index, struct consensus_entry *ret_entry)
{
    if (consensus_entry(c, index, ret_entry))
        return 0;
    const int rc = c->config.read_entry(index, ret_entry, c->config.arg);
    if (rc < 0)
        return rc;
    ret_entry->payload = arena_copy(&c->arena, ret_entry->payload);
    return 0;
}

/* ---- What the core answers ------------------------------------------------------------ */

static struct consensus_message *add_message(struct consensus *c)
{
    if (c->update->message_count == c->messages_capacity) {
        c->messages_capacity = c->messages_capacity ? c->messages_capacity * 2 : 16;
        c->messages = mem_resized(c->messages, c->messages_capacity, sizeof(*c->messages));
    }
    c->update->messages = c->messages;
    struct consensus_message *m = &c->messages[c->update->message_count++];
    *m = (struct consensus_message){.from = c->config.id};
    return m;
}

/* Fence i, and a on the sending side: pieces of bounded size, each with a CHANGE only at
 * its head, that together carry all the core asked for. */
uint64_t *consensus_core_told(struct consensus *c, uint64_t member)
{
    struct consensus_core_told *free_slot = NULL;
    for (size_t i = 0; i < MEMBERSHIP_MAX; i++) {
        if (c->told[i].id == member)
            return &c->told[i].commit;
        if (c->told[i].id == 0 && !free_slot)
            free_slot = &c->told[i];
    }
    if (!free_slot)
        return NULL;
    free_slot->id = member;
    return &free_slot->commit;
}

int consensus_core_append(struct consensus *c, uint64_t to,
                          const struct raft_append_entries *in)
{
    uint64_t prev_index = in->prev_log_index;
    uint64_t prev_term = in->prev_log_term;
    const uint64_t end = in->prev_log_index + in->n_entries;
    do {
        const uint64_t left = end - prev_index;
        const size_t room =
            left < CONSENSUS_MESSAGE_ENTRIES_MAX ? left : CONSENSUS_MESSAGE_ENTRIES_MAX;
        struct consensus_entry *entries =
            room ? arena_zeroed(&c->arena, room * sizeof(*entries)) : NULL;
        size_t count = 0;
        for (size_t size = 0; count < room; count++) {
            const int rc = consensus_core_fetch(c, prev_index + 1 + count, &entries[count]);
            if (rc < 0)
                return consensus_core_break(c);
            size += entries[count].payload.size;
            if (count > 0 &&
                (entries[count].type == CONSENSUS_CHANGE || size > CONSENSUS_MESSAGE_SIZE_MAX))
                break;
        }
        struct consensus_message *m = add_message(c);
        m->type = CONSENSUS_APPEND;
        m->to = to;
        m->version = in->version;
        m->term = in->term;
        m->prev_log_index = prev_index;
        m->prev_log_term = prev_term;
        m->entries = entries;
        m->entry_count = count;
        prev_index += count;
        if (count > 0)
            prev_term = entries[count - 1].term;
        m->leader_commit = in->leader_commit < prev_index ? in->leader_commit : prev_index;
        uint64_t *told = consensus_core_told(c, to);
        if (told && m->leader_commit > *told)
            *told = m->leader_commit;
    } while (prev_index < end);
    return 0;
}

static int take_message(struct consensus *c, const struct raft_message *in)
{
    if (in->type == RAFT_APPEND_ENTRIES)
        return consensus_core_append(c, in->server_id, &in->append_entries);

    struct consensus_message *m = add_message(c);
    m->to = in->server_id;
    switch (in->type) {
    case RAFT_APPEND_ENTRIES: /* above */
        break;
    case RAFT_APPEND_ENTRIES_RESULT:
        m->type = CONSENSUS_APPEND_RESULT;
        m->version = in->append_entries_result.version;
        m->term = in->append_entries_result.term;
        m->rejected = in->append_entries_result.rejected;
        m->last_log_index = in->append_entries_result.last_log_index;
        m->features = in->append_entries_result.features;
        m->capacity = in->append_entries_result.capacity;
        break;
    case RAFT_REQUEST_VOTE:
        m->type = CONSENSUS_VOTE;
        m->version = in->request_vote.version;
        m->term = in->request_vote.term;
        m->last_log_index = in->request_vote.last_log_index;
        m->last_log_term = in->request_vote.last_log_term;
        m->is_disruptive = in->request_vote.disrupt_leader;
        m->is_pre_vote = in->request_vote.pre_vote;
        break;
    case RAFT_REQUEST_VOTE_RESULT:
        m->type = CONSENSUS_VOTE_RESULT;
        m->version = in->request_vote_result.version;
        m->term = in->request_vote_result.term;
        m->is_granted = in->request_vote_result.vote_granted;
        m->is_pre_vote = in->request_vote_result.pre_vote;
        m->features = in->request_vote_result.features;
        m->capacity = in->request_vote_result.capacity;
        break;
    case RAFT_INSTALL_SNAPSHOT: /* its configuration and data are not set by the core */
        m->type = CONSENSUS_INSTALL;
        m->version = in->install_snapshot.version;
        m->term = in->install_snapshot.term;
        m->snapshot = c->snapshot;
        if (c->snapshot.index != in->install_snapshot.last_index)
            return consensus_core_break(c);
        break;
    case RAFT_TIMEOUT_NOW:
        m->type = CONSENSUS_TIMEOUT_NOW;
        m->version = in->timeout_now.version;
        m->term = in->timeout_now.term;
        m->last_log_index = in->timeout_now.last_log_index;
        m->last_log_term = in->timeout_now.last_log_term;
        break;
    }
    return 0;
}

/* Fence f: what an older write reports holds only below the cut. */
static void cut_log(struct consensus *c, uint64_t index)
{
    c->generation++;
    c->cuts[c->cut_count++ % CONSENSUS_CORE_CUTS_MAX] =
        (struct consensus_core_cut){.generation = c->generation, .index = index};
    logcache_truncate(&c->cache, index);
    if (c->durable >= index)
        c->durable = index - 1;
    if (c->posted >= index)
        c->posted = index - 1;
    c->last = index - 1;
}

static int take_entries(struct consensus *c, const struct raft_update *up)
{
    const uint64_t index = up->entries.index;
    struct consensus_update *out = c->update;
    struct logcache_block *block =
        logcache_block_new(up->entries.batch[0].batch, consensus_release_block);

    if (index <= c->last) {
        cut_log(c, index);
        if (out->truncate_from == 0 && out->append_count == 0)
            out->truncate_from = index;
        else
            c->is_broken = true; /* one write holds one truncation, at its head */
    }
    if (index != c->last + 1) {
        logcache_block_unref(block);
        return consensus_core_break(c);
    }
    for (unsigned i = 0; i < up->entries.n; i++) {
        const struct raft_entry *e = &up->entries.batch[i];
        logcache_append(&c->cache, index + i, e->term, (uint8_t)e->type,
                        span_of(e->buf.base, e->buf.len), block);
    }
    logcache_block_unref(block);
    c->last += up->entries.n;
    if (out->append_count == 0)
        out->append_from = index;
    out->append_count += up->entries.n;
    return c->is_broken ? ERR_CORRUPT : 0;
}

static int take_install(struct consensus *c, const struct raft_update *up)
{
    struct strbuf *bytes = &c->snapshot_configuration;
    struct raft_buffer encoded;
    c->installing = up->snapshot.metadata;
    c->is_installing = true;
    if (raft_configuration_encode(&c->installing.configuration, &encoded) != 0)
        return consensus_core_break(c);
    strbuf_clear(bytes);
    strbuf_add(bytes, span_of(encoded.base, encoded.len));
    raft_free(encoded.base);
    c->snapshot = (struct consensus_snapshot){
        .index = c->installing.index,
        .term = c->installing.term,
        .configuration_index = c->installing.configuration_index,
        .configuration = strbuf_span(bytes),
    };
    cut_log(c, 1);
    c->last = c->snapshot.index;
    c->update->must_install = true;
    c->update->install = c->snapshot;
    return 0;
}

int consensus_core_step(struct consensus *c, struct raft_event *event)
{
    struct raft_update up = {0};
    const int rv = raft_step(&c->raft, event, &up);
    switch (rv) {
    case 0:
        break;
    case RAFT_NOTLEADER:
        return ERR_NOT_LEADER;
    case RAFT_CANTCHANGE:
        return ERR_FULL;
    case RAFT_BADID:
        return ERR_INVALID;
    case RAFT_NOTFOUND:
        return ERR_NOT_FOUND;
    default:
        return consensus_core_break(c);
    }

    if (up.flags & ((RAFT_UPDATE_CURRENT_TERM) | (RAFT_UPDATE_VOTED_FOR))) {
        c->update->has_vote = true;
        c->update->term = raft_current_term(&c->raft);
        c->update->voted_for = raft_voted_for(&c->raft);
    }
    int rc = 0;
    if (up.flags & (RAFT_UPDATE_ENTRIES))
        rc = take_entries(c, &up);
    if (rc == 0 && (up.flags & (RAFT_UPDATE_SNAPSHOT)))
        rc = take_install(c, &up);
    if (up.flags & (RAFT_UPDATE_MESSAGES))
        for (unsigned i = 0; rc == 0 && i < up.messages.n; i++)
            rc = take_message(c, &up.messages.batch[i]);
    /* Fence e: the core's may go back; ours does not. */
    if (raft_commit_index(&c->raft) > c->commit)
        c->commit = raft_commit_index(&c->raft);
    return rc;
}

struct raft_event consensus_core_event(const struct consensus *c, enum raft_event_type type)
{
    return (struct raft_event){.time = c->raft.now, .type = type};
}

int consensus_core_submit(struct consensus *c, struct raft_entry *entries, size_t count)
{
    void *block = entries[0].batch;
    struct raft_event event = consensus_core_event(c, RAFT_SUBMIT);
    event.submit.entries = entries;
    event.submit.n = (unsigned)count;
    const uint64_t last = c->last;
    const int rc = consensus_core_step(c, &event);
    if (rc < 0 && c->last == last)
        raft_free(block);
    return rc;
}

int consensus_core_configuration(struct span bytes, struct raft_configuration *ret_conf)
{
    struct membership m;
    const int rc = membership_parse(bytes, &m);
    if (rc < 0)
        return rc;
    const struct raft_buffer buffer = {(void *)(uintptr_t)bytes.ptr, bytes.size};
    raft_configuration_init(ret_conf);
    return raft_configuration_decode(&buffer, ret_conf) == 0 ? 0 : ERR_PROTOCOL;
}

int consensus_core_spread(struct consensus *c)
{
    const struct raft_configuration *conf = &c->raft.configuration;
    for (unsigned i = 0; i < conf->n && i < MEMBERSHIP_MAX; i++) {
        const uint64_t to = conf->servers[i].id;
        if (to == c->config.id)
            continue;
        uint64_t *told = consensus_core_told(c, to);
        const uint64_t match = consensus_match(c, to);
        const uint64_t news = match < c->commit ? match : c->commit;
        struct consensus_entry entry;
        if (!told || news <= *told || !consensus_entry(c, news, &entry))
            continue;
        const struct raft_append_entries in = {.term = raft_current_term(&c->raft),
                                               .prev_log_index = news,
                                               .prev_log_term = entry.term,
                                               .leader_commit = news};
        const int rc = consensus_core_append(c, to, &in);
        if (rc < 0)
            return rc;
    }
    return 0;
}
