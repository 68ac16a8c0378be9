/* SPDX-License-Identifier: Apache-2.0 */
/* The numbers that XMPP clients make, for /metrics. One table for the process; filled once,
 * then read by every worker (the cells behind it are each thread's own). */
#pragma once

#include <stdint.h>

#include "proto/xmpp/stanza.h"

struct metric;

enum xmpp_metrics_way { XMPP_METRICS_IN, XMPP_METRICS_OUT };

struct xmpp_metrics {
    struct metric *stanzas[STANZA_IQ + 1][2]; /* by enum stanza_kind and way */
    struct metric *sessions;                  /* with a stream */
    struct metric *signed_in, *refused;
    struct metric *resumed, *resume_failed;
    struct metric *presence_updates;
    struct metric *delivery_seconds; /* from commit to the recipient's stream */
};

void xmpp_metrics_init(struct xmpp_metrics *ret_metrics);

/* A stored message goes to a client that was there when it was stamped. */
void xmpp_metrics_delivered(const struct xmpp_metrics *m, uint64_t stamp_us);
