/* SPDX-License-Identifier: Apache-2.0 */
/* What both of our databases need of RocksDB: opening with options tuned for a small node,
 * and its errors in our numbers. Threads: any; no state. */
#pragma once

#include <rocksdb/c.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/strbuf.h"

struct rocks {
    rocksdb_t *db;
    rocksdb_options_t *options;
    rocksdb_cache_t *cache;
    rocksdb_column_family_handle_t **families; /* as many, in the order of the names */
    size_t family_count;
};

struct rocks_config {
    const char *path;
    const char *const *families; /* the first is "default" */
    size_t family_count;
    bool may_create;
    bool has_read_cache; /* rows are looked up by key: block cache and filters */
    size_t write_buffer_size, db_write_buffer_size; /* bytes */
};

/* Returns 0 and an open database; or ERR_NOT_FOUND, ERR_STORAGE, ERR_CORRUPT with a
 * sentence added to why. */
int rocks_open(const struct rocks_config *config, struct rocks *ret_rocks, struct strbuf *why);

/* A zeroed one is fine. */
void rocks_close(struct rocks *r);

/* Translates and frees an error text: 0 for NULL. why may be NULL. */
int rocks_error(char *error, struct strbuf *why);
