/* SPDX-License-Identifier: Apache-2.0 */
/* One HTTP connection of either version, server side: bytes in, bytes out.
 *
 * ALPN decides where there is TLS; on plain connections the client preface of HTTP/2
 * ("PRI * HTTP/2.0…", RFC 9113, 3.4) does. Both faces call the same handler (httpmsg.h).
 *
 * Single-threaded, no I/O. The owner feeds received bytes, and whenever `wrote` is called
 * or http_conn_receive() returned, or the transport has drained, fetches and sends. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/strbuf.h"
#include "proto/http/httpmsg.h"

struct http_conn;

/* body_max: bytes of a request's body. alpn: what TLS agreed on, or SPAN_NONE. events is
 * copied. */
struct http_conn *http_conn_new(size_t body_max, struct span alpn,
                                const struct httpmsg_events *events);

/* Cancels what is open. NULL is fine. */
void http_conn_free(struct http_conn *c);

/* Takes bytes. Returns 0; or an error: send what there is to send, then close. */
int http_conn_receive(struct http_conn *c, struct span bytes);

/* Adds a bounded piece of output; call it again when that has been sent. Returns 0, or an
 * error: close. */
int http_conn_fetch(struct http_conn *c, struct strbuf *out);

/* Whether to close once all output has been sent. */
bool http_conn_is_done(const struct http_conn *c);

/* Whether a request is being served; if not, an idle deadline may close. */
bool http_conn_is_busy(const struct http_conn *c);

/* Ends it politely: what is open is answered, nothing new is taken. */
void http_conn_shut(struct http_conn *c);
