/* SPDX-License-Identifier: Apache-2.0 */
#include "replication/rocks.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/mem.h"

enum {
    READ_CACHE_SIZE = 16 << 20,
    OPEN_FILES_MAX = 256,
    BACKGROUND_JOBS = 2,
    WAL_SIZE_MAX = 64 << 20, /* an idle family is flushed when it holds this much back */
    INFO_LOG_SIZE_MAX = 1 << 20,
    INFO_LOGS_KEPT = 2,
    WARN_LEVEL = 2,
    BLOOM_BITS = 10,
};

int rocks_error(char *error, struct strbuf *why)
{
    if (!error)
        return 0;
    const int rc =
        strncmp(error, "Corruption", strlen("Corruption")) == 0 ? ERR_CORRUPT : ERR_STORAGE;
    if (why)
        strbuf_add_text(why, error);
    rocksdb_free(error);
    return rc;
}

/* Point-in-time recovery keeps what was synced when the tail is torn; the option that has
 * no setter finds a whole lost file. What both miss, the callers' own checks find
 * (replication/raftdb.h). */
static int rocks_make_options(const struct rocks_config *config, struct rocks *r,
                              struct strbuf *why)
{
    rocksdb_options_t *plain = rocksdb_options_create();
    r->options = rocksdb_options_create();
    char *error = NULL;
    rocksdb_get_options_from_string(plain,
                                    "track_and_verify_wals_in_manifest=true;"
                                    "wal_recovery_mode=kPointInTimeRecovery",
                                    r->options, &error);
    rocksdb_options_destroy(plain);
    if (error)
        return rocks_error(error, why);

    rocksdb_options_t *o = r->options;
    rocksdb_options_set_create_if_missing(o, config->may_create);
    rocksdb_options_set_create_missing_column_families(o, 1);
    rocksdb_options_set_write_buffer_size(o, config->write_buffer_size);
    rocksdb_options_set_max_write_buffer_number(o, 2);
    rocksdb_options_set_db_write_buffer_size(o, config->db_write_buffer_size);
    rocksdb_options_set_max_open_files(o, OPEN_FILES_MAX);
    rocksdb_options_set_max_background_jobs(o, BACKGROUND_JOBS);
    rocksdb_options_set_max_total_wal_size(o, WAL_SIZE_MAX);
    rocksdb_options_set_max_log_file_size(o, INFO_LOG_SIZE_MAX);
    rocksdb_options_set_keep_log_file_num(o, INFO_LOGS_KEPT);
    rocksdb_options_set_info_log_level(o, WARN_LEVEL);
    rocksdb_options_set_stats_dump_period_sec(o, 0);
    rocksdb_options_set_compression(o, rocksdb_no_compression);

    rocksdb_block_based_table_options_t *table = rocksdb_block_based_options_create();
    if (config->has_read_cache) {
        r->cache = rocksdb_cache_create_lru(READ_CACHE_SIZE);
        rocksdb_block_based_options_set_block_cache(table, r->cache);
        rocksdb_block_based_options_set_cache_index_and_filter_blocks(table, 1);
        rocksdb_block_based_options_set_filter_policy(
            table, rocksdb_filterpolicy_create_bloom_full(BLOOM_BITS));
    } else {
        rocksdb_block_based_options_set_no_block_cache(table, 1);
    }
    rocksdb_options_set_block_based_table_factory(o, table);
    rocksdb_block_based_options_destroy(table);
    return 0;
}

/* Families that are not ours come from a later version of the program. */
static int rocks_check_families(const struct rocks_config *config, const struct rocks *r,
                                struct strbuf *why)
{
    size_t count = 0;
    char *error = NULL;
    char **names = rocksdb_list_column_families(r->options, config->path, &count, &error);
    if (error) {
        rocksdb_free(error); /* nothing there, or open will say it better */
        rocksdb_list_column_families_destroy(names, count);
        return 0;
    }
    int rc = 0;
    for (size_t i = 0; i < count; i++) {
        bool is_known = false;
        for (size_t k = 0; k < config->family_count; k++)
            is_known |= strcmp(names[i], config->families[k]) == 0;
        if (!is_known) {
            strbuf_printf(why, "%s: column family %s is of a later version of this program",
                          config->path, names[i]);
            rc = ERR_FOREIGN;
            break;
        }
    }
    rocksdb_list_column_families_destroy(names, count);
    return rc;
}

static int rocks_explain(const struct rocks_config *config, char *error, struct strbuf *why)
{
    CLEANUP(strbuf_done) struct strbuf text = {0};
    const int rc = rocks_error(error, &text);
    if (strstr(strbuf_span(&text).ptr, "lock")) {
        strbuf_printf(why, "%s is open in another process", config->path);
        return ERR_STORAGE;
    }
    if (strstr(strbuf_span(&text).ptr, "does not exist (create_if_missing is false)")) {
        strbuf_printf(why, "%s: there is no database", config->path);
        return ERR_NOT_FOUND;
    }
    strbuf_printf(why, "%s: %s", config->path, text.data);
    return rc;
}

int rocks_open(const struct rocks_config *config, struct rocks *ret_rocks, struct strbuf *why)
{
    CLEANUP(rocks_close) struct rocks r = {0};
    int rc = rocks_make_options(config, &r, why);
    if (rc == 0)
        rc = rocks_check_families(config, &r, why);
    if (rc < 0)
        return rc;

    r.family_count = config->family_count;
    r.families = mem_zeroed(r.family_count, sizeof(rocksdb_column_family_handle_t *));
    const rocksdb_options_t **options =
        mem_zeroed(r.family_count, sizeof(const rocksdb_options_t *));
    for (size_t i = 0; i < r.family_count; i++)
        options[i] = r.options;
    char *error = NULL;
    r.db = rocksdb_open_column_families(r.options, config->path, (int)r.family_count,
                                        config->families, options, r.families, &error);
    free(options);
    if (error) {
        r.family_count = 0; /* no handle was made */
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): rocks_close() frees the array */
        return rocks_explain(config, error, why);
    }
    *ret_rocks = r;
    r = (struct rocks){0};
    return 0;
}

void rocks_close(struct rocks *r)
{
    for (size_t i = 0; i < r->family_count; i++)
        rocksdb_column_family_handle_destroy(r->families[i]);
    free(r->families);
    if (r->db)
        rocksdb_close(r->db);
    if (r->options)
        rocksdb_options_destroy(r->options);
    if (r->cache)
        rocksdb_cache_destroy(r->cache);
    *r = (struct rocks){0};
}
