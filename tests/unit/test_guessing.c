/* SPDX-License-Identifier: Apache-2.0 */
/* guessing.h: who waits how long, who never waits, and what is forgotten. */
#include "tests/support/unit.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "node/auth/guessing.h"

#define ALICE SPAN("alice@demo.example")

static struct sockaddr_storage peer_at(const char *text)
{
    struct sockaddr_storage peer = {.ss_family = strchr(text, ':') ? AF_INET6 : AF_INET};
    void *to = peer.ss_family == AF_INET ? (void *)&((struct sockaddr_in *)&peer)->sin_addr
                                         : (void *)&((struct sockaddr_in6 *)&peer)->sin6_addr;
    assert_int_equal(inet_pton(peer.ss_family, text, to), 1);
    return peer;
}

/* The delay, or UINT64_MAX for a refusal. */
static uint64_t asked(struct guessing *g, struct span account, const char *from,
                      uint64_t now_ms)
{
    const struct sockaddr_storage peer = peer_at(from);
    uint64_t delay_ms = 0;
    const int rc = guessing_ask(g, account, &peer, now_ms, &delay_ms);
    assert_true(rc == 0 || rc == ERR_FULL);
    return rc < 0 ? UINT64_MAX : delay_ms;
}

static void fails(struct guessing *g, struct span account, const char *from, uint64_t now_ms)
{
    const struct sockaddr_storage peer = peer_at(from);
    guessing_failed(g, account, &peer, now_ms);
}

static void succeeds(struct guessing *g, struct span account, const char *from, uint64_t now_ms)
{
    const struct sockaddr_storage peer = peer_at(from);
    guessing_succeeded(g, account, &peer, now_ms);
}

static void delays_grow_to_a_minute(void **state)
{
    (void)state;
    static const uint64_t want[] = {0,    0,     0,     0,     1000,  2000, 4000,
                                    8000, 16000, 32000, 60000, 60000, 60000};
    struct guessing *g = guessing_new();
    uint64_t now_ms = 1000000;
    for (size_t i = 0; i < COUNT_OF(want); i++) {
        const uint64_t delay_ms = asked(g, ALICE, "192.0.2.1", now_ms);
        assert_int_equal(delay_ms, want[i]);
        now_ms += delay_ms;
        fails(g, ALICE, "192.0.2.1", now_ms);
    }
    assert_int_equal(asked(g, ALICE, "192.0.2.2", now_ms), 0); /* elsewhere she gets in */
    assert_int_equal(asked(g, ALICE, "192.0.2.1", now_ms + 60000), 0);
    guessing_free(g);
    guessing_free(NULL);
}

static void tries_queue_behind_each_other(void **state)
{
    (void)state;
    struct guessing *g = guessing_new();
    for (int i = 0; i < 8; i++)
        fails(g, ALICE, "192.0.2.1", 1000);
    assert_int_equal(asked(g, ALICE, "192.0.2.1", 1000), 16000);
    assert_int_equal(asked(g, ALICE, "192.0.2.1", 1000), 32000);
    assert_int_equal(asked(g, ALICE, "192.0.2.1", 1000), 48000);
    assert_int_equal(asked(g, ALICE, "192.0.2.1", 1000), UINT64_MAX);
    assert_int_equal(asked(g, ALICE, "192.0.2.1", 1000), UINT64_MAX); /* and costs nothing */
    assert_int_equal(asked(g, SPAN("bob@demo.example"), "192.0.2.1", 1000), 0);
    assert_int_equal(asked(g, ALICE, "192.0.2.1", 5000), 60000);
    guessing_free(g);
}

static void success_ends_it(void **state)
{
    (void)state;
    struct guessing *g = guessing_new();
    for (int i = 0; i < 8; i++)
        fails(g, ALICE, "192.0.2.1", 1000);
    succeeds(g, ALICE, "192.0.2.1", 20000);
    assert_int_equal(asked(g, ALICE, "192.0.2.1", 20000), 0);
    guessing_free(g);
}

static void an_address_that_sprays_is_slowed(void **state)
{
    (void)state;
    struct guessing *g = guessing_new();
    char account[32];
    succeeds(g, ALICE, "192.0.2.1", 1000);
    for (int i = 0; i < GUESSING_ADDRESS_FREE + 3; i++) {
        (void)snprintf(account, sizeof(account), "u%d@demo.example", i);
        if (i < GUESSING_ADDRESS_FREE)
            assert_int_equal(asked(g, span_text(account), "192.0.2.1", 1000), 0);
        fails(g, span_text(account), "192.0.2.1", 1000);
    }
    assert_int_equal(asked(g, SPAN("new@demo.example"), "192.0.2.1", 1000), 8000);
    assert_int_equal(asked(g, SPAN("new@demo.example"), "192.0.2.2", 1000), 0);
    assert_int_equal(asked(g, ALICE, "192.0.2.1", 1000), 0); /* was here before */
    guessing_free(g);
}

/* 5,000 clients behind one address come back after a node died, while a guesser on the same
 * address goes on (trusted: it is a NAT). */
static void a_storm_behind_one_address_passes(void **state)
{
    (void)state;
    struct guessing *g = guessing_new();
    char account[32];
    uint64_t guesser_ms = 1000;
    assert_int_equal(guessing_trust(g, SPAN("198.51.100.0/24")), 0);
    for (int i = 0; i < 5000; i++) {
        const uint64_t now_ms = 1000 + (uint64_t)i;
        (void)snprintf(account, sizeof(account), "u%d@demo.example", i);
        assert_int_equal(asked(g, span_text(account), "198.51.100.7", now_ms), 0);
        succeeds(g, span_text(account), "198.51.100.7", now_ms);
        if (now_ms >= guesser_ms) {
            guesser_ms = now_ms + asked(g, ALICE, "198.51.100.7", now_ms);
            fails(g, ALICE, "198.51.100.7", guesser_ms);
        }
    }
    assert_true(asked(g, ALICE, "198.51.100.7", 6000) >= 1000);
    guessing_free(g);
}

static void all_is_forgotten_in_time(void **state)
{
    (void)state;
    struct guessing *g = guessing_new();
    for (int i = 0; i < 30; i++)
        fails(g, ALICE, "192.0.2.1", 1000);
    assert_true(asked(g, ALICE, "192.0.2.1", 1000) > 0);
    assert_int_equal(asked(g, ALICE, "192.0.2.1", 1000 + GUESSING_FORGET_MS), 0);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(asked(g, ALICE, "192.0.2.1", 2000 + GUESSING_FORGET_MS), 0);
        fails(g, ALICE, "192.0.2.1", 2000 + GUESSING_FORGET_MS); /* counts from nothing */
    }
    guessing_free(g);
}

static void a_customer_s_whole_network_counts_as_one(void **state)
{
    (void)state;
    struct guessing *g = guessing_new();
    char from[64];
    for (int i = 0; i < 6; i++) {
        (void)snprintf(from, sizeof(from), "2001:db8:1:2:%d::%d", i, i);
        fails(g, ALICE, from, 1000);
    }
    assert_int_equal(asked(g, ALICE, "2001:db8:1:2:ffff::1", 1000), 4000);
    assert_int_equal(asked(g, ALICE, "2001:db8:1:3::1", 1000), 0);
    for (int i = 0; i < 6; i++)
        fails(g, ALICE, "::ffff:192.0.2.9", 1000);
    assert_int_equal(asked(g, ALICE, "192.0.2.9", 1000), 4000); /* mapped is the same */
    assert_int_equal(asked(g, ALICE, "192.0.2.8", 1000), 0);
    guessing_free(g);
}

static void the_table_is_bounded(void **state)
{
    (void)state;
    struct guessing *g = guessing_new();
    char account[32];
    for (int i = 0; i < 8; i++)
        fails(g, ALICE, "192.0.2.1", 1000);
    for (int i = 0; i < GUESSING_ENTRIES_MAX - 2; i++) {
        (void)snprintf(account, sizeof(account), "u%d@demo.example", i);
        succeeds(g, span_text(account), "192.0.2.1", 1000);
    }
    assert_int_equal(asked(g, ALICE, "192.0.2.1", 1000), 16000);
    succeeds(g, SPAN("one@more"), "192.0.2.1", 1000);
    assert_int_equal(asked(g, ALICE, "192.0.2.1", 1000), 0);
    guessing_free(g);
}

struct trust_case {
    const char *name;
    struct span network;
    const char *from;
    int want;
    bool is_trusted;
};

#define TEXT(literal)                                                                          \
    {                                                                                          \
        ("" literal ""), sizeof(literal) - 1                                                   \
    }
static const struct trust_case trust_cases[] = {
    {"one address", TEXT("192.0.2.1"), "192.0.2.1", 0, true},
    {"another address", TEXT("192.0.2.1"), "192.0.2.2", 0, false},
    {"in the network", TEXT("192.0.0.0/20"), "192.0.15.255", 0, true},
    {"behind the network", TEXT("192.0.0.0/20"), "192.0.16.0", 0, false},
    {"everybody", TEXT("0.0.0.0/0"), "203.0.113.9", 0, true},
    {"IPv4 only", TEXT("0.0.0.0/0"), "2001:db8::1", 0, false},
    {"IPv6 network", TEXT("2001:db8::/33"), "2001:db8:7fff::1", 0, true},
    {"behind the IPv6 network", TEXT("2001:db8::/33"), "2001:db8:8000::1", 0, false},
    {"all of IPv6", TEXT("::/0"), "2001:db8::1", 0, true},
    {"too many bits", TEXT("192.0.2.0/33"), "192.0.2.1", ERR_INVALID, false},
    {"too many bits of IPv6", TEXT("2001:db8::/129"), "192.0.2.1", ERR_INVALID, false},
    {"no bits", TEXT("192.0.2.0/"), "192.0.2.1", ERR_INVALID, false},
    {"bits not a number", TEXT("192.0.2.0/2x"), "192.0.2.1", ERR_INVALID, false},
    {"long number", TEXT("192.0.2.0/0024"), "192.0.2.1", ERR_INVALID, false},
    {"a name", TEXT("localhost"), "192.0.2.1", ERR_INVALID, false},
    {"empty", TEXT(""), "192.0.2.1", ERR_INVALID, false},
    {"NUL", TEXT("192.0.2.1\0/8"), "192.0.2.1", ERR_INVALID, false},
    {"very long", TEXT("1111:1111:1111:1111:1111:1111:1111:1111:1111:1111"), "192.0.2.1",
     ERR_INVALID, false},
};

static void trust_case_holds(void **state)
{
    const struct trust_case *t = *state;
    struct guessing *g = guessing_new();
    char account[32];
    assert_int_equal(guessing_trust(g, t->network), t->want);
    for (int i = 0; i < GUESSING_ADDRESS_FREE + 1; i++) {
        (void)snprintf(account, sizeof(account), "u%d@x", i);
        fails(g, span_text(account), t->from, 1000);
    }
    assert_int_equal(asked(g, ALICE, t->from, 1000) == 0, t->is_trusted);
    guessing_free(g);
}

static void networks_have_a_limit(void **state)
{
    (void)state;
    struct guessing *g = guessing_new();
    for (int i = 0; i < GUESSING_NETWORKS_MAX; i++)
        assert_int_equal(guessing_trust(g, SPAN("192.0.2.1")), 0);
    assert_int_equal(guessing_trust(g, SPAN("192.0.2.1")), ERR_FULL);
    guessing_trust_none(g);
    assert_int_equal(guessing_trust(g, SPAN("192.0.2.1")), 0);
    guessing_free(g);
}

int main(void)
{
    const struct CMUnitTest fixed[] = {
        cmocka_unit_test(delays_grow_to_a_minute),
        cmocka_unit_test(tries_queue_behind_each_other),
        cmocka_unit_test(success_ends_it),
        cmocka_unit_test(an_address_that_sprays_is_slowed),
        cmocka_unit_test(a_storm_behind_one_address_passes),
        cmocka_unit_test(all_is_forgotten_in_time),
        cmocka_unit_test(a_customer_s_whole_network_counts_as_one),
        cmocka_unit_test(the_table_is_bounded),
        cmocka_unit_test(networks_have_a_limit),
    };
    struct CMUnitTest tests[COUNT_OF(fixed) + COUNT_OF(trust_cases)];

    memcpy(tests, fixed, sizeof(fixed));
    for (size_t i = 0; i < COUNT_OF(trust_cases); i++)
        tests[COUNT_OF(fixed) + i] =
            (struct CMUnitTest){.name = trust_cases[i].name,
                                .test_func = trust_case_holds,
                                .initial_state = (void *)&trust_cases[i]};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
