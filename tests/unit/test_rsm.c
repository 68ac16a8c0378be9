/* SPDX-License-Identifier: Apache-2.0 */
/* rsm: what is asked, what is told. */
#include "tests/support/xml_text.h"

#include "base/err.h"
#include "proto/xmpp/rsm.h"

#define SET(in) "<q><set xmlns='http://jabber.org/protocol/rsm'>" in "</set></q>"

static struct rsm rsm_of_text(struct arena *a, const char *text)
{
    struct rsm r = {0};
    assert_int_equal(rsm_parse(xml_text_parse(a, text), a, &r), 0);
    return r;
}

static void reads_pages(void **state)
{
    (void)state;
    struct arena a = {0};
    struct rsm r = rsm_of_text(&a, "<q/>");
    assert_false(r.is_present);
    r = rsm_of_text(&a, SET(""));
    assert_true(r.is_present && !r.has_max && span_is_none(r.after) && span_is_none(r.before));
    r = rsm_of_text(&a, SET("<max>0</max><before/>"));
    assert_true(r.has_max && r.max == 0 && !span_is_none(r.before) && r.before.size == 0);
    r = rsm_of_text(&a, SET("<max>4294967295</max><after>x&amp;y</after><index>3</index>"));
    assert_true(r.max == 4294967295U && span_is(r.after, "x&y") && r.has_index && r.index == 3);
    arena_done(&a);
}

static void refuses_what_is_no_number(void **state)
{
    (void)state;
    const char *const bad[] = {SET("<max/>"), SET("<max>-1</max>"), SET("<max>1 </max>"),
                               SET("<max>4294967296</max>"), SET("<index>x</index>")};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct arena a = {0};
        struct rsm r;
        assert_int_equal(rsm_parse(xml_text_parse(&a, bad[i]), &a, &r), ERR_PROTOCOL);
        arena_done(&a);
    }
}

static void tells_pages(void **state)
{
    (void)state;
    struct arena a = {0};
    struct xml_node *q = xml_text_parse(&a, "<q/>");
    rsm_add_page(&a, q,
                 &(struct rsm_page){.first = SPAN("1"),
                                    .last = SPAN("9"),
                                    .has_index = true,
                                    .index = 4,
                                    .has_count = true,
                                    .count = 20});
    rsm_add_page(&a, q, &(struct rsm_page){.has_count = true});
    xml_text_assert(q, SET("<first index='4'>1</first><last>9</last><count>20</count></set>"
                           "<set xmlns='http://jabber.org/protocol/rsm'><count>0</count>"));
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_pages),
        cmocka_unit_test(refuses_what_is_no_number),
        cmocka_unit_test(tells_pages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
