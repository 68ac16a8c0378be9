/* SPDX-License-Identifier: Apache-2.0 */
/* Records, quotes, line ends, and what is out of place. */
#include "tests/support/unit.h"

#include <stdio.h>

#include "base/csv.h"

struct csv_case {
    const char *name, *in;
    const char *want; /* "line:field|field;" a record, "line!;" a broken one */
};

static const struct csv_case cases[] = {
    {"nothing", "", ""},
    {"one record, no end of line", "a,b", "1:a|b;"},
    {"two records", "a,b\nc,d\n", "1:a|b;2:c|d;"},
    {"CRLF", "a,b\r\nc,d\r\n", "1:a|b;2:c|d;"},
    {"byte order mark",
     "\xef\xbb\xbf"
     "a,b\n",
     "1:a|b;"},
    {"empty lines", "\n\r\na,b\n\n", "3:a|b;"},
    {"empty fields", ",\n", "1:|;"},
    {"quotes", "\"a,b\",\"c\"\"d\"\n", "1:a,b|c\"d;"},
    {"line break in quotes", "\"a\nb\",c\nd,e\n", "1:a\nb|c;3:d|e;"},
    {"spaces stay", " a , b \n", "1: a | b ;"},
    {"quote in the middle", "a\"b,c\nd,e\n", "1!;2:d|e;"},
    {"text behind a quote", "\"a\"b,c\nd,e\n", "1!;2:d|e;"},
    {"quote without end", "a,\"b\nc\n", "1!;"},
    {"one field too many", "1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7,8\nd,e\n", "1!;2:d|e;"},
    {"as many as allowed", "1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6\n",
     "1:1|2|3|4|5|6|7|8|9|0|1|2|3|4|5|6;"},
};

static void csv_case_holds(void **state)
{
    const struct csv_case *t = *state;
    struct csv_reader r;
    struct strbuf seen = {0};
    csv_reader_init(&r, span_text(t->in));
    int rc;
    while ((rc = csv_reader_next(&r)) != 0) {
        strbuf_printf(&seen, "%zu%s", r.line, rc < 0 ? "!" : ":");
        for (size_t i = 0; rc > 0 && i < r.field_count; i++)
            strbuf_printf(&seen, "%s%.*s", i ? "|" : "", SPAN_ARG(r.fields[i]));
        strbuf_add_byte(&seen, ';');
    }
    assert_string_equal(strbuf_span(&seen).ptr, t->want);
    csv_reader_done(&r);
    strbuf_done(&seen);
}

int main(void)
{
    struct CMUnitTest tests[COUNT_OF(cases)];
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        tests[i] = (struct CMUnitTest){.name = cases[i].name,
                                       .test_func = csv_case_holds,
                                       .initial_state = (void *)(uintptr_t)&cases[i]};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
