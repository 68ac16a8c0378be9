/* SPDX-License-Identifier: Apache-2.0 */
/* A small world for tests of the IM core: a real replica in a directory of its own, two
 * worker loops turned by the test's own thread, and fronts that write down what they are
 * told, one line a stanza:
 *
 *     M alice@d.example/a hello          a message or request: sender and body
 *       ... [sent] [received] [late]     a carbon; with a delay
 *     P alice@d.example/a available 0    presence
 *     R bob@d.example both               a roster push
 *     B +bob@d.example                   a block list push
 *     E hello service-unavailable        the error that answers a packet
 *     W text                             what the front end wrote itself */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/monoclock.h"
#include "node/im/front.h"
#include "node/im/im.h"
#include "replication/read.h"
#include "replication/replica.h"
#include "tests/support/tempdir.h"
#include "tests/support/unit.h"

#define IMWORLD_DOMAIN "d.example"
enum {
    IMWORLD_WORKERS = 2,
    IMWORLD_DEADLINE_MS = 20000,
    IMWORLD_LINES_MAX = 4096,
    IMWORLD_CLIENTS_MAX = 16,
};

struct imworld {
    struct tempdir dir;
    struct replica *replica;
    struct loop *loops[IMWORLD_WORKERS];
    struct im *im;
    struct im_settings settings;
    unsigned closed_count;
    int open_count; /* proposals of the test */
    Store__Result__Outcome outcome;
};

/* One stream of one client. Zeroed, with its world. */
struct imclient {
    struct imworld *w;
    struct session *session;
    struct session_request *request;
    char user[64], id[SESSION_ID_SIZE];
    char *lines[IMWORLD_LINES_MAX];
    uint64_t seqs[IMWORLD_LINES_MAX];
    size_t count;
    size_t read; /* lines the test has looked at */
    uint64_t safe, resumed_h;
    int bound_rc;
    enum session_resumed resumed;
    bool is_bound, is_resumed, is_ended, is_window_closed, has_automatic_acks;
    enum session_end end;
    int done_rc;
    unsigned done_count;
    Store__Result__Outcome done_outcome;
};

/* ---- Turning the world ---------------------------------------------------------------- */

static inline void imworld_turn(struct imworld *w)
{
    for (int i = 0; i < IMWORLD_WORKERS; i++)
        (void)uv_run(loop_uv(w->loops[i]), UV_RUN_NOWAIT);
}

/* Turns the loops until the condition holds. */
#define IMWORLD_UNTIL(w, condition)                                                            \
    do {                                                                                       \
        const uint64_t deadline_ms = monoclock_ms() + IMWORLD_DEADLINE_MS;                     \
        while (!(condition)) {                                                                 \
            imworld_turn(w);                                                                   \
            if (monoclock_ms() > deadline_ms)                                                  \
                fail_msg("in vain: %s", #condition);                                           \
        }                                                                                      \
    } while (0)

static inline void imworld_failed(int rc, const char *why, void *arg)
{
    (void)arg;
    print_error("%s: %s\n", err_name(rc), why);
    abort();
}

static inline void imworld_settings(struct im_settings *settings, void *arg)
{
    *settings = ((struct imworld *)arg)->settings;
}

struct imworld_proposal {
    struct proposal proposal; /* first */
    struct imworld *world;
};

static inline void imworld_answered(struct proposal *p, void *owner)
{
    (void)owner;
    struct imworld *w = ((struct imworld_proposal *)p)->world;
    assert_int_equal(p->rc, 0);
    w->outcome = p->result->outcome;
    w->open_count--;
    proposal_release(p);
    free(p);
}

static inline void imworld_commit(struct imworld *w, const Store__Command *command)
{
    struct imworld_proposal *mine = mem_zeroed(1, sizeof(*mine));
    struct proposal *p = &mine->proposal;
    mine->world = w;
    p->home = w->loops[0];
    p->answered = imworld_answered;
    proposal_fill(p, command);
    w->open_count++;
    assert_int_equal(replica_propose(w->replica, p), 0);
    IMWORLD_UNTIL(w, w->open_count == 0);
}

static inline void imworld_add_user(struct imworld *w, const char *name)
{
    Store__UserPut put = STORE__USER_PUT__INIT;
    Store__Command command = STORE__COMMAND__INIT;
    put.user = (char *)name;
    command.body_case = STORE__COMMAND__BODY_USER_PUT;
    command.user_put = &put;
    imworld_commit(w, &command);
    assert_int_equal(w->outcome, STORE__RESULT__OUTCOME__DONE);
}

static inline void imworld_init_cluster(struct imworld *w)
{
    Store__ClusterInit init = STORE__CLUSTER_INIT__INIT;
    Store__Command command = STORE__COMMAND__INIT;
    init.cluster_id.data = (uint8_t *)"0123456789abcdef";
    init.cluster_id.len = 16;
    init.domain = (char *)IMWORLD_DOMAIN;
    init.node_id = 1;
    init.node_name = (char *)"n1";
    command.body_case = STORE__COMMAND__BODY_CLUSTER_INIT;
    command.cluster_init = &init;
    imworld_commit(w, &command);
}

/* Opens what is in the directory, which imworld_make() made. */
static inline void imworld_open(struct imworld *w)
{
    static const struct replica_events events = {.failed = imworld_failed};
    const struct replica_config store = {.data_dir = w->dir.path,
                                         .node_name = "n1",
                                         .node_id = 1,
                                         .may_create = true,
                                         .seed = 7,
                                         .free_space_min = 1 << 20};
    struct strbuf why = {0};
    if (replica_open(&store, &events, &w->replica, &why) < 0)
        fail_msg("%s", why.data);
    strbuf_done(&why);
    struct replica_status status;
    do
        replica_status(w->replica, &status);
    while (!status.is_ready);
    for (int i = 0; i < IMWORLD_WORKERS; i++)
        assert_int_equal(loop_new("worker", 65536, &w->loops[i]), 0);
    const struct im_config config = {.replica = w->replica,
                                     .domain = IMWORLD_DOMAIN,
                                     .node_id = 1,
                                     .node_epoch = status.epoch,
                                     .loops = w->loops,
                                     .worker_count = IMWORLD_WORKERS,
                                     .load_settings = imworld_settings,
                                     .arg = w};
    assert_int_equal(im_new(&config, &w->im), 0);
    for (unsigned i = 0; i < IMWORLD_WORKERS; i++)
        assert_int_equal(im_worker_open(w->im, i), 0);
}

/* A new directory, a cluster in it, users alice, bob and carol. */
static inline void imworld_make(struct imworld *w)
{
    tempdir_make(&w->dir);
    im_settings_init(&w->settings);
    imworld_open(w);
    imworld_init_cluster(w);
    imworld_add_user(w, "alice@" IMWORLD_DOMAIN);
    imworld_add_user(w, "bob@" IMWORLD_DOMAIN);
    imworld_add_user(w, "carol@" IMWORLD_DOMAIN);
}

static inline void imworld_subscribe(struct imworld *w, const char *from, const char *to,
                                     Store__SubscribeKind kind)
{
    Store__Subscribe subscribe = STORE__SUBSCRIBE__INIT;
    Store__Command command = STORE__COMMAND__INIT;
    subscribe.from = (char *)from;
    subscribe.to = (char *)to;
    subscribe.kind = kind;
    command.body_case = STORE__COMMAND__BODY_SUBSCRIBE;
    command.subscribe = &subscribe;
    imworld_commit(w, &command);
    assert_int_equal(w->outcome, STORE__RESULT__OUTCOME__DONE);
}

/* Two users see each other. */
static inline void imworld_befriend(struct imworld *w, const char *a, const char *b)
{
    imworld_subscribe(w, a, b, STORE__SUBSCRIBE_KIND__SUBSCRIBE_ASK);
    imworld_subscribe(w, b, a, STORE__SUBSCRIBE_KIND__SUBSCRIBE_GRANT);
    imworld_subscribe(w, b, a, STORE__SUBSCRIBE_KIND__SUBSCRIBE_ASK);
    imworld_subscribe(w, a, b, STORE__SUBSCRIBE_KIND__SUBSCRIBE_GRANT);
}

static inline void imworld_worker_closed(void *arg)
{
    ((struct imworld *)arg)->closed_count++;
}

static inline void imworld_close(struct imworld *w)
{
    w->closed_count = 0;
    for (unsigned i = 0; i < IMWORLD_WORKERS; i++)
        im_worker_close(w->im, i, imworld_worker_closed, w);
    IMWORLD_UNTIL(w, w->closed_count == IMWORLD_WORKERS);
    replica_free(w->replica);
    for (int i = 0; i < IMWORLD_WORKERS; i++) {
        loop_stop(w->loops[i]);
        loop_run(w->loops[i]);
        loop_free(w->loops[i]);
    }
    im_free(w->im);
}

static inline void imworld_remove(struct imworld *w)
{
    imworld_close(w);
    tempdir_remove(&w->dir);
}

/* ---- A recording front ---------------------------------------------------------------- */

static inline void imclient_describe(void *arg, struct front_description *about)
{
    (void)arg;
    *about = (struct front_description){"test", "127.0.0.1:1", "", ""};
}

static inline void imclient_render_packet(void *arg, const struct packet *p,
                                          enum packet_wrap wrap, bool is_delayed,
                                          struct strbuf *out)
{
    static const char *const wraps[] = {"", " [sent]", " [received]"};
    (void)arg;
    strbuf_printf(out, "M %.*s %.*s%s%s", SPAN_ARG(p->from), SPAN_ARG(p->body), wraps[wrap],
                  is_delayed ? " [late]" : "");
}

static inline void imclient_render_presence(void *arg, const struct presence *p,
                                            struct strbuf *out)
{
    static const char *const kinds[] = {"available", "unavailable", "ask",  "grant",
                                        "cancel",    "deny",        "error"};
    (void)arg;
    strbuf_printf(out, "P %.*s %s", SPAN_ARG(p->from), kinds[p->kind]);
    if (p->kind == PRESENCE_AVAILABLE)
        strbuf_printf(out, " %d", p->priority);
    if (p->reason)
        strbuf_printf(out, " %s", p->reason);
}

static inline void imclient_render_roster(void *arg, struct span contact,
                                          const Store__RosterRow *row, uint64_t version,
                                          struct strbuf *out)
{
    (void)arg;
    assert_true(version > 0);
    const bool is_there = row && row->is_listed;
    strbuf_printf(out, "R %.*s %s%s", SPAN_ARG(contact),
                  !is_there                    ? "removed"
                  : row->is_to && row->is_from ? "both"
                  : row->is_to                 ? "to"
                  : row->is_from               ? "from"
                                               : "none",
                  is_there && row->is_pending_out ? " asked" : "");
}

static inline void imclient_render_blocks(void *arg, const Store__FeedRow *change,
                                          struct strbuf *out)
{
    (void)arg;
    strbuf_add_text(out, "B");
    for (size_t i = 0; i < change->n_added; i++)
        strbuf_printf(out, " +%s", change->added[i]);
    for (size_t i = 0; i < change->n_removed; i++)
        strbuf_printf(out, " -%s", change->removed[i]);
}

static inline void imclient_render_bounce(void *arg, const struct packet *p, const char *reason,
                                          struct strbuf *out)
{
    (void)arg;
    strbuf_printf(out, "E %.*s %s", SPAN_ARG(p->body), reason);
}

static inline void imclient_write(void *arg, uint64_t seq, struct span wire)
{
    struct imclient *c = arg;
    assert_true(c->count < IMWORLD_LINES_MAX);
    c->seqs[c->count] = seq;
    c->lines[c->count++] = mem_text(wire.ptr, wire.size);
}

static inline void imclient_safe_moved(void *arg, uint64_t safe)
{
    struct imclient *c = arg;
    assert_true(safe >= c->safe); /* h never goes back */
    c->safe = safe;
}

static inline void imclient_window(void *arg, bool is_open)
{
    ((struct imclient *)arg)->is_window_closed = !is_open;
}

static inline void imclient_ended(void *arg, enum session_end why)
{
    struct imclient *c = arg;
    assert_false(c->is_ended);
    c->is_ended = true;
    c->end = why;
    c->session = NULL;
}

static const struct front imclient_front = {
    .describe = imclient_describe,
    .render_packet = imclient_render_packet,
    .render_presence = imclient_render_presence,
    .render_roster_item = imclient_render_roster,
    .render_block_push = imclient_render_blocks,
    .render_bounce = imclient_render_bounce,
    .write = imclient_write,
    .safe_moved = imclient_safe_moved,
    .window = imclient_window,
    .ended = imclient_ended,
};

/* ---- What a client does --------------------------------------------------------------- */

static inline void imclient_bound(void *arg, int rc, struct session *s)
{
    struct imclient *c = arg;
    c->is_bound = true;
    c->bound_rc = rc;
    c->session = s;
    if (s)
        memcpy(c->id, session_id(s).ptr, sizeof(c->id));
}

static inline void imclient_start_bind(struct imclient *c, struct imworld *w, const char *user,
                                       const char *resource)
{
    c->w = w;
    (void)snprintf(c->user, sizeof(c->user), "%s@" IMWORLD_DOMAIN, user);
    c->is_bound = false;
    session_bind(im_worker_of(w->im, span_text(c->user)), span_text(c->user),
                 span_text(resource), &imclient_front, c, imclient_bound, &c->request);
}

static inline void imclient_bind(struct imclient *c, struct imworld *w, const char *user,
                                 const char *resource)
{
    imclient_start_bind(c, w, user, resource);
    IMWORLD_UNTIL(w, c->is_bound);
    assert_int_equal(c->bound_rc, 0);
}

static inline void imclient_show(struct imclient *c, enum presence_kind kind, int priority,
                                 const char *to)
{
    const struct presence fields = {
        .kind = kind, .priority = priority, .to = span_text(to), .body = SPAN("")};
    struct presence *p = presence_new(&fields);
    const uint64_t n = session_count(c->session);
    if (presence_is_subscription(p))
        session_subscribe(c->session, n, p);
    else
        session_presence(c->session, n, p);
    presence_unref(p);
}

static inline void imclient_send(struct imclient *c, struct packet fields)
{
    fields.from = session_address(c->session);
    struct packet *p = packet_new(&fields);
    session_send(c->session, session_count(c->session), p);
    packet_unref(p);
}

/* A kept chat message. */
static inline void imclient_say(struct imclient *c, const char *to, const char *text)
{
    imclient_send(c, (struct packet){.kind = PACKET_CHAT,
                                     .class = PACKET_KEEP,
                                     .is_carbon_sent = true,
                                     .is_carbon_received = true,
                                     .is_important = true,
                                     .to = span_text(to),
                                     .id = span_text(text),
                                     .body = span_text(text)});
}

/* A lone chat state. */
static inline void imclient_hint(struct imclient *c, const char *to, const char *text)
{
    imclient_send(c, (struct packet){.kind = PACKET_CHAT,
                                     .class = PACKET_PASS,
                                     .to = span_text(to),
                                     .body = span_text(text)});
}

static inline void imclient_request(struct imclient *c, const char *to, const char *text)
{
    imclient_send(c, (struct packet){.kind = PACKET_SET,
                                     .class = PACKET_PASS,
                                     .is_important = true,
                                     .to = span_text(to),
                                     .id = span_text(text),
                                     .body = span_text(text)});
}

static inline void imclient_resumed(void *arg, enum session_resumed outcome, struct session *s,
                                    uint64_t h)
{
    struct imclient *c = arg;
    c->is_resumed = true;
    c->resumed = outcome;
    c->session = outcome == SESSION_RESUMED ? s : NULL;
    c->resumed_h = h;
    c->safe = h;
}

/* c is a fresh stream of the client whose session has that id. */
static inline void imclient_resume(struct imclient *c, struct imworld *w,
                                   const struct imclient *former, uint32_t h)
{
    c->w = w;
    memcpy(c->user, former->user, sizeof(c->user));
    memcpy(c->id, former->id, sizeof(c->id));
    session_resume(im_worker_of(w->im, span_text(c->user)), span_text(c->user),
                   span_of(c->id, sizeof(c->id)), h, &imclient_front, c, imclient_resumed,
                   &c->request);
    IMWORLD_UNTIL(w, c->is_resumed);
}

static inline void imclient_done(struct session *s, struct span ticket, int rc,
                                 const Store__Result *result)
{
    struct strbuf line = {0};
    strbuf_printf(&line, "W %.*s %d", SPAN_ARG(ticket), rc < 0 ? rc : (int)result->outcome);
    session_write(s, strbuf_span(&line));
    strbuf_done(&line);
}

static inline void imclient_forget(struct imclient *c)
{
    for (size_t i = 0; i < c->count; i++)
        free(c->lines[i]);
    c->count = c->read = 0;
}

static inline void imclient_free(struct imclient *c)
{
    imclient_forget(c);
    memset(c, 0, sizeof(*c));
}

/* Waits for the next line and compares it. */
static inline void imclient_expect(struct imclient *c, const char *line)
{
    IMWORLD_UNTIL(c->w, c->count > c->read);
    assert_string_equal(c->lines[c->read], line);
    c->read++;
}

/* Waits for a line, passing over others. */
static inline void imclient_await(struct imclient *c, const char *line)
{
    for (;;) {
        const uint64_t deadline_ms = monoclock_ms() + IMWORLD_DEADLINE_MS;
        while (c->count <= c->read) {
            imworld_turn(c->w);
            if (monoclock_ms() > deadline_ms) {
                for (size_t i = 0; i < c->count; i++)
                    print_error("  %s\n", c->lines[i]);
                fail_msg("%s never got: %s", c->user, line);
            }
        }
        if (strcmp(c->lines[c->read++], line) == 0)
            return;
    }
}

/* How often a line came so far. */
static inline unsigned imclient_times(const struct imclient *c, const char *line)
{
    unsigned times = 0;
    for (size_t i = 0; i < c->count; i++)
        times += strcmp(c->lines[i], line) == 0;
    return times;
}
