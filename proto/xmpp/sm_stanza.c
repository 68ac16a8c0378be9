/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/xmpp/sm_stanza.h"

#include "base/err.h"
#include "proto/xml/xml_writer.h"
#include "proto/xmpp/xmpp_ns.h"
#include "proto/xmpp/xmpp_number.h"

static bool is_true(struct span text)
{
    return span_is(text, "true") || span_is(text, "1");
}

void sm_stanza_parse(const struct xml_node *n, struct sm_stanza *ret_sm)
{
    struct sm_stanza sm = {.kind = SM_STANZA_NONE, .previd = xml_node_attr(n, "previd")};
    if (xml_node_is(n, "r", XMPP_NS_SM)) {
        sm.kind = SM_STANZA_REQUEST;
    } else if (xml_node_is(n, "enable", XMPP_NS_SM)) {
        sm.kind = SM_STANZA_ENABLE;
        sm.wants_resume = is_true(xml_node_attr(n, "resume"));
        (void)xmpp_number_u32(xml_node_attr(n, "max"), &sm.max); /* a wish; 0 if it is none */
    } else if (xml_node_is(n, "a", XMPP_NS_SM)) {
        sm.kind = SM_STANZA_ACK;
    } else if (xml_node_is(n, "resume", XMPP_NS_SM)) {
        sm.kind = sm.previd.size > 0 ? SM_STANZA_RESUME : SM_STANZA_MALFORMED;
    }
    if ((sm.kind == SM_STANZA_ACK || sm.kind == SM_STANZA_RESUME) &&
        xmpp_number_u32(xml_node_attr(n, "h"), &sm.h) < 0)
        sm.kind = SM_STANZA_MALFORMED;
    *ret_sm = sm;
}

int sm_stanza_count(uint32_t h, uint64_t acked, uint64_t sent, uint64_t *ret_count)
{
    /* The nearest count at or above `acked` whose low 32 bits are h. */
    const uint64_t count = acked + (uint32_t)(h - (uint32_t)acked);
    if (count > sent)
        return ERR_PROTOCOL;
    *ret_count = count;
    return 0;
}

void sm_stanza_enabled(struct strbuf *out, struct span id, uint32_t max_s, struct span location)
{
    strbuf_add_text(out, "<enabled xmlns='" XMPP_NS_SM "'");
    if (id.size > 0) {
        xml_writer_attr(out, "id", id);
        strbuf_printf(out, " resume='true' max='%u'", max_s);
        if (location.size > 0)
            xml_writer_attr(out, "location", location);
    }
    strbuf_add_text(out, "/>");
}

void sm_stanza_resumed(struct strbuf *out, struct span previd, uint32_t h)
{
    strbuf_add_text(out, "<resumed xmlns='" XMPP_NS_SM "'");
    xml_writer_attr(out, "previd", previd);
    strbuf_printf(out, " h='%u'/>", h);
}

void sm_stanza_failed(struct strbuf *out, enum stanza_error_condition condition, bool has_h,
                      uint32_t h)
{
    strbuf_add_text(out, "<failed xmlns='" XMPP_NS_SM "'");
    if (has_h)
        strbuf_printf(out, " h='%u'", h);
    strbuf_printf(out, "><%s xmlns='" XMPP_NS_STANZA_ERRORS "'/></failed>",
                  stanza_error_name(condition));
}

void sm_stanza_request(struct strbuf *out)
{
    strbuf_add_text(out, "<r xmlns='" XMPP_NS_SM "'/>");
}

void sm_stanza_ack(struct strbuf *out, uint32_t h)
{
    strbuf_printf(out, "<a xmlns='" XMPP_NS_SM "' h='%u'/>", h);
}

void sm_stanza_count_too_high(struct strbuf *out, uint32_t h, uint32_t sent)
{
    strbuf_printf(out,
                  "<stream:error><undefined-condition xmlns='" XMPP_NS_STREAM_ERRORS "'/>"
                  "<handled-count-too-high xmlns='" XMPP_NS_SM "' h='%u' send-count='%u'/>"
                  "</stream:error>",
                  h, sent);
}
