/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/xmpp/stream_error.h"

#include <assert.h>

#include "proto/xml/xml_writer.h"
#include "proto/xmpp/xmpp_ns.h"

static const char *const condition_names[] = {
    [STREAM_ERROR_BAD_FORMAT] = "bad-format",
    [STREAM_ERROR_BAD_NAMESPACE_PREFIX] = "bad-namespace-prefix",
    [STREAM_ERROR_CONFLICT] = "conflict",
    [STREAM_ERROR_CONNECTION_TIMEOUT] = "connection-timeout",
    [STREAM_ERROR_HOST_GONE] = "host-gone",
    [STREAM_ERROR_HOST_UNKNOWN] = "host-unknown",
    [STREAM_ERROR_IMPROPER_ADDRESSING] = "improper-addressing",
    [STREAM_ERROR_INTERNAL_SERVER_ERROR] = "internal-server-error",
    [STREAM_ERROR_INVALID_FROM] = "invalid-from",
    [STREAM_ERROR_INVALID_NAMESPACE] = "invalid-namespace",
    [STREAM_ERROR_INVALID_XML] = "invalid-xml",
    [STREAM_ERROR_NOT_AUTHORIZED] = "not-authorized",
    [STREAM_ERROR_NOT_WELL_FORMED] = "not-well-formed",
    [STREAM_ERROR_POLICY_VIOLATION] = "policy-violation",
    [STREAM_ERROR_REMOTE_CONNECTION_FAILED] = "remote-connection-failed",
    [STREAM_ERROR_RESET] = "reset",
    [STREAM_ERROR_RESOURCE_CONSTRAINT] = "resource-constraint",
    [STREAM_ERROR_RESTRICTED_XML] = "restricted-xml",
    [STREAM_ERROR_SEE_OTHER_HOST] = "see-other-host",
    [STREAM_ERROR_SYSTEM_SHUTDOWN] = "system-shutdown",
    [STREAM_ERROR_UNDEFINED_CONDITION] = "undefined-condition",
    [STREAM_ERROR_UNSUPPORTED_ENCODING] = "unsupported-encoding",
    [STREAM_ERROR_UNSUPPORTED_FEATURE] = "unsupported-feature",
    [STREAM_ERROR_UNSUPPORTED_STANZA_TYPE] = "unsupported-stanza-type",
    [STREAM_ERROR_UNSUPPORTED_VERSION] = "unsupported-version",
};
_Static_assert(sizeof(condition_names) / sizeof(condition_names[0]) == STREAM_ERROR_CONDITIONS,
               "every condition has a name");

const char *stream_error_name(enum stream_error_condition condition)
{
    assert(condition < STREAM_ERROR_CONDITIONS);
    return condition_names[condition];
}

enum stream_error_condition stream_error_of_reader(enum xml_reader_error error)
{
    switch (error) {
    case XML_READER_BAD_PREFIX:
        return STREAM_ERROR_BAD_NAMESPACE_PREFIX;
    case XML_READER_RESTRICTED:
        return STREAM_ERROR_RESTRICTED_XML;
    case XML_READER_BAD_ENCODING:
        return STREAM_ERROR_UNSUPPORTED_ENCODING;
    case XML_READER_BAD_FORMAT:
        return STREAM_ERROR_BAD_FORMAT;
    case XML_READER_TOO_BIG: /* RFC 6120, 13.12: limits are policy */
        return STREAM_ERROR_POLICY_VIOLATION;
    case XML_READER_NOT_WELL_FORMED:
        break;
    }
    return STREAM_ERROR_NOT_WELL_FORMED;
}

void stream_error_format(struct strbuf *out, enum stream_error_condition condition,
                         const char *text, struct span detail)
{
    const char *name = stream_error_name(condition);
    strbuf_printf(out, "<stream:error><%s xmlns='" XMPP_NS_STREAM_ERRORS "'", name);
    if (detail.size > 0) {
        strbuf_add_byte(out, '>');
        xml_writer_text(out, detail);
        strbuf_printf(out, "</%s>", name);
    } else {
        strbuf_add_text(out, "/>");
    }
    if (text) {
        strbuf_add_text(out, "<text xmlns='" XMPP_NS_STREAM_ERRORS "' xml:lang='en'>");
        xml_writer_text(out, span_text(text));
        strbuf_add_text(out, "</text>");
    }
    strbuf_add_text(out, "</stream:error>");
}
