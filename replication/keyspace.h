/* SPDX-License-Identifier: Apache-2.0 */
/* Keyspace: the column families of the state database. */
#pragma once

enum keyspace_cf {
    KEYSPACE_CLUSTER, /* cluster row, nodes, settings */
    KEYSPACE_CF_COUNT,
};

/* Its name on disk, stable for ever. */
const char *keyspace_name(enum keyspace_cf cf);
