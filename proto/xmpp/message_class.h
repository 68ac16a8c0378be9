/* SPDX-License-Identifier: Apache-2.0 */
/* What kind of text a message is: whether it is archived, queued or just passed on, who
 * gets carbon copies, and whether it is worth waking a silent client.
 *
 * The type decides first (error, groupchat and headline are never kept), then the sender's
 * hints (XEP-0334), then the content. Carbons by urn:xmpp:carbons:rules:0 (XEP-0280, 6.1). */
#pragma once

#include "proto/xmpp/stanza.h"

enum message_class_kind {
    MESSAGE_CLASS_PASS,  /* live only: no trace in the store */
    MESSAGE_CLASS_QUEUE, /* kept until somebody has it; not archived */
    MESSAGE_CLASS_KEEP,  /* archived, and kept until somebody has it */
};

struct message_class {
    enum message_class_kind kind;
    bool is_private;         /* the sender wants no carbons (XEP-0280, 9; no-copy) */
    bool is_carbon_sent;     /* copies to the sender's other resources */
    bool is_carbon_received; /* copies to the recipient's other resources */
    bool is_lone_state;      /* a chat state and nothing else that matters (XEP-0085) */
    bool is_event;           /* a PubSub or PEP notification without a body */
};

void message_class_of(const struct stanza *message, struct message_class *ret_class);
