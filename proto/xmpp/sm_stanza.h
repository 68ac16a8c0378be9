/* SPDX-License-Identifier: Apache-2.0 */
/* The elements of stream management (XEP-0198, urn:xmpp:sm:3). h counts stanzas modulo
 * 2^32 (XEP-0198, 4). */
#pragma once

#include <stdint.h>

#include "base/strbuf.h"
#include "proto/xml/xml_node.h"
#include "proto/xmpp/stanza_error.h"

enum sm_stanza_kind {
    SM_STANZA_NONE, /* not stream management, or none that a client sends */
    SM_STANZA_ENABLE,
    SM_STANZA_RESUME,
    SM_STANZA_REQUEST,   /* <r/> */
    SM_STANZA_ACK,       /* <a/> */
    SM_STANZA_MALFORMED, /* one of these without its h or previd */
};

struct sm_stanza {
    enum sm_stanza_kind kind;
    bool wants_resume;  /* of ENABLE */
    uint32_t max;       /* seconds asked for by ENABLE; 0: not said */
    uint32_t h;         /* of RESUME and ACK */
    struct span previd; /* of RESUME; borrowed */
};

void sm_stanza_parse(const struct xml_node *n, struct sm_stanza *ret_sm);

/* How many stanzas h acknowledges beyond `acked`, when `sent` were sent; both full counts.
 * Returns 0 and the full count that h means, or ERR_PROTOCOL for more than were sent or
 * fewer than before. */
int sm_stanza_count(uint32_t h, uint64_t acked, uint64_t sent, uint64_t *ret_count);

/* id empty: not resumable. location empty: not told. */
void sm_stanza_enabled(struct strbuf *out, struct span id, uint32_t max_s,
                       struct span location);
void sm_stanza_resumed(struct strbuf *out, struct span previd, uint32_t h);
/* has_h: how much of the former stream arrived is known. */
void sm_stanza_failed(struct strbuf *out, enum stanza_error_condition condition, bool has_h,
                      uint32_t h);
void sm_stanza_request(struct strbuf *out);
void sm_stanza_ack(struct strbuf *out, uint32_t h);
/* Content of the stream error that answers an h beyond what was sent (undefined-condition
 * with handled-count-too-high). */
void sm_stanza_count_too_high(struct strbuf *out, uint32_t h, uint32_t sent);
