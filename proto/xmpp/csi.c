/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/xmpp/csi.h"

#include "proto/xmpp/carbons.h"
#include "proto/xmpp/message_class.h"
#include "proto/xmpp/xmpp_ns.h"

enum csi_state csi_parse(const struct xml_node *n)
{
    if (xml_node_is(n, "active", XMPP_NS_CSI))
        return CSI_ACTIVE;
    return xml_node_is(n, "inactive", XMPP_NS_CSI) ? CSI_INACTIVE : CSI_NONE;
}

static enum csi_weight message_weigh(const struct stanza *s)
{
    struct stanza inner;
    enum stanza_error_condition condition;
    struct xml_node *copied = carbons_content(s->node);
    if (copied && stanza_parse(copied, &inner, &condition) == 0 && inner.kind == STANZA_MESSAGE)
        return carbons_content(copied) ? CSI_SEND : message_weigh(&inner);

    struct message_class c;
    message_class_of(s, &c);
    if (s->type == STANZA_ERROR)
        return CSI_SEND;
    return s->type == STANZA_HEADLINE || c.is_lone_state || c.is_event ? CSI_HOLD : CSI_SEND;
}

enum csi_weight csi_weigh(const struct stanza *s)
{
    switch (s->kind) {
    case STANZA_MESSAGE:
        return message_weigh(s);
    case STANZA_PRESENCE:
        return s->type == STANZA_AVAILABLE || s->type == STANZA_UNAVAILABLE ? CSI_REPLACE
                                                                            : CSI_SEND;
    case STANZA_IQ:
        break;
    }
    return CSI_SEND;
}
