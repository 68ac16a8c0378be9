/* SPDX-License-Identifier: Apache-2.0 */
/* Any commands in any order: the state stays sound. The input is a program: each byte asks
 * for a command, the next ones for its users, sessions and numbers; or what is left of the
 * input is taken as the body of a command itself. Afterwards counters tell what is there,
 * nobody sees whom he may not see, and every inbox row has its message. */
#include "tests/support/store.h"

enum { USERS = 3, STEPS_MAX = 64 };

static const char *const users[USERS + 2] = {STORE_ALICE, STORE_BOB, STORE_CAROL,
                                             "nobody@demo.example", "x@other.example"};
static struct store store;

struct program {
    const uint8_t *pos, *end;
};

static unsigned next(struct program *p, unsigned below)
{
    return p->pos < p->end ? *p->pos++ % below : 0;
}

static void fuzz_close(void)
{
    store_close(&store);
}

static void fuzz_open(void)
{
    if (store.db)
        return;
    store_populate(&store);
    (void)atexit(fuzz_close);
}

static void fuzz_message(struct program *p)
{
    static const char *const ids[] = {NULL, "1", "2"};
    struct store_message m = {.from = users[next(p, USERS)], .to = users[next(p, USERS + 2)]};
    m.session = (char)('a' + (char)next(p, 4));
    if (m.session == 'd')
        m.session = 0;
    m.epoch = next(p, 3);
    m.n = next(p, 8);
    m.prev = next(p, 8);
    m.safe = next(p, 8);
    m.origin_id = ids[next(p, 3)];
    m.is_queue = next(p, 2);
    (void)store_message(&store, m);
}

/* The rest of the input as one packed command. */
static void fuzz_raw(struct program *p)
{
    struct strbuf entry = {0};
    struct command_header h;
    Store__Command *command = NULL;
    const Store__Command nothing = STORE__COMMAND__INIT;
    const struct command_header head = {.stamp_us = store.stamp_us};

    if (command_format(&entry, &head, &nothing) < 0)
        abort();
    strbuf_add(&entry, span_of(p->pos, (size_t)(p->end - p->pos)));
    p->pos = p->end;
    if (command_parse(strbuf_span(&entry), &h, &command) == 0)
        (void)store_apply_entry(&store, strbuf_span(&entry));
    command_free(command);
    strbuf_done(&entry);
}

static void fuzz_session(struct program *p, unsigned what)
{
    const char id = (char)('a' + (char)next(p, 3));
    const unsigned epoch = next(p, 3), number = next(p, 8);

    switch (what) {
    case 0:
        (void)store_bind(&store, id, users[next(p, USERS)], number % 2 ? "r" : "s", epoch > 0);
        break;
    case 1:
        (void)store_resume(&store, id, users[next(p, USERS)], epoch + 1, number);
        break;
    case 2:
        (void)store_end(&store, id, epoch, (int)number - 1, next(p, 2));
        break;
    case 3:
        (void)store_mark(&store, id, epoch, number, store.index - next(p, 8));
        break;
    default:
        (void)store_progress(&store, id, epoch, (int)number - 1, store.index - next(p, 8), 1);
        break;
    }
}

static void fuzz_remove(const char *user)
{
    if (store_remove(&store, user).outcome == STORE__RESULT__OUTCOME__DONE &&
        store_count_keys(&store, user) != 0)
        abort(); /* no key names who was removed */
}

static void fuzz_step(struct program *p)
{
    const unsigned what = next(p, 12);

    if (what < 5)
        fuzz_session(p, what);
    else if (what == 5)
        fuzz_message(p);
    else if (what == 6)
        (void)store_subscribe(&store, users[next(p, USERS)], users[next(p, USERS + 2)],
                              1 + (int)next(p, 4));
    else if (what == 7)
        (void)store_block(&store, users[next(p, USERS)], users[next(p, USERS + 2)]);
    else if (what == 8)
        fuzz_remove(users[next(p, USERS)]);
    else if (what == 9)
        (void)store_user(&store, users[next(p, USERS)]);
    else if (what == 10)
        store.stamp_us += (uint64_t)next(p, 256) * 60 * STORE_SECOND_US;
    else
        fuzz_raw(p);
}

static bool fuzz_has_message(uint64_t index, const Store__InboxRow *row, void *arg)
{
    Store__MessageRow *m = NULL;

    (void)row;
    ++*(uint32_t *)arg;
    if (read_message(store_view(&store), index, &m) != 1)
        abort();
    store__message_row__free_unpacked(m, NULL);
    return true;
}

static bool fuzz_is_symmetric(struct span contact, const Store__RosterRow *row, void *arg)
{
    const char *user = arg;
    Store__RosterRow *other = NULL;
    Store__UserRow *there = NULL;

    if (read_user(store_view(&store), contact, &there) != 1)
        return true;
    store__user_row__free_unpacked(there, NULL);
    const int rc = read_roster_item(store_view(&store), contact, span_text(user), &other);
    if (row->is_to != (rc == 1 && other->is_from))
        abort();
    if (rc == 1)
        store__roster_row__free_unpacked(other, NULL);
    return true;
}

static bool fuzz_count_listed(struct span contact, const Store__RosterRow *row, void *arg)
{
    (void)contact;
    *(uint32_t *)arg += (uint32_t)row->is_listed;
    if (!row->is_listed && !row->is_pending_in)
        abort(); /* a row that says nothing */
    return true;
}

static void fuzz_check(const char *name)
{
    Store__UserRow *row = NULL;
    const struct span user = span_text(name);
    uint32_t inbox = 0, listed = 0;

    if (read_inbox(store_view(&store), user, 0, fuzz_has_message, &inbox) < 0 ||
        read_roster(store_view(&store), user, fuzz_count_listed, &listed) < 0 ||
        read_roster(store_view(&store), user, fuzz_is_symmetric, (void *)(uintptr_t)name) < 0)
        abort();
    if (read_user(store_view(&store), user, &row) != 1)
        return;
    if (row->inbox_count != inbox || row->roster_count != listed)
        abort();
    store__user_row__free_unpacked(row, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct program p = {data, data + size};

    fuzz_open();
    const struct store saved = store;
    store.batch = statedb_batch_begin(store.db);
    for (int i = 0; i < STEPS_MAX && p.pos < p.end; i++)
        fuzz_step(&p);
    for (int i = 0; i < USERS; i++)
        fuzz_check(users[i]);
    statedb_batch_abandon(store.batch);
    arena_reset(&store.arena);
    store.batch = NULL;
    store.index = saved.index;
    store.stamp_us = saved.stamp_us;
    return 0;
}
