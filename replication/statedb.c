/* SPDX-License-Identifier: Apache-2.0 */
#include "replication/statedb.h"

#include <endian.h>

#include "base/cleanup.h"
#include "base/cursor.h"
#include "base/err.h"
#include "base/faults.h"
#include "base/mem.h"
#include "replication/rocks.h"

/* Family 0 is RocksDB's own "default", which holds the applied row alone. */
enum { FAMILY_COUNT = KEYSPACE_CF_COUNT + 1, APPLIED_SIZE = 32 };
enum { WRITE_BUFFER_SIZE = 4 << 20, WRITE_BUFFERS_SIZE = 32 << 20 };
static const char applied_key[] = "applied";

struct statedb_view {
    const struct statedb *db;
    struct statedb_batch *batch; /* NULL, or what is read on top */
    const rocksdb_snapshot_t *snapshot;
    rocksdb_readoptions_t *reading;
};

struct statedb_batch {
    struct statedb *db;
    struct statedb_view view;
    rocksdb_writebatch_wi_t *writes;
    uint64_t hash;
    uint64_t configuration_index;
    size_t size;
    int rc; /* of the first read that failed */
    bool is_open;
};

struct statedb {
    struct rocks rocks;
    struct statedb_view view;
    struct statedb_batch batch;
    struct statedb_applied applied;
    rocksdb_writeoptions_t *writing;
    bool is_failed;
};

static rocksdb_column_family_handle_t *family_of(const struct statedb *db, enum keyspace_cf cf)
{
    return db->rocks.families[(size_t)cf + 1];
}

/* ---- Hash chain ----------------------------------------------------------------------- */

static uint64_t hash_number(uint64_t hash, uint64_t number)
{
    hash =
        (hash ^ number) * UINT64_C(0x9e3779b97f4a7c15); /* 2^64 / golden ratio: spreads bits */
    return hash ^ hash >> 29;
}

static uint64_t hash_bytes(uint64_t hash, struct span bytes)
{
    hash = hash_number(hash, bytes.size);
    for (; bytes.size >= sizeof(uint64_t); bytes = span_from(bytes, sizeof(uint64_t))) {
        uint64_t chunk = 0;
        memcpy(&chunk, bytes.ptr, sizeof(chunk));
        hash = hash_number(hash, le64toh(chunk));
    }
    uint64_t rest = 0;
    for (size_t i = 0; i < bytes.size; i++)
        rest |= (uint64_t)(unsigned char)bytes.ptr[i] << (8 * i);
    return bytes.size ? hash_number(hash, rest) : hash;
}

/* ---- Applied row ---------------------------------------------------------------------- */

static uint64_t statedb_u64be(struct cursor *c)
{
    const uint64_t high = cursor_u32be(c);
    return high << 32 | cursor_u32be(c);
}

static int load_applied(struct statedb *db, struct strbuf *why)
{
    size_t size = 0;
    char *error = NULL;
    char *value = rocksdb_get_cf(db->rocks.db, db->view.reading, db->rocks.families[0],
                                 applied_key, strlen(applied_key), &size, &error);
    if (error)
        return rocks_error(error, why);
    if (!value)
        return 0;
    struct cursor c = cursor_of(value, size);
    db->applied.index = statedb_u64be(&c);
    db->applied.term = statedb_u64be(&c);
    db->applied.configuration_index = statedb_u64be(&c);
    db->applied.hash = statedb_u64be(&c);
    rocksdb_free(value);
    if (size != APPLIED_SIZE) {
        strbuf_add_text(why, "the applied row of the state database is damaged");
        return ERR_CORRUPT;
    }
    return 0;
}

static void put_applied(struct statedb_batch *b, const struct statedb_applied *applied)
{
    CLEANUP(strbuf_done) struct strbuf row = {0};
    strbuf_add_u64be(&row, applied->index);
    strbuf_add_u64be(&row, applied->term);
    strbuf_add_u64be(&row, applied->configuration_index);
    strbuf_add_u64be(&row, applied->hash);
    rocksdb_writebatch_wi_put_cf(b->writes, b->db->rocks.families[0], applied_key,
                                 strlen(applied_key), row.data, row.size);
}

/* ---- Life ----------------------------------------------------------------------------- */

static void free_statedb(struct statedb **db)
{
    statedb_close(*db);
}

int statedb_open(const char *path, bool may_create, struct statedb **ret_db, struct strbuf *why)
{
    const char *families[FAMILY_COUNT] = {"default"};
    for (int cf = 0; cf < KEYSPACE_CF_COUNT; cf++)
        families[cf + 1] = keyspace_name((enum keyspace_cf)cf);
    const struct rocks_config config = {.path = path,
                                        .families = families,
                                        .family_count = FAMILY_COUNT,
                                        .may_create = may_create,
                                        .has_read_cache = true,
                                        .write_buffer_size = WRITE_BUFFER_SIZE,
                                        .db_write_buffer_size = WRITE_BUFFERS_SIZE};

    CLEANUP(free_statedb) struct statedb *db = mem_zeroed(1, sizeof(*db));
    int rc = rocks_open(&config, &db->rocks, why);
    if (rc < 0)
        return rc;
    db->writing = rocksdb_writeoptions_create();
    db->view = (struct statedb_view){.db = db, .reading = rocksdb_readoptions_create()};
    db->batch.db = db;
    db->batch.writes = rocksdb_writebatch_wi_create(0, 1);
    db->batch.view =
        (struct statedb_view){.db = db, .batch = &db->batch, .reading = db->view.reading};
    rc = load_applied(db, why);
    if (rc < 0)
        return rc;
    *ret_db = STEAL(db);
    return 0;
}

void statedb_close(struct statedb *db)
{
    if (!db)
        return;
    if (db->batch.writes)
        rocksdb_writebatch_wi_destroy(db->batch.writes);
    if (db->view.reading)
        rocksdb_readoptions_destroy(db->view.reading);
    if (db->writing)
        rocksdb_writeoptions_destroy(db->writing);
    rocks_close(&db->rocks);
    free(db);
}

const struct statedb_applied *statedb_get_applied(const struct statedb *db)
{
    return &db->applied;
}

/* ---- Reading -------------------------------------------------------------------------- */

const struct statedb_view *statedb_view(const struct statedb *db)
{
    return &db->view;
}

const struct statedb_view *statedb_snapshot_open(const struct statedb *db)
{
    struct statedb_view *view = mem_zeroed(1, sizeof(*view));
    view->db = db;
    view->snapshot = rocksdb_create_snapshot(db->rocks.db);
    view->reading = rocksdb_readoptions_create();
    rocksdb_readoptions_set_snapshot(view->reading, view->snapshot);
    return view;
}

void statedb_snapshot_close(const struct statedb_view *snapshot)
{
    if (!snapshot)
        return;
    rocksdb_readoptions_destroy(snapshot->reading);
    rocksdb_release_snapshot(snapshot->db->rocks.db, snapshot->snapshot);
    free((void *)(uintptr_t)snapshot);
}

/* An error is the view's batch's, too. */
static int view_error(const struct statedb_view *view, char *error)
{
    const int rc = rocks_error(error, NULL);
    if (view->batch && view->batch->rc == 0)
        view->batch->rc = rc;
    return rc;
}

static int get_through_batch(const struct statedb_view *view, enum keyspace_cf cf,
                             struct span key, struct strbuf *ret_value)
{
    size_t size = 0;
    char *error = NULL;
    char *value = rocksdb_writebatch_wi_get_from_batch_and_db_cf(
        view->batch->writes, view->db->rocks.db, view->reading, family_of(view->db, cf),
        key.ptr, key.size, &size, &error);
    if (error)
        return view_error(view, error);
    if (!value)
        return 0;
    strbuf_add(ret_value, span_of(value, size));
    rocksdb_free(value);
    return 1;
}

int statedb_get(const struct statedb_view *view, enum keyspace_cf cf, struct span key,
                struct strbuf *ret_value)
{
    strbuf_clear(ret_value);
    if (view->batch)
        return get_through_batch(view, cf, key, ret_value);

    char *error = NULL;
    rocksdb_pinnableslice_t *found = rocksdb_get_pinned_cf(
        view->db->rocks.db, view->reading, family_of(view->db, cf), key.ptr, key.size, &error);
    if (error)
        return view_error(view, error);
    if (!found)
        return 0;
    size_t size = 0;
    const char *value = rocksdb_pinnableslice_value(found, &size);
    strbuf_add(ret_value, span_of(value, size));
    rocksdb_pinnableslice_destroy(found);
    return 1;
}

struct statedb_scan {
    const struct statedb_view *view;
    rocksdb_readoptions_t *reading; /* with bounds, which live as long as the iterator */
    rocksdb_iterator_t *it;
    struct strbuf lower, upper;
    bool has_upper;
    bool is_reverse;
    bool has_begun;
};

int statedb_scan_open(const struct statedb_view *view, enum keyspace_cf cf, struct span lower,
                      struct span upper, bool is_reverse, struct statedb_scan **ret_scan)
{
    struct statedb_scan *scan = mem_zeroed(1, sizeof(*scan));
    scan->view = view;
    scan->is_reverse = is_reverse;
    scan->has_upper = !span_is_none(upper);
    strbuf_add(&scan->lower, lower);
    strbuf_add(&scan->upper, upper);
    scan->reading = rocksdb_readoptions_create();
    if (view->snapshot)
        rocksdb_readoptions_set_snapshot(scan->reading, view->snapshot);
    if (scan->lower.size)
        rocksdb_readoptions_set_iterate_lower_bound(scan->reading, scan->lower.data,
                                                    scan->lower.size);
    if (scan->has_upper)
        rocksdb_readoptions_set_iterate_upper_bound(
            scan->reading, strbuf_span(&scan->upper).ptr, scan->upper.size);
    rocksdb_column_family_handle_t *family = family_of(view->db, cf);
    scan->it = rocksdb_create_iterator_cf(view->db->rocks.db, scan->reading, family);
    if (view->batch) /* owns the base iterator from here on */
        scan->it = rocksdb_writebatch_wi_create_iterator_with_base_cf(view->batch->writes,
                                                                      scan->it, family);
    *ret_scan = scan;
    return 0;
}

static void scan_begin(struct statedb_scan *scan)
{
    const struct span lower = strbuf_span(&scan->lower);
    const struct span upper = strbuf_span(&scan->upper);
    scan->has_begun = true;
    if (!scan->is_reverse) {
        rocksdb_iter_seek(scan->it, lower.ptr, lower.size);
        return;
    }
    if (!scan->has_upper) {
        rocksdb_iter_seek_to_last(scan->it);
        return;
    }
    rocksdb_iter_seek_for_prev(scan->it, upper.ptr, upper.size);
    size_t size = 0;
    if (rocksdb_iter_valid(scan->it)) {
        const char *key = rocksdb_iter_key(scan->it, &size);
        if (span_compare(span_of(key, size), upper) >= 0)
            rocksdb_iter_prev(scan->it);
    }
}

bool statedb_scan_next(struct statedb_scan *scan, struct span *ret_key, struct span *ret_value)
{
    if (!scan->has_begun)
        scan_begin(scan);
    else if (rocksdb_iter_valid(scan->it))
        (scan->is_reverse ? rocksdb_iter_prev : rocksdb_iter_next)(scan->it);
    if (!rocksdb_iter_valid(scan->it))
        return false;
    struct span key;
    key.ptr = rocksdb_iter_key(scan->it, &key.size);
    /* The batch's part of the iterator knows no bounds. */
    if (scan->is_reverse ? span_compare(key, strbuf_span(&scan->lower)) < 0
                         : scan->has_upper && span_compare(key, strbuf_span(&scan->upper)) >= 0)
        return false;
    if (ret_key)
        *ret_key = key;
    if (ret_value)
        ret_value->ptr = rocksdb_iter_value(scan->it, &ret_value->size);
    return true;
}

int statedb_scan_close(struct statedb_scan *scan)
{
    if (!scan)
        return 0;
    char *error = NULL;
    rocksdb_iter_get_error(scan->it, &error);
    const int rc = error ? view_error(scan->view, error) : 0;
    rocksdb_iter_destroy(scan->it);
    rocksdb_readoptions_destroy(scan->reading);
    strbuf_done(&scan->lower);
    strbuf_done(&scan->upper);
    free(scan);
    return rc;
}

/* ---- Writing -------------------------------------------------------------------------- */

struct statedb_batch *statedb_batch_begin(struct statedb *db)
{
    struct statedb_batch *b = &db->batch;
    rocksdb_writebatch_wi_clear(b->writes);
    b->hash = db->applied.hash;
    b->configuration_index = db->applied.configuration_index;
    b->size = 0;
    b->rc = 0;
    b->is_open = true;
    return b;
}

const struct statedb_view *statedb_batch_view(const struct statedb_batch *b)
{
    return &b->view;
}

void statedb_put(struct statedb_batch *b, enum keyspace_cf cf, struct span key,
                 struct span value)
{
    rocksdb_writebatch_wi_put_cf(b->writes, family_of(b->db, cf), key.ptr, key.size, value.ptr,
                                 value.size);
    b->hash = hash_bytes(hash_bytes(hash_number(b->hash, (uint64_t)cf << 1), key), value);
    b->size += key.size + value.size;
}

void statedb_delete(struct statedb_batch *b, enum keyspace_cf cf, struct span key)
{
    rocksdb_writebatch_wi_delete_cf(b->writes, family_of(b->db, cf), key.ptr, key.size);
    b->hash = hash_bytes(hash_number(b->hash, (uint64_t)cf << 1 | 1), key);
    b->size += key.size;
}

void statedb_delete_range(struct statedb_batch *b, enum keyspace_cf cf, struct span lower,
                          struct span upper)
{
    CLEANUP(strbuf_done) struct strbuf keys = {0}; /* be32 size, key: the batch must rest */
    struct statedb_scan *scan = NULL;
    struct span key;
    if (statedb_scan_open(&b->view, cf, lower, upper, false, &scan) < 0)
        return;
    while (statedb_scan_next(scan, &key, NULL)) {
        strbuf_add_u32be(&keys, (uint32_t)key.size);
        strbuf_add(&keys, key);
    }
    if (statedb_scan_close(scan) < 0)
        return; /* the batch has kept the error */
    struct cursor c = cursor_of(strbuf_span(&keys).ptr, keys.size);
    while (cursor_left(&c) > 0) {
        const size_t size = cursor_u32be(&c);
        const uint8_t *at = cursor_take(&c, size);
        if (at)
            statedb_delete(b, cf, span_of(at, size));
    }
}

void statedb_batch_configuration(struct statedb_batch *b, uint64_t index)
{
    b->configuration_index = index;
}

size_t statedb_batch_size(const struct statedb_batch *b)
{
    return b->size;
}

int statedb_batch_commit(struct statedb_batch *b, uint64_t index, uint64_t term)
{
    struct statedb *db = b->db;
    const struct statedb_applied applied = {.index = index,
                                            .term = term,
                                            .configuration_index = b->configuration_index,
                                            .hash = b->hash};
    int rc = b->rc;
    if (rc == 0 && (db->is_failed || FAULT("statedb.write")))
        rc = ERR_STORAGE;
    if (rc == 0) {
        char *error = NULL;
        put_applied(b, &applied);
        rocksdb_write_writebatch_wi(db->rocks.db, db->writing, b->writes, &error);
        rc = rocks_error(error, NULL);
    }
    if (rc == 0)
        db->applied = applied;
    else
        db->is_failed = true;
    statedb_batch_abandon(b);
    return rc;
}

void statedb_batch_abandon(struct statedb_batch *b)
{
    if (!b)
        return;
    rocksdb_writebatch_wi_clear(b->writes);
    b->is_open = false;
}

/* ---- Durability ----------------------------------------------------------------------- */

int statedb_flush_wal(struct statedb *db)
{
    if (db->is_failed || FAULT("statedb.flush"))
        return ERR_STORAGE;
    char *error = NULL;
    rocksdb_flush_wal(db->rocks.db, 1, &error);
    return rocks_error(error, NULL);
}

int statedb_checkpoint(struct statedb *db, const char *path)
{
    char *error = NULL;
    rocksdb_checkpoint_t *checkpoint = rocksdb_checkpoint_object_create(db->rocks.db, &error);
    if (error)
        return rocks_error(error, NULL);
    rocksdb_checkpoint_create(checkpoint, path, 0, &error);
    rocksdb_checkpoint_object_destroy(checkpoint);
    return rocks_error(error, NULL);
}

uint64_t statedb_size(const struct statedb *db)
{
    uint64_t total = 0;
    for (size_t i = 0; i < db->rocks.family_count; i++) {
        uint64_t size = 0;
        if (rocksdb_property_int_cf(db->rocks.db, db->rocks.families[i],
                                    "rocksdb.total-sst-files-size", &size) == 0)
            total += size;
    }
    return total;
}
