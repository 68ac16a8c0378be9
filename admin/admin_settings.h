/* SPDX-License-Identifier: Apache-2.0 */
/* Settings of the cluster: replicated, the same on every node, changed live through the
 * admin API. One table holds names, defaults, ranges and help.
 *
 * A node that sees a SETTING row in the feed loads them again. Plain data, copied by
 * assignment. Threads: any. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/log.h"
#include "base/settings.h"

struct statedb_view;

enum { ADMIN_SETTINGS_NETWORKS_SIZE = 2048 };

struct admin_settings {
    uint64_t resume_window_ms;           /* xmpp.resume_window */
    uint64_t stanza_max;                 /* xmpp.stanza_max, bytes */
    uint64_t stanza_max_unauthenticated; /* bytes */
    uint64_t rate;                       /* xmpp.rate, bytes a second */
    uint64_t burst;                      /* xmpp.burst, bytes */
    uint32_t resources_max;              /* sessions of one user */
    uint32_t roster_max;                 /* contacts of one user */
    uint32_t block_max;                  /* blocked addresses of one user */
    uint32_t inbox_max;                  /* messages waiting for one user */
    uint32_t archive_days;               /* 0: for ever */
    uint32_t auth_iterations;            /* of newly stored passwords */
    bool auth_plain;                     /* offer PLAIN (inside TLS) */
    char auth_trusted_networks[ADMIN_SETTINGS_NETWORKS_SIZE]; /* "10.0.0.0/8 192.0.2.1" */
    uint32_t log_level;                                       /* enum log_level, of all nodes */
};

extern const struct settings_table admin_settings_table;

/* All defaults. */
void admin_settings_reset(struct admin_settings *s);

/* Defaults, then what the store holds. A stored row that this version does not know, or
 * refuses, counts as unset. Returns 0; or ERR_STORAGE or ERR_CORRUPT, and *s is what could
 * be read. */
int admin_settings_load(struct admin_settings *s, const struct statedb_view *view);

/* The level this node logs at: the cluster's log.level where it is set, else standard. */
enum log_level admin_settings_log_level(const struct statedb_view *view,
                                        enum log_level standard);
