/* SPDX-License-Identifier: Apache-2.0 */
#include "replication/membership.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cursor.h"
#include "base/err.h"

enum { FORMAT = 1, ALIGNMENT = 8 };

static uint64_t membership_u64le(struct cursor *c)
{
    const uint8_t *b = cursor_take(c, 8);
    uint64_t number = 0;
    for (int i = 7; b && i >= 0; i--)
        number = number << 8 | b[i];
    return number;
}

static void membership_add_u64le(struct strbuf *out, uint64_t number)
{
    for (int i = 0; i < 8; i++)
        strbuf_add_byte(out, (char)(number >> (8 * i) & 0xff));
}

static int membership_parse_member(struct cursor *c, struct membership *m)
{
    struct membership_member *member = &m->members[m->count];
    member->id = membership_u64le(c);
    size_t size = 0;
    for (uint8_t byte = cursor_u8(c); byte != 0; byte = cursor_u8(c)) {
        if (size == MEMBERSHIP_ADDRESS_MAX)
            return ERR_TOO_BIG;
        member->address[size++] = (char)byte;
    }
    member->address[size] = '\0';
    const uint8_t role = cursor_u8(c);
    if (c->is_short || member->id == 0 || size == 0 || role > MEMBERSHIP_SPARE)
        return ERR_PROTOCOL;
    member->role = (enum membership_role)role;
    for (size_t i = 0; i < m->count; i++)
        if (m->members[i].id == member->id ||
            strcmp(m->members[i].address, member->address) == 0)
            return ERR_PROTOCOL;
    m->count++;
    return 0;
}

int membership_parse(struct span bytes, struct membership *ret_membership)
{
    struct cursor c = cursor_of(bytes.ptr, bytes.size);
    struct membership m = {.count = 0};

    const uint8_t format = cursor_u8(&c);
    const uint64_t count = membership_u64le(&c);
    if (c.is_short || format != FORMAT)
        return ERR_PROTOCOL;
    if (count > MEMBERSHIP_MAX)
        return ERR_TOO_BIG;
    for (uint64_t i = 0; i < count; i++) {
        const int rc = membership_parse_member(&c, &m);
        if (rc < 0)
            return rc;
    }
    if (bytes.size % ALIGNMENT != 0 || cursor_left(&c) >= ALIGNMENT)
        return ERR_PROTOCOL;
    while (cursor_left(&c) > 0)
        if (cursor_u8(&c) != 0)
            return ERR_PROTOCOL;
    *ret_membership = m;
    return 0;
}

void membership_format(const struct membership *m, struct strbuf *out)
{
    const size_t start = out->size;
    strbuf_add_byte(out, FORMAT);
    membership_add_u64le(out, m->count);
    for (size_t i = 0; i < m->count; i++) {
        membership_add_u64le(out, m->members[i].id);
        strbuf_add(out, span_of(m->members[i].address, strlen(m->members[i].address) + 1));
        strbuf_add_byte(out, (char)m->members[i].role);
    }
    while ((out->size - start) % ALIGNMENT != 0)
        strbuf_add_byte(out, 0);
}

const struct membership_member *membership_find(const struct membership *m, uint64_t id)
{
    for (size_t i = 0; i < m->count; i++)
        if (m->members[i].id == id)
            return &m->members[i];
    return NULL;
}

size_t membership_voter_count(const struct membership *m)
{
    size_t count = 0;
    for (size_t i = 0; i < m->count; i++)
        count += m->members[i].role == MEMBERSHIP_VOTER;
    return count;
}

int membership_set(struct membership *m, uint64_t id, enum membership_role role)
{
    for (size_t i = 0; i < m->count; i++)
        if (m->members[i].id == id) {
            m->members[i].role = role;
            return 0;
        }
    if (m->count == MEMBERSHIP_MAX)
        return ERR_FULL;
    struct membership_member *member = &m->members[m->count++];
    *member = (struct membership_member){.id = id, .role = role};
    (void)snprintf(member->address, sizeof(member->address), "%" PRIu64, id);
    return 0;
}

int membership_remove(struct membership *m, uint64_t id)
{
    for (size_t i = 0; i < m->count; i++)
        if (m->members[i].id == id) {
            m->count--;
            memmove(&m->members[i], &m->members[i + 1], (m->count - i) * sizeof(m->members[0]));
            return 0;
        }
    return ERR_NOT_FOUND;
}

static bool membership_has_same(const struct membership_member *a,
                                const struct membership_member *b)
{
    return a->id == b->id && strcmp(a->address, b->address) == 0;
}

bool membership_is_one_step(const struct membership *from, const struct membership *to)
{
    const struct membership *small = from->count < to->count ? from : to;
    const struct membership *large = small == from ? to : from;
    if (large->count - small->count > 1)
        return false;

    size_t changed = large->count - small->count;
    size_t skipped = 0; /* where the odd one of the larger stands */
    for (size_t i = 0; i < small->count; i++) {
        if (skipped == 0 && changed == 1 && small->count < large->count &&
            !membership_has_same(&small->members[i], &large->members[i]))
            skipped = 1;
        if (!membership_has_same(&small->members[i], &large->members[i + skipped]))
            return false;
        changed += small->members[i].role != large->members[i + skipped].role;
    }
    return changed == 1;
}
