/* SPDX-License-Identifier: Apache-2.0 */
/* xml_reader on any bytes: fed at once, byte by byte or with parking between, it gives the
 * same elements; and what was parsed and is written parses to the same tree again. */
#include <assert.h>

#include "base/strbuf.h"
#include "proto/xml/xml_reader.h"
#include "proto/xml/xml_writer.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static const struct xml_reader_limits limits = {.element_size = 2000,
                                                .tag_size = 500,
                                                .renew_size = 100,
                                                .depth = 8,
                                                .attribute_count = 8,
                                                .node_count = 100};

static void check_round_trip(const struct xml_node *n)
{
    struct arena arena = {0};
    struct strbuf once = {0};
    struct strbuf again = {0};
    struct xml_reader_limits wide = xml_reader_limits_standard;
    wide.element_size = wide.tag_size = 1U << 20;

    xml_writer_node(&once, n, SPAN("jabber:client"));
    struct xml_node *parent = NULL;
    const int rc =
        xml_reader_fragment(strbuf_span(&once), SPAN("jabber:client"), &wide, &arena, &parent);
    assert(rc == 0);
    assert(xml_node_equal(parent->first_child, n));
    xml_writer_children(&again, parent, SPAN("jabber:client"));
    assert(span_equal(strbuf_span(&once), strbuf_span(&again)));
    strbuf_done(&once);
    strbuf_done(&again);
    arena_done(&arena);
}

/* Writes down what comes out, the kind of failure left out: it may depend on the cut. */
static void record(struct xml_reader *r, struct strbuf *log, bool checks)
{
    struct xml_reader_event e;
    while (xml_reader_next(r, &e) == 1) {
        strbuf_add_byte(log, (char)('0' + e.kind));
        if (e.node)
            xml_writer_node(log, e.node, SPAN("jabber:client"));
        if (checks && e.kind == XML_READER_ELEMENT)
            check_round_trip(e.node);
    }
}

static void run(struct span in, size_t piece, bool parks, bool checks, struct strbuf *log)
{
    struct xml_reader *r = xml_reader_new(&limits, 1);
    for (size_t at = 0; at < in.size; at += piece) {
        xml_reader_feed(r, span_first(span_from(in, at), piece));
        record(r, log, checks);
        if (parks)
            xml_reader_park(r);
    }
    xml_reader_free(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    const struct span in = span_of(bytes, size);
    struct strbuf whole = {0};
    struct strbuf cut = {0};
    struct strbuf parked = {0};

    if (size == 0 || size > 4096)
        return 0;
    run(in, size, false, true, &whole);
    run(in, 1, false, false, &cut);
    run(in, 3, true, false, &parked);
    assert(span_equal(strbuf_span(&whole), strbuf_span(&cut)));
    assert(span_equal(strbuf_span(&whole), strbuf_span(&parked)));
    strbuf_done(&whole);
    strbuf_done(&cut);
    strbuf_done(&parked);
    return 0;
}
