/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/unit.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "replication/consensus.h"

enum { NODES_MAX = 4, LOG_MAX = 4096, MAIL_MAX = 512, ELECTION_MS = 500, HEARTBEAT_MS = 100 };

/* A node's disk is its log array: what is behind durable would be lost in a crash. */
struct node {
    struct consensus *core;
    struct consensus_entry log[LOG_MAX]; /* by index; payloads owned */
    uint64_t last, durable, generation;
    uint64_t term, voted_for;
    uint64_t applied;
    bool is_slow; /* writes are not reported until the test does */
    uint64_t truncated_from;
    size_t sent_count;
};

struct mail {
    struct consensus_message message;
    struct consensus_entry *entries;
    bool is_taken;
};

struct world {
    struct node nodes[NODES_MAX]; /* node id = position + 1 */
    struct mail mail[MAIL_MAX];
    size_t mail_count, mail_read;
    uint64_t now_ms;
    uint64_t cut_off; /* id of a node that neither sends nor gets */
};

static void world_step(struct world *w, struct node *n, struct consensus_event event,
                       int expected);

static uint64_t id_of(const struct world *w, const struct node *n)
{
    return (uint64_t)(n - w->nodes) + 1;
}

static void log_put(struct node *n, uint64_t index, const struct consensus_entry *e)
{
    assert_true(index < LOG_MAX);
    free((void *)(uintptr_t)n->log[index].payload.ptr);
    n->log[index] = *e;
    n->log[index].payload = span_of(mem_text(e->payload.ptr, e->payload.size), e->payload.size);
}

static int log_read(uint64_t index, struct consensus_entry *ret_entry, void *arg)
{
    struct node *n = arg;
    if (index == 0 || index > n->last)
        return ERR_CORRUPT;
    *ret_entry = n->log[index];
    return 0;
}

static void post(struct world *w, const struct consensus_message *m)
{
    assert_true(w->mail_count < MAIL_MAX);
    struct mail *mail = &w->mail[w->mail_count++];
    *mail = (struct mail){.message = *m};
    mail->entries = mem_zeroed(m->entry_count + 1, sizeof(*mail->entries));
    for (size_t i = 0; i < m->entry_count; i++) {
        mail->entries[i] = m->entries[i];
        mail->entries[i].payload =
            span_of(mem_text(m->entries[i].payload.ptr, m->entries[i].payload.size),
                    m->entries[i].payload.size);
    }
    mail->message.entries = mail->entries;
}

static void carry_out_in_world(struct world *w, struct node *n, struct consensus_update *u)
{
    if (u->has_vote) {
        assert_true(u->term >= n->term);
        n->term = u->term;
        n->voted_for = u->voted_for;
    }
    n->truncated_from = u->truncate_from;
    if (u->truncate_from) {
        assert_true(u->truncate_from > n->applied);
        n->last = u->truncate_from - 1;
        if (n->durable > n->last)
            n->durable = n->last;
    }
    for (uint64_t i = 0; i < u->append_count; i++) {
        struct consensus_entry e;
        assert_int_equal(u->append_from + i, n->last + 1);
        assert_true(consensus_entry(n->core, u->append_from + i, &e));
        log_put(n, ++n->last, &e);
    }
    n->generation = u->generation;
    n->sent_count = u->message_count;
    for (size_t i = 0; i < u->message_count; i++)
        post(w, &u->messages[i]);
    const uint64_t apply_to = u->apply_to;
    const bool has_written = u->append_count > 0;
    while (n->applied < apply_to) {
        n->applied++;
        const struct consensus_entry *e = &n->log[n->applied];
        if (e->type == CONSENSUS_CHANGE)
            world_step(w, n,
                       (struct consensus_event){.type = CONSENSUS_CHANGED,
                                                .index = n->applied,
                                                .payload = e->payload},
                       0);
    }
    if (has_written && !n->is_slow) {
        n->durable = n->last;
        world_step(w, n,
                   (struct consensus_event){.type = CONSENSUS_DURABLE,
                                            .generation = n->generation,
                                            .index = n->durable},
                   0);
    }
}

static void world_step(struct world *w, struct node *n, struct consensus_event event,
                       int expected)
{
    struct consensus_update update;
    event.now_ms = w->now_ms;
    assert_int_equal(consensus_step(n->core, &event, &update), expected);
    carry_out_in_world(w, n, &update);
}

/* Starts a node from what is on its disk. */
static int world_boot(struct world *w, struct node *n)
{
    const struct consensus_config config = {.id = id_of(w, n),
                                            .seed = (uint32_t)id_of(w, n) * 77 + 1,
                                            .election_timeout_ms = ELECTION_MS,
                                            .heartbeat_timeout_ms = HEARTBEAT_MS,
                                            .in_flight_max = 8192,
                                            .read_entry = log_read,
                                            .arg = n};
    n->last = n->durable;
    const struct consensus_boot boot = {.term = n->term,
                                        .voted_for = n->voted_for,
                                        .start_index = 1,
                                        .entries = &n->log[1],
                                        .entry_count = n->last,
                                        .applied = n->applied};
    struct consensus_update update;
    const int rc = consensus_new(&config, &boot, w->now_ms, &n->core, &update);
    if (rc == 0)
        carry_out_in_world(w, n, &update);
    return rc;
}

static void world_crash(struct node *n)
{
    consensus_free(n->core);
    n->core = NULL;
}

static void set_first_entry(struct node *n, uint64_t voters)
{
    struct strbuf bytes = {0};
    struct membership m = {.count = 0};
    for (uint64_t id = 1; id <= voters; id++)
        assert_int_equal(membership_set(&m, id, MEMBERSHIP_VOTER), 0);
    membership_format(&m, &bytes);
    log_put(n, 1,
            &(struct consensus_entry){
                .term = 1, .type = CONSENSUS_CHANGE, .payload = strbuf_span(&bytes)});
    n->last = n->durable = 1;
    n->term = 1;
    strbuf_done(&bytes);
}

static struct world *world_new(uint64_t voters)
{
    struct world *w = mem_zeroed(1, sizeof(*w));
    w->now_ms = 1000;
    for (uint64_t i = 0; i < voters; i++)
        set_first_entry(&w->nodes[i], voters);
    for (uint64_t i = 0; i < voters; i++)
        assert_int_equal(world_boot(w, &w->nodes[i]), 0);
    return w;
}

static void drop_mail(struct mail *m)
{
    for (size_t i = 0; i < m->message.entry_count; i++)
        free((void *)(uintptr_t)m->entries[i].payload.ptr);
    free(m->entries);
}

static void world_free(struct world *w)
{
    for (size_t i = w->mail_read; i < w->mail_count; i++)
        drop_mail(&w->mail[i]);
    for (size_t i = 0; i < NODES_MAX; i++) {
        consensus_free(w->nodes[i].core);
        for (size_t k = 0; k < LOG_MAX; k++)
            free((void *)(uintptr_t)w->nodes[i].log[k].payload.ptr);
    }
    free(w);
}

/* Delivers all mail, answers included. */
static void world_settle(struct world *w)
{
    while (w->mail_read < w->mail_count) {
        struct mail mail = w->mail[w->mail_read++];
        struct node *to = &w->nodes[mail.message.to - 1];
        if (w->mail_read == w->mail_count)
            w->mail_read = w->mail_count = 0;
        if (to->core && mail.message.to != w->cut_off && mail.message.from != w->cut_off)
            world_step(
                w, to,
                (struct consensus_event){.type = CONSENSUS_RECEIVED, .message = &mail.message},
                0);
        drop_mail(&mail);
    }
}

static void world_pass(struct world *w, uint64_t ms)
{
    for (const uint64_t end = w->now_ms + ms; w->now_ms < end; w->now_ms += 10) {
        for (size_t i = 0; i < NODES_MAX; i++)
            if (w->nodes[i].core)
                world_step(w, &w->nodes[i], (struct consensus_event){.type = CONSENSUS_TICK},
                           0);
        world_settle(w);
    }
}

static struct node *world_leader(struct world *w)
{
    struct node *leader = NULL;
    for (size_t i = 0; i < NODES_MAX; i++)
        if (w->nodes[i].core && id_of(w, &w->nodes[i]) != w->cut_off &&
            consensus_role(w->nodes[i].core) == CONSENSUS_LEADER)
            leader = &w->nodes[i];
    assert_non_null(leader);
    return leader;
}

static void world_propose(struct world *w, struct node *n, const char *text, size_t count,
                          int expected)
{
    struct span *payloads = mem_zeroed(count, sizeof(*payloads));
    const struct span payload = span_text(text);
    char *block = consensus_block_new(payload.size * count + 1);
    for (size_t i = 0; i < count; i++) {
        payloads[i] = span_of(block + i * payload.size, payload.size);
        memcpy(block + i * payload.size, payload.ptr, payload.size);
    }
    world_step(w, n,
               (struct consensus_event){.type = CONSENSUS_PROPOSED,
                                        .block = block,
                                        .payloads = payloads,
                                        .payload_count = count},
               expected);
    free(payloads);
}

static struct consensus_event member(enum consensus_event_type type, uint64_t id,
                                     enum membership_role role)
{
    return (struct consensus_event){.type = type, .member = id, .role = role};
}

/* ---- One voter ------------------------------------------------------------------------ */

static void sole_voter_leads_and_commits_what_is_durable(void **state)
{
    (void)state;
    struct world *w = world_new(1);
    struct node *n = &w->nodes[0];
    assert_int_equal(consensus_role(n->core), CONSENSUS_LEADER);
    assert_int_equal(n->term, 2); /* not the term of any earlier life */
    assert_int_equal(n->voted_for, 1);
    assert_true(consensus_is_settled(n->core));
    assert_int_equal(n->log[2].type, CONSENSUS_BARRIER);
    assert_int_equal(n->applied, 2);

    n->is_slow = true;
    world_propose(w, n, "one", 1, 0);
    assert_int_equal(n->last, 3);
    assert_int_equal(n->applied, 2); /* not on disk: not committed */
    world_step(w, n,
               (struct consensus_event){
                   .type = CONSENSUS_DURABLE, .generation = n->generation, .index = 3},
               0);
    assert_int_equal(n->applied, 3);
    world_free(w);
}

static void each_life_of_a_sole_voter_has_its_own_term(void **state)
{
    (void)state;
    struct world *w = world_new(1);
    struct node *n = &w->nodes[0];
    n->is_slow = true;
    world_propose(w, n, "lost in the crash", 1, 0);
    const uint64_t lost_term = n->log[n->last].term;
    const uint64_t lost_index = n->last;
    world_crash(n);
    n->is_slow = false;
    assert_int_equal(world_boot(w, n), 0);
    assert_true(n->last >= lost_index);
    assert_true(n->log[lost_index].term > lost_term);
    world_free(w);
}

static void a_follower_left_alone_takes_a_new_term_to_lead(void **state)
{
    (void)state;
    struct world *w = world_new(2);
    world_pass(w, 3000);
    struct node *leader = world_leader(w);
    struct node *other = leader == &w->nodes[0] ? &w->nodes[1] : &w->nodes[0];
    const uint64_t term = consensus_term(leader->core);
    world_step(w, leader, member(CONSENSUS_MEMBER_REMOVED, id_of(w, leader), 0), 0);
    world_settle(w);
    world_pass(w, 3000);
    assert_ptr_equal(world_leader(w), other);
    assert_true(consensus_term(other->core) > term);
    world_free(w);
}

/* ---- Three ---------------------------------------------------------------------------- */

static void three_agree(void **state)
{
    (void)state;
    struct world *w = world_new(3);
    world_pass(w, 3000);
    struct node *leader = world_leader(w);
    assert_true(consensus_is_settled(leader->core));
    for (int i = 0; i < 50; i++) {
        world_propose(w, leader, "entry", 3, 0);
        world_settle(w);
        /* Fence k: followers know it without another entry or heartbeat. */
        for (size_t k = 0; k < 3; k++)
            assert_int_equal(w->nodes[k].applied, leader->last);
    }
    for (size_t k = 0; k < 3; k++)
        for (uint64_t i = 1; i <= leader->last; i++) {
            assert_int_equal(w->nodes[k].log[i].term, leader->log[i].term);
            assert_true(span_equal(w->nodes[k].log[i].payload, leader->log[i].payload));
        }
    world_free(w);
}

static void a_dead_leader_is_replaced_and_loses_what_was_not_committed(void **state)
{
    (void)state;
    struct world *w = world_new(3);
    world_pass(w, 3000);
    struct node *old = world_leader(w);
    world_propose(w, old, "committed", 1, 0);
    world_settle(w);
    const uint64_t committed = old->applied;
    w->cut_off = id_of(w, old);
    world_propose(w, old, "alone", 2, 0);
    world_settle(w);
    assert_int_equal(old->applied, committed);
    world_pass(w, 4000);
    struct node *now = world_leader(w);
    assert_ptr_not_equal(now, old);
    assert_true(now->applied >= committed);
    world_propose(w, now, "after", 1, 0);
    world_settle(w);
    w->cut_off = 0;
    world_pass(w, 3000);
    assert_int_equal(old->applied, world_leader(w)->applied);
    assert_true(
        span_equal(old->log[old->last].payload, world_leader(w)->log[old->last].payload));
    world_free(w);
}

static void the_same_events_make_the_same_history(void **state)
{
    (void)state;
    uint64_t terms[2];
    uint64_t leaders[2];
    for (int run = 0; run < 2; run++) {
        struct world *w = world_new(3);
        world_pass(w, 5000);
        leaders[run] = id_of(w, world_leader(w));
        terms[run] = consensus_term(world_leader(w)->core);
        world_free(w);
    }
    assert_int_equal(terms[0], terms[1]);
    assert_int_equal(leaders[0], leaders[1]);
}

/* ---- Fences --------------------------------------------------------------------------- */

/* A follower of node 2 in term 5 that has entries 2..last of term 5. */
static struct world *follower_with(uint64_t last)
{
    struct world *w = world_new(3);
    struct consensus_entry entries[16];
    for (uint64_t i = 0; i + 1 < last; i++)
        entries[i] = (struct consensus_entry){
            .term = 5, .type = CONSENSUS_COMMAND, .payload = SPAN("x")};
    const struct consensus_message m = {.type = CONSENSUS_APPEND,
                                        .from = 2,
                                        .to = 1,
                                        .term = 5,
                                        .prev_log_index = 1,
                                        .prev_log_term = 1,
                                        .leader_commit = 1,
                                        .entries = entries,
                                        .entry_count = last - 1};
    world_step(w, &w->nodes[0],
               (struct consensus_event){.type = CONSENSUS_RECEIVED, .message = &m}, 0);
    assert_int_equal(w->nodes[0].last, last);
    return w;
}

static void receive(struct world *w, const struct consensus_message *m, int expected)
{
    world_step(w, &w->nodes[0],
               (struct consensus_event){.type = CONSENSUS_RECEIVED, .message = m}, expected);
}

static void fence_a_change_is_recorded_where_it_stands(void **state)
{
    (void)state;
    struct world *w = follower_with(1);
    struct strbuf four = {0};
    struct membership m = {.count = 0};
    for (uint64_t id = 1; id <= 4; id++)
        (void)membership_set(&m, id, id == 4 ? MEMBERSHIP_STANDBY : MEMBERSHIP_VOTER);
    membership_format(&m, &four);
    const struct consensus_entry batch[] = {
        {5, CONSENSUS_COMMAND, SPAN("two")},
        {5, CONSENSUS_CHANGE, strbuf_span(&four)},
        {5, CONSENSUS_COMMAND, SPAN("four")},
    };
    receive(w,
            &(struct consensus_message){.type = CONSENSUS_APPEND,
                                        .from = 2,
                                        .to = 1,
                                        .term = 5,
                                        .prev_log_index = 1,
                                        .prev_log_term = 1,
                                        .leader_commit = 1,
                                        .entries = batch,
                                        .entry_count = 3},
            0);
    assert_int_equal(w->nodes[0].last, 4);
    assert_int_equal(consensus_membership(w->nodes[0].core)->count, 4);
    /* A leader of term 6 has another entry 3: the change is rolled back, not kept. */
    const struct consensus_entry other = {6, CONSENSUS_COMMAND, SPAN("three")};
    receive(w,
            &(struct consensus_message){.type = CONSENSUS_APPEND,
                                        .from = 3,
                                        .to = 1,
                                        .term = 6,
                                        .prev_log_index = 2,
                                        .prev_log_term = 5,
                                        .leader_commit = 2,
                                        .entries = &other,
                                        .entry_count = 1},
            0);
    assert_int_equal(w->nodes[0].last, 3);
    assert_int_equal(w->nodes[0].truncated_from, 0); /* consumed by the durable step */
    assert_int_equal(consensus_membership(w->nodes[0].core)->count, 3);
    strbuf_done(&four);
    world_free(w);
}

static void fence_a_nothing_is_fed_behind_a_refused_part(void **state)
{
    (void)state;
    struct world *w = follower_with(3);
    const struct consensus_entry batch[] = {
        {5, CONSENSUS_COMMAND, SPAN("9")},
        {5, CONSENSUS_CHANGE, w->nodes[0].log[1].payload},
        {5, CONSENSUS_COMMAND, SPAN("11")},
    };
    receive(w,
            &(struct consensus_message){.type = CONSENSUS_APPEND,
                                        .from = 2,
                                        .to = 1,
                                        .term = 5,
                                        .prev_log_index = 8,
                                        .prev_log_term = 5,
                                        .entries = batch,
                                        .entry_count = 3},
            0);
    assert_int_equal(w->nodes[0].last, 3);
    assert_int_equal(w->nodes[0].sent_count, 1); /* one rejection */
    world_free(w);
}

static void fence_b_no_change_before_the_own_term_commits(void **state)
{
    (void)state;
    struct world *w = world_new(3);
    world_pass(w, 3000);
    struct node *leader = world_leader(w);
    world_settle(w);
    const uint64_t last = leader->last;
    assert_int_equal(leader->log[last].type, CONSENSUS_BARRIER);
    assert_int_equal(leader->log[last].term, consensus_term(leader->core));
    world_free(w);

    w = world_new(1);
    w->nodes[1].is_slow = false;
    world_crash(&w->nodes[0]);
    w->nodes[0].is_slow = true; /* its own barrier is not durable */
    assert_int_equal(world_boot(w, &w->nodes[0]), 0);
    assert_false(consensus_is_settled(w->nodes[0].core));
    world_step(w, &w->nodes[0], member(CONSENSUS_MEMBER_SET, 2, MEMBERSHIP_STANDBY), ERR_FULL);
    world_free(w);
}

static void fences_c_d_one_change_at_a_time(void **state)
{
    (void)state;
    struct world *w = world_new(1);
    struct node *n = &w->nodes[0];
    world_step(w, n, member(CONSENSUS_MEMBER_SET, 2, MEMBERSHIP_VOTER), ERR_INVALID);
    world_step(w, n, member(CONSENSUS_MEMBER_REMOVED, 9, 0), ERR_NOT_FOUND);
    world_step(w, n, member(CONSENSUS_MEMBER_REMOVED, 1, 0), ERR_INVALID);
    n->is_slow = true;
    world_step(w, n, member(CONSENSUS_MEMBER_SET, 2, MEMBERSHIP_STANDBY), 0);
    const uint64_t last = n->last;
    world_step(w, n, member(CONSENSUS_MEMBER_SET, 3, MEMBERSHIP_STANDBY), ERR_FULL);
    assert_int_equal(n->last, last); /* no ghost */
    assert_int_equal(consensus_last(n->core), last);
    world_step(w, n,
               (struct consensus_event){
                   .type = CONSENSUS_DURABLE, .generation = n->generation, .index = last},
               0);
    world_step(w, n, member(CONSENSUS_MEMBER_SET, 2, MEMBERSHIP_STANDBY), ERR_EXISTS);
    world_step(w, n, member(CONSENSUS_MEMBER_SET, 3, MEMBERSHIP_STANDBY), 0);
    world_free(w);
}

static void fence_e_commit_never_goes_back(void **state)
{
    (void)state;
    struct world *w = follower_with(8);
    struct consensus_message m = {.type = CONSENSUS_APPEND,
                                  .from = 2,
                                  .to = 1,
                                  .term = 5,
                                  .prev_log_index = 8,
                                  .prev_log_term = 5,
                                  .leader_commit = 8};
    receive(w, &m, 0);
    assert_int_equal(consensus_commit(w->nodes[0].core), 8);
    m.prev_log_index = 5;
    m.leader_commit = 10;
    receive(w, &m, 0);
    assert_int_equal(consensus_commit(w->nodes[0].core), 8);
    assert_int_equal(w->nodes[0].applied, 8);
    world_free(w);
}

static void fence_f_an_old_write_reports_nothing_of_the_new_log(void **state)
{
    (void)state;
    struct world *w = follower_with(2);
    struct node *n = &w->nodes[0];
    n->is_slow = true;
    const struct consensus_entry old[] = {{5, CONSENSUS_COMMAND, SPAN("3")},
                                          {5, CONSENSUS_COMMAND, SPAN("4")},
                                          {5, CONSENSUS_COMMAND, SPAN("5")}};
    receive(w,
            &(struct consensus_message){.type = CONSENSUS_APPEND,
                                        .from = 2,
                                        .to = 1,
                                        .term = 5,
                                        .prev_log_index = 2,
                                        .prev_log_term = 5,
                                        .entries = old,
                                        .entry_count = 3},
            0);
    const uint64_t generation = n->generation;
    const struct consensus_entry new = {6, CONSENSUS_COMMAND, SPAN("three")};
    receive(w,
            &(struct consensus_message){.type = CONSENSUS_APPEND,
                                        .from = 3,
                                        .to = 1,
                                        .term = 6,
                                        .prev_log_index = 2,
                                        .prev_log_term = 5,
                                        .leader_commit = 2,
                                        .entries = &new,
                                        .entry_count = 1},
            0);
    assert_int_equal(n->truncated_from, 3);
    assert_int_not_equal(n->generation, generation);
    world_step(w, n,
               (struct consensus_event){
                   .type = CONSENSUS_DURABLE, .generation = generation, .index = 5},
               0);
    assert_int_equal(n->sent_count, 0); /* entry 3 of term 6 is not on disk */
    world_step(w, n,
               (struct consensus_event){
                   .type = CONSENSUS_DURABLE, .generation = n->generation, .index = 3},
               0);
    assert_int_equal(n->sent_count, 1);
    world_free(w);
}

static void followers_apply_only_what_they_have_on_disk(void **state)
{
    (void)state;
    struct world *w = follower_with(2);
    struct node *n = &w->nodes[0];
    n->is_slow = true;
    const struct consensus_entry e = {5, CONSENSUS_COMMAND, SPAN("3")};
    receive(w,
            &(struct consensus_message){.type = CONSENSUS_APPEND,
                                        .from = 2,
                                        .to = 1,
                                        .term = 5,
                                        .prev_log_index = 2,
                                        .prev_log_term = 5,
                                        .leader_commit = 3,
                                        .entries = &e,
                                        .entry_count = 1},
            0);
    assert_int_equal(consensus_commit(n->core), 3);
    assert_int_equal(n->applied, 2);
    world_step(w, n,
               (struct consensus_event){
                   .type = CONSENSUS_DURABLE, .generation = n->generation, .index = 3},
               0);
    assert_int_equal(n->applied, 3);
    world_free(w);
}

static void fence_g_catch_up_needs_a_leader_and_a_standby(void **state)
{
    (void)state;
    struct world *w = world_new(3);
    world_pass(w, 3000);
    struct node *leader = world_leader(w);
    for (size_t i = 0; i < 3; i++)
        if (&w->nodes[i] != leader)
            world_step(w, &w->nodes[i], member(CONSENSUS_CATCH_UP, id_of(w, leader), 0),
                       ERR_NOT_LEADER);
    world_step(w, leader, member(CONSENSUS_CATCH_UP, 1 + id_of(w, leader) % 3, 0), ERR_EXISTS);
    world_step(w, leader, member(CONSENSUS_CATCH_UP, 9, 0), ERR_NOT_FOUND);
    world_free(w);
}

static void a_standby_catches_up_and_votes(void **state)
{
    (void)state;
    struct world *w = world_new(1);
    world_propose(w, &w->nodes[0], "before", 20, 0);
    assert_int_equal(world_boot(w, &w->nodes[1]), 0);
    world_step(w, &w->nodes[0], member(CONSENSUS_MEMBER_SET, 2, MEMBERSHIP_STANDBY), 0);
    world_pass(w, 500);
    assert_int_equal(w->nodes[1].applied, w->nodes[0].last);
    world_step(w, &w->nodes[0], member(CONSENSUS_MEMBER_SET, 2, MEMBERSHIP_VOTER), ERR_INVALID);
    world_step(w, &w->nodes[0], member(CONSENSUS_CATCH_UP, 2, 0), 0);
    world_pass(w, 500);
    world_step(w, &w->nodes[0], member(CONSENSUS_MEMBER_SET, 2, MEMBERSHIP_VOTER), 0);
    world_pass(w, 500);
    assert_int_equal(membership_voter_count(consensus_membership(w->nodes[1].core)), 2);
    assert_int_equal(w->nodes[1].applied, w->nodes[0].last);
    world_free(w);
}

static void fence_h_an_early_tick_does_nothing(void **state)
{
    (void)state;
    struct world *w = world_new(3);
    world_pass(w, 3000);
    struct node *leader = world_leader(w);
    world_step(w, leader, (struct consensus_event){.type = CONSENSUS_TICK}, 0);
    world_settle(w);
    assert_true(consensus_wake_at_ms(leader->core) > w->now_ms);
    world_step(w, leader, (struct consensus_event){.type = CONSENSUS_TICK}, 0);
    assert_int_equal(leader->sent_count, 0);
    world_free(w);
}

static void fence_i_large_batches_travel_in_pieces(void **state)
{
    (void)state;
    struct world *w = world_new(3);
    world_pass(w, 3000);
    struct node *leader = world_leader(w);
    world_propose(w, leader, "many", 2500, 0);
    assert_int_equal(w->mail_count - w->mail_read, 2 * 3);
    for (size_t i = w->mail_read; i < w->mail_count; i++)
        assert_true(w->mail[i].message.entry_count <= CONSENSUS_MESSAGE_ENTRIES_MAX);
    world_settle(w);
    for (size_t k = 0; k < 3; k++)
        assert_int_equal(w->nodes[k].applied, leader->last);
    world_free(w);
}

static void lagging_followers_are_served_from_disk(void **state)
{
    (void)state;
    struct world *w = world_new(3);
    world_pass(w, 3000);
    struct node *leader = world_leader(w);
    struct node *late = leader == &w->nodes[2] ? &w->nodes[1] : &w->nodes[2];
    w->cut_off = id_of(w, late);
    for (int i = 0; i < 20; i++) {
        world_propose(w, leader, "while away", 1, 0);
        world_settle(w);
    }
    consensus_release(leader->core, leader->applied);
    assert_int_equal(consensus_held_size(leader->core), 0);
    w->cut_off = 0;
    world_pass(w, 3000);
    assert_int_equal(late->applied, world_leader(w)->last);
    world_free(w);
}

/* ---- What strangers and damaged disks say --------------------------------------------- */

struct bad_message {
    const char *name;
    struct consensus_message message;
    struct consensus_entry entry;
};

static const struct bad_message bad_messages[] = {
    {"from nobody", {.type = CONSENSUS_APPEND, .term = 5, .prev_log_index = 1}, {0}},
    {"from itself", {.type = CONSENSUS_VOTE, .from = 1, .term = 5}, {0}},
    {"no term", {.type = CONSENSUS_VOTE, .from = 2}, {0}},
    {"unknown type", {.type = (enum consensus_message_type)77, .from = 2, .term = 5}, {0}},
    {"index without term",
     {.type = CONSENSUS_APPEND, .from = 2, .term = 5, .prev_log_index = 1},
     {0}},
    {"index at the end of numbers",
     {.type = CONSENSUS_APPEND,
      .from = 2,
      .term = 5,
      .prev_log_index = UINT64_MAX,
      .prev_log_term = 1},
     {0}},
    {"entry of a later term than the message",
     {.type = CONSENSUS_APPEND,
      .from = 2,
      .term = 5,
      .prev_log_index = 1,
      .prev_log_term = 1,
      .entry_count = 1},
     {6, CONSENSUS_COMMAND, {"x", 1}}},
    {"entry of an unknown type",
     {.type = CONSENSUS_APPEND,
      .from = 2,
      .term = 5,
      .prev_log_index = 1,
      .prev_log_term = 1,
      .entry_count = 1},
     {5, (enum consensus_entry_type)9, {"x", 1}}},
    {"membership of garbage",
     {.type = CONSENSUS_APPEND,
      .from = 2,
      .term = 5,
      .prev_log_index = 1,
      .prev_log_term = 1,
      .entry_count = 1},
     {5, CONSENSUS_CHANGE, {"\1\377\377\377\377\377\377\377\377", 9}}},
    {"snapshot of nothing", {.type = CONSENSUS_INSTALL, .from = 2, .term = 5}, {0}},
};

static void a_bad_message_is_dropped(void **state)
{
    const struct bad_message *bad = *state;
    struct world *w = world_new(3);
    struct consensus_message m = bad->message;
    m.entries = &bad->entry;
    receive(w, &m, ERR_PROTOCOL);
    assert_int_equal(w->nodes[0].last, 1);
    assert_int_equal(w->nodes[0].sent_count, 0);
    world_pass(w, 3000); /* and nothing is broken */
    assert_true(consensus_is_settled(world_leader(w)->core));
    world_free(w);
}

static void a_conflict_below_commit_stops_the_node(void **state)
{
    (void)state;
    struct world *w = follower_with(8);
    receive(w,
            &(struct consensus_message){.type = CONSENSUS_APPEND,
                                        .from = 2,
                                        .to = 1,
                                        .term = 5,
                                        .prev_log_index = 8,
                                        .prev_log_term = 5,
                                        .leader_commit = 8},
            0);
    const struct consensus_entry e = {6, CONSENSUS_COMMAND, SPAN("never")};
    const struct consensus_message m = {.type = CONSENSUS_APPEND,
                                        .from = 3,
                                        .to = 1,
                                        .term = 6,
                                        .prev_log_index = 4,
                                        .prev_log_term = 5,
                                        .entries = &e,
                                        .entry_count = 1};
    struct consensus_update update;
    const struct consensus_event event = {
        .type = CONSENSUS_RECEIVED, .now_ms = w->now_ms, .message = &m};
    assert_int_equal(consensus_step(w->nodes[0].core, &event, &update), ERR_CORRUPT);
    assert_int_equal(consensus_step(w->nodes[0].core, &event, &update), ERR_CORRUPT);
    world_free(w);
}

static void a_damaged_log_does_not_start(void **state)
{
    (void)state;
    struct world *w = world_new(1);
    struct node *n = &w->nodes[0];
    world_propose(w, n, "x", 3, 0);
    world_crash(n);
    n->log[3].term = 7; /* beyond the stored term */
    assert_int_equal(world_boot(w, n), ERR_CORRUPT);
    n->log[3].term = 1; /* below the entry before */
    assert_int_equal(world_boot(w, n), ERR_CORRUPT);
    n->log[3].term = 2;
    n->applied = 9; /* the state has what the log has not */
    assert_int_equal(world_boot(w, n), ERR_CORRUPT);
    n->applied = 3;
    assert_int_equal(world_boot(w, n), 0);
    world_free(w);
}

static void compaction_needs_what_is_applied(void **state)
{
    (void)state;
    struct world *w = world_new(1);
    struct node *n = &w->nodes[0];
    world_propose(w, n, "x", 30, 0);
    struct consensus_event event = {.type = CONSENSUS_COMPACTED,
                                    .snapshot = {.index = 20,
                                                 .term = n->log[20].term,
                                                 .configuration_index = 1,
                                                 .configuration = n->log[1].payload},
                                    .trailing = 5};
    world_step(w, n, event, 0);
    world_step(w, n, event, ERR_INVALID); /* again */
    event.snapshot.index = 33;
    world_step(w, n, event, ERR_INVALID); /* not there */
    event.snapshot.index = 25;
    event.snapshot.term = 9;
    world_step(w, n, event, ERR_INVALID);
    world_propose(w, n, "on", 3, 0);
    assert_int_equal(n->applied, 35);
    world_free(w);
}

int main(void)
{
    struct CMUnitTest tests[COUNT_OF(bad_messages) + 32] = {
        cmocka_unit_test(sole_voter_leads_and_commits_what_is_durable),
        cmocka_unit_test(each_life_of_a_sole_voter_has_its_own_term),
        cmocka_unit_test(a_follower_left_alone_takes_a_new_term_to_lead),
        cmocka_unit_test(three_agree),
        cmocka_unit_test(a_dead_leader_is_replaced_and_loses_what_was_not_committed),
        cmocka_unit_test(the_same_events_make_the_same_history),
        cmocka_unit_test(fence_a_change_is_recorded_where_it_stands),
        cmocka_unit_test(fence_a_nothing_is_fed_behind_a_refused_part),
        cmocka_unit_test(fence_b_no_change_before_the_own_term_commits),
        cmocka_unit_test(fences_c_d_one_change_at_a_time),
        cmocka_unit_test(fence_e_commit_never_goes_back),
        cmocka_unit_test(fence_f_an_old_write_reports_nothing_of_the_new_log),
        cmocka_unit_test(followers_apply_only_what_they_have_on_disk),
        cmocka_unit_test(fence_g_catch_up_needs_a_leader_and_a_standby),
        cmocka_unit_test(a_standby_catches_up_and_votes),
        cmocka_unit_test(fence_h_an_early_tick_does_nothing),
        cmocka_unit_test(fence_i_large_batches_travel_in_pieces),
        cmocka_unit_test(lagging_followers_are_served_from_disk),
        cmocka_unit_test(a_conflict_below_commit_stops_the_node),
        cmocka_unit_test(a_damaged_log_does_not_start),
        cmocka_unit_test(compaction_needs_what_is_applied),
    };
    size_t count = 0;
    while (tests[count].test_func)
        count++;
    for (size_t i = 0; i < COUNT_OF(bad_messages); i++)
        tests[count++] =
            (struct CMUnitTest){.name = bad_messages[i].name,
                                .test_func = a_bad_message_is_dropped,
                                .initial_state = (void *)(uintptr_t)&bad_messages[i]};
    return _cmocka_run_group_tests("consensus", tests, count, NULL, NULL);
}
