/* SPDX-License-Identifier: Apache-2.0 */
/* The session's end of a stream: bind, resume, acknowledgements and every way to end. */
#include "node/xmpp/xmpp_front.h"

#include "proto/xmpp/stanza_error.h"
#include "tests/support/xmppworld.h"

#define BOB "bob@" IMWORLD_DOMAIN
#define SM  "xmlns='urn:xmpp:sm:3'"

static struct imworld world;
static struct xmppclient a, b, c;

static int front_setup(void **state)
{
    (void)state;
    imworld_make(&world);
    return 0;
}

static int front_teardown(void **state)
{
    (void)state;
    xmppclient_done(&a);
    xmppclient_done(&b);
    xmppclient_done(&c);
    imworld_remove(&world);
    return 0;
}

/* Signs in and enables resumption; the id is written into `id`. */
static void enable(struct xmppclient *client, const char *user, char id[40])
{
    xmppclient_sign_in(client, &world, user, "x");
    xmppclient_send(client, "<enable " SM " resume='true'/>");
    xmppclient_wants(client, "<enabled " SM);
    xmppclient_wants(client, "id='");
    (void)snprintf(id, 40, "%.32s", client->wire.data + client->read);
    xmppclient_settle(client);
    xmppclient_forget(client);
}

static void bind_makes_a_resource(void **state)
{
    (void)state;
    xmppclient_open(&a, &world, "alice");
    xmppclient_bind(&a, "");
    assert_int_equal(a.answer, LINE_BOUND);
    assert_true(strlen(a.address) > strlen("alice@" IMWORLD_DOMAIN "/"));
    xmppclient_bind(&a, "again");
    assert_int_equal(a.answer, LINE_BIND_REFUSED);
    assert_int_equal(a.condition, STANZA_ERROR_NOT_ALLOWED);
    xmppclient_open(&b, &world, "alice");
    xmppclient_bind(&b, "a\tb");
    assert_int_equal(b.answer, LINE_BIND_REFUSED);
    assert_int_equal(b.condition, STANZA_ERROR_BAD_REQUEST);
    xmppclient_bind(&b, "good");
    assert_int_equal(b.answer, LINE_BOUND);
    assert_string_equal(b.address, "alice@" IMWORLD_DOMAIN "/good");
    xmppclient_open(&c, &world, "nobody");
    xmppclient_bind(&c, "x");
    assert_int_equal(c.answer, LINE_BIND_REFUSED);
    assert_int_equal(c.condition, STANZA_ERROR_NOT_ALLOWED);
}

static void a_newer_stream_takes_the_resource(void **state)
{
    (void)state;
    xmppclient_sign_in(&a, &world, "alice", "x");
    xmppclient_sign_in(&b, &world, "alice", "x");
    IMWORLD_UNTIL(&world, a.is_shut);
    assert_non_null(strstr(a.wire.data, "<conflict "));
    xmppclient_settle(&b);
}

static void acknowledgements_count_everything(void **state)
{
    char id[40];
    (void)state;
    xmppclient_sign_in(&b, &world, "bob", "y");
    enable(&a, "alice", id); /* one stanza: the ping of settle */
    xmppclient_send(&a, "<message to='" BOB "'><body>1</body></message>");
    xmppclient_send(&a, "<message to='@'/>");
    xmppclient_send(&a, "<presence/>");
    xmppclient_send(&a, "<r " SM "/>");
    xmppclient_wants(&a, "<a " SM " h='4'/>");
    xmppclient_wants(&b, "<body>1</body>");
    xmppclient_send(&a, "<enable " SM "/>");
    xmppclient_wants(&a, "<failed " SM);
    xmppclient_wants(&a, "unexpected-request");
    xmppclient_send(&a, "<resume " SM " previd='x' h='0'/>");
    xmppclient_wants(&a, "unexpected-request");
    xmppclient_send(&a, "<a " SM " h='99'/>"); /* more than it was sent */
    IMWORLD_UNTIL(&world, a.is_shut);
    xmppclient_wants(&a, "<undefined-condition ");
}

static void a_stream_resumes(void **state)
{
    char id[40];
    (void)state;
    xmppclient_sign_in(&b, &world, "bob", "y");
    enable(&a, "alice", id);
    xmppclient_send(&a, "<message to='" BOB "'><body>before</body></message>");
    xmppclient_wants(&b, "<body>before</body>");
    xmppclient_leave(&a, false);
    xmppclient_send(&b, "<message to='alice@" IMWORLD_DOMAIN "'><body>away</body></message>");
    xmppclient_settle(&b);

    xmppclient_open(&c, &world, "alice");
    line_resume(c.line, span_text(id), 1); /* it has the ping's answer */
    IMWORLD_UNTIL(&world, c.answer_count == 1);
    assert_int_equal(c.answer, LINE_RESUMED);
    assert_int_equal(c.h, 2); /* ping and message */
    assert_string_equal(c.address, "alice@" IMWORLD_DOMAIN "/x");
    xmppclient_wants(&c, "<body>away</body>");
    xmppclient_send(&c, "<message to='" BOB "'><body>after</body></message>");
    xmppclient_wants(&b, "<body>after</body>");
    xmppclient_send(&c, "<r " SM "/>");
    xmppclient_wants(&c, "h='3'/>");
    assert_null(strstr(b.wire.data, "unavailable")); /* nobody noticed */
}

static void who_may_not_resume(void **state)
{
    char id[40];
    (void)state;
    enable(&a, "alice", id);
    xmppclient_leave(&a, false);
    xmppclient_open(&b, &world, "bob");
    const char *const ids[] = {id, "", "short", "0123456789abcdef0123456789abcdef",
                               "zz23456789abcdef0123456789abcdef"};
    for (unsigned i = 0; i < COUNT_OF(ids); i++) {
        line_resume(b.line, span_text(ids[i]), 0);
        IMWORLD_UNTIL(&world, b.answer_count == i + 1);
        assert_int_equal(b.answer, LINE_RESUME_REFUSED);
        assert_int_equal(b.condition, STANZA_ERROR_ITEM_NOT_FOUND);
        assert_false(b.has_h);
    }
    xmppclient_bind(&b, "y"); /* and goes on with a session of its own */
    assert_int_equal(b.answer, LINE_BOUND);
    xmppclient_open(&c, &world, "alice"); /* hers still stands */
    line_resume(c.line, span_text(id), 1);
    IMWORLD_UNTIL(&world, c.answer_count == 1);
    assert_int_equal(c.answer, LINE_RESUMED);
}

static void ends(void **state)
{
    (void)state;
    imworld_befriend(&world, "alice@" IMWORLD_DOMAIN, BOB);
    xmppclient_sign_in(&b, &world, "bob", "y");
    xmppclient_sign_in(&a, &world, "alice", "x");
    xmppclient_leave(&a, true);
    xmppclient_wants(&b, "type='unavailable'");
    xmppclient_sign_in(&c, &world, "alice", "x");
    xmppclient_send(&c, "<message from='x@y' to='z'/>");
    IMWORLD_UNTIL(&world, c.is_shut);
    xmppclient_send(&c, "<message to='" BOB "'><body>too late</body></message>");
    xmppclient_wants(&b, "type='unavailable'");
    xmppclient_settle(&b);
    assert_null(strstr(b.wire.data, "too late"));
    /* The connection that goes while its bind is under way. */
    xmppclient_done(&a);
    xmppclient_open(&a, &world, "carol");
    line_bind(a.line, SPAN("x"));
    xmppclient_leave(&a, false);
}

/* XEP-0352: a chat state waits while the client is inactive, a message does not. */
static void an_inactive_client_is_spared(void **state)
{
    (void)state;
    xmppclient_sign_in(&a, &world, "alice", "x");
    xmppclient_sign_in(&b, &world, "bob", "y");
    xmppclient_send(&b, "<inactive xmlns='urn:xmpp:csi:0'/>");
    xmppclient_settle(&b);
    xmppclient_send(&a, "<message type='chat' to='" BOB "'><composing "
                        "xmlns='http://jabber.org/protocol/chatstates'/></message>");
    xmppclient_settle(&a);
    for (int i = 0; i < 20; i++)
        imworld_turn(&world);
    xmppclient_lacks(&b, "composing");
    xmppclient_send(&a, "<message type='chat' to='" BOB "'><body>b</body></message>");
    xmppclient_wants(&b, "composing");
    xmppclient_wants(&b, "<body>b</body>");
    xmppclient_send(&b, "<active xmlns='urn:xmpp:csi:0'/>");
    xmppclient_settle(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(bind_makes_a_resource, front_setup, front_teardown),
        cmocka_unit_test_setup_teardown(a_newer_stream_takes_the_resource, front_setup,
                                        front_teardown),
        cmocka_unit_test_setup_teardown(acknowledgements_count_everything, front_setup,
                                        front_teardown),
        cmocka_unit_test_setup_teardown(a_stream_resumes, front_setup, front_teardown),
        cmocka_unit_test_setup_teardown(who_may_not_resume, front_setup, front_teardown),
        cmocka_unit_test_setup_teardown(ends, front_setup, front_teardown),
        cmocka_unit_test_setup_teardown(an_inactive_client_is_spared, front_setup,
                                        front_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
