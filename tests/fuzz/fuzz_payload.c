/* SPDX-License-Identifier: Apache-2.0 */
/* Any element as the payload of an IQ, through all that ask what it is: it belongs to one
 * protocol at most, and what was read of it is read again from what we write of it. */
#include <assert.h>

#include "base/err.h"
#include "proto/xml/xml_reader.h"
#include "proto/xml/xml_writer.h"
#include "proto/xmpp/archive_prefs.h"
#include "proto/xmpp/carbons.h"
#include "proto/xmpp/csi.h"
#include "proto/xmpp/disco.h"
#include "proto/xmpp/entity_query.h"
#include "proto/xmpp/register_stanza.h"
#include "proto/xmpp/rsm.h"
#include "proto/xmpp/xmpp_ns.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* The element as a reader sees it after we wrote it. */
static struct xml_node *rewritten(struct arena *arena, struct xml_node *n)
{
    struct strbuf out = {0};
    struct xml_node *parent = NULL;
    struct xml_reader_limits wide = xml_reader_limits_standard;
    wide.element_size = wide.tag_size = 1U << 20;
    xml_writer_node(&out, n, SPAN(XMPP_NS_CLIENT));
    const struct span bytes = arena_copy(arena, strbuf_span(&out));
    strbuf_done(&out);
    const int rc = xml_reader_fragment(bytes, SPAN(XMPP_NS_CLIENT), &wide, arena, &parent);
    assert(rc == 0);
    return xml_node_child(parent, NULL, NULL);
}

static void fuzz_one_protocol(struct arena *arena, const struct xml_node *n)
{
    struct span node;
    const enum disco_request request = disco_parse(n, &node);
    const int known = (carbons_parse(n) != CARBONS_NONE) + (csi_parse(n) != CSI_NONE) +
                      (request != DISCO_NONE) +
                      (entity_query_parse(n, false) != ENTITY_QUERY_NONE) +
                      (entity_query_parse(n, true) != ENTITY_QUERY_NONE);
    assert(known <= 1);
    if (request == DISCO_NONE)
        return;
    struct span again;
    struct xml_node *answer = request == DISCO_INFO ? disco_info(arena, &disco_server, node)
                                                    : disco_items(arena, node);
    const enum disco_request same = disco_parse(rewritten(arena, answer), &again);
    assert(same == request && span_equal(again, node));
    assert(span_is_none(again) == span_is_none(node));
}

static void fuzz_error(struct arena *arena, const struct xml_node *n)
{
    const enum stanza_error_condition condition = stanza_error_parse(n);
    assert(condition < STANZA_ERROR_CONDITIONS);
    struct xml_node *error = stanza_error_node(arena, condition, "no");
    assert(stanza_error_parse(rewritten(arena, error)) == condition);
}

static void fuzz_carbon(struct arena *arena, const struct xml_node *n)
{
    struct xml_node *copy = carbons_wrap(arena, CARBONS_SENT, SPAN("a@example.com"),
                                         SPAN("a@example.com/r"), xml_node_copy(arena, n));
    struct xml_node *content = carbons_content(rewritten(arena, copy));
    assert((content != NULL) == xml_node_is(n, "message", XMPP_NS_CLIENT));
    assert(!content || xml_node_equal(content, n));
    assert(carbons_strip(copy) == 1 && !carbons_content(copy));
}

static void fuzz_list(const struct span *a, size_t a_count, const struct span *b,
                      size_t b_count)
{
    assert(a_count <= ARCHIVE_PREFS_ADDRESSES_MAX && a_count == b_count);
    for (size_t i = 0; i < a_count; i++)
        assert(span_equal(a[i], b[i]));
}

static void fuzz_prefs(struct arena *arena, const struct xml_node *n)
{
    struct archive_prefs prefs;
    struct archive_prefs again;
    enum stanza_error_condition condition = STANZA_ERROR_CONDITIONS;
    int rc = archive_prefs_parse(n, arena, &prefs, &condition);
    if (rc < 0) {
        assert(rc == ERR_PROTOCOL && condition < STANZA_ERROR_CONDITIONS);
        return;
    }
    rc = archive_prefs_parse(rewritten(arena, archive_prefs_node(arena, &prefs)), arena, &again,
                             &condition);
    assert(rc == 0 && again.default_mode == prefs.default_mode);
    fuzz_list(prefs.always, prefs.always_count, again.always, again.always_count);
    fuzz_list(prefs.never, prefs.never_count, again.never, again.never_count);
}

/* What was asked as the form that we would send, filled in. */
static struct xml_node *form_of(struct arena *arena, const struct register_stanza *asked)
{
    struct xml_node *form = register_stanza_form(arena, asked->username);
    xml_node_add_text(arena, xml_node_child(form, "password", XMPP_NS_REGISTER),
                      asked->password);
    return form;
}

static void fuzz_register(struct arena *arena, const struct xml_node *n)
{
    struct register_stanza asked;
    struct register_stanza again;
    register_stanza_parse(n, arena, &asked);
    const bool has_both = asked.username.size > 0 && asked.password.size > 0;
    assert(has_both == (asked.request == REGISTER_STANZA_PASSWORD));
    if (!has_both)
        return;
    register_stanza_parse(rewritten(arena, form_of(arena, &asked)), arena, &again);
    assert(again.request == REGISTER_STANZA_PASSWORD);
    assert(span_equal(again.username, asked.username));
    assert(span_equal(again.password, asked.password));
}

/* A page that begins and ends with the item asked for. */
static const struct xml_node *page_of(struct arena *arena, const struct rsm *rsm)
{
    const struct rsm_page page = {.first = rsm->after,
                                  .last = rsm->after,
                                  .has_index = rsm->has_index,
                                  .index = rsm->index,
                                  .has_count = true,
                                  .count = rsm->max};
    struct xml_node *parent = xml_node_new(arena, "query", XMPP_NS_MAM);
    rsm_add_page(arena, parent, &page);
    return xml_node_child(rewritten(arena, parent), "set", XMPP_NS_RSM);
}

static void fuzz_page(struct arena *arena, const struct xml_node *n)
{
    struct rsm rsm;
    if (rsm_parse(n, arena, &rsm) < 0)
        return;
    const bool has_parts = rsm.has_max || rsm.has_index || rsm.after.ptr || rsm.before.ptr;
    assert(rsm.is_present || !has_parts);
    const struct xml_node *set = page_of(arena, &rsm);
    const struct xml_node *first = xml_node_child(set, "first", XMPP_NS_RSM);
    assert((first == NULL) == span_is_none(rsm.after));
    assert(!first || span_equal(xml_node_text(first, arena), rsm.after));
    assert(xml_node_child(set, "count", XMPP_NS_RSM));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct arena arena = {0};
    struct xml_node *parent = NULL;
    if (size <= 8192 &&
        xml_reader_fragment(span_of(bytes, size), SPAN(XMPP_NS_CLIENT),
                            &xml_reader_limits_standard, &arena, &parent) == 0) {
        const struct xml_node *n = xml_node_child(parent, NULL, NULL);
        for (; n; n = xml_node_next(n, NULL, NULL)) {
            fuzz_one_protocol(&arena, n);
            fuzz_error(&arena, n);
            fuzz_carbon(&arena, n);
            fuzz_prefs(&arena, n);
            fuzz_register(&arena, n);
            fuzz_page(&arena, n);
        }
    }
    arena_done(&arena);
    return 0;
}
