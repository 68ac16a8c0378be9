/* SPDX-License-Identifier: Apache-2.0 */
/* xmpp_stream driven by any bytes, with an owner who answers by the bytes' own dice. What
 * holds: nothing but STARTTLS leads on without TLS, nothing reaches the session before sign-in
 * and binding, nothing is written after the end, and all that was written since the last
 * header is a stream of XML. */
#include <assert.h>

#include "base/strbuf.h"
#include "proto/xml/xml_reader.h"
#include "proto/xmpp/xmpp_stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static bool fuzz_serves(struct span domain, void *arg)
{
    (void)arg;
    return span_is(domain, "d") || span_is(domain, "e");
}

static void fuzz_offer(struct span domain, struct xmpp_stream_offer *ret_offer, void *arg)
{
    static const char *const mechanisms[] = {"PLAIN"};
    (void)domain;
    (void)arg;
    *ret_offer = (struct xmpp_stream_offer){mechanisms, 1, NULL, 0};
}

struct drive {
    struct xmpp_stream *stream;
    struct xml_reader *reader;
    struct strbuf written; /* since the last restart */
    unsigned dice;
};

static void check_written(const struct strbuf *written)
{
    struct xml_reader_limits wide = xml_reader_limits_standard;
    wide.element_size = wide.tag_size = 1U << 20;
    struct xml_reader *r = xml_reader_new(&wide, 0);
    struct xml_reader_event e;
    xml_reader_feed(r, strbuf_span(written));
    while (xml_reader_next(r, &e) == 1)
        assert(e.kind != XML_READER_FAILED);
    assert(xml_reader_unread(r) == 0);
    xml_reader_free(r);
}

static enum xmpp_stream_action answer_auth(struct drive *d, struct strbuf *out)
{
    struct xmpp_stream *s = d->stream;
    assert(xmpp_stream_is_secured(s) && !xmpp_stream_is_authenticated(s));
    if (d->dice % 3 == 0) {
        xmpp_stream_challenge(s, SPAN("Yw=="), out);
        return XMPP_STREAM_CONTINUE;
    }
    if (d->dice % 3 == 1)
        return xmpp_stream_refused(s, SASL_CONDITION_NOT_AUTHORIZED, NULL, d->dice % 2 == 0,
                                   out);
    return xmpp_stream_authenticated(s, SPAN("a@d"), SPAN(""), out);
}

static enum xmpp_stream_action answer(struct drive *d, enum xmpp_stream_action action,
                                      struct strbuf *out)
{
    struct xmpp_stream *s = d->stream;
    switch (action) {
    case XMPP_STREAM_START_TLS:
        assert(!xmpp_stream_is_secured(s));
        check_written(&d->written);
        strbuf_clear(&d->written);
        xmpp_stream_secured(s);
        xml_reader_restart(d->reader, false);
        return XMPP_STREAM_CONTINUE;
    case XMPP_STREAM_AUTH_START:
    case XMPP_STREAM_AUTH_NEXT:
        return answer_auth(d, out);
    case XMPP_STREAM_BIND:
        if (d->dice % 2)
            xmpp_stream_bound(s, SPAN("a@d/r"), out);
        else
            xmpp_stream_bind_refused(s, STANZA_ERROR_CONFLICT, out);
        return XMPP_STREAM_CONTINUE;
    case XMPP_STREAM_RESUME:
        if (d->dice % 2)
            xmpp_stream_resumed(s, SPAN("a@d/r"), xmpp_stream_request(s)->previd, 1, out);
        else
            xmpp_stream_resume_refused(s, STANZA_ERROR_ITEM_NOT_FOUND, true, 1, out);
        return XMPP_STREAM_CONTINUE;
    case XMPP_STREAM_STANZA:
        assert(xmpp_stream_is_ready(s) && xmpp_stream_is_authenticated(s) &&
               xmpp_stream_is_secured(s));
        return XMPP_STREAM_CONTINUE;
    case XMPP_STREAM_CONTINUE:
    case XMPP_STREAM_AUTH_ABORT:
    case XMPP_STREAM_RESTART:
    case XMPP_STREAM_CLOSE:
        break;
    }
    return action;
}

static enum xmpp_stream_action hand_in(struct drive *d, const struct xml_reader_event *e,
                                       struct strbuf *out)
{
    switch (e->kind) {
    case XML_READER_OPENED:
        return xmpp_stream_opened(d->stream, e, SPAN("id"), out);
    case XML_READER_ELEMENT:
        return xmpp_stream_element(d->stream, e->node, out);
    case XML_READER_CLOSED:
        return xmpp_stream_ended(d->stream, out);
    case XML_READER_FAILED:
        break;
    }
    return xmpp_stream_reader_failed(d->stream, e, out);
}

static void drive_on(struct drive *d)
{
    struct xml_reader_event e;
    while (xml_reader_next(d->reader, &e) == 1) {
        struct strbuf out = {0};
        const bool was_closed = xmpp_stream_is_closed(d->stream);
        enum xmpp_stream_action action = hand_in(d, &e, &out);
        if (action == XMPP_STREAM_START_TLS) {
            strbuf_add(&d->written, strbuf_span(&out));
            strbuf_clear(&out);
        }
        action = answer(d, action, &out);
        d->dice = d->dice * 5 + 1;
        assert(!was_closed || out.size == 0);
        assert(xmpp_stream_is_closed(d->stream) == (action == XMPP_STREAM_CLOSE));
        strbuf_add(&d->written, strbuf_span(&out));
        strbuf_done(&out);
        if (action == XMPP_STREAM_RESTART) {
            check_written(&d->written);
            strbuf_clear(&d->written);
            xml_reader_restart(d->reader, true);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const struct xmpp_stream_hooks hooks = {fuzz_serves, fuzz_offer};
    if (size < 2 || size > 8192)
        return 0;
    const struct xmpp_stream_config config = {.hooks = &hooks,
                                              .domain = SPAN("d"),
                                              .is_secured = bytes[0] % 2 != 0,
                                              .sign_in_max = 10000,
                                              .stanza_max = 262144};
    struct drive d = {.stream = xmpp_stream_new(&config),
                      .reader = xml_reader_new(&xml_reader_limits_standard, 1),
                      .dice = bytes[0]};
    const struct span in = span_of(bytes + 1, size - 1);
    const size_t half = in.size / 2;
    xml_reader_feed(d.reader, span_first(in, half));
    drive_on(&d);
    xml_reader_feed(d.reader, span_from(in, half));
    drive_on(&d);
    if (d.written.size)
        check_written(&d.written);
    strbuf_done(&d.written);
    xml_reader_free(d.reader);
    xmpp_stream_free(d.stream);
    return 0;
}
