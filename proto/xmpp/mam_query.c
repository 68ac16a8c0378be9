/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/xmpp/mam_query.h"

#include "base/err.h"
#include "proto/xmpp/dataform.h"
#include "proto/xmpp/delay.h"
#include "proto/xmpp/xmpp_ns.h"
#include "proto/xmpp/xmpp_time.h"

struct mam_reader {
    struct arena *arena;
    struct mam_query *query;
    const struct xml_node *field;
    struct span value; /* its first one */
    enum stanza_error_condition condition;
};

static int mam_refuse(struct mam_reader *m, enum stanza_error_condition condition)
{
    m->condition = condition;
    return ERR_PROTOCOL;
}

static int read_form_type(struct mam_reader *m)
{
    return span_is(m->value, XMPP_NS_MAM) ? 0 : mam_refuse(m, STANZA_ERROR_BAD_REQUEST);
}

static int read_with(struct mam_reader *m)
{
    if (address_parse_in(m->value, m->arena, &m->query->with) < 0)
        return mam_refuse(m, STANZA_ERROR_JID_MALFORMED);
    m->query->has_with = true;
    return 0;
}

static int read_start(struct mam_reader *m)
{
    m->query->has_start = true;
    return xmpp_time_parse(m->value, &m->query->start_us) < 0
               ? mam_refuse(m, STANZA_ERROR_BAD_REQUEST)
               : 0;
}

static int read_end(struct mam_reader *m)
{
    m->query->has_end = true;
    return xmpp_time_parse(m->value, &m->query->end_us) < 0
               ? mam_refuse(m, STANZA_ERROR_BAD_REQUEST)
               : 0;
}

static int read_before_id(struct mam_reader *m)
{
    m->query->before_id = m->value;
    return 0;
}

static int read_after_id(struct mam_reader *m)
{
    m->query->after_id = m->value;
    return 0;
}

static int read_ids(struct mam_reader *m)
{
    struct mam_query *q = m->query;
    const struct xml_node *v = xml_node_child(m->field, "value", XMPP_NS_DATA);
    for (; v; v = xml_node_next(v, "value", XMPP_NS_DATA)) {
        if (q->id_count == MAM_QUERY_IDS_MAX)
            return mam_refuse(m, STANZA_ERROR_POLICY_VIOLATION);
        q->ids[q->id_count++] = xml_node_text(v, m->arena);
    }
    return 0;
}

static const struct {
    const char *var;
    int (*read)(struct mam_reader *m);
} fields[] = {
    {"FORM_TYPE", read_form_type},
    {"with", read_with},
    {"start", read_start},
    {"end", read_end},
    {"before-id", read_before_id},
    {"after-id", read_after_id},
    {"ids", read_ids},
};
enum { MAM_FIELDS = sizeof(fields) / sizeof(fields[0]) };

static int mam_read_field(struct mam_reader *m)
{
    const struct span var = xml_node_attr(m->field, "var");
    for (size_t i = 0; i < MAM_FIELDS; i++) {
        if (!span_is(var, fields[i].var))
            continue;
        m->value = dataform_value(m->field, m->arena);
        /* A field left empty asks for nothing. */
        return span_is_none(m->value) || m->value.size == 0 ? 0 : fields[i].read(m);
    }
    /* XEP-0313, 4.1.6: not recognised */
    return mam_refuse(m, STANZA_ERROR_FEATURE_NOT_IMPLEMENTED);
}

static int mam_read_form(struct mam_reader *m, const struct xml_node *form)
{
    if (!span_is(xml_node_attr(form, "type"), "submit") ||
        span_is_none(dataform_form_type(form, m->arena)))
        return mam_refuse(m, STANZA_ERROR_BAD_REQUEST);
    m->field = xml_node_child(form, "field", XMPP_NS_DATA);
    for (; m->field; m->field = xml_node_next(m->field, "field", XMPP_NS_DATA)) {
        int rc = mam_read_field(m);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int mam_query_parse(const struct xml_node *query, struct arena *arena,
                    struct mam_query *ret_query, enum stanza_error_condition *ret_condition)
{
    struct mam_query q = {
        .query_id = xml_node_attr(query, "queryid"),
        .is_flipped = xml_node_child(query, "flip-page", XMPP_NS_MAM) != NULL,
    };
    struct mam_reader m = {.arena = arena, .query = &q};
    const struct xml_node *form = dataform_find(query);
    int rc = form ? mam_read_form(&m, form) : 0;
    if (rc == 0 && rsm_parse(query, arena, &q.page) < 0)
        rc = mam_refuse(&m, STANZA_ERROR_BAD_REQUEST);
    if (rc == 0 && !span_is_none(xml_node_attr(query, "node"))) /* a PubSub node's archive */
        rc = mam_refuse(&m, STANZA_ERROR_ITEM_NOT_FOUND);
    if (rc < 0) {
        *ret_condition = m.condition;
        return rc;
    }
    *ret_query = q;
    return 0;
}

struct xml_node *mam_query_form(struct arena *arena)
{
    struct xml_node *query = xml_node_new(arena, "query", XMPP_NS_MAM);
    struct xml_node *form = dataform_new(arena, "form", XMPP_NS_MAM);
    xml_node_add(query, form);
    dataform_add_field(arena, form, "with", "jid-single", SPAN_NONE);
    dataform_add_field(arena, form, "start", "text-single", SPAN_NONE);
    dataform_add_field(arena, form, "end", "text-single", SPAN_NONE);
    dataform_add_field(arena, form, "before-id", "text-single", SPAN_NONE);
    dataform_add_field(arena, form, "after-id", "text-single", SPAN_NONE);
    struct xml_node *ids = dataform_add_field(arena, form, "ids", "list-multi", SPAN_NONE);
    /* XEP-0122: the list is open, for nobody sends all ids */
    struct xml_node *validate =
        xml_node_add_new(arena, ids, "validate", "http://jabber.org/protocol/xdata-validate");
    xml_node_set(arena, validate, "datatype", SPAN("xs:string"));
    xml_node_add_new(arena, validate, "open", "http://jabber.org/protocol/xdata-validate");
    return query;
}

struct xml_node *mam_query_result(struct arena *arena, const struct mam_query *query,
                                  struct span id, uint64_t stamp_us, struct xml_node *message)
{
    struct xml_node *result = xml_node_new(arena, "result", XMPP_NS_MAM);
    xml_node_set(arena, result, "queryid", query->query_id);
    xml_node_set(arena, result, "id", id);
    struct xml_node *forwarded = xml_node_add_new(arena, result, "forwarded", XMPP_NS_FORWARD);
    delay_add(arena, forwarded, SPAN_NONE, stamp_us);
    xml_node_add(forwarded, message);
    return result;
}

struct xml_node *mam_query_fin(struct arena *arena, bool is_complete,
                               const struct rsm_page *page)
{
    struct xml_node *fin = xml_node_new(arena, "fin", XMPP_NS_MAM);
    if (is_complete)
        xml_node_set(arena, fin, "complete", SPAN("true"));
    rsm_add_page(arena, fin, page);
    return fin;
}

static void metadata_end(struct arena *arena, struct xml_node *metadata, const char *name,
                         struct span id, uint64_t stamp_us)
{
    char stamp[XMPP_TIME_SIZE];
    xmpp_time_format(stamp_us, stamp);
    struct xml_node *end = xml_node_add_new(arena, metadata, name, XMPP_NS_MAM);
    xml_node_set(arena, end, "id", id);
    xml_node_set_copy(arena, end, "timestamp", span_text(stamp));
}

struct xml_node *mam_query_metadata(struct arena *arena, struct span first_id,
                                    uint64_t first_us, struct span last_id, uint64_t last_us)
{
    struct xml_node *metadata = xml_node_new(arena, "metadata", XMPP_NS_MAM);
    if (!span_is_none(first_id)) {
        metadata_end(arena, metadata, "start", first_id, first_us);
        metadata_end(arena, metadata, "end", last_id, last_us);
    }
    return metadata;
}
