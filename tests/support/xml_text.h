/* SPDX-License-Identifier: Apache-2.0 */
/* XML as text, both ways, for tests of what stands on xml_node. */
#pragma once

#include "tests/support/unit.h"

#include "base/strbuf.h"
#include "proto/xml/xml_reader.h"
#include "proto/xml/xml_writer.h"
#include "proto/xmpp/stanza.h"

/* The one element of the text, jabber:client by default. */
static inline struct xml_node *xml_text_parse(struct arena *arena, const char *text)
{
    struct xml_node *parent = NULL;
    assert_int_equal(xml_reader_fragment(span_text(text), SPAN("jabber:client"),
                                         &xml_reader_limits_standard, arena, &parent),
                     0);
    assert_non_null(parent->first_child);
    assert_ptr_equal(parent->first_child, parent->last_child);
    return parent->first_child;
}

/* The same as a stanza; it must be a valid one. */
static inline struct stanza xml_text_stanza(struct arena *arena, const char *text)
{
    struct stanza s;
    enum stanza_error_condition condition;
    assert_int_equal(stanza_parse(xml_text_parse(arena, text), &s, &condition), 0);
    return s;
}

static inline void xml_text_assert(const struct xml_node *n, const char *want)
{
    struct strbuf out = {0};
    xml_writer_node(&out, n, SPAN("jabber:client"));
    assert_string_equal(out.data, want);
    strbuf_done(&out);
}

/* One cmocka test a row of a table whose rows begin with their name. */
#define XML_TEXT_ROWS(tests, n, rows, function)                                                \
    for (size_t row_ = 0; row_ < COUNT_OF(rows); row_++)                                       \
        (tests)[(n)++] = (struct CMUnitTest)                                                   \
        {                                                                                      \
            .name = (rows)[row_].name, .test_func = (function),                                \
            .initial_state = (void *)&(rows)[row_]                                             \
        }
