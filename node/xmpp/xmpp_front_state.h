/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of an XMPP front, for the files of this folder that work on it: xmpp_front
 * (life, bind, resume), xmpp_flow (stream management, silence), xmpp_intake (stanzas from
 * the client), xmpp_iq and the iq_* files (requests that are answered here), xmpp_render
 * (stanzas to the client). The user's worker only. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"
#include "base/wheel.h"
#include "proto/xmpp/stream_error.h"

struct im;
struct im_worker;
struct iq_account_change;
struct line;
struct pool;
struct session;
struct session_request;
struct xmpp_metrics;

/* Acknowledgements of one stream (XEP-0198). */
struct xmpp_flow {
    bool is_on;
    bool is_resumable;
    uint64_t counted;          /* inbound stanzas of the session */
    bool is_ack_owed;          /* the client asked; the last answer did not cover everything */
    bool is_asked;             /* we asked; no answer yet */
    struct wheel_timer answer; /* the client's <r/> is answered now, commit or not */
    struct wheel_timer ask;    /* <r/> is due, or its answer overdue */
};

struct xmpp_front {
    struct im *im;
    struct im_worker *worker;
    struct line *line;
    char *user; /* bare address */
    char *lang; /* of the stream; "" when it named none */
    char *address, *tls;
    const struct xmpp_metrics *metrics;
    struct pool *pool;
    struct session *session;                  /* NULL before bind and after the end */
    struct session_request *request;          /* a bind or resume under way */
    struct iq_account_change *account_change; /* a password that is being derived, or NULL */
    bool is_shut; /* the stream is being ended: nothing goes in or out */
    struct xmpp_flow flow;
    struct wheel_timer silence; /* a silent client is asked whether it is there */
};

/* Ends the stream with an error; detaches a session that may be resumed, unless it has
 * ended already. */
void xmpp_front_fail(struct xmpp_front *f, enum stream_error_condition condition,
                     const char *text);
