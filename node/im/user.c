/* SPDX-License-Identifier: Apache-2.0 */
#include "node/im/user.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/loop.h"
#include "base/mem.h"
#include "node/im/im_worker.h"
#include "node/im/session_state.h"
#include "replication/read.h"

struct user *user_find(struct im_worker *w, struct span name)
{
    return hashmap_find(&w->users, name);
}

struct span user_name(const struct user *u)
{
    return span_text(u->name);
}

/* ---- Caches --------------------------------------------------------------------------- */

static void user_clear_map(struct hashmap *map)
{
    void *value = NULL;
    for (size_t position = 0; hashmap_next(map, &position, NULL, &value);)
        free(value);
    hashmap_done(map);
    *map = (struct hashmap){0};
}

static void user_set_contact(struct user *u, struct span contact, const Store__RosterRow *row)
{
    if (!row || (!row->is_to && !row->is_from)) {
        free(hashmap_remove(&u->roster, contact));
        return;
    }
    struct user_contact *c = hashmap_find(&u->roster, contact);
    if (!c) {
        c = mem_zeroed(1, sizeof(*c));
        hashmap_set(&u->roster, contact, c);
    }
    c->is_to = row->is_to;
    c->is_from = row->is_from;
}

static bool user_load_contact(struct span contact, const Store__RosterRow *row, void *arg)
{
    user_set_contact(arg, contact, row);
    return true;
}

static bool user_load_block(struct span address, const Store__BlockRow *row, void *arg)
{
    (void)row;
    struct user *u = arg;
    free(hashmap_set(&u->blocks, address, mem_text(address.ptr, address.size)));
    return true;
}

int user_refresh_contact(struct user *u, struct span contact)
{
    Store__RosterRow *row = NULL;
    const int rc = read_roster_item(im_view(u->worker->im), user_name(u), contact, &row);
    if (rc < 0)
        return rc;
    user_set_contact(u, contact, row);
    if (row)
        store__roster_row__free_unpacked(row, NULL);
    return 0;
}

int user_refresh_blocks(struct user *u)
{
    user_clear_map(&u->blocks);
    return read_blocks(im_view(u->worker->im), user_name(u), user_load_block, u);
}

int user_refresh(struct user *u)
{
    user_clear_map(&u->roster);
    const int rc = read_roster(im_view(u->worker->im), user_name(u), user_load_contact, u);
    return rc < 0 ? rc : user_refresh_blocks(u);
}

const struct user_contact *user_contact(const struct user *u, struct span contact)
{
    return hashmap_find(&u->roster, contact);
}

bool user_blocks(const struct user *u, struct span address)
{
    if (hashmap_count(&u->blocks) == 0)
        return false;
    /* XEP-0191: user@domain/resource, user@domain, domain/resource, domain. */
    const struct span bare = im_bare(address);
    const size_t at = span_index(bare, '@');
    const struct span domain = at < bare.size ? span_from(bare, at + 1) : bare;
    const size_t behind = (size_t)(domain.ptr - address.ptr);
    return hashmap_find(&u->blocks, address) || hashmap_find(&u->blocks, bare) ||
           hashmap_find(&u->blocks, span_from(address, behind)) ||
           hashmap_find(&u->blocks, domain);
}

/* ---- Life ----------------------------------------------------------------------------- */

static void user_reap(struct message *m, void *owner)
{
    (void)owner;
    struct user *u = (struct user *)((char *)m - offsetof(struct user, reap));
    u->is_reaping = false;
    if (u->sessions || u->requests || u->pending)
        return;
    struct im_worker *w = u->worker;
    hashmap_remove(&w->users, user_name(u));
    im_worker_count(w, IM_WORKER_USERS, -1);
    user_free(u);
    im_worker_settled(w);
}

static void user_discard(struct message *m)
{
    struct user *u = (struct user *)((char *)m - offsetof(struct user, reap));
    u->is_reaping = false;
}

int user_open(struct im_worker *w, struct span name, struct user **ret_user)
{
    Store__UserRow *row = NULL;
    int rc = read_user(im_view(w->im), name, &row);
    if (rc < 0)
        return rc;
    if (!row)
        return ERR_NOT_FOUND;
    const bool is_disabled = row->is_disabled;
    store__user_row__free_unpacked(row, NULL);
    if (is_disabled)
        return ERR_DENIED;
    struct user *u = user_find(w, name);
    if (!u) {
        u = mem_zeroed(1, sizeof(*u));
        u->worker = w;
        u->name = mem_text(name.ptr, name.size);
        u->reap.deliver = user_reap;
        u->reap.discard = user_discard;
        rc = user_refresh(u);
        if (rc < 0) {
            user_free(u);
            return rc;
        }
        hashmap_set(&w->users, name, u);
        im_worker_count(w, IM_WORKER_USERS, 1);
    }
    *ret_user = u;
    return 0;
}

void user_release(struct user *u)
{
    if (u->is_reaping || u->sessions || u->requests || u->pending)
        return;
    u->is_reaping = true;
    loop_later(u->worker->loop, &u->reap);
}

void user_free(struct user *u)
{
    user_clear_map(&u->roster);
    user_clear_map(&u->blocks);
    user_clear_map(&u->rows);
    free(u->name);
    free(u);
}

struct session *user_session(const struct user *u, struct span resource)
{
    for (struct session *s = u->sessions; s; s = s->next)
        if (span_equal(s->resource, resource))
            return s;
    return NULL;
}

void user_add_session(struct user *u, struct session *s)
{
    s->user = u;
    s->next = u->sessions;
    u->sessions = s;
    u->session_count++;
}

void user_remove_session(struct user *u, struct session *s)
{
    struct session **link = &u->sessions;
    while (*link != s)
        link = &(*link)->next;
    *link = s->next;
    s->next = NULL;
    u->session_count--;
}

/* ---- Inbox rows on their way ---------------------------------------------------------- */

static struct span user_row_key(const uint64_t *index)
{
    return span_of(index, sizeof(*index));
}

struct user_row *user_row(const struct user *u, uint64_t index)
{
    return hashmap_find(&u->rows, user_row_key(&index));
}

static struct user_row *user_row_made(struct user *u, uint64_t index)
{
    struct user_row *row = user_row(u, index);
    if (!row) {
        row = mem_zeroed(1, sizeof(*row));
        hashmap_set(&u->rows, user_row_key(&index), row);
    }
    return row;
}

void user_row_hold(struct user *u, uint64_t index)
{
    user_row_made(u, index)->holders++;
}

bool user_row_drop(struct user *u, uint64_t index)
{
    struct user_row *row = user_row(u, index);
    assert(row && row->holders > 0);
    row->holders--;
    if (row->holders > 0 || row->is_done)
        return false;
    free(hashmap_remove(&u->rows, user_row_key(&index)));
    return true;
}

void user_row_confirm(struct user *u, uint64_t index)
{
    struct user_row *row = user_row_made(u, index);
    assert(row->holders > 0);
    row->holders--;
    row->is_done = true;
}

void user_row_forget(struct user *u, uint64_t index)
{
    struct user_row *row = user_row(u, index);
    if (row && row->is_done && row->holders == 0)
        free(hashmap_remove(&u->rows, user_row_key(&index)));
}
