/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/2 on any bytes behind the client's preface: each request is answered or cancelled,
 * never both, and streams and bodies stay within their limits. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/http/h2_session.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

struct fuzz_h2 {
    struct h2_session *session;
    struct http_exchange *held; /* every third request is left open */
    int count;
};

static void fuzz_requested(struct http_exchange *x, void *arg)
{
    struct fuzz_h2 *f = arg;
    assert(x->request.body.size <= 256);
    assert(x->request.field_count <= HTTPMSG_FIELDS_MAX);
    if (f->count++ % 3 == 0 && !f->held)
        f->held = x;
    else
        httpmsg_answer(x, 200, "text/plain", strbuf_span(&x->request.body));
}

static void fuzz_cancelled(struct http_exchange *x, void *arg)
{
    struct fuzz_h2 *f = arg;
    assert(x == f->held);
    f->held = NULL;
}

static void fuzz_wrote(void *arg)
{
    (void)arg;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct fuzz_h2 f = {0};
    const struct httpmsg_events events = {.requested = fuzz_requested,
                                          .cancelled = fuzz_cancelled,
                                          .wrote = fuzz_wrote,
                                          .arg = &f};
    f.session = h2_session_new(256, &events);
    struct strbuf out = {0};
    int rc = h2_session_receive(f.session,
                                SPAN("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"));
    for (size_t at = 0; rc == 0 && at < size; at += 64) {
        rc = h2_session_receive(f.session, span_first(span_of(bytes + at, size - at), 64));
        strbuf_clear(&out);
        if (rc == 0)
            rc = h2_session_fetch(f.session, &out);
        assert(h2_session_stream_count(f.session) <= H2_SESSION_STREAMS_MAX + 1);
    }
    if (rc == 0 && f.held) {
        struct http_exchange *x = f.held;
        f.held = NULL;
        httpmsg_answer(x, 200, "text/plain", SPAN("late"));
        strbuf_clear(&out);
        (void)h2_session_fetch(f.session, &out);
    }
    h2_session_free(f.session);
    assert(!f.held);
    strbuf_done(&out);
    return 0;
}
