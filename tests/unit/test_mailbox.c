/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/unit.h"

#include "base/err.h"
#include "base/mailbox.h"

struct owner {
    struct mailbox *mailbox;
    int delivered_count, discarded_count;
    int close_after; /* messages; 0: never */
    int last;
};

struct letter {
    struct message message;
    struct owner *owner;
    int number;
};

static void letter_delivered(struct message *self, void *owner)
{
    struct letter *l = (struct letter *)self;
    struct owner *o = owner;
    assert_true(l->number > o->last);
    o->last = l->number;
    if (++o->delivered_count == o->close_after)
        mailbox_close(o->mailbox);
}

static void letter_discarded(struct message *self)
{
    ((struct letter *)self)->owner->discarded_count++;
}

static void letter_write(struct letter *l, struct owner *o, int number)
{
    *l = (struct letter){.message = {.deliver = letter_delivered, .discard = letter_discarded},
                         .owner = o,
                         .number = number};
}

struct close_case {
    const char *name;
    size_t capacity;
    int post_count, reply_count, close_after;
    int refused_count, delivered_count, discarded_count;
};

static const struct close_case cases[] = {
    {"below capacity", 4, 3, 0, 3, 0, 3, 0},
    {"at capacity", 4, 4, 0, 4, 0, 4, 0},
    {"above capacity", 4, 5, 0, 4, 1, 4, 0},
    {"replies pass a full mailbox", 1, 2, 3, 4, 1, 4, 0},
    {"closed by the first", 4, 4, 0, 1, 0, 1, 3},
    {"closed in the middle", 4, 4, 1, 2, 0, 2, 3},
};

static void posts_are_delivered_or_given_back(void **state)
{
    const struct close_case *c = *state;
    uv_loop_t loop;
    struct owner o = {.close_after = c->close_after};
    struct letter letters[8];
    int refused_count = 0;
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_int_equal(mailbox_open(&loop, c->capacity, &o.mailbox), 0);
    mailbox_set_owner(o.mailbox, &o);
    for (int i = 0; i < c->post_count; i++) {
        letter_write(&letters[i], &o, i + 1);
        const int rc = mailbox_post(o.mailbox, &letters[i].message);
        assert_true(rc == 0 || rc == ERR_FULL);
        refused_count += rc == ERR_FULL;
    }
    for (int i = c->post_count; i < c->post_count + c->reply_count; i++) {
        letter_write(&letters[i], &o, i + 1);
        mailbox_reply(o.mailbox, &letters[i].message);
    }
    assert_false(mailbox_is_closed(o.mailbox));
    assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(refused_count, c->refused_count);
    assert_int_equal(o.delivered_count, c->delivered_count);
    assert_int_equal(o.discarded_count, c->discarded_count);

    struct letter late;
    letter_write(&late, &o, 99);
    assert_true(mailbox_is_closed(o.mailbox));
    assert_int_equal(mailbox_post(o.mailbox, &late.message), ERR_CLOSED);
    mailbox_reply(o.mailbox, &late.message);
    assert_int_equal(o.discarded_count, c->discarded_count + 1);
    mailbox_close(o.mailbox);
    mailbox_free(o.mailbox);
    mailbox_free(NULL);
    assert_int_equal(uv_loop_close(&loop), 0);
}

static void drained_before_the_loop_turns(void **state)
{
    (void)state;
    uv_loop_t loop;
    struct owner o = {0};
    struct letter letters[2];
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_int_equal(mailbox_open(&loop, 2, &o.mailbox), 0);
    mailbox_set_owner(o.mailbox, &o);
    for (int i = 0; i < 2; i++) {
        letter_write(&letters[i], &o, i + 1);
        assert_int_equal(mailbox_post(o.mailbox, &letters[i].message), 0);
    }
    mailbox_drain(o.mailbox);
    assert_int_equal(o.delivered_count, 2);
    mailbox_drain(o.mailbox); /* nothing is left, nor is the wake-up's batch */
    mailbox_close(o.mailbox);
    assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(o.delivered_count, 2);
    mailbox_free(o.mailbox);
    assert_int_equal(uv_loop_close(&loop), 0);
}

int main(void)
{
    const struct CMUnitTest others[] = {cmocka_unit_test(drained_before_the_loop_turns)};
    struct CMUnitTest rows[COUNT_OF(cases)];
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        rows[i] = (struct CMUnitTest){.name = cases[i].name,
                                      .test_func = posts_are_delivered_or_given_back,
                                      .initial_state = (void *)&cases[i]};
    return cmocka_run_group_tests(rows, NULL, NULL) +
           cmocka_run_group_tests(others, NULL, NULL);
}
