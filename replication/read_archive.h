/* SPDX-License-Identifier: Apache-2.0 */
/* Pages of a user's message archive (XEP-0313 by way of neutral fields). A row is named by
 * the log index of its message; indexes and stamps grow together, so a time bound is found
 * by bisection and a page costs what it shows, however large the archive is.
 *
 * Threads: any. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"
#include "presenced/store/v1/store.pb-c.h"

struct statedb_view;

struct read_archive_query {
    struct span with;  /* SPAN_NONE: everybody. A bare address matches all of its resources,
                        * a full one only itself */
    uint64_t start_us; /* stamp ≥ it; 0: no bound */
    uint64_t end_us;   /* stamp ≤ it; 0: no bound */
    uint64_t after;    /* index > it; 0: no bound */
    uint64_t before;   /* index < it; 0: no bound */
    uint32_t max;      /* rows of the page; 0: none, only is_complete is told */
    bool is_backwards; /* the last page within the bounds instead of the first */
};

struct read_archive_row {
    uint64_t index;
    struct span with; /* bare address of the other side */
    uint64_t stamp_us;
    bool is_sent;
    const Store__MessageRow *message; /* borrowed for the call */
};

/* Called in the order of the index, newest first when backwards. Returns false to end the
 * walk. */
typedef bool (*read_archive_fn)(const struct read_archive_row *row, void *arg);

/* Returns 0, with *ret_is_complete true when nothing within the bounds lies beyond the page
 * (in the direction of paging); ERR_STORAGE or ERR_CORRUPT. */
int read_archive(const struct statedb_view *view, struct span user,
                 const struct read_archive_query *query, read_archive_fn each, void *arg,
                 bool *ret_is_complete);

/* Whether the archive of a user holds a row of this index: 1 or 0. */
int read_archive_has(const struct statedb_view *view, struct span user, uint64_t index);

/* How many rows the bounds of a query hold (its max and direction do not matter), counted
 * up to `most`. */
int read_archive_count(const struct statedb_view *view, struct span user,
                       const struct read_archive_query *query, uint64_t most,
                       uint64_t *ret_count);
