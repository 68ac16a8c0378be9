/* SPDX-License-Identifier: Apache-2.0 */
#include "node/xmpp/xmpp_render.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/metric.h"
#include "base/strbuf.h"
#include "node/im/im.h"
#include "node/im/session.h"
#include "node/xmpp/xmpp_front_state.h"
#include "node/xmpp/xmpp_metrics.h"
#include "proto/xml/xml_writer.h"
#include "proto/xmpp/blocking_stanza.h"
#include "proto/xmpp/carbons.h"
#include "proto/xmpp/delay.h"
#include "proto/xmpp/roster_stanza.h"
#include "proto/xmpp/stanza.h"
#include "proto/xmpp/stanza_id.h"
#include "proto/xmpp/xmpp_ns.h"

enum { RENDER_NUMBER_SIZE = 21 }; /* a decimal 64-bit number and a NUL */

static void render_node(struct strbuf *out, const struct xml_node *n)
{
    xml_writer_node(out, n, SPAN(XMPP_NS_CLIENT));
}

static struct span render_number(struct arena *arena, uint64_t number)
{
    char text[RENDER_NUMBER_SIZE];
    (void)snprintf(text, sizeof(text), "%" PRIu64, number);
    return arena_copy(arena, span_text(text));
}

/* ---- Messages and requests
 * --------------------------------------------------------------------- */

static const struct {
    enum stanza_kind kind;
    enum stanza_type type;
} render_kinds[PACKET_KINDS] = {
    [PACKET_NORMAL] = {STANZA_MESSAGE, STANZA_NORMAL},
    [PACKET_CHAT] = {STANZA_MESSAGE, STANZA_CHAT},
    [PACKET_HEADLINE] = {STANZA_MESSAGE, STANZA_HEADLINE},
    [PACKET_GROUPCHAT] = {STANZA_MESSAGE, STANZA_GROUPCHAT},
    [PACKET_FAULT] = {STANZA_MESSAGE, STANZA_ERROR},
    [PACKET_GET] = {STANZA_IQ, STANZA_GET},
    [PACKET_SET] = {STANZA_IQ, STANZA_SET},
    [PACKET_REPLY] = {STANZA_IQ, STANZA_RESULT},
    [PACKET_REPLY_FAULT] = {STANZA_IQ, STANZA_ERROR},
};

static struct xml_node *render_packet_node(struct arena *arena, const struct packet *p)
{
    struct xml_node *n =
        stanza_new(arena, render_kinds[p->kind].kind, render_kinds[p->kind].type, p->from,
                   p->to, p->id.size ? p->id : SPAN_NONE);
    if (p->lang.size)
        xml_node_set_ns(arena, n, "lang", XML_NODE_NS_XML, p->lang);
    xml_node_add_raw(arena, n, p->body);
    return n;
}

struct xml_node *xmpp_render_stored(struct arena *arena, const struct packet *p,
                                    struct span owner)
{
    struct xml_node *n = render_packet_node(arena, p);
    if (p->index)
        stanza_id_add(arena, n, owner, render_number(arena, p->index));
    return n;
}

void xmpp_render_packet(void *arg, const struct packet *p, enum packet_wrap wrap,
                        bool is_delayed, struct strbuf *out)
{
    const struct xmpp_front *f = arg;
    CLEANUP(arena_done) struct arena arena = {0};
    const struct span owner = span_text(f->user);
    struct xml_node *n = xmpp_render_stored(&arena, p, owner);

    metric_add(f->metrics->stanzas[render_kinds[p->kind].kind][XMPP_METRICS_OUT], 1);
    if (p->stamp_us && !is_delayed)
        xmpp_metrics_delivered(f->metrics, p->stamp_us);
    if (is_delayed)
        delay_add(&arena, n, im_domain(f->im), p->stamp_us);
    if (wrap != PACKET_WRAP_NONE)
        n = carbons_wrap(&arena,
                         wrap == PACKET_WRAP_CARBON_SENT ? CARBONS_SENT : CARBONS_RECEIVED,
                         owner, session_address(f->session), n);
    render_node(out, n);
}

/* ---- Errors
 * -------------------------------------------------------------------------------------- */

enum stanza_error_condition xmpp_render_condition(const char *name)
{
    for (enum stanza_error_condition c = 0; c < STANZA_ERROR_CONDITIONS; c++)
        if (strcmp(stanza_error_name(c), name) == 0)
            return c;
    return STANZA_ERROR_UNDEFINED_CONDITION;
}

static struct xml_node *render_error(struct arena *arena, const char *reason)
{
    if (strcmp(reason, "blocked") == 0)
        return blocking_stanza_error(arena);
    return stanza_error_node(arena, xmpp_render_condition(reason), NULL);
}

void xmpp_render_bounce(void *arg, const struct packet *p, const char *reason,
                        struct strbuf *out)
{
    CLEANUP(arena_done) struct arena arena = {0};
    struct xml_node *n = stanza_new(&arena, render_kinds[p->kind].kind, STANZA_ERROR, p->to,
                                    p->from, p->id.size ? p->id : SPAN_NONE);
    (void)arg;
    xml_node_add(n, render_error(&arena, reason));
    render_node(out, n);
}

/* ---- Presence
 * ------------------------------------------------------------------------------------- */

void xmpp_render_presence(void *arg, const struct presence *p, struct strbuf *out)
{
    static const enum stanza_type types[] = {
        [PRESENCE_AVAILABLE] = STANZA_AVAILABLE, [PRESENCE_UNAVAILABLE] = STANZA_UNAVAILABLE,
        [PRESENCE_ASK] = STANZA_SUBSCRIBE,       [PRESENCE_GRANT] = STANZA_SUBSCRIBED,
        [PRESENCE_CANCEL] = STANZA_UNSUBSCRIBE,  [PRESENCE_DENY] = STANZA_UNSUBSCRIBED,
        [PRESENCE_FAULT] = STANZA_ERROR,
    };
    const struct xmpp_front *f = arg;
    CLEANUP(arena_done) struct arena arena = {0};
    /* RFC 6121, 3.1.3 and 4.2.2: to the resource where it is availability, else to the user. */
    const struct span to =
        presence_is_subscription(p) ? span_text(f->user) : session_address(f->session);
    struct xml_node *n = stanza_new(&arena, STANZA_PRESENCE, types[p->kind], p->from, to,
                                    p->id.size ? p->id : SPAN_NONE);

    metric_add(f->metrics->stanzas[STANZA_PRESENCE][XMPP_METRICS_OUT], 1);
    if (p->lang.size)
        xml_node_set_ns(&arena, n, "lang", XML_NODE_NS_XML, p->lang);
    if (p->body.size)
        xml_node_add_raw(&arena, n, p->body);
    if (p->kind == PRESENCE_FAULT && p->reason)
        xml_node_add(n, render_error(&arena, p->reason));
    render_node(out, n);
}

/* ---- Pushes
 * ---------------------------------------------------------------------------------------- */

void xmpp_render_item_of_row(struct span contact, const Store__RosterRow *row,
                             struct roster_stanza_item *ret_item)
{
    *ret_item = (struct roster_stanza_item){.jid = contact,
                                            .name = span_text(row->name),
                                            .is_asking = row->is_pending_out,
                                            .is_approved = row->is_approved};
    if (row->is_to)
        ret_item->subscription = row->is_from ? ROSTER_STANZA_BOTH : ROSTER_STANZA_TO;
    else
        ret_item->subscription = row->is_from ? ROSTER_STANZA_FROM : ROSTER_STANZA_NONE;
    while (ret_item->group_count < row->n_groups &&
           ret_item->group_count < ROSTER_STANZA_GROUPS_MAX) {
        ret_item->groups[ret_item->group_count] = span_text(row->groups[ret_item->group_count]);
        ret_item->group_count++;
    }
}

void xmpp_render_roster_item(void *arg, struct span contact, const Store__RosterRow *row,
                             uint64_t version, struct strbuf *out)
{
    const struct xmpp_front *f = arg;
    CLEANUP(arena_done) struct arena arena = {0};
    struct roster_stanza_item *item = arena_zeroed(&arena, sizeof(*item));
    const struct span ver = render_number(&arena, version);

    if (row && row->is_listed)
        xmpp_render_item_of_row(contact, row, item);
    else
        *item =
            (struct roster_stanza_item){.jid = contact, .subscription = ROSTER_STANZA_REMOVE};
    render_node(out, roster_stanza_push(&arena, session_address(f->session), ver, ver, item));
}

void xmpp_render_block_push(void *arg, const Store__FeedRow *change, struct strbuf *out)
{
    const struct xmpp_front *f = arg;
    CLEANUP(arena_done) struct arena arena = {0};
    const bool is_block = change->n_added > 0;
    char **texts = is_block ? change->added : change->removed;
    const size_t count = is_block ? change->n_added : change->n_removed;
    struct span *items = arena_zeroed(&arena, (count + 1) * sizeof(*items));

    for (size_t i = 0; i < count; i++)
        items[i] = span_text(texts[i]);
    struct xml_node *n = stanza_new(&arena, STANZA_IQ, STANZA_SET, SPAN_NONE,
                                    session_address(f->session), SPAN("blocked"));
    xml_node_add(n, blocking_stanza_new(
                        &arena, is_block ? BLOCKING_STANZA_BLOCK : BLOCKING_STANZA_UNBLOCK,
                        items, count));
    render_node(out, n);
}
