/* SPDX-License-Identifier: Apache-2.0 */
/* XMPP flow: acknowledgements in both directions (XEP-0198), and the question to a client
 * that has been silent for long.
 *
 * The client's <r/> is answered at once when every stanza has taken effect, else when that
 * is so, but after XMPP_FLOW_ANSWER_MS at the latest with the h there is; what commits
 * later is then told unasked. We ask XMPP_FLOW_ASK_MS after the first unacknowledged
 * stanza, or when many have gathered; no answer in XMPP_FLOW_OVERDUE_MS detaches the
 * session: its stream is dead.
 *
 * Threads: the user's worker. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct xmpp_front;

enum {
    XMPP_FLOW_ANSWER_MS = 250,
    XMPP_FLOW_ASK_MS = 1000,
    XMPP_FLOW_ASK_COUNT = 32, /* unacknowledged stanzas that make us ask at once */
    XMPP_FLOW_OVERDUE_MS = 60000,
    XMPP_FLOW_SILENCE_MS = 600000,
};

/* The front has joined its line. */
void xmpp_flow_open(struct xmpp_front *f);

/* No timer fires any more. */
void xmpp_flow_stop(struct xmpp_front *f);

/* Acknowledgements are on from here; h stanzas of the client's are counted already. */
void xmpp_flow_start(struct xmpp_front *f, bool is_resumable, uint64_t h);

void xmpp_flow_heard(struct xmpp_front *f);             /* any element came */
void xmpp_flow_counted(struct xmpp_front *f);           /* a stanza came */
void xmpp_flow_wrote(struct xmpp_front *f);             /* a stanza went */
void xmpp_flow_safe_moved(struct xmpp_front *f);        /* more of them took effect */
void xmpp_flow_requested(struct xmpp_front *f);         /* <r/> */
void xmpp_flow_acked(struct xmpp_front *f, uint32_t h); /* <a h='…'/> */
