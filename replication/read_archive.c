/* SPDX-License-Identifier: Apache-2.0 */
#include "replication/read_archive.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "replication/keyspace.h"
#include "replication/read.h"
#include "replication/statedb.h"

/* The rows of a query: those of one archive, or of one conversation in it. Both families end
 * their keys with the index. */
struct archive_range {
    const struct statedb_view *view;
    const struct read_archive_query *query;
    struct span user, with; /* with: bare, or SPAN_NONE */
    enum keyspace_cf cf;
    uint64_t low, high; /* indexes: low <= index <= high */
};

static void archive_key(const struct archive_range *r, uint64_t index, struct strbuf *ret_key)
{
    if (span_is_none(r->with))
        keyspace_user_number(ret_key, KEYSPACE_GROUP, r->user, index);
    else
        keyspace_archive_with(ret_key, KEYSPACE_GROUP, r->user, r->with, index);
}

/* Opens a scan over low..high. */
static int archive_scan(const struct archive_range *r, bool is_backwards,
                        struct statedb_scan **ret_scan)
{
    CLEANUP(strbuf_done) struct strbuf lower = {0}, upper = {0};

    archive_key(r, r->low, &lower);
    archive_key(r, r->high, &upper);
    strbuf_add_byte(&upper, '\0'); /* the key right behind high */
    return statedb_scan_open(r->view, r->cf, strbuf_span(&lower), strbuf_span(&upper),
                             is_backwards, ret_scan);
}

static Store__ArchiveRow *archive_unpack(struct span value)
{
    return store__archive_row__unpack(NULL, value.size, (const uint8_t *)value.ptr);
}

/* The stamp in a value of the family. */
static int archive_stamp(const struct archive_range *r, struct span value, uint64_t *ret_us)
{
    if (r->cf == KEYSPACE_ARCHIVE_WITH) {
        *ret_us = keyspace_tail_u64(value, sizeof(uint64_t));
        return 0;
    }
    Store__ArchiveRow *row = archive_unpack(value);
    if (!row)
        return ERR_CORRUPT;
    *ret_us = row->stamp_us;
    store__archive_row__free_unpacked(row, NULL);
    return 0;
}

/* The first (or last) row of a range: 1 with index and stamp, 0 when it is empty. */
static int archive_edge(const struct archive_range *r, bool is_last, uint64_t *ret_index,
                        uint64_t *ret_us)
{
    struct statedb_scan *scan = NULL;
    struct span key, value;

    if (r->low > r->high)
        return 0;
    int rc = archive_scan(r, is_last, &scan);
    if (rc < 0)
        return rc;
    const bool is_there = statedb_scan_next(scan, &key, &value);
    if (is_there) {
        *ret_index = keyspace_tail_u64(key, sizeof(uint64_t));
        rc = archive_stamp(r, value, ret_us);
    }
    const int closed = statedb_scan_close(scan);
    if (rc < 0 || closed < 0)
        return rc < 0 ? rc : closed;
    return is_there;
}

/* The lowest index from which on no row of the range is older than `us`. Stamps grow with
 * the index: each look at one row settles half of what is left. */
static int archive_bisect(const struct archive_range *r, uint64_t us, uint64_t *ret_index)
{
    struct archive_range part = *r;
    uint64_t from = r->low, to = r->high + 1;

    while (from < to) {
        uint64_t index = 0, stamp_us = 0;
        part.low = from + (to - from) / 2;
        const int rc = archive_edge(&part, false, &index, &stamp_us);
        if (rc < 0)
            return rc;
        if (rc == 0 || stamp_us >= us)
            to = part.low;
        else
            from = index + 1;
    }
    *ret_index = from;
    return 0;
}

/* Turns the bounds of a query into a range of indexes; 0 when nothing can be in it, else
 * 1. */
static int archive_bound(struct archive_range *r)
{
    const struct read_archive_query *q = r->query;
    uint64_t stamp_us = 0, index = 0;

    if (q->after == UINT64_MAX || q->before == 1)
        return 0;
    r->low = q->after + 1;
    r->high = q->before ? q->before - 1 : UINT64_MAX - 1;
    /* The last row there is makes the bisection short. */
    int rc = archive_edge(r, true, &index, &stamp_us);
    if (rc <= 0)
        return rc;
    r->high = index;
    if (q->start_us > 0) {
        rc = archive_bisect(r, q->start_us, &r->low);
        if (rc < 0)
            return rc;
    }
    if (q->end_us > 0 && q->end_us < UINT64_MAX) {
        rc = archive_bisect(r, q->end_us + 1, &index);
        if (rc < 0)
            return rc;
        r->high = index - 1; /* index >= low >= 1 */
    }
    return r->low <= r->high;
}

static struct archive_range archive_range_of(const struct statedb_view *view, struct span user,
                                             const struct read_archive_query *query)
{
    struct archive_range r = {.view = view, .query = query, .user = user};

    r.cf = KEYSPACE_ARCHIVE;
    if (!span_is_none(query->with)) {
        r.cf = KEYSPACE_ARCHIVE_WITH;
        r.with = span_first(query->with, span_index(query->with, '/'));
    }
    return r;
}

static struct span archive_bare(const char *address)
{
    const struct span text = span_text(address);
    return span_first(text, span_index(text, '/'));
}

/* The row of a message for the user of the range; false when a full address in the query
 * does not match. */
static bool archive_describe(const struct archive_range *r, uint64_t index,
                             const Store__MessageRow *m, struct read_archive_row *ret_row)
{
    const bool is_sent = span_equal(archive_bare(m->from), r->user);
    const struct span with = r->query->with;

    *ret_row = (struct read_archive_row){.index = index,
                                         .with = archive_bare(is_sent ? m->to : m->from),
                                         .stamp_us = m->stamp_us,
                                         .is_sent = is_sent,
                                         .message = m};
    if (span_is_none(with) || with.size == r->with.size)
        return true;
    return span_is(with, is_sent ? m->to : m->from) || /* to oneself: either side */
           (span_equal(r->with, r->user) && span_is(with, m->from));
}

/* Calls each for the rows of a range until it returns 0 (or an error). */
typedef int (*archive_each_fn)(const struct read_archive_row *row, void *arg);

static int archive_walk(const struct archive_range *r, bool is_backwards, archive_each_fn each,
                        void *arg)
{
    struct statedb_scan *scan = NULL;
    struct span key, value;
    int going = 1;

    int rc = archive_scan(r, is_backwards, &scan);
    if (rc < 0)
        return rc;
    while (going == 1 && statedb_scan_next(scan, &key, &value)) {
        Store__MessageRow *m = NULL;
        struct read_archive_row row;
        const uint64_t index = keyspace_tail_u64(key, sizeof(uint64_t));
        rc = read_message(r->view, index, &m);
        if (rc < 0)
            going = rc;
        if (rc != 1)
            continue; /* trimmed since the scan began */
        if (archive_describe(r, index, m, &row))
            going = each(&row, arg);
        store__message_row__free_unpacked(m, NULL);
    }
    rc = statedb_scan_close(scan);
    return going < 0 ? going : rc;
}

struct archive_page {
    read_archive_fn each;
    void *arg;
    uint64_t left;
    bool has_more;
};

static int archive_page_found(const struct read_archive_row *row, void *arg)
{
    struct archive_page *page = arg;

    if (page->left == 0) {
        page->has_more = true;
        return 0;
    }
    page->left--;
    if (page->each(row, page->arg))
        return 1;
    page->has_more = true;
    return 0;
}

int read_archive(const struct statedb_view *view, struct span user,
                 const struct read_archive_query *query, read_archive_fn each, void *arg,
                 bool *ret_is_complete)
{
    struct archive_range r = archive_range_of(view, user, query);
    struct archive_page page = {.each = each, .arg = arg, .left = query->max};

    int rc = archive_bound(&r);
    if (rc == 1)
        rc = archive_walk(&r, query->is_backwards, archive_page_found, &page);
    if (rc < 0)
        return rc;
    *ret_is_complete = !page.has_more;
    return 0;
}

int read_archive_has(const struct statedb_view *view, struct span user, uint64_t index)
{
    CLEANUP(strbuf_done) struct strbuf key = {0}, value = {0};

    keyspace_user_number(&key, KEYSPACE_GROUP, user, index);
    return statedb_get(view, KEYSPACE_ARCHIVE, strbuf_span(&key), &value);
}

static int archive_count_found(const struct read_archive_row *row, void *arg)
{
    struct archive_page *page = arg;

    (void)row;
    page->left--;
    return page->left > 0;
}

/* Rows of a range without a look at their messages. */
static int archive_count_keys(const struct archive_range *r, uint64_t most, uint64_t *ret_count)
{
    struct statedb_scan *scan = NULL;
    struct span key, value;
    uint64_t count = 0;

    int rc = archive_scan(r, false, &scan);
    if (rc < 0)
        return rc;
    while (count < most && statedb_scan_next(scan, &key, &value))
        count++;
    rc = statedb_scan_close(scan);
    if (rc < 0)
        return rc;
    *ret_count = count;
    return 0;
}

int read_archive_count(const struct statedb_view *view, struct span user,
                       const struct read_archive_query *query, uint64_t most,
                       uint64_t *ret_count)
{
    struct archive_range r = archive_range_of(view, user, query);
    struct archive_page page = {.left = most};

    int rc = archive_bound(&r);
    if (rc < 0)
        return rc;
    if (rc == 0 || most == 0) {
        *ret_count = 0;
        return 0;
    }
    if (span_is_none(query->with) || query->with.size == r.with.size)
        return archive_count_keys(&r, most, ret_count);
    rc = archive_walk(&r, false, archive_count_found, &page);
    if (rc < 0)
        return rc;
    *ret_count = most - page.left;
    return 0;
}
