/* SPDX-License-Identifier: Apache-2.0 */
/* XMPP clients in the small world of imworld.h: the real front, intake and requests at the
 * upper end of a line; at its lower end, instead of a socket, a client that keeps what it
 * is sent as text. */
#pragma once

#include "node/xmpp/line.h"
#include "node/xmpp/xmpp_front.h"
#include "node/xmpp/xmpp_metrics.h"
#include "proto/xml/xml_reader.h"
#include "proto/xml/xml_writer.h"
#include "tests/support/imworld.h"
#include "tests/support/xml_text.h"

static struct pool *xmppclient_pool; /* a test that changes passwords makes one */

struct xmppclient {
    struct imworld *w;
    struct line *line;
    char user[64];
    struct strbuf wire; /* all that was written, stanzas behind each other */
    size_t read;        /* bytes of it that the test has looked at */
    uint64_t seq;       /* last one written */
    uint32_t h;
    char address[128];
    enum line_answer_kind answer;
    int condition;
    unsigned answer_count;
    bool has_h, is_shut, is_released;
};

static inline void xmppclient_answered(void *arg, const struct line_answer *answer)
{
    struct xmppclient *c = arg;
    c->answer = answer->kind;
    c->condition = answer->condition;
    c->has_h = answer->has_h;
    c->h = answer->h;
    (void)snprintf(c->address, sizeof(c->address), "%.*s", SPAN_ARG(answer->address));
    c->answer_count++;
}

static inline void xmppclient_written(void *arg, uint64_t seq, struct span bytes)
{
    struct xmppclient *c = arg;
    strbuf_add(&c->wire, bytes);
    if (seq)
        c->seq = seq;
}

static inline void xmppclient_paused(void *arg, bool is_paused)
{
    (void)arg, (void)is_paused;
}

static inline void xmppclient_shut(void *arg, struct span last)
{
    struct xmppclient *c = arg;
    strbuf_add(&c->wire, last);
    c->is_shut = true;
}

static inline void xmppclient_released(void *arg)
{
    struct xmppclient *c = arg;
    c->is_released = true;
    c->line = NULL;
}

static const struct line_lower xmppclient_lower = {.answered = xmppclient_answered,
                                                   .write = xmppclient_written,
                                                   .pause = xmppclient_paused,
                                                   .shut = xmppclient_shut,
                                                   .released = xmppclient_released};

/* A signed-in connection without a session. */
static inline void xmppclient_open(struct xmppclient *c, struct imworld *w, const char *user)
{
    static struct xmpp_metrics metrics;
    if (!metrics.sessions)
        xmpp_metrics_init(&metrics);
    *c = (struct xmppclient){.w = w};
    (void)snprintf(c->user, sizeof(c->user), "%s@" IMWORLD_DOMAIN, user);
    const struct xmpp_front_client client = {.user = span_text(c->user),
                                             .lang = SPAN("en"),
                                             .address = SPAN("127.0.0.1:1"),
                                             .tls = SPAN("TLSv1.3"),
                                             .metrics = &metrics,
                                             .pool = xmppclient_pool};
    c->line = line_new(w->loops[0], &xmppclient_lower, c, im_loop_of(w->im, client.user));
    assert_int_equal(xmpp_front_start(w->im, c->line, &client), 0);
}

static inline void xmppclient_bind(struct xmppclient *c, const char *resource)
{
    const unsigned before = c->answer_count;
    line_bind(c->line, span_text(resource));
    IMWORLD_UNTIL(c->w, c->answer_count > before);
}

/* One element, jabber:client by default. */
static inline void xmppclient_send(struct xmppclient *c, const char *text)
{
    struct arena arena = {0};
    struct xml_node *node = xml_text_parse(&arena, text);
    int rc = line_stanza(c->line, &arena, node);
    while (rc == ERR_FULL) {
        imworld_turn(c->w);
        rc = line_stanza(c->line, &arena, node);
    }
    assert_int_equal(rc, 0);
}

/* Waits until the text stands in what was not read yet; reads up to behind it. */
static inline void xmppclient_wants(struct xmppclient *c, const char *text)
{
    const uint64_t deadline_ms = monoclock_ms() + IMWORLD_DEADLINE_MS;
    const char *found = NULL;
    while (!found) {
        imworld_turn(c->w);
        if (c->wire.size > c->read)
            found = strstr(c->wire.data + c->read, text);
        if (!found && monoclock_ms() > deadline_ms)
            fail_msg("in vain: %s\nin: %s", text,
                     c->wire.size > c->read ? c->wire.data + c->read : "");
    }
    c->read = (size_t)(found - c->wire.data) + strlen(text);
}

/* What was not read yet holds no such text. */
static inline void xmppclient_lacks(const struct xmppclient *c, const char *text)
{
    if (c->wire.size > c->read && strstr(c->wire.data + c->read, text))
        fail_msg("there: %s\nin: %s", text, c->wire.data + c->read);
}

static inline void xmppclient_forget(struct xmppclient *c)
{
    c->read = c->wire.size;
}

/* All sent so far has been dealt with: a ping comes back behind it. */
static inline void xmppclient_settle(struct xmppclient *c)
{
    xmppclient_send(c, "<iq type='get' id='settled'><ping xmlns='urn:xmpp:ping'/></iq>");
    xmppclient_wants(c, "id='settled'");
}

static inline void xmppclient_sign_in(struct xmppclient *c, struct imworld *w, const char *user,
                                      const char *resource)
{
    xmppclient_open(c, w, user);
    xmppclient_bind(c, resource);
    assert_int_equal(c->answer, LINE_BOUND);
    xmppclient_send(c, "<presence/>");
    xmppclient_settle(c);
    xmppclient_forget(c);
}

/* The socket is gone. */
static inline void xmppclient_leave(struct xmppclient *c, bool is_orderly)
{
    if (c->line) {
        line_gone(c->line, is_orderly);
        IMWORLD_UNTIL(c->w, c->is_released);
    }
}

static inline void xmppclient_done(struct xmppclient *c)
{
    if (c->w)
        xmppclient_leave(c, true);
    strbuf_done(&c->wire);
    *c = (struct xmppclient){0};
}
