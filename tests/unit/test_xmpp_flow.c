/* SPDX-License-Identifier: Apache-2.0 */
/* When a client is answered and asked (XEP-0198), and when a silent one is: over the real
 * core, with a clock that is turned. That nothing comes too early is asked only while the
 * clock says so: a slow machine makes a test weaker, not red. */
#include "node/xmpp/xmpp_flow.h"

#include "tests/support/poolplug.h"
#include "tests/support/turnedclock.h"
#include "tests/support/xmppworld.h"

#define ALICE "alice@" IMWORLD_DOMAIN
#define SM    "xmlns='urn:xmpp:sm:3'"
#define ASK   "<r " SM "/>"
#define PING  "<iq type='get' id='p'><ping xmlns='urn:xmpp:ping'/></iq>"
/* Takes until the pool is let go. */
#define SLOW                                                                                   \
    "<iq type='set' id='slow'><query xmlns='jabber:iq:register'><username>alice</username>"    \
    "<password>new</password></query></iq>"

static struct imworld world;
static struct xmppclient a, b;
static struct poolplug plug;
static char sm_id[40];

static int flow_test_setup(void **state)
{
    (void)state;
    imworld_make(&world);
    assert_int_equal(pool_new(1, 1, &xmppclient_pool), 0);
    xmppclient_sign_in(&a, &world, "alice", "x");
    return 0;
}

static int flow_test_teardown(void **state)
{
    (void)state;
    xmppclient_done(&a);
    xmppclient_done(&b);
    pool_free(xmppclient_pool);
    xmppclient_pool = NULL;
    imworld_remove(&world);
    return 0;
}

static uint64_t now_ms(void)
{
    return loop_now_ms(im_loop_of(world.im, SPAN(ALICE)));
}

/* What was sent has come; it may have no answer. */
static void arrive(void)
{
    for (int i = 0; i < 10; i++)
        imworld_turn(&world);
}

/* Lets that much time pass, and a timer's grain. */
static void pass(uint64_t ms)
{
    arrive();
    turnedclock_add(ms + WHEEL_GRAIN_MS);
    imworld_turn(&world);
}

/* Goes up to just before the moment: the text is not there. */
static void lacks_before(uint64_t due_ms, const char *text)
{
    const uint64_t margin_ms = 100; /* for what the machine itself needs */
    const uint64_t here_ms = now_ms();
    if (here_ms + margin_ms < due_ms)
        turnedclock_add(due_ms - margin_ms - here_ms);
    arrive();
    if (now_ms() < due_ms)
        xmppclient_lacks(&a, text);
}

static void enable(void)
{
    xmppclient_send(&a, "<enable " SM " resume='true'/>");
    xmppclient_wants(&a, "<enabled " SM);
    xmppclient_wants(&a, "id='");
    (void)snprintf(sm_id, sizeof(sm_id), "%.32s", a.wire.data + a.read);
    xmppclient_forget(&a);
}

/* A request without an answer to come is over when this is. */
static void ping(unsigned times)
{
    for (unsigned i = 0; i < times; i++) {
        xmppclient_send(&a, PING);
        xmppclient_wants(&a, "id='p'");
    }
}

/* ---- Answering ------------------------------------------------------------------------ */

static void nothing_is_counted_before_it_is_on(void **state)
{
    (void)state;
    xmppclient_send(&a, ASK);
    xmppclient_send(&a, "<a " SM " h='7'/>");
    xmppclient_settle(&a);
    pass(XMPP_FLOW_ANSWER_MS);
    xmppclient_settle(&a);
    assert_null(strstr(a.wire.data, "<a "));
    assert_false(a.is_shut);
}

static void what_is_safe_is_told_at_once(void **state)
{
    (void)state;
    enable();
    xmppclient_send(&a, ASK);
    xmppclient_wants(&a, "<a " SM " h='0'/>");
    ping(3);
    xmppclient_send(&a, ASK);
    xmppclient_wants(&a, "<a " SM " h='3'/>");
}

/* The answer waits for the commit, but not for ever; the commit is told all the same. */
static void an_answer_waits_a_while(void **state)
{
    (void)state;
    enable();
    ping(1);
    poolplug_hold(&plug, &world, xmppclient_pool);
    const uint64_t start_ms = now_ms();
    xmppclient_send(&a, SLOW);
    xmppclient_send(&a, ASK);
    lacks_before(start_ms + XMPP_FLOW_ANSWER_MS, "<a ");
    pass(XMPP_FLOW_ANSWER_MS);
    xmppclient_wants(&a, "<a " SM " h='1'/>");
    poolplug_release(&plug, &world);
    xmppclient_wants(&a, "<a " SM " h='2'/>");
    pass(XMPP_FLOW_ANSWER_MS); /* once is enough */
    ping(1);
    xmppclient_lacks(&a, "<a ");
}

/* All has taken effect before the time is up: one answer, then. */
static void an_answer_comes_with_the_commit(void **state)
{
    (void)state;
    enable();
    poolplug_hold(&plug, &world, xmppclient_pool);
    const uint64_t start_ms = now_ms();
    xmppclient_send(&a, SLOW);
    xmppclient_send(&a, ASK);
    xmppclient_send(&a, ASK);
    lacks_before(start_ms + XMPP_FLOW_ANSWER_MS, "<a ");
    poolplug_release(&plug, &world);
    xmppclient_wants(&a, "<a " SM " h='1'/>");
}

/* ---- Asking --------------------------------------------------------------------------- */

static void we_ask_after_a_second(void **state)
{
    (void)state;
    enable();
    const uint64_t start_ms = now_ms();
    ping(2);
    lacks_before(start_ms + XMPP_FLOW_ASK_MS, ASK);
    pass(XMPP_FLOW_ASK_MS);
    xmppclient_wants(&a, ASK);
    ping(1);
    pass(XMPP_FLOW_ASK_MS);
    ping(XMPP_FLOW_ASK_COUNT);
    xmppclient_lacks(&a, ASK); /* asked, and not answered yet */
    xmppclient_send(&a, "<a " SM " h='3'/>");
    pass(XMPP_FLOW_ASK_MS); /* the rest is asked for anew */
    xmppclient_wants(&a, ASK);
    xmppclient_send(&a, "<a " SM " h='35'/>");
    pass(XMPP_FLOW_OVERDUE_MS); /* nothing is left to ask for */
    arrive();
    xmppclient_lacks(&a, ASK);
    assert_false(a.is_shut);
}

static void we_ask_when_many_have_gathered(void **state)
{
    (void)state;
    enable();
    const uint64_t start_ms = now_ms();
    ping(XMPP_FLOW_ASK_COUNT - 1);
    if (now_ms() < start_ms + XMPP_FLOW_ASK_MS)
        xmppclient_lacks(&a, ASK);
    const uint64_t then_ms = now_ms();
    xmppclient_forget(&a);
    ping(1);
    xmppclient_wants(&a, ASK);
    assert_true(now_ms() < then_ms + XMPP_FLOW_OVERDUE_MS);
}

/* Who does not answer has no stream any more, but still a session. */
static void no_answer_detaches(void **state)
{
    (void)state;
    enable();
    ping(1);
    pass(XMPP_FLOW_ASK_MS);
    xmppclient_wants(&a, ASK);
    lacks_before(now_ms() + XMPP_FLOW_OVERDUE_MS - XMPP_FLOW_ASK_MS, "<stream:error>");
    assert_false(a.is_shut);
    pass(XMPP_FLOW_OVERDUE_MS);
    xmppclient_wants(&a, "<connection-timeout ");
    assert_true(a.is_shut);
    xmppclient_leave(&a, false);

    xmppclient_open(&b, &world, "alice");
    line_resume(b.line, span_text(sm_id), 0);
    IMWORLD_UNTIL(&world, b.answer_count == 1);
    assert_int_equal(b.answer, LINE_RESUMED);
    assert_int_equal(b.h, 1);
    xmppclient_wants(&b, "id='p'"); /* what it had no answer for */
}

/* ---- Silence -------------------------------------------------------------------------- */

static void a_silent_client_is_pinged(void **state)
{
    (void)state;
    uint64_t start_ms = now_ms();
    lacks_before(start_ms + XMPP_FLOW_SILENCE_MS, "<ping ");
    start_ms = now_ms();
    ping(1); /* it speaks: from here on anew */
    lacks_before(start_ms + XMPP_FLOW_SILENCE_MS, "<ping ");
    pass(XMPP_FLOW_SILENCE_MS);
    xmppclient_wants(&a, "id='alive' type='get'><ping xmlns='urn:xmpp:ping'/>");
    xmppclient_send(&a, "<iq type='result' id='alive' to='" IMWORLD_DOMAIN "'/>");
    pass(XMPP_FLOW_SILENCE_MS);
    xmppclient_wants(&a, "id='alive'"); /* and again, answered or not */
    pass(XMPP_FLOW_SILENCE_MS);
    xmppclient_wants(&a, "id='alive'");
    assert_false(a.is_shut);
}

static void a_silent_client_with_acks_is_asked(void **state)
{
    (void)state;
    enable();
    pass(XMPP_FLOW_SILENCE_MS);
    xmppclient_wants(&a, ASK);
    pass(XMPP_FLOW_OVERDUE_MS);
    xmppclient_wants(&a, "<connection-timeout ");
}

int main(void)
{
#define ROW(f) cmocka_unit_test_setup_teardown(f, flow_test_setup, flow_test_teardown)
    const struct CMUnitTest tests[] = {
        ROW(nothing_is_counted_before_it_is_on),
        ROW(what_is_safe_is_told_at_once),
        ROW(an_answer_waits_a_while),
        ROW(an_answer_comes_with_the_commit),
        ROW(we_ask_after_a_second),
        ROW(we_ask_when_many_have_gathered),
        ROW(no_answer_detaches),
        ROW(a_silent_client_is_pinged),
        ROW(a_silent_client_with_acks_is_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
