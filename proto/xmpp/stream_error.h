/* SPDX-License-Identifier: Apache-2.0 */
/* Stream errors: the conditions of RFC 6120, 4.9.3. */
#pragma once

#include "base/strbuf.h"
#include "proto/xml/xml_reader.h"

enum stream_error_condition {
    STREAM_ERROR_BAD_FORMAT,
    STREAM_ERROR_BAD_NAMESPACE_PREFIX,
    STREAM_ERROR_CONFLICT,
    STREAM_ERROR_CONNECTION_TIMEOUT,
    STREAM_ERROR_HOST_GONE,
    STREAM_ERROR_HOST_UNKNOWN,
    STREAM_ERROR_IMPROPER_ADDRESSING,
    STREAM_ERROR_INTERNAL_SERVER_ERROR,
    STREAM_ERROR_INVALID_FROM,
    STREAM_ERROR_INVALID_NAMESPACE,
    STREAM_ERROR_INVALID_XML,
    STREAM_ERROR_NOT_AUTHORIZED,
    STREAM_ERROR_NOT_WELL_FORMED,
    STREAM_ERROR_POLICY_VIOLATION,
    STREAM_ERROR_REMOTE_CONNECTION_FAILED,
    STREAM_ERROR_RESET,
    STREAM_ERROR_RESOURCE_CONSTRAINT,
    STREAM_ERROR_RESTRICTED_XML,
    STREAM_ERROR_SEE_OTHER_HOST,
    STREAM_ERROR_SYSTEM_SHUTDOWN,
    STREAM_ERROR_UNDEFINED_CONDITION,
    STREAM_ERROR_UNSUPPORTED_ENCODING,
    STREAM_ERROR_UNSUPPORTED_FEATURE,
    STREAM_ERROR_UNSUPPORTED_STANZA_TYPE,
    STREAM_ERROR_UNSUPPORTED_VERSION,
    STREAM_ERROR_CONDITIONS
};

const char *stream_error_name(enum stream_error_condition condition);

/* What to tell a peer whose XML was refused. */
enum stream_error_condition stream_error_of_reader(enum xml_reader_error error);

/* `<stream:error>…</stream:error>`. text may be NULL; detail is the character data of the
 * condition itself (see-other-host), or SPAN_NONE. */
void stream_error_format(struct strbuf *out, enum stream_error_condition condition,
                         const char *text, struct span detail);
