/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/unit.h"

#include "node/im/packet.h"

static void a_packet_owns_its_bytes(void **state)
{
    (void)state;
    char body[] = "hello";
    const struct packet fields = {.kind = PACKET_CHAT,
                                  .from = SPAN("a@d/x"),
                                  .to = SPAN("b@d"),
                                  .body = span_of(body, 5),
                                  .lang = SPAN("")};
    struct packet *p = packet_new(&fields);
    body[0] = 'j';
    assert_true(span_is(p->body, "hello"));
    assert_true(span_is_none(p->id));
    assert_false(span_is_none(p->lang));
    assert_ptr_equal(packet_ref(p), p);
    packet_unref(p);
    assert_true(span_is(p->from, "a@d/x"));
    packet_unref(p);
    packet_unref(NULL);
}

static void flags_survive_the_store(void **state)
{
    (void)state;
    for (unsigned i = 0; i < PACKET_KINDS * 8U; i++) {
        const struct packet p = {.kind = (enum packet_kind)(i / 8),
                                 .is_carbon_sent = i & 1,
                                 .is_carbon_received = i & 2,
                                 .is_important = i & 4};
        Store__MessageRow row = STORE__MESSAGE_ROW__INIT;
        row.from = (char *)"a@d/x";
        row.to = (char *)"b@d";
        row.kind = packet_stored_kind(&p);
        row.class_ = STORE__MESSAGE_CLASS__QUEUE;
        struct packet *q = packet_of_row(&row, 7);
        assert_int_equal(q->kind, p.kind);
        assert_int_equal(q->is_carbon_sent, p.is_carbon_sent);
        assert_int_equal(q->is_carbon_received, p.is_carbon_received);
        assert_int_equal(q->is_important, p.is_important);
        assert_int_equal(q->class, PACKET_QUEUE);
        assert_int_equal(q->index, 7);
        assert_true(span_is_none(q->id));
        packet_unref(q);
    }
    assert_int_equal(packet_kind_of(200), PACKET_NORMAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_packet_owns_its_bytes),
        cmocka_unit_test(flags_survive_the_store),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
