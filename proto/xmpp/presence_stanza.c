/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/xmpp/presence_stanza.h"

#include "base/err.h"
#include "proto/xmpp/xmpp_ns.h"
#include "proto/xmpp/xmpp_number.h"

static const char *const show_names[] = {
    [PRESENCE_STANZA_CHAT] = "chat",
    [PRESENCE_STANZA_AWAY] = "away",
    [PRESENCE_STANZA_XA] = "xa",
    [PRESENCE_STANZA_DND] = "dnd",
};
enum { PRESENCE_SHOWS = sizeof(show_names) / sizeof(show_names[0]) };

const char *presence_stanza_show_name(enum presence_stanza_show show)
{
    return show_names[show];
}

/* Spaces around are common in hand-made clients, and harmless. */
static struct span trimmed(struct span text)
{
    while (text.size > 0 && strchr(" \t\r\n", text.ptr[0]))
        text = span_from(text, 1);
    while (text.size > 0 && strchr(" \t\r\n", text.ptr[text.size - 1]))
        text.size--;
    return text;
}

static bool show_parse(struct span text, enum presence_stanza_show *ret_show)
{
    *ret_show = PRESENCE_STANZA_ONLINE;
    if (text.size == 0)
        return true;
    for (unsigned i = PRESENCE_STANZA_CHAT; i < PRESENCE_SHOWS; i++) {
        if (span_is(text, show_names[i])) {
            *ret_show = (enum presence_stanza_show)i;
            return true;
        }
    }
    return false;
}

static bool priority_parse(struct span text, int8_t *ret_priority)
{
    const bool is_negative = text.size > 0 && text.ptr[0] == '-';
    const bool has_sign = is_negative || (text.size > 0 && text.ptr[0] == '+');
    uint32_t number;
    if (xmpp_number_u32(has_sign ? span_from(text, 1) : text, &number) < 0 ||
        number > (is_negative ? 128U : 127U))
        return false;
    *ret_priority = (int8_t)(is_negative ? -(int)number : (int)number);
    return true;
}

int presence_stanza_parse(const struct stanza *presence, struct arena *arena,
                          struct presence_stanza *ret_presence)
{
    struct presence_stanza p = {0};
    const struct xml_node *n = presence->node;
    const struct xml_node *show = xml_node_child(n, "show", XMPP_NS_CLIENT);
    const struct xml_node *priority = xml_node_child(n, "priority", XMPP_NS_CLIENT);
    const struct xml_node *status = xml_node_child(n, "status", XMPP_NS_CLIENT);
    if (show && !show_parse(trimmed(xml_node_text(show, arena)), &p.show))
        return ERR_PROTOCOL;
    if (priority && !priority_parse(trimmed(xml_node_text(priority, arena)), &p.priority))
        return ERR_PROTOCOL;
    p.status = status ? xml_node_text(status, arena) : SPAN_NONE;
    *ret_presence = p;
    return 0;
}

bool presence_stanza_is_subscription(enum stanza_type type)
{
    return type == STANZA_SUBSCRIBE || type == STANZA_SUBSCRIBED ||
           type == STANZA_UNSUBSCRIBE || type == STANZA_UNSUBSCRIBED;
}

bool presence_stanza_is_availability(enum stanza_type type)
{
    return type == STANZA_AVAILABLE || type == STANZA_UNAVAILABLE;
}
