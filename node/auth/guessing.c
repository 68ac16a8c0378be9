/* SPDX-License-Identifier: Apache-2.0 */
#include "node/auth/guessing.h"

#include <netinet/in.h>
#include <stdbool.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/hashmap.h"
#include "base/mem.h"
#include "base/network.h"
#include "base/strbuf.h"

enum { ADDRESS_SIZE = NETWORK_ADDRESS_SIZE };

/* What is known of a pair or of an address. In a list from the last touched to the first. */
struct guess_entry {
    struct guess_entry *newer, *older;
    uint64_t next_ms;      /* no try before */
    uint64_t touched_ms;   /* last failure or success */
    uint64_t succeeded_ms; /* 0: never */
    unsigned failures;     /* of a pair: since its last success */
    size_t key_size;
    char key[];
};

struct guessing {
    struct hashmap entries;
    struct guess_entry *newest, *oldest;
    struct network networks[GUESSING_NETWORKS_MAX];
    size_t network_count;
};

struct guessing *guessing_new(void)
{
    return mem_zeroed(1, sizeof(struct guessing));
}

static void guess_unlink(struct guessing *g, struct guess_entry *e)
{
    *(e->newer ? &e->newer->older : &g->newest) = e->older;
    *(e->older ? &e->older->newer : &g->oldest) = e->newer;
}

static void guess_link(struct guessing *g, struct guess_entry *e)
{
    e->newer = NULL;
    e->older = g->newest;
    *(g->newest ? &g->newest->newer : &g->oldest) = e;
    g->newest = e;
}

static void guess_drop(struct guessing *g, struct guess_entry *e)
{
    guess_unlink(g, e);
    (void)hashmap_remove(&g->entries, span_of(e->key, e->key_size));
    free(e);
}

void guessing_free(struct guessing *g)
{
    if (!g)
        return;
    while (g->oldest)
        guess_drop(g, g->oldest);
    hashmap_done(&g->entries);
    free(g);
}

/* All addresses as IPv6; an IPv4 one mapped (RFC 4291, 2.5.5.2). Others (unix) are zero. */
static void guess_address(const struct sockaddr_storage *peer, uint8_t bytes[ADDRESS_SIZE])
{
    memset(bytes, 0, ADDRESS_SIZE);
    if (peer->ss_family == AF_INET) {
        memset(bytes + 10, 0xff, 2);
        memcpy(bytes + 12, &((const struct sockaddr_in *)peer)->sin_addr, 4);
    } else if (peer->ss_family == AF_INET6) {
        memcpy(bytes, &((const struct sockaddr_in6 *)peer)->sin6_addr, ADDRESS_SIZE);
    }
}

static bool is_trusted(const struct guessing *g, const uint8_t address[ADDRESS_SIZE])
{
    for (size_t i = 0; i < g->network_count; i++)
        if (network_has(&g->networks[i], address))
            return true;
    return false;
}

int guessing_trust(struct guessing *g, struct span network)
{
    if (g->network_count == GUESSING_NETWORKS_MAX)
        return ERR_FULL;
    const int rc = network_parse(network, &g->networks[g->network_count]);
    if (rc == 0)
        g->network_count++;
    return rc;
}

void guessing_trust_none(struct guessing *g)
{
    g->network_count = 0;
}

static bool is_forgotten(const struct guess_entry *e, uint64_t now_ms)
{
    const bool is_known = e->succeeded_ms && now_ms < e->succeeded_ms + GUESSING_KNOWN_MS;
    return now_ms >= e->touched_ms + GUESSING_FORGET_MS && !is_known;
}

/* The entry of a key; NULL when there is none, or none that still counts. */
static struct guess_entry *guess_find(struct guessing *g, struct span key, uint64_t now_ms)
{
    struct guess_entry *e = hashmap_find(&g->entries, key);
    if (e && is_forgotten(e, now_ms)) {
        guess_drop(g, e);
        return NULL;
    }
    if (e && now_ms >= e->touched_ms + GUESSING_FORGET_MS)
        e->failures = 0; /* long ago, and since then known as one who can */
    return e;
}

static struct guess_entry *guess_touch(struct guessing *g, struct span key, uint64_t now_ms)
{
    struct guess_entry *e = guess_find(g, key, now_ms);
    if (e) {
        guess_unlink(g, e);
    } else {
        if (hashmap_count(&g->entries) >= GUESSING_ENTRIES_MAX)
            guess_drop(g, g->oldest);
        e = mem_zeroed(1, sizeof(*e) + key.size);
        e->key_size = key.size;
        memcpy(e->key, key.ptr, key.size);
        (void)hashmap_set(&g->entries, key, e);
    }
    e->touched_ms = now_ms;
    guess_link(g, e);
    return e;
}

/* What one more try costs after so many failures. */
static uint64_t guess_delay(unsigned failures, unsigned free_count)
{
    if (failures < free_count)
        return 0;
    const unsigned doublings = failures - free_count;
    return doublings >= 6 ? GUESSING_DELAY_MAX_MS : 1000ULL << doublings;
}

static uint64_t guess_wait(const struct guess_entry *e, uint64_t now_ms)
{
    return e && e->next_ms > now_ms ? e->next_ms - now_ms : 0;
}

/* The next try after this one queues behind it. */
static void guess_queue(struct guess_entry *e, uint64_t wait_ms, unsigned free_count,
                        uint64_t now_ms)
{
    const uint64_t delay_ms = e ? guess_delay(e->failures, free_count) : 0;
    if (delay_ms) /* what holds back the pair is no delay of its whole address */
        e->next_ms = now_ms + wait_ms + delay_ms;
}

/* Keys: the address by what is dealt out to one customer, then the account. */
static void guess_keys(const struct guessing *g, struct span account,
                       const struct sockaddr_storage *peer, struct strbuf *key,
                       bool *ret_is_trusted)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    uint8_t address[ADDRESS_SIZE];
    guess_address(peer, address);
    *ret_is_trusted = is_trusted(g, address);
    if (memcmp(address, mapped, sizeof(mapped)) != 0)
        memset(address + 8, 0, 8);
    strbuf_add(key, span_of(address, sizeof(address)));
    strbuf_add(key, account);
}

int guessing_ask(struct guessing *g, struct span account, const struct sockaddr_storage *peer,
                 uint64_t now_ms, uint64_t *ret_delay_ms)
{
    CLEANUP(strbuf_done) struct strbuf key = {0};
    bool is_exempt = false;
    guess_keys(g, account, peer, &key, &is_exempt);
    struct guess_entry *pair = guess_find(g, strbuf_span(&key), now_ms);
    is_exempt = is_exempt || (pair && pair->succeeded_ms);
    struct guess_entry *address =
        is_exempt ? NULL : guess_find(g, span_first(strbuf_span(&key), ADDRESS_SIZE), now_ms);

    const uint64_t pair_ms = guess_wait(pair, now_ms);
    const uint64_t address_ms = guess_wait(address, now_ms);
    const uint64_t wait_ms = pair_ms > address_ms ? pair_ms : address_ms;
    if (wait_ms > GUESSING_DELAY_MAX_MS)
        return ERR_FULL;
    guess_queue(pair, wait_ms, GUESSING_PAIR_FREE, now_ms);
    guess_queue(address, wait_ms, GUESSING_ADDRESS_FREE, now_ms);
    *ret_delay_ms = wait_ms;
    return 0;
}

/* One more failure; the next try waits from now on. */
static void guess_count(struct guess_entry *e, unsigned free_count, uint64_t now_ms)
{
    if (e->failures < UINT32_MAX)
        e->failures++;
    const uint64_t next_ms = now_ms + guess_delay(e->failures, free_count);
    if (next_ms > e->next_ms)
        e->next_ms = next_ms;
}

void guessing_failed(struct guessing *g, struct span account,
                     const struct sockaddr_storage *peer, uint64_t now_ms)
{
    CLEANUP(strbuf_done) struct strbuf key = {0};
    bool is_exempt = false;
    guess_keys(g, account, peer, &key, &is_exempt);
    guess_count(guess_touch(g, strbuf_span(&key), now_ms), GUESSING_PAIR_FREE, now_ms);
    if (!is_exempt)
        guess_count(guess_touch(g, span_first(strbuf_span(&key), ADDRESS_SIZE), now_ms),
                    GUESSING_ADDRESS_FREE, now_ms);
}

void guessing_succeeded(struct guessing *g, struct span account,
                        const struct sockaddr_storage *peer, uint64_t now_ms)
{
    CLEANUP(strbuf_done) struct strbuf key = {0};
    bool is_exempt = false;
    guess_keys(g, account, peer, &key, &is_exempt);
    struct guess_entry *pair = guess_touch(g, strbuf_span(&key), now_ms);
    pair->failures = 0;
    pair->next_ms = 0;
    pair->succeeded_ms = now_ms ? now_ms : 1;
}
