/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/1.1 on any bytes: cut anywhere, the same requests are served, and no target or field
 * holds what the scan must keep out. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"
#include "proto/http/http1.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void fuzz_requested(struct http_exchange *x, void *arg)
{
    struct strbuf *log = arg;
    const struct httpmsg *m = &x->request;
    for (size_t i = 0; i < m->field_count; i++) {
        assert(m->fields[i].name.size > 0);
        assert(span_index(m->fields[i].value, '\n') == m->fields[i].value.size);
        assert(span_index(m->fields[i].value, '\r') == m->fields[i].value.size);
    }
    assert(m->body.size <= 64);
    strbuf_printf(log, "%.*s %.*s %zu %zu|", SPAN_ARG(m->method), SPAN_ARG(m->path),
                  m->field_count, m->body.size);
    httpmsg_answer(x, 200, "text/plain", SPAN("ok"));
}

static void fuzz_cancelled(struct http_exchange *x, void *arg)
{
    (void)x, (void)arg;
}

static void fuzz_wrote(void *arg)
{
    (void)arg;
}

static void fuzz_run(struct span in, size_t step, struct strbuf *log)
{
    const struct httpmsg_events events = {.requested = fuzz_requested,
                                          .cancelled = fuzz_cancelled,
                                          .wrote = fuzz_wrote,
                                          .arg = log};
    struct http1 *h = http1_new(64, &events);
    int rc = 0;
    for (size_t at = 0; at < in.size && rc == 0; at += step)
        rc = http1_receive(h, span_first(span_from(in, at), step));
    http1_free(h);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct strbuf whole = {0}, cut = {0};
    const struct span in = span_of(bytes, size);
    fuzz_run(in, size ? size : 1, &whole);
    fuzz_run(in, 1, &cut);
    assert(span_equal(strbuf_span(&whole), strbuf_span(&cut)));
    strbuf_done(&whole);
    strbuf_done(&cut);
    return 0;
}
