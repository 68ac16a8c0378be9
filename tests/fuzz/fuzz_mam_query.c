/* SPDX-License-Identifier: Apache-2.0 */
/* mam_query_parse() on any XML: bounds hold, and a prepared `with` prepares to itself. */
#include <assert.h>

#include "base/strbuf.h"
#include "proto/xml/xml_reader.h"
#include "proto/xml/xml_writer.h"
#include "proto/xmpp/mam_query.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void check_with(const struct address *with, struct arena *arena)
{
    struct address again;
    assert(address_parse_in(address_full(with), arena, &again) == 0);
    assert(span_equal(address_full(with), address_full(&again)));
}

static void check_query(const struct xml_node *n, struct arena *arena)
{
    struct mam_query q;
    enum stanza_error_condition condition = STANZA_ERROR_CONDITIONS;
    if (mam_query_parse(n, arena, &q, &condition) < 0) {
        assert(condition < STANZA_ERROR_CONDITIONS);
        return;
    }
    assert(q.id_count <= MAM_QUERY_IDS_MAX);
    if (q.has_with)
        check_with(&q.with, arena);
    struct strbuf out = {0};
    struct xml_node *parent = NULL;
    xml_writer_node(&out,
                    mam_query_result(arena, &q, SPAN("1"), q.start_us,
                                     xml_node_new(arena, "message", "jabber:client")),
                    SPAN("jabber:client"));
    struct xml_reader_limits wide = xml_reader_limits_standard;
    wide.element_size = wide.tag_size = 1U << 20;
    assert(xml_reader_fragment(strbuf_span(&out), SPAN("jabber:client"), &wide, arena,
                               &parent) == 0);
    strbuf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct arena arena = {0};
    struct xml_node *parent = NULL;
    if (size <= 8192 &&
        xml_reader_fragment(span_of(bytes, size), SPAN("urn:xmpp:mam:2"),
                            &xml_reader_limits_standard, &arena, &parent) == 0) {
        const struct xml_node *n = xml_node_child(parent, NULL, NULL);
        for (; n; n = xml_node_next(n, NULL, NULL))
            check_query(n, &arena);
    }
    arena_done(&arena);
    return 0;
}
