/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/auth/plain_cache.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/hashmap.h"
#include "base/mem.h"
#include "base/strbuf.h"

enum { DIGEST_SIZE = 32 };

struct plain_entry {
    uint64_t credentials_index;
    uint64_t checked_ms;
    uint64_t number; /* of the put that made it: its place in the ring */
    uint8_t digest[DIGEST_SIZE];
    size_t user_size;
    char user[];
};

/* The ring holds the entries in the order they were made; one that was replaced or
 * forgotten leaves a hole, which the ring passes over when it comes by. */
struct plain_cache {
    struct hashmap entries; /* user -> struct plain_entry */
    struct plain_entry **ring;
    size_t entries_max;
    uint64_t number;
    uint8_t key[PLAIN_CACHE_KEY_SIZE];
};

struct plain_cache *plain_cache_new(const uint8_t key[PLAIN_CACHE_KEY_SIZE], size_t entries_max)
{
    assert(entries_max >= 1);
    struct plain_cache *c = mem_zeroed(1, sizeof(*c));
    memcpy(c->key, key, sizeof(c->key));
    c->entries_max = entries_max;
    c->ring = mem_zeroed(entries_max, sizeof(struct plain_entry *));
    return c;
}

void plain_cache_free(struct plain_cache *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->entries_max; i++)
        free(c->ring[i]);
    hashmap_done(&c->entries);
    free(c->ring);
    OPENSSL_cleanse(c, sizeof(*c));
    free(c);
}

static void plain_digest(const struct plain_cache *c, struct span user, struct span password,
                         uint8_t digest[DIGEST_SIZE])
{
    struct strbuf text = {0};
    strbuf_add_u64be(&text, user.size);
    strbuf_add(&text, user);
    strbuf_add(&text, password);
    HMAC(EVP_sha256(), c->key, sizeof(c->key), (const unsigned char *)text.data, text.size,
         digest, NULL);
    OPENSSL_cleanse(text.data, text.capacity);
    strbuf_done(&text);
}

bool plain_cache_has(const struct plain_cache *c, struct span user, uint64_t credentials_index,
                     struct span password, uint64_t now_ms)
{
    const struct plain_entry *e = hashmap_find(&c->entries, user);
    if (!e || e->credentials_index != credentials_index ||
        now_ms >= e->checked_ms + PLAIN_CACHE_LIFETIME_MS)
        return false;
    uint8_t digest[DIGEST_SIZE];
    plain_digest(c, user, password, digest);
    return CRYPTO_memcmp(digest, e->digest, sizeof(digest)) == 0;
}

static void plain_drop(struct plain_cache *c, struct plain_entry *e)
{
    if (!e)
        return;
    (void)hashmap_remove(&c->entries, span_of(e->user, e->user_size));
    c->ring[e->number % c->entries_max] = NULL;
    free(e);
}

void plain_cache_put(struct plain_cache *c, struct span user, uint64_t credentials_index,
                     struct span password, uint64_t now_ms)
{
    plain_cache_forget(c, user);
    plain_drop(c, c->ring[c->number % c->entries_max]); /* the oldest, if the ring is full */
    struct plain_entry *e = mem_zeroed(1, sizeof(*e) + user.size);
    e->credentials_index = credentials_index;
    e->checked_ms = now_ms;
    e->number = c->number++;
    e->user_size = user.size;
    memcpy(e->user, user.ptr, user.size);
    plain_digest(c, user, password, e->digest);
    c->ring[e->number % c->entries_max] = e;
    (void)hashmap_set(&c->entries, user, e);
}

void plain_cache_forget(struct plain_cache *c, struct span user)
{
    plain_drop(c, hashmap_find(&c->entries, user));
}
