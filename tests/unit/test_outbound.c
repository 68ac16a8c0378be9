/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/unit.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/prng.h"
#include "node/im/outbound.h"

static struct outbound_item *message_of(uint64_t index)
{
    const struct packet fields = {.kind = PACKET_CHAT, .index = index, .body = SPAN("x")};
    struct outbound_item *item = outbound_item_new();
    item->packet = packet_new(&fields);
    item->message = item->stored = index;
    return item;
}

static struct outbound_item *presence_of(const char *from, int priority)
{
    const struct presence fields = {
        .kind = PRESENCE_AVAILABLE, .priority = priority, .from = span_text(from)};
    struct outbound_item *item = outbound_item_new();
    item->presence = presence_new(&fields);
    item->can_wait = true;
    return item;
}

static struct outbound_item *wire_of(char text)
{
    struct outbound_item *item = outbound_item_new();
    item->wire = mem_text(&text, 1);
    item->wire_size = 1;
    return item;
}

static void free_all(struct outbound_item *items)
{
    while (items) {
        struct outbound_item *item = items;
        items = item->next;
        outbound_item_free(item);
    }
}

/* Steps until something is to be done. */
static enum outbound_action next(struct outbound *o, struct outbound_item **item)
{
    enum outbound_action action;
    do
        action = outbound_step(o, item);
    while (action == OUTBOUND_AGAIN);
    return action;
}

static void expect_write(struct outbound *o, uint64_t seq)
{
    struct outbound_item *item = NULL;
    assert_int_equal(next(o, &item), OUTBOUND_WRITE);
    assert_int_equal(item->seq, seq);
}

static uint64_t expect_mark(struct outbound *o, uint64_t message)
{
    struct outbound_item *item = NULL;
    assert_int_equal(next(o, &item), OUTBOUND_MARK);
    assert_int_equal(item->message, message);
    return item->seq;
}

static void expect_nothing(struct outbound *o)
{
    struct outbound_item *item = NULL;
    assert_int_equal(next(o, &item), OUTBOUND_NOTHING);
}

static void nothing_is_written_past_an_unmarked_message(void **state)
{
    (void)state;
    struct outbound o = {0};
    outbound_enable(&o, true);
    outbound_add(&o, wire_of('a'));
    outbound_add(&o, message_of(10));
    outbound_add(&o, wire_of('b'));
    outbound_add(&o, message_of(11));
    expect_write(&o, 1);
    assert_int_equal(expect_mark(&o, 10), 2);
    assert_int_equal(expect_mark(&o, 11), 4); /* its number is reserved, too */
    expect_nothing(&o);
    outbound_marked(&o, 4);
    expect_nothing(&o);
    outbound_marked(&o, 2);
    expect_write(&o, 2);
    expect_write(&o, 3);
    expect_write(&o, 4);
    expect_nothing(&o);
    outbound_done(&o);
}

static void a_refused_mark_is_asked_for_again(void **state)
{
    (void)state;
    struct outbound o = {0};
    outbound_enable(&o, true);
    outbound_add(&o, message_of(10));
    expect_mark(&o, 10);
    expect_nothing(&o);
    outbound_unmarked(&o, 1);
    expect_mark(&o, 10);
    outbound_marked(&o, 1);
    outbound_unmarked(&o, 1); /* too late to matter */
    expect_write(&o, 1);
    expect_nothing(&o);
    outbound_done(&o);
}

static void without_acknowledgements_no_mark_is_needed(void **state)
{
    (void)state;
    struct outbound o = {0};
    outbound_add(&o, message_of(10));
    outbound_add(&o, message_of(11));
    expect_write(&o, 1);
    expect_write(&o, 2);
    struct outbound_item *items = outbound_confirm(&o, 1);
    assert_int_equal(items->message, 10);
    assert_null(items->next);
    free_all(items);
    outbound_enable(&o, true);
    outbound_add(&o, message_of(12));
    assert_int_equal(expect_mark(&o, 12), 1); /* counts from here */
    outbound_marked(&o, 1);
    expect_write(&o, 1);
    /* The first acknowledgement covers what came before, too. */
    items = outbound_confirm(&o, outbound_full_count(&o, 0));
    assert_int_equal(items->message, 11);
    assert_null(items->next);
    free_all(items);
    outbound_done(&o);
}

static const struct count_case {
    const char *name;
    uint64_t acked, written;
    uint32_t h;
    uint64_t full;
} count_cases[] = {
    {"nothing yet", 0, 0, 0, 0},
    {"one too many", 0, 0, 1, UINT64_MAX},
    {"all", 0, 5, 5, 5},
    {"more than written", 0, 5, 6, UINT64_MAX},
    {"as before", 3, 5, 3, 3},
    {"less than before", 3, 5, 2, UINT64_MAX},
    {"around the end of 32 bits", 0xfffffffe, 0x100000003, 2, 0x100000002},
    {"the last before it", 0xfffffffe, 0x100000003, 0xffffffff, 0xffffffff},
};

static void counts_are_modulo_two_to_the_32(void **state)
{
    const struct count_case *c = *state;
    const struct outbound o = {.acked_seq = c->acked, .written_seq = c->written};
    assert_int_equal(outbound_full_count(&o, c->h), c->full);
}

static void a_resume_numbers_on_from_the_clients_count(void **state)
{
    (void)state;
    struct outbound o = {0};
    outbound_enable(&o, true);
    for (uint64_t i = 1; i <= 3; i++) {
        outbound_add(&o, message_of(i));
        expect_mark(&o, i);
        outbound_marked(&o, i);
        expect_write(&o, i);
    }
    outbound_add(&o, message_of(4));
    expect_mark(&o, 4); /* its mark is in flight */
    outbound_freeze(&o);
    outbound_add(&o, message_of(5));
    expect_nothing(&o);
    free_all(outbound_resume(&o, 1));
    expect_nothing(&o);
    outbound_thaw(&o);
    assert_int_equal(expect_mark(&o, 2), 2);
    assert_int_equal(expect_mark(&o, 3), 3);
    assert_int_equal(expect_mark(&o, 4), 4);
    assert_int_equal(expect_mark(&o, 5), 5);
    expect_nothing(&o);
    for (uint64_t i = 2; i <= 5; i++)
        outbound_marked(&o, i);
    for (uint64_t i = 2; i <= 5; i++)
        expect_write(&o, i);
    outbound_done(&o);
}

static void presence_in_the_backlog_is_merged(void **state)
{
    (void)state;
    struct outbound o = {0};
    struct outbound_item *item = NULL;
    outbound_freeze(&o);
    outbound_add(&o, presence_of("a", 1));
    outbound_add(&o, presence_of("b", 1));
    outbound_add(&o, presence_of("a", 2));
    outbound_add(&o, wire_of('w'));
    outbound_add(&o, presence_of("b", 2));
    assert_int_equal(o.other_count, 3);
    outbound_thaw(&o);
    assert_int_equal(next(&o, &item), OUTBOUND_WRITE);
    assert_int_equal(item->presence->priority, 2);
    assert_true(span_is(item->presence->from, "a"));
    assert_int_equal(next(&o, &item), OUTBOUND_WRITE);
    assert_non_null(item->wire);
    assert_int_equal(next(&o, &item), OUTBOUND_WRITE);
    assert_true(span_is(item->presence->from, "b"));
    expect_nothing(&o);
    outbound_add(&o, presence_of("a", 3)); /* the one before has gone */
    expect_write(&o, 4);
    outbound_done(&o);
}

static void an_inactive_client_gets_what_cannot_wait(void **state)
{
    (void)state;
    struct outbound o = {0};
    struct outbound_item *item = NULL;
    outbound_set_active(&o, false);
    outbound_add(&o, presence_of("a", 1));
    outbound_add(&o, presence_of("b", 1));
    expect_nothing(&o);
    outbound_add(&o, message_of(1));
    outbound_add(&o, presence_of("a", 2)); /* takes the place of one that was to go along */
    assert_int_equal(next(&o, &item), OUTBOUND_WRITE);
    assert_true(span_is(item->presence->from, "b"));
    expect_write(&o, 2);
    expect_nothing(&o);
    outbound_set_active(&o, true);
    expect_write(&o, 3);
    outbound_done(&o);
}

static void limits_hold(void **state)
{
    (void)state;
    struct outbound o = {0};
    struct outbound_item *item = NULL;
    size_t written = 0;
    outbound_enable(&o, false);
    for (uint64_t i = 1; i <= UINT64_C(3) * OUTBOUND_MESSAGES_MAX; i++)
        outbound_add(&o, message_of(i));
    assert_int_equal(o.packet_count, OUTBOUND_PACKETS_MAX);
    while (next(&o, &item) == OUTBOUND_WRITE)
        written++;
    assert_int_equal(written, OUTBOUND_MESSAGES_MAX);
    free_all(outbound_confirm(&o, 1));
    expect_write(&o, OUTBOUND_MESSAGES_MAX + 1);
    expect_nothing(&o);
    outbound_done(&o);

    outbound_enable(&o, false);
    for (size_t i = 0; i < OUTBOUND_OTHERS_MAX; i++)
        outbound_add(&o, wire_of('w'));
    assert_false(outbound_is_over(&o));
    outbound_add(&o, wire_of('w'));
    assert_true(outbound_is_over(&o));
    for (written = 0; next(&o, &item) == OUTBOUND_WRITE;)
        written++;
    assert_int_equal(written, OUTBOUND_OTHERS_NUMBERED_MAX);
    free_all(outbound_confirm(&o, 1));
    assert_false(outbound_is_over(&o));
    outbound_done(&o);
}

static void a_candidate_can_be_discarded_or_loaded(void **state)
{
    (void)state;
    struct outbound o = {0};
    outbound_enable(&o, true);
    outbound_freeze(&o);
    outbound_add(&o, message_of(1));
    outbound_add(&o, message_of(2));
    assert_null(outbound_candidate(&o));
    outbound_thaw(&o);
    assert_int_equal(outbound_candidate(&o)->message, 1);
    outbound_discard(&o);
    packet_unref(outbound_candidate(&o)->packet);
    outbound_candidate(&o)->packet = NULL;
    o.packet_count--;
    const struct packet fields = {.body = SPAN("read again")};
    outbound_load(&o, packet_new(&fields));
    assert_int_equal(expect_mark(&o, 2), 1);
    assert_int_equal(o.packet_count, 0);
    struct outbound_item *all = outbound_take_all(&o);
    assert_int_equal(all->message, 2);
    free_all(all);
    expect_nothing(&o);
    outbound_done(&o);
}

/* ---- Many lives ------------------------------------------------------------------------ */

/* A client that keeps all it gets, loses streams, resumes and acknowledges late. */
struct client_model {
    uint64_t got[2048]; /* messages, in order */
    size_t count;
    uint64_t h; /* stanzas it has */
    bool is_cut;
};

struct mark_model {
    uint64_t seq, epoch;
};

enum { ALL = 400, MARKS_MAX = 65536 };

struct life {
    struct prng random;
    struct outbound o;
    struct client_model c;
    struct mark_model marks[MARKS_MAX];
    size_t mark_count, answered;
    uint64_t epoch, added;
};

static void a_stanza_arrives(struct client_model *c, const struct outbound_item *item,
                             struct prng *random)
{
    if (c->is_cut || prng_below(random, 30) == 0) {
        c->is_cut = true; /* this one and all behind it are lost */
        return;
    }
    assert_int_equal(item->seq, c->h + 1); /* contiguous, whatever happened */
    c->h++;
    if (item->message)
        c->got[c->count++] = item->message;
}

static void life_resume(struct life *l)
{
    outbound_freeze(&l->o);
    assert_true(outbound_full_count(&l->o, (uint32_t)l->c.h) == l->c.h);
    free_all(outbound_resume(&l->o, l->c.h));
    l->epoch++;
    l->c.is_cut = false;
    outbound_thaw(&l->o);
}

static void life_answer_mark(struct life *l)
{
    const struct mark_model *mark = &l->marks[l->answered++];
    if (mark->epoch != l->epoch)
        return; /* fenced: the session asks again under its new epoch */
    if (prng_below(&l->random, 10) == 0)
        outbound_unmarked(&l->o, mark->seq);
    else
        outbound_marked(&l->o, mark->seq);
}

static void life_step(struct life *l)
{
    struct outbound_item *item = NULL;
    switch (outbound_step(&l->o, &item)) {
    case OUTBOUND_MARK:
        assert_true(l->mark_count < MARKS_MAX);
        l->marks[l->mark_count++] = (struct mark_model){item->seq, l->epoch};
        break;
    case OUTBOUND_WRITE:
        assert_true(!item->message || item->is_marked);
        a_stanza_arrives(&l->c, item, &l->random);
        break;
    case OUTBOUND_NOTHING:
    case OUTBOUND_AGAIN:
        break;
    }
}

static void life_turn(struct life *l)
{
    const uint64_t event = prng_below(&l->random, 8);
    if (event < 2 && l->added < ALL)
        outbound_add(&l->o, message_of(++l->added));
    else if (event == 2)
        outbound_add(&l->o, presence_of("a", 1));
    else if (event == 3)
        outbound_set_active(&l->o, l->added == ALL || prng_below(&l->random, 2));
    life_step(l);
    if (l->answered < l->mark_count && event >= 4)
        life_answer_mark(l);
    if (event == 7)
        free_all(outbound_confirm(&l->o, l->c.h));
    if (l->c.is_cut && prng_below(&l->random, 20) == 0)
        life_resume(l);
}

static void each_message_arrives_once_and_in_order(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct life *l = mem_zeroed(1, sizeof(*l));
        l->epoch = 1;
        prng_seed(&l->random, seed);
        outbound_enable(&l->o, true);
        while (l->c.count < ALL)
            life_turn(l);
        for (size_t i = 0; i < ALL; i++)
            assert_int_equal(l->c.got[i], i + 1);
        outbound_done(&l->o);
        free(l);
    }
}

int main(void)
{
    struct CMUnitTest tests[10 + COUNT_OF(count_cases)] = {
        cmocka_unit_test(nothing_is_written_past_an_unmarked_message),
        cmocka_unit_test(a_refused_mark_is_asked_for_again),
        cmocka_unit_test(without_acknowledgements_no_mark_is_needed),
        cmocka_unit_test(a_resume_numbers_on_from_the_clients_count),
        cmocka_unit_test(presence_in_the_backlog_is_merged),
        cmocka_unit_test(an_inactive_client_gets_what_cannot_wait),
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(a_candidate_can_be_discarded_or_loaded),
        cmocka_unit_test(each_message_arrives_once_and_in_order),
    };
    size_t count = 9;
    for (size_t i = 0; i < COUNT_OF(count_cases); i++)
        tests[count++] = (struct CMUnitTest){.name = count_cases[i].name,
                                             .test_func = counts_are_modulo_two_to_the_32,
                                             .initial_state = (void *)&count_cases[i]};
    return _cmocka_run_group_tests("outbound", tests, count, NULL, NULL);
}
