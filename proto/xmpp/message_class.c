/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/xmpp/message_class.h"

#include <assert.h>

#include "proto/xmpp/xmpp_ns.h"

enum content {
    CONTENT_KEEP = 1,       /* a person will want to read it later */
    CONTENT_IM = 2,         /* carbons:rules:0 names it */
    CONTENT_STATE = 4,      /* chat state */
    CONTENT_EVENT = 8,      /* PubSub notification */
    CONTENT_BYSTANDER = 16, /* changes nothing */
    CONTENT_NO_STORE = 32,
    CONTENT_NO_ARCHIVE = 64,
    CONTENT_STORE = 128,
    CONTENT_NO_COPY = 256,
    CONTENT_CARBON = 512, /* a carbon copy itself */
    CONTENT_MUC = 1024,   /* muc#user: an invitation, or sent through a room */
    CONTENT_INVITE = 2048,
    CONTENT_OTHER = 4096, /* not in the table */
};

/* name NULL: any element of the namespace. The first row that fits counts. */
static const struct {
    const char *name;
    const char *ns;
    unsigned content;
} contents[] = {
    {"body", XMPP_NS_CLIENT, CONTENT_KEEP | CONTENT_IM},
    {"subject", XMPP_NS_CLIENT, CONTENT_KEEP},
    {"thread", XMPP_NS_CLIENT, CONTENT_BYSTANDER},
    {"error", XMPP_NS_CLIENT, CONTENT_BYSTANDER},
    {NULL, XMPP_NS_RECEIPTS, CONTENT_KEEP | CONTENT_IM},
    {"markable", XMPP_NS_MARKERS, CONTENT_IM},
    {NULL, XMPP_NS_MARKERS, CONTENT_KEEP | CONTENT_IM},
    {NULL, XMPP_NS_CHATSTATES, CONTENT_STATE | CONTENT_IM},
    {"x", XMPP_NS_CONFERENCE, CONTENT_KEEP | CONTENT_IM | CONTENT_INVITE},
    {"x", XMPP_NS_MUC_USER, CONTENT_MUC},
    {"replace", XMPP_NS_CORRECT, CONTENT_KEEP},
    {"encryption", "urn:xmpp:eme:0", CONTENT_KEEP},                /* XEP-0380 */
    {"encrypted", "eu.siacs.conversations.axolotl", CONTENT_KEEP}, /* XEP-0384 0.3 */
    {"encrypted", "urn:xmpp:omemo:1", CONTENT_KEEP},               /* XEP-0384 */
    {"encrypted", "urn:xmpp:omemo:2", CONTENT_KEEP},               /* XEP-0384 */
    {"openpgp", "urn:xmpp:openpgp:0", CONTENT_KEEP},               /* XEP-0373 */
    {"x", "jabber:x:encrypted", CONTENT_KEEP},                     /* XEP-0027 */
    {"reactions", "urn:xmpp:reactions:0", CONTENT_KEEP},           /* XEP-0444 */
    {"retract", "urn:xmpp:message-retract:0", CONTENT_KEEP},       /* XEP-0424 */
    {"retract", "urn:xmpp:message-retract:1", CONTENT_KEEP},       /* XEP-0424 */
    {"apply-to", "urn:xmpp:fasten:0", CONTENT_KEEP},               /* XEP-0422 */
    {NULL, "urn:xmpp:jingle-message:0", CONTENT_KEEP},             /* XEP-0353 */
    {NULL, "urn:xmpp:jingle-message:1", CONTENT_KEEP},             /* XEP-0353 */
    {NULL, "urn:xmpp:call-invites:0", CONTENT_KEEP},               /* XEP-0482 */
    {"event", XMPP_NS_PUBSUB_EVENT, CONTENT_EVENT},
    {"no-store", XMPP_NS_HINTS, CONTENT_NO_STORE},
    {"no-permanent-store", XMPP_NS_HINTS, CONTENT_NO_ARCHIVE},
    {"store", XMPP_NS_HINTS, CONTENT_STORE},
    {"no-copy", XMPP_NS_HINTS, CONTENT_NO_COPY},
    {NULL, XMPP_NS_HINTS, CONTENT_BYSTANDER},
    {"private", XMPP_NS_CARBONS, CONTENT_NO_COPY},
    {"sent", XMPP_NS_CARBONS, CONTENT_CARBON},
    {"received", XMPP_NS_CARBONS, CONTENT_CARBON},
    {NULL, XMPP_NS_SID, CONTENT_BYSTANDER},
    {NULL, XMPP_NS_DELAY, CONTENT_BYSTANDER},
    {NULL, XMPP_NS_NICK, CONTENT_BYSTANDER},
};

static unsigned content_of(const struct xml_node *n)
{
    for (size_t i = 0; i < sizeof(contents) / sizeof(contents[0]); i++) {
        if (!xml_node_is(n, contents[i].name, contents[i].ns))
            continue;
        /* XEP-0045, 7.8.2: a mediated invitation, or its answer */
        if (contents[i].content == CONTENT_MUC &&
            (xml_node_child(n, "invite", XMPP_NS_MUC_USER) ||
             xml_node_child(n, "decline", XMPP_NS_MUC_USER)))
            return CONTENT_KEEP | CONTENT_IM | CONTENT_INVITE;
        return contents[i].content;
    }
    return CONTENT_OTHER;
}

static enum message_class_kind kind_of(enum stanza_type type, unsigned all)
{
    if (type != STANZA_CHAT && type != STANZA_NORMAL)
        return MESSAGE_CLASS_PASS;
    if (all & (CONTENT_NO_STORE | CONTENT_CARBON))
        return MESSAGE_CLASS_PASS;
    if (all & CONTENT_NO_ARCHIVE)
        return MESSAGE_CLASS_QUEUE;
    return all & (CONTENT_STORE | CONTENT_KEEP) ? MESSAGE_CLASS_KEEP : MESSAGE_CLASS_PASS;
}

/* XEP-0280, 6.1. An error is one that answers an eligible message when it repeats such
 * content; the bounces of our own are known to whoever makes them. */
static bool is_eligible(enum stanza_type type, unsigned all)
{
    if (all & (CONTENT_NO_COPY | CONTENT_CARBON))
        return false;
    if (type == STANZA_CHAT)
        return true;
    return (type == STANZA_NORMAL || type == STANZA_ERROR) && (all & CONTENT_IM);
}

void message_class_of(const struct stanza *message, struct message_class *ret_class)
{
    assert(message->kind == STANZA_MESSAGE);
    unsigned all = 0;
    const struct xml_node *n = xml_node_child(message->node, NULL, NULL);
    for (; n; n = xml_node_next(n, NULL, NULL))
        all |= content_of(n);

    const unsigned meaning =
        all & (CONTENT_KEEP | CONTENT_OTHER | CONTENT_CARBON | CONTENT_EVENT | CONTENT_STORE);
    struct message_class c = {
        .kind = kind_of(message->type, all),
        .is_private = (all & CONTENT_NO_COPY) != 0,
        .is_carbon_sent = is_eligible(message->type, all),
        .is_lone_state = (all & CONTENT_STATE) && !meaning,
        .is_event = (all & CONTENT_EVENT) && !(all & CONTENT_KEEP),
    };
    /* Rooms copy what their occupants write to each other by themselves. */
    c.is_carbon_received = c.is_carbon_sent && (!(all & CONTENT_MUC) || (all & CONTENT_INVITE));
    *ret_class = c;
}
