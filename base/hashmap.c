/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hashmap.h"

#include <assert.h>
#include <pthread.h>
#include <sys/random.h>

#include "base/mem.h"

enum { HASHMAP_SMALLEST = 8 };

struct hashmap_slot {
    uint64_t hash;
    char *key; /* NULL: free */
    size_t key_size;
    void *value;
};

static uint64_t secret[2]; /* written once, before its first use */
static pthread_once_t secret_once = PTHREAD_ONCE_INIT;

static void secret_draw(void)
{
    if (getrandom(secret, sizeof(secret), 0) != (ssize_t)sizeof(secret))
        abort(); /* without it chosen keys would collide */
}

static uint64_t rotated(uint64_t x, int bits)
{
    return x << bits | x >> (64 - bits);
}

static void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = rotated(v[1], 13) ^ v[0];
    v[0] = rotated(v[0], 32);
    v[2] += v[3];
    v[3] = rotated(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotated(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotated(v[1], 17) ^ v[2];
    v[2] = rotated(v[2], 32);
}

/* SipHash-2-4 (Aumasson and Bernstein, 2012). */
uint64_t hashmap_hash(struct span key)
{
    (void)pthread_once(&secret_once, secret_draw);
    uint64_t v[4] = {secret[0] ^ 0x736f6d6570736575U, secret[1] ^ 0x646f72616e646f6dU,
                     secret[0] ^ 0x6c7967656e657261U, secret[1] ^ 0x7465646279746573U};

    for (size_t at = 0; at <= key.size; at += 8) {
        uint64_t word = 0;
        const size_t left = key.size - at;
        if (left > 0)
            memcpy(&word, key.ptr + at, left < 8 ? left : 8);
        if (left < 8)
            word |= (uint64_t)key.size << 56;
        v[3] ^= word;
        sip_round(v);
        sip_round(v);
        v[0] ^= word;
    }
    v[2] ^= 0xff;
    for (int i = 0; i < 4; i++)
        sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

void hashmap_done(struct hashmap *m)
{
    for (size_t i = 0; i < m->capacity; i++)
        free(m->slots[i].key);
    free(m->slots);
    *m = (struct hashmap){0};
}

/* The slot that holds the key, or the free one where it would go. */
static size_t slot_of(const struct hashmap *m, uint64_t hash, struct span key)
{
    size_t i = hash & (m->capacity - 1);
    while (m->slots[i].key &&
           !(m->slots[i].hash == hash &&
             span_equal(span_of(m->slots[i].key, m->slots[i].key_size), key)))
        i = (i + 1) & (m->capacity - 1);
    return i;
}

static void hashmap_grow(struct hashmap *m)
{
    struct hashmap bigger = {.count = m->count,
                             .capacity = m->capacity ? m->capacity * 2 : HASHMAP_SMALLEST};
    bigger.slots = mem_zeroed(bigger.capacity, sizeof(*bigger.slots));
    for (size_t i = 0; i < m->capacity; i++) {
        const struct hashmap_slot *s = &m->slots[i];
        if (s->key)
            bigger.slots[slot_of(&bigger, s->hash, span_of(s->key, s->key_size))] = *s;
    }
    free(m->slots);
    *m = bigger;
}

void *hashmap_find(const struct hashmap *m, struct span key)
{
    if (m->count == 0)
        return NULL;
    return m->slots[slot_of(m, hashmap_hash(key), key)].value;
}

void *hashmap_set(struct hashmap *m, struct span key, void *value)
{
    assert(value);
    if ((m->count + 1) * 4 > m->capacity * 3)
        hashmap_grow(m);

    const uint64_t hash = hashmap_hash(key);
    struct hashmap_slot *s = &m->slots[slot_of(m, hash, key)];
    void *former = s->value;
    if (!s->key) {
        *s = (struct hashmap_slot){
            .hash = hash, .key = mem_text(key.ptr, key.size), .key_size = key.size};
        m->count++;
    }
    s->value = value;
    return former;
}

void *hashmap_remove(struct hashmap *m, struct span key)
{
    if (m->count == 0)
        return NULL;
    size_t hole = slot_of(m, hashmap_hash(key), key);
    if (!m->slots[hole].key)
        return NULL;

    void *value = m->slots[hole].value;
    free(m->slots[hole].key);
    m->slots[hole] = (struct hashmap_slot){0};
    m->count--;

    /* Whatever stood behind the hole and can no longer be reached moves into it. */
    for (size_t i = (hole + 1) & (m->capacity - 1); m->slots[i].key;
         i = (i + 1) & (m->capacity - 1)) {
        const size_t home = m->slots[i].hash & (m->capacity - 1);
        const size_t from_home = (i - home) & (m->capacity - 1);
        const size_t from_hole = (i - hole) & (m->capacity - 1);
        if (from_home >= from_hole) {
            m->slots[hole] = m->slots[i];
            m->slots[i] = (struct hashmap_slot){0};
            hole = i;
        }
    }
    return value;
}

bool hashmap_next(const struct hashmap *m, size_t *position, struct span *ret_key,
                  void **ret_value)
{
    while (*position < m->capacity && !m->slots[*position].key)
        ++*position;
    if (*position >= m->capacity)
        return false;
    const struct hashmap_slot *s = &m->slots[(*position)++];
    if (ret_key)
        *ret_key = span_of(s->key, s->key_size);
    if (ret_value)
        *ret_value = s->value;
    return true;
}
