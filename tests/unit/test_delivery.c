/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 6121, 8.5.2 and 8.5.3, im-semantics M5, M7, M8 as a table. */
#include "tests/support/unit.h"

#include <string.h>

#include "node/im/delivery.h"

/* A place in one letter each: addressed, available (with priority), carbons. */
/* NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding): rows read best so */
struct delivery_case {
    const char *name;
    enum packet_kind kind;
    enum packet_class class;
    const char *to;
    bool is_private;
    const char *places; /* '+' available, '-' negative, 'o' connected only; upper: carbons
                         * ('P' '+', 'N' '-', 'O' 'o'); '!' before: addressed */
    enum delivery_end end;
    const char *shares; /* 't' take, 'c' carbon, '.' skip */
};

#define BARE "b@d"
#define FULL "b@d/r"
#define KEPT PACKET_KEEP
#define LIVE PACKET_PASS

static const struct delivery_case cases[] = {
    {"chat to bare, nobody", PACKET_CHAT, KEPT, BARE, false, "", DELIVERY_STORED, ""},
    {"chat to bare, all available", PACKET_CHAT, KEPT, BARE, false, "++", DELIVERY_DONE, "tt"},
    {"chat to bare, not the negative", PACKET_CHAT, KEPT, BARE, false, "+-", DELIVERY_DONE,
     "t."},
    {"chat to bare, only negative", PACKET_CHAT, KEPT, BARE, false, "-", DELIVERY_STORED, "."},
    {"chat to bare, only negative with carbons", PACKET_CHAT, KEPT, BARE, false, "N",
     DELIVERY_STORED, "."},
    {"chat to bare, connected only", PACKET_CHAT, KEPT, BARE, false, "o", DELIVERY_STORED, "."},
    {"chat to bare, carbons to the rest", PACKET_CHAT, KEPT, BARE, false, "+NO", DELIVERY_DONE,
     "tcc"},
    {"chat to bare, available ones take, carbons or not", PACKET_CHAT, KEPT, BARE, false, "PP",
     DELIVERY_DONE, "tt"},
    {"private chat to bare", PACKET_CHAT, KEPT, BARE, true, "+NO", DELIVERY_DONE, "t.."},
    {"normal to bare", PACKET_NORMAL, KEPT, BARE, false, "+-", DELIVERY_DONE, "t."},
    {"queued to bare, nobody", PACKET_NORMAL, PACKET_QUEUE, BARE, false, "", DELIVERY_STORED,
     ""},
    {"live chat state to bare, nobody", PACKET_CHAT, LIVE, BARE, false, "", DELIVERY_DROP, ""},
    {"headline to bare", PACKET_HEADLINE, LIVE, BARE, false, "+-", DELIVERY_DONE, "t."},
    {"headline to bare, nobody", PACKET_HEADLINE, LIVE, BARE, false, "-", DELIVERY_DROP, "."},
    {"error to bare", PACKET_FAULT, LIVE, BARE, false, "+", DELIVERY_DROP, "."},
    {"groupchat to bare", PACKET_GROUPCHAT, LIVE, BARE, false, "+", DELIVERY_BOUNCE, "."},
    {"request to bare", PACKET_GET, LIVE, BARE, false, "+", DELIVERY_BOUNCE, "."},
    {"reply to bare", PACKET_REPLY, LIVE, BARE, false, "+", DELIVERY_DROP, "."},

    {"chat to full", PACKET_CHAT, KEPT, FULL, false, "+!+", DELIVERY_DONE, ".t"},
    {"chat to full, carbons", PACKET_CHAT, KEPT, FULL, false, "P!+", DELIVERY_DONE, "ct"},
    {"chat to full, the addressee has carbons", PACKET_CHAT, KEPT, FULL, false, "!P",
     DELIVERY_DONE, "t"},
    {"chat to full, without presence", PACKET_CHAT, KEPT, FULL, false, "!o+", DELIVERY_DONE,
     "t."},
    {"chat to full, negative", PACKET_CHAT, KEPT, FULL, false, "!-", DELIVERY_DONE, "t"},
    {"chat to full, gone: as to bare", PACKET_CHAT, KEPT, FULL, false, "+-", DELIVERY_DONE,
     "t."},
    {"chat to full, all gone", PACKET_CHAT, KEPT, FULL, false, "", DELIVERY_STORED, ""},
    {"normal to full, gone", PACKET_NORMAL, KEPT, FULL, false, "+", DELIVERY_DONE, "t"},
    {"private chat to full", PACKET_CHAT, KEPT, FULL, true, "P!+", DELIVERY_DONE, ".t"},
    {"headline to full", PACKET_HEADLINE, LIVE, FULL, false, "+!+", DELIVERY_DONE, ".t"},
    {"headline to full, gone", PACKET_HEADLINE, LIVE, FULL, false, "+", DELIVERY_DROP, "."},
    {"error to full", PACKET_FAULT, LIVE, FULL, false, "!o", DELIVERY_DONE, "t"},
    {"error to full, gone", PACKET_FAULT, LIVE, FULL, false, "+", DELIVERY_DROP, "."},
    {"groupchat to full", PACKET_GROUPCHAT, LIVE, FULL, false, "!+", DELIVERY_DONE, "t"},
    {"groupchat to full, gone", PACKET_GROUPCHAT, LIVE, FULL, false, "+", DELIVERY_BOUNCE, "."},
    {"get to full", PACKET_GET, LIVE, FULL, false, "!o", DELIVERY_DONE, "t"},
    {"get to full, gone", PACKET_GET, LIVE, FULL, false, "+", DELIVERY_BOUNCE, "."},
    {"set to full, gone", PACKET_SET, LIVE, FULL, false, "", DELIVERY_BOUNCE, ""},
    {"reply to full", PACKET_REPLY, LIVE, FULL, false, "!o", DELIVERY_DONE, "t"},
    {"reply to full, gone", PACKET_REPLY, LIVE, FULL, false, "+", DELIVERY_DROP, "."},
    {"error reply to full, gone", PACKET_REPLY_FAULT, LIVE, FULL, false, "+", DELIVERY_DROP,
     "."},
};

static size_t places_of(const char *text, struct delivery_place *places)
{
    size_t count = 0;
    bool is_addressed = false;
    for (; *text; text++) {
        if (*text == '!') {
            is_addressed = true;
            continue;
        }
        const bool has_carbons = strchr("PNO", *text) != NULL;
        const bool is_negative = strchr("-N", *text) != NULL;
        places[count++] = (struct delivery_place){.is_addressed = is_addressed,
                                                  .is_available = strchr("oO", *text) == NULL,
                                                  .priority = is_negative ? -1 : 0,
                                                  .has_carbons = has_carbons};
        is_addressed = false;
    }
    return count;
}

static void chooses(void **state)
{
    const struct delivery_case *c = *state;
    struct delivery_place places[8];
    enum delivery_share shares[8];
    char text[9] = {0};
    const size_t count = places_of(c->places, places);
    /* Only chats are ever eligible as a received carbon: the front says so. */
    const bool is_chat = c->kind == PACKET_CHAT || c->kind == PACKET_NORMAL;
    const struct packet p = {.kind = c->kind,
                             .class = c->class,
                             .is_private = c->is_private,
                             .is_carbon_received = is_chat,
                             .to = span_text(c->to)};
    assert_int_equal(delivery_choose(&p, places, count, shares), c->end);
    for (size_t i = 0; i < count; i++)
        text[i] = ".tc"[shares[i]];
    assert_string_equal(text, c->shares);
}

int main(void)
{
    struct CMUnitTest tests[COUNT_OF(cases)];
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        tests[i] = (struct CMUnitTest){
            .name = cases[i].name, .test_func = chooses, .initial_state = (void *)&cases[i]};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
