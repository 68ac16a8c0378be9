/* SPDX-License-Identifier: Apache-2.0 */
#include "node/xmpp/iq_archive.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "node/im/im.h"
#include "node/im/packet.h"
#include "node/xmpp/xmpp_front_state.h"
#include "node/xmpp/xmpp_iq.h"
#include "node/xmpp/xmpp_render.h"
#include "proto/xmpp/mam_query.h"
#include "proto/xmpp/xmpp_number.h"
#include "replication/read_archive.h"
#include "replication/replica.h"

/* One query on its way. */
struct archive_request {
    struct xmpp_iq *iq;
    struct mam_query query;
    struct read_archive_query bounds; /* of the form: the set that is paged through */
    uint64_t after, before;           /* of the page; 0: none */
    uint32_t max;
    struct packet *rows[IQ_ARCHIVE_PAGE_MAX]; /* ours to unref */
    size_t row_count;
    size_t byte_count;
    bool is_complete;
    enum stanza_error_condition condition; /* why it is refused */
};

static void archive_request_done(struct archive_request *r)
{
    for (size_t i = 0; i < r->row_count; i++)
        packet_unref(r->rows[i]);
}

static struct span archive_id(struct arena *arena, uint64_t index)
{
    char text[21];
    (void)snprintf(text, sizeof(text), "%" PRIu64, index);
    return arena_copy(arena, span_text(text));
}

static struct span archive_user(const struct archive_request *r)
{
    return span_text(r->iq->front->user);
}

static int archive_refuse(struct archive_request *r, enum stanza_error_condition condition)
{
    r->condition = condition;
    return ERR_PROTOCOL;
}

/* ---- What is asked ------------------------------------------------------------------- */

/* The index that an id of this archive names. */
static int archive_index_of(struct archive_request *r, struct span id, uint64_t *ret_index)
{
    uint64_t index = 0;

    if (xmpp_number_u64(id, &index) < 0 || index == 0)
        return archive_refuse(r, STANZA_ERROR_ITEM_NOT_FOUND);
    if (index > replica_applied(im_replica(r->iq->front->im)))
        return archive_refuse(r, STANZA_ERROR_RESOURCE_CONSTRAINT);
    const int rc = read_archive_has(xmpp_iq_view(r->iq), archive_user(r), index);
    if (rc < 0)
        return archive_refuse(r, STANZA_ERROR_INTERNAL_SERVER_ERROR);
    if (rc == 0)
        return archive_refuse(r, STANZA_ERROR_ITEM_NOT_FOUND);
    *ret_index = index;
    return 0;
}

/* The same for one that may be absent or empty: 0, no bound. */
static int archive_bound_of(struct archive_request *r, struct span id, uint64_t *ret_index)
{
    *ret_index = 0;
    return id.size ? archive_index_of(r, id, ret_index) : 0;
}

static int archive_read_request(struct archive_request *r, const struct xml_node *payload)
{
    struct mam_query *q = &r->query;

    if (mam_query_parse(payload, r->iq->arena, q, &r->condition) < 0)
        return ERR_PROTOCOL;
    if (q->page.has_index) /* XEP-0059, 2.4: for who does not support it */
        return archive_refuse(r, STANZA_ERROR_FEATURE_NOT_IMPLEMENTED);
    r->max = q->page.has_max ? q->page.max : IQ_ARCHIVE_PAGE;
    if (r->max > IQ_ARCHIVE_PAGE_MAX)
        r->max = IQ_ARCHIVE_PAGE_MAX;
    r->bounds = (struct read_archive_query){
        .with = q->has_with ? address_full(&q->with) : SPAN_NONE,
        .start_us = q->has_start ? q->start_us : 0,
        .end_us = !q->has_end ? 0
                  : q->end_us ? q->end_us
                              : 1, /* 0 is no bound */
        .is_backwards = !span_is_none(q->page.before),
    };
    int rc = archive_bound_of(r, q->after_id, &r->bounds.after);
    if (rc == 0)
        rc = archive_bound_of(r, q->before_id, &r->bounds.before);
    if (rc == 0)
        rc = archive_bound_of(r, q->page.after, &r->after);
    if (rc == 0)
        rc = archive_bound_of(r, q->page.before, &r->before);
    return rc;
}

/* ---- What is found ------------------------------------------------------------------- */

static bool archive_take(const struct read_archive_row *row, void *arg)
{
    struct archive_request *r = arg;
    const size_t size = row->message->body.len;

    if (r->row_count > 0 && size > IQ_ARCHIVE_PAGE_BYTES - r->byte_count)
        return false;
    r->byte_count += size < IQ_ARCHIVE_PAGE_BYTES ? size : IQ_ARCHIVE_PAGE_BYTES;
    r->rows[r->row_count++] = packet_of_row(row->message, row->index);
    return true;
}

/* The bounds of the form and those of the page together. */
static struct read_archive_query archive_page_bounds(const struct archive_request *r)
{
    struct read_archive_query page = r->bounds;

    if (r->after > page.after)
        page.after = r->after;
    if (r->before && (page.before == 0 || r->before < page.before))
        page.before = r->before;
    page.max = r->max;
    return page;
}

static int archive_order(const void *a, const void *b)
{
    const struct packet *const *x = a;
    const struct packet *const *y = b;
    return ((*x)->index > (*y)->index) - ((*x)->index < (*y)->index);
}

static int archive_find_page(struct archive_request *r)
{
    const struct read_archive_query page = archive_page_bounds(r);

    if (read_archive(xmpp_iq_view(r->iq), archive_user(r), &page, archive_take, r,
                     &r->is_complete) < 0)
        return archive_refuse(r, STANZA_ERROR_INTERNAL_SERVER_ERROR);
    qsort((void *)r->rows, r->row_count, sizeof(void *), archive_order);
    return 0;
}

static int archive_number_order(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void archive_keep_one(const struct archive_request *r, struct read_archive_query *bounds,
                             uint64_t index)
{
    *bounds = archive_page_bounds(r);
    if (bounds->after < index - 1)
        bounds->after = index - 1;
    if (bounds->before == 0 || bounds->before > index + 1)
        bounds->before = index + 1;
    bounds->max = 1;
}

/* The messages that are asked for by id, as far as they lie within all other bounds. */
static int archive_find_ids(struct archive_request *r)
{
    uint64_t indexes[MAM_QUERY_IDS_MAX];
    const size_t count = r->query.id_count;
    const bool is_backwards = r->bounds.is_backwards;

    for (size_t i = 0; i < count; i++)
        if (archive_index_of(r, r->query.ids[i], &indexes[i]) < 0)
            return ERR_PROTOCOL;
    qsort(indexes, count, sizeof(indexes[0]), archive_number_order);
    r->is_complete = true;
    for (size_t i = 0; i < count && r->is_complete; i++) {
        const size_t at = is_backwards ? count - 1 - i : i;
        struct read_archive_query one;
        bool has_room = true;
        if (i > 0 && indexes[at] == indexes[is_backwards ? at + 1 : at - 1])
            continue; /* named twice */
        archive_keep_one(r, &one, indexes[at]);
        if (r->row_count == r->max)
            one.max = 0; /* is there another? */
        if (read_archive(xmpp_iq_view(r->iq), archive_user(r), &one, archive_take, r,
                         &has_room) < 0)
            return archive_refuse(r, STANZA_ERROR_INTERNAL_SERVER_ERROR);
        r->is_complete = has_room;
    }
    qsort((void *)r->rows, r->row_count, sizeof(void *), archive_order);
    return 0;
}

/* ---- The answer ---------------------------------------------------------------------- */

static void archive_write_row(const struct archive_request *r, const struct packet *p)
{
    CLEANUP(arena_done) struct arena arena = {0};
    const struct span user = archive_user(r);
    struct xml_node *message = stanza_new(&arena, STANZA_MESSAGE, STANZA_NORMAL, user,
                                          session_address(r->iq->front->session), SPAN_NONE);

    xml_node_add(message, mam_query_result(&arena, &r->query, archive_id(&arena, p->index),
                                           p->stamp_us, xmpp_render_stored(&arena, p, user)));
    xmpp_iq_write(r->iq, message);
}

/* The size of the whole set; none told when counting it would take long. */
static int archive_count(struct archive_request *r, struct rsm_page *page)
{
    const uint64_t most = r->max ? IQ_ARCHIVE_COUNT_MAX : IQ_ARCHIVE_COUNT_ASKED_MAX;

    if (r->query.id_count)
        return 0;
    if (read_archive_count(xmpp_iq_view(r->iq), archive_user(r), &r->bounds, most,
                           &page->count) < 0)
        return archive_refuse(r, STANZA_ERROR_INTERNAL_SERVER_ERROR);
    page->has_count = r->max == 0 || page->count < most;
    return 0;
}

static int archive_answer(struct archive_request *r)
{
    struct arena *arena = r->iq->arena;
    struct rsm_page page = {.first = SPAN_NONE, .last = SPAN_NONE};

    if (archive_count(r, &page) < 0)
        return ERR_PROTOCOL;
    /* XEP-0313, 4.2: flipping turns the order of sending, not the ends of the page. */
    for (size_t i = 0; i < r->row_count; i++)
        archive_write_row(r, r->rows[r->query.is_flipped ? r->row_count - 1 - i : i]);
    if (r->row_count > 0) {
        page.first = archive_id(arena, r->rows[0]->index);
        page.last = archive_id(arena, r->rows[r->row_count - 1]->index);
    }
    if (r->max > 0 && !r->query.has_with && r->query.id_count == 0)
        session_archive_queried(r->iq->front->session);
    xmpp_iq_result(r->iq, mam_query_fin(arena, r->is_complete, &page));
    return 0;
}

void iq_archive_query(struct xmpp_iq *iq, const struct xml_node *payload)
{
    if (iq->stanza->type == STANZA_GET) {
        xmpp_iq_result(iq, mam_query_form(iq->arena));
        return;
    }
    struct archive_request *r = arena_zeroed(iq->arena, sizeof(*r));
    r->iq = iq;
    int rc = archive_read_request(r, payload);
    if (rc == 0)
        rc = r->query.id_count ? archive_find_ids(r) : archive_find_page(r);
    if (rc == 0)
        rc = archive_answer(r);
    if (rc < 0)
        xmpp_iq_fail(iq, r->condition);
    archive_request_done(r);
}

/* ---- Its ends ------------------------------------------------------------------------ */

struct archive_end {
    uint64_t index, stamp_us; /* index 0: none */
};

static bool archive_note_end(const struct read_archive_row *row, void *arg)
{
    *(struct archive_end *)arg = (struct archive_end){row->index, row->stamp_us};
    return true;
}

void iq_archive_metadata(struct xmpp_iq *iq, const struct xml_node *payload)
{
    const struct statedb_view *view = xmpp_iq_view(iq);
    const struct span user = span_text(iq->front->user);
    struct read_archive_query query = {.with = SPAN_NONE, .max = 1};
    struct archive_end first = {0}, last = {0};
    bool is_complete = false;

    (void)payload;
    if (iq->stanza->type != STANZA_GET) {
        xmpp_iq_fail(iq, STANZA_ERROR_BAD_REQUEST);
        return;
    }
    int rc = read_archive(view, user, &query, archive_note_end, &first, &is_complete);
    query.is_backwards = true;
    if (rc == 0)
        rc = read_archive(view, user, &query, archive_note_end, &last, &is_complete);
    if (rc < 0) {
        xmpp_iq_fail(iq, STANZA_ERROR_INTERNAL_SERVER_ERROR);
        return;
    }
    struct span first_id = SPAN_NONE, last_id = SPAN_NONE;
    if (first.index && last.index) {
        first_id = archive_id(iq->arena, first.index);
        last_id = archive_id(iq->arena, last.index);
    }
    xmpp_iq_result(
        iq, mam_query_metadata(iq->arena, first_id, first.stamp_us, last_id, last.stamp_us));
}
