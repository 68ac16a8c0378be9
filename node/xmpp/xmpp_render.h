/* SPDX-License-Identifier: Apache-2.0 */
/* XMPP render: what the IM core has for a client, as stanzas of jabber:client. The functions
 * of struct front (node/im/front.h) that make bytes; arg is the struct xmpp_front.
 *
 * Threads: the user's worker. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "node/im/packet.h"
#include "node/im/presence.h"
#include "proto/xml/xml_node.h"
#include "proto/xmpp/stanza_error.h"

struct strbuf;

void xmpp_render_packet(void *arg, const struct packet *p, enum packet_wrap wrap,
                        bool is_delayed, struct strbuf *out);
void xmpp_render_presence(void *arg, const struct presence *p, struct strbuf *out);
void xmpp_render_roster_item(void *arg, struct span contact, const Store__RosterRow *row,
                             uint64_t version, struct strbuf *out);
void xmpp_render_block_push(void *arg, const Store__FeedRow *change, struct strbuf *out);
void xmpp_render_bounce(void *arg, const struct packet *p, const char *reason,
                        struct strbuf *out);

/* A kept message as the archive of `owner` shows it: with its stanza-id. */
struct xml_node *xmpp_render_stored(struct arena *arena, const struct packet *p,
                                    struct span owner);

/* The condition that goes by a name of RFC 6120, 8.3.3; undefined-condition otherwise. */
enum stanza_error_condition xmpp_render_condition(const char *name);

/* A roster row as an item of a result or a push. */
struct roster_stanza_item;
void xmpp_render_item_of_row(struct span contact, const Store__RosterRow *row,
                             struct roster_stanza_item *ret_item);
