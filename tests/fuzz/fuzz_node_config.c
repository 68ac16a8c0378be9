/* SPDX-License-Identifier: Apache-2.0 */
/* node.yaml of any bytes: refused with a reason, or it prints as what reads back the same.
 * CSV of the same bytes: fields never exceed the record's text. */
#include <assert.h>
#include <stdint.h>

#include "admin/node_config.h"
#include "base/csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void fuzz_csv(struct span in)
{
    struct csv_reader r;
    csv_reader_init(&r, in);
    size_t line = 0;
    int rc;
    while ((rc = csv_reader_next(&r)) != 0) {
        assert(r.line > line);
        line = r.line;
        size_t sum = 0;
        for (size_t i = 0; rc > 0 && i < r.field_count; i++)
            sum += r.fields[i].size;
        assert(sum <= in.size);
    }
    csv_reader_done(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct node_config *config = NULL, *again = NULL;
    struct strbuf faults = {0}, first = {0}, second = {0};
    const struct span in = span_of(bytes, size);
    if (node_config_parse("f", in, &config, &faults) == 0) {
        node_config_print(config, &first);
        assert(node_config_parse("f", strbuf_span(&first), &again, &faults) == 0);
        node_config_print(again, &second);
        assert(span_equal(strbuf_span(&first), strbuf_span(&second)));
    } else {
        assert(faults.size > 0);
    }
    node_config_free(config);
    node_config_free(again);
    strbuf_done(&faults);
    strbuf_done(&first);
    strbuf_done(&second);
    fuzz_csv(in);
    return 0;
}
