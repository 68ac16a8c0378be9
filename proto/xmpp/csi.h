/* SPDX-License-Identifier: Apache-2.0 */
/* Client state indication (XEP-0352): what may wait while nobody looks at the screen. */
#pragma once

#include "proto/xmpp/stanza.h"

enum csi_state {
    CSI_NONE, /* not an element of client state */
    CSI_ACTIVE,
    CSI_INACTIVE,
};

enum csi_weight {
    CSI_SEND,    /* now, behind all that was held */
    CSI_HOLD,    /* until the client is active, or something is sent */
    CSI_REPLACE, /* likewise, instead of an earlier one of the same sender */
};

enum csi_state csi_parse(const struct xml_node *n);

/* For a stanza on its way to an inactive client. Held: presence of availability (the newest
 * a sender), lone chat states, headlines, PEP events, and carbon copies of such. */
enum csi_weight csi_weigh(const struct stanza *s);
