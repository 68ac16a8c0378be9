/* SPDX-License-Identifier: Apache-2.0 */
#include "node/xmpp/xmpp_metrics.h"

#include "base/metric.h"
#include "base/monoclock.h"

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
    ret_metrics->presence_updates = metric_counter(
        "presence_updates_total", "Changes of availability by source.", "source", "xmpp");
    ret_metrics->delivery_seconds = metric_histogram(
        "message_delivery_seconds", "From a live message's stamp to its recipient's stream.");
    ret_metrics->resumed =
        metric_counter("session_resumes_total", resumes, "where", "here", "result", "success");
    ret_metrics->resume_failed =
        metric_counter("session_resumes_total", resumes, "where", "here", "result", "failure");
}

void xmpp_metrics_delivered(const struct xmpp_metrics *m, uint64_t stamp_us)
{
    const uint64_t now_us = monoclock_wall_us();
    if (now_us > stamp_us)
        metric_observe(m->delivery_seconds, (double)(now_us - stamp_us) / 1e6);
}
