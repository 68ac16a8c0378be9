/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a client connection, for c2s (life, reading, negotiation) and c2s_line (its
 * end of the line to the session). The connection's loop only. */
#pragma once

#include "base/strbuf.h"
#include "base/wheel.h"
#include "node/xmpp/allowance.h"
#include "node/xmpp/c2s.h"
#include "proto/xml/xml_reader.h"
#include "proto/xmpp/xmpp_stream.h"

struct bytestream;
struct line;

struct c2s_service {
    struct c2s_config config;
    struct strbuf caps_ver; /* our entity capabilities (XEP-0115) */
    struct c2s *first;      /* all connections */
    uint32_t count;
    bool is_closing;
    void (*closed)(void *arg);
    void *closed_arg;
};

/* Why a connection does not read just now. */
enum c2s_hold {
    C2S_HOLD_ANSWER = 1,  /* sign-in, bind or resume is under way */
    C2S_HOLD_WINDOW = 2,  /* the session has too much uncommitted */
    C2S_HOLD_MAILBOX = 4, /* the session's worker has no room; `held` waits */
    C2S_HOLD_RATE = 8,    /* the peer is ahead of its rate */
};

enum { C2S_MARKS_MAX = 32, C2S_MARK_BYTES = 64 * 1024 };

/* A place in what the session wrote: everything up to seq ends there. */
struct c2s_mark {
    uint64_t seq, end; /* bytes since the beginning */
};

struct c2s {
    struct c2s_service *service;
    struct c2s *next, *former;
    struct bytestream *stream; /* NULL once it is closed */
    struct xml_reader *reader;
    struct xmpp_stream *xmpp;
    struct sign_in *sign_in; /* until signed in */
    struct line *line;       /* from signed in to released */
    struct sockaddr_storage peer;

    struct wheel_timer patience; /* sign-in deadline, later: parking */
    struct wheel_timer later;    /* retry of the mailbox, end of a rate pause */
    struct wheel_timer drain;
    struct xml_reader_event held;
    unsigned holds; /* enum c2s_hold, or-ed */
    struct allowance allowance;
    uint64_t seq_written, seq_drained; /* as numbered by the session */
    uint64_t line_bytes;               /* the session wrote in all */
    struct c2s_mark marks[C2S_MARKS_MAX];
    unsigned mark_first, mark_count; /* a ring, oldest first */
    bool is_bound;
    bool is_orderly; /* the peer closed its stream */
    void (*ended)(void *arg);
    void *ended_arg;
};

/* Sends what is in out, and empties it. */
void c2s_flush(struct c2s *c, struct strbuf *out);

/* Ends the stream with an error. */
void c2s_fail(struct c2s *c, enum stream_error_condition condition, const char *text);

/* Stops reading for a reason; goes on when no other is left. */
void c2s_hold(struct c2s *c, enum c2s_hold why);
void c2s_unhold(struct c2s *c, enum c2s_hold why);

/* Does what the negotiation decided, after sending what it wrote. */
void c2s_carry_out(struct c2s *c, enum xmpp_stream_action action, struct strbuf *out);

/* The socket is closed and the line, where there was one, let go. */
void c2s_free(struct c2s *c);
