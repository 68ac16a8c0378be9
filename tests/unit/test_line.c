/* SPDX-License-Identifier: Apache-2.0 */
/* A line between two loops, each on a thread of its own, and one between two ends of one
 * loop: order, the full mailbox, and the end. */
#include "node/xmpp/line.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/loop.h"
#include "base/wheel.h"
#include "tests/support/xml_text.h"

enum { LINE_STANZAS = 500, LINE_MAILBOX = 32 };

/* Both ends of one line; each field belongs to the thread of its end. */
struct lineworld {
    struct loop *lower_loop, *upper_loop;
    struct line *line;
    struct message join;      /* lower to upper */
    struct message begin;     /* starts the lower end on its loop */
    struct wheel_timer again; /* retry of a full mailbox */

    /* lower */
    struct arena arena;
    struct xml_node *node;
    int sent, full_count;
    int written; /* writes that came down */
    bool is_answered, is_paused, is_shut, is_released;

    /* upper */
    int arrived, drained;
    bool is_gone, is_order_broken;
};

/* ---- Upper ---------------------------------------------------------------------------- */

static void upper_bind(void *arg, struct span resource)
{
    struct lineworld *w = arg;
    assert_true(span_is(resource, "desk"));
    const struct line_answer answer = {.kind = LINE_BOUND, .address = SPAN("a@d/desk")};
    line_answer(w->line, &answer);
}

static void upper_resume(void *arg, struct span previd, uint32_t h)
{
    (void)arg, (void)previd, (void)h;
    fail();
}

static void upper_stanza(void *arg, struct arena *arena, struct xml_node *node)
{
    struct lineworld *w = arg;
    CLEANUP(arena_done) struct arena own = *arena;
    *arena = (struct arena){0};
    char text[16];
    (void)snprintf(text, sizeof(text), "%d", w->arrived);
    if (!span_is(xml_node_attr(node, "id"), text))
        w->is_order_broken = true;
    w->arrived++;
    line_write(w->line, (uint64_t)w->arrived, span_text(text));
    if (w->arrived == LINE_STANZAS) {
        line_pause(w->line, true);
        line_shut(w->line, SPAN("bye"));
    }
}

static void upper_drained(void *arg, uint64_t seq)
{
    struct lineworld *w = arg;
    w->drained = (int)seq;
}

static void upper_gone(void *arg, bool is_orderly)
{
    struct lineworld *w = arg;
    assert_true(is_orderly);
    w->is_gone = true;
    line_release(w->line);
}

static const struct line_upper upper_end = {.bind = upper_bind,
                                            .resume = upper_resume,
                                            .stanza = upper_stanza,
                                            .drained = upper_drained,
                                            .gone = upper_gone};

static void upper_joins(struct message *message, void *owner)
{
    struct lineworld *w =
        (struct lineworld *)(void *)((char *)message - offsetof(struct lineworld, join));
    (void)owner;
    line_join(w->line, &upper_end, w);
}

/* ---- Lower ---------------------------------------------------------------------------- */

static void lower_send(struct lineworld *w)
{
    while (w->sent < LINE_STANZAS) {
        if (!w->node) {
            char text[32];
            (void)snprintf(text, sizeof(text), "<message id='%d'/>", w->sent);
            w->node = xml_text_parse(&w->arena, text);
        }
        const int rc = line_stanza(w->line, &w->arena, w->node);
        if (rc == ERR_FULL) { /* still ours: the same one again */
            w->full_count++;
            wheel_set(loop_wheel(w->lower_loop), &w->again, loop_now_ms(w->lower_loop) + 1);
            return;
        }
        assert_int_equal(rc, 0);
        w->node = NULL;
        w->sent++;
    }
}

static void lower_sends_again(struct wheel_timer *timer, void *arg)
{
    (void)timer;
    lower_send(arg);
}

static void lower_answered(void *arg, const struct line_answer *answer)
{
    struct lineworld *w = arg;
    assert_int_equal(answer->kind, LINE_BOUND);
    assert_true(span_is(answer->address, "a@d/desk"));
    w->is_answered = true;
    lower_send(w);
}

static void lower_write(void *arg, uint64_t seq, struct span bytes)
{
    struct lineworld *w = arg;
    char text[16];
    (void)snprintf(text, sizeof(text), "%d", w->written);
    assert_true(span_is(bytes, text));
    assert_int_equal(seq, ++w->written);
}

static void lower_pause(void *arg, bool is_paused)
{
    struct lineworld *w = arg;
    w->is_paused = is_paused;
}

static void lower_shut(void *arg, struct span last)
{
    struct lineworld *w = arg;
    assert_true(span_is(last, "bye"));
    assert_true(w->is_paused);
    w->is_shut = true;
    line_drained(w->line, (uint64_t)w->written);
    line_gone(w->line, true);
}

static void lower_released(void *arg)
{
    struct lineworld *w = arg;
    w->is_released = true;
    loop_stop(w->lower_loop);
    if (w->upper_loop != w->lower_loop)
        loop_stop(w->upper_loop);
}

static const struct line_lower lower_end = {.answered = lower_answered,
                                            .write = lower_write,
                                            .pause = lower_pause,
                                            .shut = lower_shut,
                                            .released = lower_released};

static void lower_begins(struct message *message, void *owner)
{
    struct lineworld *w =
        (struct lineworld *)(void *)((char *)message - offsetof(struct lineworld, begin));
    (void)owner;
    w->line = line_new(w->lower_loop, &lower_end, w, w->upper_loop);
    assert_int_equal(loop_post(w->upper_loop, &w->join), 0);
    line_bind(w->line, SPAN("desk"));
    assert_false(w->is_answered); /* never from inside */
}

static void line_run(bool has_two_threads)
{
    struct lineworld w = {.join.deliver = upper_joins, .begin.deliver = lower_begins};
    w.again = (struct wheel_timer){.expired = lower_sends_again, .arg = &w};
    assert_int_equal(loop_new("lower", LINE_MAILBOX, &w.lower_loop), 0);
    w.upper_loop = w.lower_loop;
    if (has_two_threads)
        assert_int_equal(loop_new("upper", LINE_MAILBOX, &w.upper_loop), 0);
    assert_int_equal(loop_post(w.lower_loop, &w.begin), 0);
    if (has_two_threads)
        assert_int_equal(loop_start(w.upper_loop), 0);
    loop_run(w.lower_loop);
    if (has_two_threads) {
        loop_join(w.upper_loop);
        loop_free(w.upper_loop);
    }
    loop_free(w.lower_loop);
    arena_done(&w.arena);

    assert_true(w.is_released && w.is_gone && w.is_shut);
    assert_int_equal(w.arrived, LINE_STANZAS);
    assert_int_equal(w.written, LINE_STANZAS);
    assert_int_equal(w.drained, LINE_STANZAS);
    assert_false(w.is_order_broken);
    if (has_two_threads)
        print_message("the mailbox was full %d times\n", w.full_count);
}

static void between_two_threads(void **state)
{
    (void)state;
    line_run(true);
}

static void on_one_loop(void **state)
{
    (void)state;
    line_run(false);
}

static void a_line_that_never_went_up(void **state)
{
    (void)state;
    struct loop *loop = NULL;
    assert_int_equal(loop_new("lower", LINE_MAILBOX, &loop), 0);
    line_free(line_new(loop, &lower_end, NULL, loop));
    loop_stop(loop);
    loop_run(loop);
    loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(between_two_threads),
        cmocka_unit_test(on_one_loop),
        cmocka_unit_test(a_line_that_never_went_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
