/* SPDX-License-Identifier: Apache-2.0 */
#include "node/xmpp/xmpp_metrics.h"

#include "base/metric.h"

void xmpp_metrics_init(struct xmpp_metrics *ret_metrics)
{
    static const char *const ways[] = {[XMPP_METRICS_IN] = "in", [XMPP_METRICS_OUT] = "out"};
    static const char stanzas[] = "Stanzas from and to clients.";
    static const char sign_ins[] = "Sign-ins by outcome.";
    static const char resumes[] = "Resumptions of a lost stream by outcome.";

    for (enum stanza_kind kind = STANZA_MESSAGE; kind <= STANZA_IQ; kind++)
        for (int way = 0; way < 2; way++)
            ret_metrics->stanzas[kind][way] = metric_counter(
                "stanzas_total", stanzas, "kind", stanza_kind_name(kind), "dir", ways[way]);
    ret_metrics->sessions =
        metric_gauge("sessions", "Sessions with a stream.", "protocol", "xmpp");
    ret_metrics->signed_in = metric_counter("session_logins_total", sign_ins, "protocol",
                                            "xmpp", "result", "success");
    ret_metrics->refused = metric_counter("session_logins_total", sign_ins, "protocol", "xmpp",
                                          "result", "failure");
    ret_metrics->resumed =
        metric_counter("session_resumes_total", resumes, "where", "here", "result", "success");
    ret_metrics->resume_failed =
        metric_counter("session_resumes_total", resumes, "where", "here", "result", "failure");
}
