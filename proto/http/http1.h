/* SPDX-License-Identifier: Apache-2.0 */
/* Server side of one HTTP/1.1 connection: bytes in, bytes out (RFC 9112).
 *
 * llhttp parses, behind a pre-scan of the head and checks after it, because several forms
 * of request smuggling pass llhttp alone: bare CR or LF, folded lines, empty names, Host
 * missing or twice, odd versions, Transfer-Encoding other than exactly `chunked`.
 *
 * Requests are served one at a time: what is pipelined behind waits in the buffer until the
 * answer has ended. A broken request is answered with its status and the connection ends.
 * Trailers are dropped, upgrades are ignored. Answers carry a Content-Length. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/strbuf.h"
#include "proto/http/httpmsg.h"

struct http1;

/* body_max: bytes of a request's body. events is copied. */
struct http1 *http1_new(size_t body_max, const struct httpmsg_events *events);

/* Cancels what is open. NULL is fine. */
void http1_free(struct http1 *h);

/* Takes bytes. Returns 0, or ERR_PROTOCOL / ERR_TOO_BIG: a last answer is in the output,
 * send it and close. */
int http1_receive(struct http1 *h, struct span bytes);

/* The output so far is added to out and forgotten. */
void http1_fetch(struct http1 *h, struct strbuf *out);

/* Whether to close once the output has been sent. */
bool http1_is_done(const struct http1 *h);

/* Whether a request is being served; reading may pause meanwhile. */
bool http1_is_busy(const struct http1 *h);
