/* SPDX-License-Identifier: Apache-2.0 */
/* Server side of one HTTP/2 connection: bytes in, bytes out (RFC 9113), over nghttp2.
 *
 * Against floods: streams at a time, the size of a request's head and body, bytes of all
 * bodies together, resets and CONTINUATION frames are limited; a peer beyond the limits
 * gets a stream error where that heals, else the connection ends.
 *
 * Single-threaded, no I/O. Nothing here may be called from within its own events but the
 * answering functions of httpmsg.h. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/strbuf.h"
#include "proto/http/httpmsg.h"

struct h2_session;

enum {
    H2_SESSION_STREAMS_MAX = 64,             /* open at a time */
    H2_SESSION_BODIES_MAX = 8 * 1024 * 1024, /* bytes of request bodies held at a time */
    H2_SESSION_WINDOW = 1024 * 1024,         /* flow control, of each stream */
    H2_SESSION_RESETS_BURST = 200,           /* CVE-2023-44487: then 20 a second */
    H2_SESSION_CONTINUATIONS_MAX = 8,        /* CVE-2024-28182 */
    H2_SESSION_OUTPUT_MAX = 256 * 1024       /* bytes h2_session_fetch() adds at most */
};

/* body_max: bytes of a request's body. events is copied. Queues our SETTINGS. */
struct h2_session *h2_session_new(size_t body_max, const struct httpmsg_events *events);

/* Cancels what is open. NULL is fine. */
void h2_session_free(struct h2_session *s);

/* Takes bytes. Returns 0, or ERR_PROTOCOL: send what there is to send and close. */
int h2_session_receive(struct h2_session *s, struct span bytes);

/* Adds output to out, H2_SESSION_OUTPUT_MAX and a frame at most; call again when that went
 * out. Returns 0 or ERR_PROTOCOL. */
int h2_session_fetch(struct h2_session *s, struct strbuf *out);

/* Whether nothing is to come or go any more: close. */
bool h2_session_is_done(const struct h2_session *s);

/* No new streams from now on (GOAWAY); open ones go on. */
void h2_session_shut(struct h2_session *s);

size_t h2_session_stream_count(const struct h2_session *s);
