/* SPDX-License-Identifier: Apache-2.0 */
/* What the process and its store look like from outside, as metrics: build, uptime, open
 * files, memory, Raft, disk, certificate. Read when they are rendered, on that thread. */
#pragma once

struct admin_api;
struct admin_metrics;
struct tlsctx;

/* tls may be NULL. Both borrowed until admin_metrics_free(). */
struct admin_metrics *admin_metrics_new(struct admin_api *api, struct tlsctx *tls);
void admin_metrics_free(struct admin_metrics *m);
