/* SPDX-License-Identifier: Apache-2.0 */
/* A state store for tests: a real database in a directory of its own, and commands that go
 * through the bytes of a log entry into it, one index each. Result memory lives until
 * store_close(). */
#pragma once

#include <assert.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/strbuf.h"
#include "presenced/store/v1/store.pb-c.h"
#include "replication/applier.h"
#include "replication/command.h"
#include "replication/keyspace.h"
#include "replication/read.h"
#include "replication/statedb.h"

#define STORE_ALICE "alice@demo.example"
#define STORE_BOB   "bob@demo.example"
#define STORE_CAROL "carol@demo.example"

enum { STORE_SECOND_US = 1000 * 1000 };

struct store {
    char path[64];
    struct statedb *db;
    struct arena arena;
    uint64_t index;              /* of the last entry */
    uint64_t stamp_us;           /* of the next */
    struct statedb_batch *batch; /* takes every entry, uncommitted; NULL: each is committed */
    struct strbuf *log;          /* takes each entry as a line of hex; NULL: none is wanted */
};

static inline void store_add_hex(struct strbuf *out, struct span bytes)
{
    for (size_t i = 0; i < bytes.size; i++)
        strbuf_printf(out, "%02x", (unsigned char)bytes.ptr[i]);
}

static inline void store_open(struct store *s)
{
    struct strbuf why = {0};

    *s = (struct store){.path = "/tmp/presenced-store-XXXXXX", .index = 0};
    s->stamp_us = 1700000000ULL * STORE_SECOND_US;
    if (!mkdtemp(s->path))
        abort();
    char path[96];
    (void)snprintf(path, sizeof(path), "%s/statedb", s->path);
    if (statedb_open(path, true, &s->db, &why) < 0) {
        (void)fprintf(stderr, "%s\n", why.data);
        abort();
    }
    strbuf_done(&why);
}

static inline int store_unlink(const char *path, const struct stat *st, int type,
                               struct FTW *walk)
{
    (void)st, (void)type, (void)walk;
    return remove(path);
}

static inline void store_close(struct store *s)
{
    statedb_close(s->db);
    (void)nftw(s->path, store_unlink, 16, FTW_DEPTH | FTW_PHYS);
    arena_done(&s->arena);
}

static inline const struct statedb_view *store_view(const struct store *s)
{
    return s->batch ? statedb_batch_view(s->batch) : statedb_view(s->db);
}

static inline void *store_allocate(void *arena, size_t size)
{
    return arena_zeroed(arena, size);
}

static inline void store_deallocate(void *arena, void *pointer)
{
    (void)arena, (void)pointer;
}

static inline Store__Result store_copy(struct store *s, const Store__Result *result)
{
    ProtobufCAllocator allocator = {store_allocate, store_deallocate, &s->arena};
    const size_t size = store__result__get_packed_size(result);
    uint8_t *bytes = arena_zeroed(&s->arena, size);

    store__result__pack(result, bytes);
    return *store__result__unpack(&allocator, size, bytes);
}

/* Applies the bytes of an entry at the next index. */
static inline Store__Result store_apply_entry(struct store *s, struct span entry)
{
    struct command_header header;
    Store__Command *command = NULL;
    Store__Result result;

    if (command_parse(entry, &header, &command) < 0)
        abort();
    struct statedb_batch *batch = s->batch ? s->batch : statedb_batch_begin(s->db);
    if (applier_apply(batch, ++s->index, &header, command, &s->arena, &result) < 0)
        abort();
    const Store__Result copy = store_copy(s, &result); /* it points into the command */
    command_free(command);
    if (!s->batch && statedb_batch_commit(batch, s->index, 1) < 0)
        abort();
    return copy;
}

static inline Store__Result store_apply_from(struct store *s, const Store__Command *command,
                                             struct command_header header)
{
    struct strbuf entry = {0};

    header.stamp_us = s->stamp_us;
    if (command_format(&entry, &header, command) < 0)
        abort();
    if (s->log) {
        store_add_hex(s->log, strbuf_span(&entry));
        strbuf_add_byte(s->log, '\n');
    }
    const Store__Result result = store_apply_entry(s, strbuf_span(&entry));
    strbuf_done(&entry);
    return result;
}

/* Applies a command of nobody's proposing. */
static inline Store__Result store_apply(struct store *s, const Store__Command *command)
{
    return store_apply_from(s, command, (struct command_header){0});
}

/* ---- Commands --------------------------------------------------------------------------- */

/* Wraps a body of the command: STORE_COMMAND(USER_PUT, user_put, &body). */
#define STORE_COMMAND(what, field, value)                                                      \
    (&(const Store__Command){.base = {.descriptor = &store__command__descriptor},              \
                             .body_case = STORE__COMMAND__BODY_##what,                         \
                             {.field = (value)}})

static inline ProtobufCBinaryData store_bytes(const char *text)
{
    return (ProtobufCBinaryData){strlen(text), (uint8_t *)(uintptr_t)text};
}

/* Session ids of tests: 16 letters. */
static inline char *store_id(struct store *s, char letter)
{
    char *id = arena_zeroed(&s->arena, KEYSPACE_SESSION_SIZE + 1);
    memset(id, letter, KEYSPACE_SESSION_SIZE);
    return id;
}

static inline char *store_text(struct store *s, const char *text)
{
    return (char *)(uintptr_t)arena_copy(&s->arena, span_text(text)).ptr;
}

static inline Store__Result store_init(struct store *s)
{
    Store__ClusterInit c = STORE__CLUSTER_INIT__INIT;
    c.cluster_id = store_bytes("0123456789abcdef");
    c.domain = store_text(s, "demo.example");
    c.node_id = 1;
    c.node_name = store_text(s, "n1");
    return store_apply(s, STORE_COMMAND(CLUSTER_INIT, cluster_init, &c));
}

static inline Store__Result store_user(struct store *s, const char *user)
{
    Store__Verifier v = STORE__VERIFIER__INIT;
    Store__Verifier *verifiers[] = {&v};
    Store__UserPut c = STORE__USER_PUT__INIT;
    v.kind = STORE__VERIFIER__KIND__SCRAM_SHA_256;
    v.salt = v.stored_key = v.server_key = store_bytes("0123456789");
    v.iterations = 10000;
    c.user = store_text(s, user);
    c.verifiers = verifiers;
    c.n_verifiers = 1;
    return store_apply(s, STORE_COMMAND(USER_PUT, user_put, &c));
}

/* A cluster with alice, bob and carol: entries 1 to 4. */
static inline void store_populate(struct store *s)
{
    store_open(s);
    (void)store_init(s);
    (void)store_user(s, STORE_ALICE);
    (void)store_user(s, STORE_BOB);
    (void)store_user(s, STORE_CAROL);
}

static inline Store__Result store_bind(struct store *s, char id, const char *user,
                                       const char *resource, bool is_resumable)
{
    Store__SessionClaim c = STORE__SESSION_CLAIM__INIT;
    c.session_id = store_bytes(store_id(s, id));
    c.user = store_text(s, user);
    c.resource = store_text(s, resource);
    c.node_id = c.node_epoch = 1;
    c.is_resumable = is_resumable;
    return store_apply(s, STORE_COMMAND(SESSION_CLAIM, session_claim, &c));
}

static inline Store__Result store_resume(struct store *s, char id, const char *user,
                                         uint64_t epoch, uint64_t h)
{
    Store__SessionClaim c = STORE__SESSION_CLAIM__INIT;
    c.session_id = store_bytes(store_id(s, id));
    c.user = store_text(s, user);
    c.resource = store_text(s, "");
    c.node_id = 2;
    c.node_epoch = 1;
    c.expected_epoch = epoch;
    c.client_h = h;
    return store_apply(s, STORE_COMMAND(SESSION_CLAIM, session_claim, &c));
}

/* h < 0: none told. */
static inline Store__Result store_end(struct store *s, char id, uint64_t epoch, int h,
                                      bool is_resume_failed)
{
    Store__SessionEnd c = STORE__SESSION_END__INIT;
    c.session_id = store_bytes(store_id(s, id));
    c.epoch = epoch;
    c.has_client_h = h >= 0;
    c.client_h = h >= 0 ? (uint64_t)h : 0;
    c.is_resume_failed = is_resume_failed;
    return store_apply(s, STORE_COMMAND(SESSION_END, session_end, &c));
}

static inline Store__Result store_mark(struct store *s, char id, uint64_t epoch, uint64_t seq,
                                       uint64_t message)
{
    Store__SendMark m = STORE__SEND_MARK__INIT;
    Store__SendMark *marks[] = {&m};
    Store__SendMarks c = STORE__SEND_MARKS__INIT;
    m.session_id = store_bytes(store_id(s, id));
    m.epoch = epoch;
    m.seq = seq;
    m.message = message;
    c.marks = marks;
    c.n_marks = 1;
    return store_apply(s, STORE_COMMAND(SEND_MARKS, send_marks, &c));
}

/* An <a h>: h of the client; delivered: a log index, for a session without marks, or 0. */
static inline Store__Result store_progress(struct store *s, char id, uint64_t epoch, int h,
                                           uint64_t delivered, uint64_t safe)
{
    Store__SessionProgress p = STORE__SESSION_PROGRESS__INIT;
    Store__SessionProgress *sessions[] = {&p};
    Store__Progress c = STORE__PROGRESS__INIT;
    p.session_id = store_bytes(store_id(s, id));
    p.epoch = epoch;
    p.has_client_h = h >= 0;
    p.client_h = h >= 0 ? (uint64_t)h : 0;
    p.delivered = &delivered;
    p.n_delivered = delivered != 0;
    p.safe = safe;
    c.sessions = sessions;
    c.n_sessions = 1;
    return store_apply(s, STORE_COMMAND(PROGRESS, progress, &c));
}

/* What a MessagePut of a test says; what is left out: no session, KEEP, no origin id. */
struct store_message {
    const char *from, *to;
    char session; /* 0: none */
    uint64_t epoch, n, prev, safe;
    const char *origin_id;
    bool is_queue;
};

static inline Store__Result store_message(struct store *s, struct store_message m)
{
    Store__Origin o = STORE__ORIGIN__INIT;
    Store__MessagePut c = STORE__MESSAGE_PUT__INIT;
    if (m.session) {
        o.session_id = store_bytes(store_id(s, m.session));
        o.epoch = m.epoch ? m.epoch : 1;
        o.n = m.n;
        o.prev = m.prev;
        o.safe = m.safe;
        c.origin = &o;
    }
    c.from = store_text(s, m.from);
    c.to = store_text(s, m.to);
    c.class_ = m.is_queue ? STORE__MESSAGE_CLASS__QUEUE : STORE__MESSAGE_CLASS__KEEP;
    c.body = store_bytes("<body>hello</body>");
    if (m.origin_id)
        c.origin_id = store_text(s, m.origin_id);
    return store_apply(s, STORE_COMMAND(MESSAGE_PUT, message_put, &c));
}

static inline Store__Result store_subscribe(struct store *s, const char *from, const char *to,
                                            int kind)
{
    Store__Subscribe c = STORE__SUBSCRIBE__INIT;
    c.from = store_text(s, from);
    c.to = store_text(s, to);
    c.kind = (Store__SubscribeKind)kind;
    return store_apply(s, STORE_COMMAND(SUBSCRIBE, subscribe, &c));
}

static inline Store__Result store_block(struct store *s, const char *user, const char *address)
{
    char *add[] = {store_text(s, address)};
    Store__BlockSet c = STORE__BLOCK_SET__INIT;
    c.user = store_text(s, user);
    c.add = add;
    c.n_add = 1;
    return store_apply(s, STORE_COMMAND(BLOCK_SET, block_set, &c));
}

static inline Store__Result store_remove(struct store *s, const char *user)
{
    Store__UserRemove c = STORE__USER_REMOVE__INIT;
    c.user = store_text(s, user);
    return store_apply(s, STORE_COMMAND(USER_REMOVE, user_remove, &c));
}

/* ---- What is there ---------------------------------------------------------------------- */

static inline bool store_inbox_number(uint64_t index, const Store__InboxRow *row, void *arg)
{
    (void)row;
    strbuf_printf(arg, "%s%llu", ((struct strbuf *)arg)->size ? " " : "",
                  (unsigned long long)index);
    return true;
}

/* The indexes in an inbox: "5 7". */
static inline const char *store_inbox(struct store *s, const char *user)
{
    struct strbuf out = {0};
    if (read_inbox(store_view(s), span_text(user), 0, store_inbox_number, &out) < 0)
        abort();
    const char *text = arena_copy(&s->arena, strbuf_span(&out)).ptr;
    strbuf_done(&out);
    return text;
}

/* Feed kinds in short, in the order of the enum. */
static inline bool store_feed_word(uint64_t index, const Store__FeedRow *row, void *arg)
{
    static const char *const words[] = {"?",       "message", "sent",     "bounce", "roster",
                                        "show",    "block",   "replaced", "ended",  "removed",
                                        "changed", "setting", "granted",  "revoked"};
    const char *at = strchr(row->user, '@');
    const int size = at ? (int)(at - row->user) : (int)strlen(row->user);
    (void)index;
    strbuf_printf(arg, "%s%s:%.*s", ((struct strbuf *)arg)->size ? " " : "", words[row->kind],
                  size, row->user);
    return true;
}

/* The feed of the entries after an index: "message:bob sent:alice". */
static inline const char *store_feed(struct store *s, uint64_t after)
{
    struct strbuf out = {0};
    if (read_feed(store_view(s), after, store_feed_word, &out) < 0)
        abort();
    const char *text = arena_copy(&s->arena, strbuf_span(&out)).ptr;
    strbuf_done(&out);
    return text;
}

/* The keys of every family that hold a text. */
static inline size_t store_count_keys(const struct store *s, const char *text)
{
    size_t count = 0;
    for (enum keyspace_cf cf = 0; cf < KEYSPACE_CF_COUNT; cf++) {
        struct statedb_scan *scan = NULL;
        struct span key, value;
        if (statedb_scan_open(store_view(s), cf, SPAN(""), SPAN_NONE, false, &scan) < 0)
            abort();
        while (statedb_scan_next(scan, &key, &value))
            count += memmem(key.ptr, key.size, text, strlen(text)) != NULL;
        if (statedb_scan_close(scan) < 0)
            abort();
    }
    return count;
}
