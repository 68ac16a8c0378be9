/* SPDX-License-Identifier: Apache-2.0 */
#include "replication/raftdb.h"

#include <inttypes.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/faults.h"
#include "base/mem.h"
#include "replication/rocks.h"

enum { FAMILY_DEFAULT, FAMILY_LOG, FAMILY_META, FAMILY_COUNT };
enum { RAFT_CHANGE_TYPE = 3, WRITE_BUFFER_SIZE = 8 << 20, WRITE_BUFFERS_SIZE = 16 << 20 };

struct raftdb {
    struct rocks rocks;
    uint32_t group;
    uint64_t node_id;
    char *node_name;
    bool is_blank;
    rocksdb_writeoptions_t *synced;
    rocksdb_readoptions_t *reading;
    rocksdb_writebatch_t *batch; /* the log writer's */
    struct strbuf value;         /* its scratch */
    struct strbuf snapshot;      /* what raftdb_boot's snapshot points to */
    bool is_failed;              /* the log writer's */
    bool is_meta_failed;         /* the replication thread's */
};

/* ---- Companions ----------------------------------------------------------------------- */

/* Returns 1 and the value, 0 when there is none, or a negative error. */
static int raftdb_get_meta(const struct raftdb *db, char what, struct strbuf *key,
                           struct strbuf *value)
{
    logrecord_meta_key(key, db->group, what);
    size_t size = 0;
    char *error = NULL;
    char *found = rocksdb_get_cf(db->rocks.db, db->reading, db->rocks.families[FAMILY_META],
                                 key->data, key->size, &size, &error);
    if (error)
        return rocks_error(error, NULL);
    strbuf_clear(value);
    if (!found)
        return 0;
    strbuf_add(value, span_of(found, size));
    rocksdb_free(found);
    return 1;
}

static void raftdb_put_meta(const struct raftdb *db, rocksdb_writebatch_t *batch,
                            const struct strbuf *key, const struct strbuf *value)
{
    rocksdb_writebatch_put_cf(batch, db->rocks.families[FAMILY_META], key->data, key->size,
                              value->data, value->size);
}

static int raftdb_write_synced(const struct raftdb *db, rocksdb_writebatch_t *batch)
{
    if (FAULT("raftdb.write"))
        return ERR_STORAGE;
    char *error = NULL;
    rocksdb_write(db->rocks.db, db->synced, batch, &error);
    return rocks_error(error, NULL);
}

static void raftdb_add_vote(const struct raftdb *db, rocksdb_writebatch_t *batch,
                            const struct logrecord_vote *vote)
{
    CLEANUP(strbuf_done) struct strbuf key = {0};
    CLEANUP(strbuf_done) struct strbuf value = {0};
    logrecord_meta_key(&key, db->group, 'v');
    logrecord_format_vote(&value, strbuf_span(&key), vote);
    raftdb_put_meta(db, batch, &key, &value);
}

int raftdb_write_vote(struct raftdb *db, const struct logrecord_vote *vote)
{
    rocksdb_writebatch_t *batch = rocksdb_writebatch_create();
    raftdb_add_vote(db, batch, vote);
    const int rc = db->is_meta_failed ? ERR_STORAGE : raftdb_write_synced(db, batch);
    rocksdb_writebatch_destroy(batch);
    db->is_meta_failed |= rc < 0;
    return rc;
}

int raftdb_compact(struct raftdb *db, const struct logrecord_snapshot *snapshot)
{
    CLEANUP(strbuf_done) struct strbuf key = {0};
    CLEANUP(strbuf_done) struct strbuf value = {0};
    char from[LOGRECORD_KEY_SIZE];
    char to[LOGRECORD_KEY_SIZE];
    rocksdb_writebatch_t *batch = rocksdb_writebatch_create();

    logrecord_meta_key(&key, db->group, 's');
    logrecord_format_snapshot(&value, strbuf_span(&key), snapshot);
    raftdb_put_meta(db, batch, &key, &value);
    logrecord_key(from, db->group, 0);
    logrecord_key(to, db->group, snapshot->first_index);
    rocksdb_writebatch_delete_range_cf(batch, db->rocks.families[FAMILY_LOG], from,
                                       sizeof(from), to, sizeof(to));
    const int rc = db->is_meta_failed ? ERR_STORAGE : raftdb_write_synced(db, batch);
    rocksdb_writebatch_destroy(batch);
    db->is_meta_failed |= rc < 0;
    return rc;
}

/* ---- The log -------------------------------------------------------------------------- */

static void raftdb_add_entry(struct raftdb *db, rocksdb_writebatch_t *batch, uint64_t index,
                             const struct logrecord *r)
{
    char key[LOGRECORD_KEY_SIZE];
    logrecord_key(key, db->group, index);
    logrecord_format(&db->value, span_of(key, sizeof(key)), r);
    rocksdb_writebatch_put_cf(batch, db->rocks.families[FAMILY_LOG], key, sizeof(key),
                              db->value.data, db->value.size);
}

void raftdb_batch_put(struct raftdb *db, uint64_t index, const struct logrecord *r)
{
    raftdb_add_entry(db, db->batch, index, r);
}

void raftdb_batch_truncate(struct raftdb *db, uint64_t from)
{
    char lower[LOGRECORD_KEY_SIZE];
    char upper[LOGRECORD_KEY_SIZE];
    logrecord_key(lower, db->group, from);
    logrecord_key(upper, db->group, UINT64_MAX);
    rocksdb_writebatch_delete_range_cf(db->batch, db->rocks.families[FAMILY_LOG], lower,
                                       sizeof(lower), upper, sizeof(upper));
}

int raftdb_batch_commit(struct raftdb *db)
{
    const int rc = db->is_failed ? ERR_STORAGE : raftdb_write_synced(db, db->batch);
    rocksdb_writebatch_clear(db->batch);
    db->is_failed |= rc < 0;
    return rc;
}

int raftdb_read(const struct raftdb *db, uint64_t index, struct strbuf *buffer,
                struct logrecord *ret_record)
{
    char key[LOGRECORD_KEY_SIZE];
    logrecord_key(key, db->group, index);
    char *error = NULL;
    rocksdb_pinnableslice_t *found = rocksdb_get_pinned_cf(
        db->rocks.db, db->reading, db->rocks.families[FAMILY_LOG], key, sizeof(key), &error);
    if (error)
        return rocks_error(error, NULL);
    if (!found)
        return ERR_CORRUPT;
    size_t size = 0;
    const char *value = rocksdb_pinnableslice_value(found, &size);
    strbuf_clear(buffer);
    strbuf_add(buffer, span_of(value, size));
    rocksdb_pinnableslice_destroy(found);
    return logrecord_parse(strbuf_span(buffer), span_of(key, sizeof(key)), ret_record);
}

/* ---- Boot ----------------------------------------------------------------------------- */

static int raftdb_load_meta(struct raftdb *db, struct raftdb_boot *boot, struct strbuf *why)
{
    CLEANUP(strbuf_done) struct strbuf key = {0};
    CLEANUP(strbuf_done) struct strbuf value = {0};
    int rc = raftdb_get_meta(db, 'v', &key, &value);
    if (rc > 0)
        rc = logrecord_parse_vote(strbuf_span(&value), strbuf_span(&key), &boot->vote);
    if (rc == 0) {
        rc = raftdb_get_meta(db, 's', &key, &db->snapshot);
        if (rc > 0)
            rc = logrecord_parse_snapshot(strbuf_span(&db->snapshot), strbuf_span(&key),
                                          &boot->snapshot);
    }
    if (rc < 0)
        strbuf_add_text(why, "the log's term, vote or snapshot record is damaged");
    return rc;
}

struct log_walk {
    uint64_t next; /* index that must come; 0: any */
    uint64_t term;
    const struct raftdb_boot *boot;
};

static int raftdb_check_entry(const struct raftdb *db, struct log_walk *walk, struct span key,
                              struct span value, struct logrecord *ret_record,
                              struct strbuf *why)
{
    const uint64_t index = logrecord_parse_key(key, db->group);
    if (index == 0 || (walk->next && index != walk->next)) {
        strbuf_printf(why, "the log has a hole: entry %" PRIu64 " is missing", walk->next);
        return ERR_CORRUPT;
    }
    if (logrecord_parse(value, key, ret_record) < 0) {
        strbuf_printf(why, "log entry %" PRIu64 " is damaged (checksum)", index);
        return ERR_CORRUPT;
    }
    const struct logrecord_snapshot *s = &walk->boot->snapshot;
    if (ret_record->term < walk->term || ret_record->term > walk->boot->vote.term ||
        (index == s->index && ret_record->term != s->term)) {
        strbuf_printf(why, "log entry %" PRIu64 " has an impossible term", index);
        return ERR_CORRUPT;
    }
    walk->next = index + 1;
    walk->term = ret_record->term;
    return 0;
}

static int raftdb_walk(struct raftdb *db,
                       void (*each)(uint64_t index, const struct logrecord *r, void *arg),
                       void *arg, struct raftdb_boot *boot, struct strbuf *why)
{
    struct log_walk walk = {.next = boot->first_index, .boot = boot};
    char lower[LOGRECORD_KEY_SIZE];
    logrecord_key(lower, db->group, 0);
    rocksdb_iterator_t *it =
        rocksdb_create_iterator_cf(db->rocks.db, db->reading, db->rocks.families[FAMILY_LOG]);
    int rc = 0;
    for (rocksdb_iter_seek(it, lower, sizeof(lower)); rc == 0 && rocksdb_iter_valid(it);
         rocksdb_iter_next(it)) {
        struct span key;
        struct span value;
        struct logrecord record;
        key.ptr = rocksdb_iter_key(it, &key.size);
        value.ptr = rocksdb_iter_value(it, &value.size);
        rc = raftdb_check_entry(db, &walk, key, value, &record, why);
        if (rc == 0)
            each(walk.next - 1, &record, arg);
    }
    char *error = NULL;
    rocksdb_iter_get_error(it, &error);
    rocksdb_iter_destroy(it);
    if (rc == 0)
        rc = rocks_error(error, why);
    else if (error)
        rocksdb_free(error);
    boot->last_index = walk.next - 1;
    return rc;
}

int raftdb_load(struct raftdb *db,
                void (*each)(uint64_t index, const struct logrecord *r, void *arg), void *arg,
                struct raftdb_boot *ret_boot, struct strbuf *why)
{
    struct raftdb_boot boot = {.first_index = 1};
    int rc = raftdb_load_meta(db, &boot, why);
    if (rc < 0)
        return rc;
    if (boot.snapshot.index)
        boot.first_index = boot.snapshot.first_index;
    rc = raftdb_walk(db, each, arg, &boot, why);
    if (rc < 0)
        return rc;
    if (boot.last_index < boot.snapshot.index || (!boot.snapshot.index && !boot.last_index)) {
        strbuf_printf(why, "the log ends at entry %" PRIu64 ", before its snapshot at %" PRIu64,
                      boot.last_index, boot.snapshot.index);
        return ERR_CORRUPT;
    }
    *ret_boot = boot;
    return 0;
}

static int raftdb_check_identity(struct raftdb *db, const struct raftdb_config *config,
                                 struct strbuf *why)
{
    CLEANUP(strbuf_done) struct strbuf key = {0};
    CLEANUP(strbuf_done) struct strbuf value = {0};
    struct logrecord_identity identity;
    int rc = raftdb_get_meta(db, 'i', &key, &value);
    db->is_blank = rc == 0;
    if (rc > 0)
        rc = logrecord_parse_identity(strbuf_span(&value), strbuf_span(&key), &identity);
    if (rc < 0) {
        strbuf_printf(why, "%s: the record of whose log this is, is damaged", config->path);
        return rc;
    }
    if (db->is_blank && !config->may_create) {
        strbuf_printf(why, "%s: there is no log yet", config->path);
        return ERR_NOT_FOUND;
    }
    if (!db->is_blank && (identity.node_id != config->node_id ||
                          !span_is(identity.node_name, config->node_name))) {
        strbuf_printf(why,
                      "%s belongs to node %.*s (id %" PRIu64 "), not to %s (id %" PRIu64 ")",
                      config->path, SPAN_ARG(identity.node_name), identity.node_id,
                      config->node_name, config->node_id);
        return ERR_FOREIGN;
    }
    return 0;
}

static void free_raftdb(struct raftdb **db)
{
    raftdb_close(*db);
}

int raftdb_open(const struct raftdb_config *config, struct raftdb **ret_db, struct strbuf *why)
{
    static const char *const families[FAMILY_COUNT] = {
        [FAMILY_DEFAULT] = "default", [FAMILY_LOG] = "log", [FAMILY_META] = "meta"};
    CLEANUP(free_raftdb) struct raftdb *db = mem_zeroed(1, sizeof(*db));
    const struct rocks_config rocks = {.path = config->path,
                                       .families = families,
                                       .family_count = FAMILY_COUNT,
                                       .may_create = config->may_create,
                                       .write_buffer_size = WRITE_BUFFER_SIZE,
                                       .db_write_buffer_size = WRITE_BUFFERS_SIZE};
    int rc = rocks_open(&rocks, &db->rocks, why);
    if (rc < 0)
        return rc;
    db->group = config->group;
    db->node_id = config->node_id;
    db->node_name = mem_text(config->node_name, strlen(config->node_name));
    db->synced = rocksdb_writeoptions_create();
    rocksdb_writeoptions_set_sync(db->synced, 1);
    db->reading = rocksdb_readoptions_create();
    db->batch = rocksdb_writebatch_create();
    rc = raftdb_check_identity(db, config, why);
    if (rc < 0)
        return rc;
    *ret_db = STEAL(db);
    return 0;
}

void raftdb_close(struct raftdb *db)
{
    if (!db)
        return;
    if (db->batch)
        rocksdb_writebatch_destroy(db->batch);
    if (db->synced)
        rocksdb_writeoptions_destroy(db->synced);
    if (db->reading)
        rocksdb_readoptions_destroy(db->reading);
    rocks_close(&db->rocks);
    strbuf_done(&db->value);
    strbuf_done(&db->snapshot);
    free(db->node_name);
    free(db);
}

bool raftdb_is_blank(const struct raftdb *db)
{
    return db->is_blank;
}

int raftdb_bootstrap(struct raftdb *db, struct span membership)
{
    CLEANUP(strbuf_done) struct strbuf key = {0};
    CLEANUP(strbuf_done) struct strbuf value = {0};
    const struct logrecord_identity identity = {.node_id = db->node_id,
                                                .node_name = span_text(db->node_name)};
    const struct logrecord first = {.term = 1, .type = RAFT_CHANGE_TYPE, .payload = membership};
    rocksdb_writebatch_t *batch = rocksdb_writebatch_create();
    logrecord_meta_key(&key, db->group, 'i');
    logrecord_format_identity(&value, strbuf_span(&key), &identity);
    raftdb_put_meta(db, batch, &key, &value);
    raftdb_add_vote(db, batch, &(struct logrecord_vote){.term = 1});
    raftdb_add_entry(db, batch, 1, &first);
    const int rc = raftdb_write_synced(db, batch);
    rocksdb_writebatch_destroy(batch);
    if (rc == 0)
        db->is_blank = false;
    return rc;
}

uint64_t raftdb_size(const struct raftdb *db)
{
    uint64_t size = 0;
    (void)rocksdb_property_int_cf(db->rocks.db, db->rocks.families[FAMILY_LOG],
                                  "rocksdb.total-sst-files-size", &size);
    return size;
}
