/* SPDX-License-Identifier: Apache-2.0 */
/* Negotiation of a client's stream, the server's side, without input or output
 * (RFC 6120, 4 to 7; XEP-0198 resumption; XEP-0440; XEP-0478).
 *
 *     AWAIT_HEADER -> PLAIN -(starttls)-> AWAIT_TLS -(secured)-> AWAIT_HEADER
 *                  -> SIGN_IN -(success)-> AWAIT_HEADER -> BIND -(bound, resumed)-> READY
 *
 * Events go in, bytes to send come out in `out`, and the returned action says what the
 * owner has to do once it has queued these bytes. Until it has answered an AUTH, BIND or
 * RESUME it hands in no further element. Rules kept here: nothing but STARTTLS before TLS;
 * who has signed in to one domain cannot go on in another; no stanza before a resource is
 * bound. Mechanisms, tries and payloads are proto/auth's: texts pass through as they stand.
 *
 * Pure and single-threaded: time limits (30 s until signed in) are the owner's. */
#pragma once

#include "base/strbuf.h"
#include "proto/auth/sasl_condition.h"
#include "proto/xml/xml_reader.h"
#include "proto/xmpp/stanza_error.h"
#include "proto/xmpp/stream_error.h"

struct xmpp_stream; /* opaque */

/* What is offered at sign-in; all borrowed until the next call of the hook or the end of
 * the stream, whichever is first. */
struct xmpp_stream_offer {
    const char *const *mechanisms; /* in order of preference */
    size_t mechanism_count;
    const char *const *bindings; /* XEP-0440 */
    size_t binding_count;
};

/* Filled by the front end. */
struct xmpp_stream_hooks {
    /* Is this (prepared, lower case) domain ours? */
    bool (*serves)(struct span domain, void *arg);
    /* Mechanisms for the domain on this connection. */
    void (*offer)(struct span domain, struct xmpp_stream_offer *ret_offer, void *arg);
};

struct xmpp_stream_config {
    const struct xmpp_stream_hooks *hooks;
    void *arg;             /* of the hooks */
    struct span domain;    /* `from` of an error to a peer who named no domain of ours */
    bool is_secured;       /* direct TLS */
    size_t sign_in_max;    /* XEP-0478 max-bytes before sign-in … */
    size_t stanza_max;     /* … and after */
    uint32_t idle_seconds; /* XEP-0478, 0: not told */
    struct span caps_ver;  /* XEP-0115 of the server, or SPAN_NONE */
    struct span caps_node;
};

enum xmpp_stream_action {
    XMPP_STREAM_CONTINUE,   /* go on reading */
    XMPP_STREAM_START_TLS,  /* drop unread bytes, restart the reader, start TLS, then
                               xmpp_stream_secured() */
    XMPP_STREAM_AUTH_START, /* mechanism, payload (SPAN_NONE: no initial response) */
    XMPP_STREAM_AUTH_NEXT,  /* payload of a <response/> */
    XMPP_STREAM_AUTH_ABORT, /* forget the exchange; the failure is already answered */
    XMPP_STREAM_RESTART,    /* restart the reader, keep unread bytes */
    XMPP_STREAM_BIND,       /* resource asked for (empty: choose one) */
    XMPP_STREAM_RESUME,     /* previd and h */
    XMPP_STREAM_STANZA,     /* ready: the element is the session's */
    XMPP_STREAM_CLOSE,      /* send out, then close; nothing goes in any more */
};

/* What the last action is about; borrowed from the element. */
struct xmpp_stream_request {
    struct span mechanism;
    struct span payload;  /* base64, as it stands in the element */
    struct span resource; /* as asked, not prepared */
    struct span previd;
    uint32_t h;
};

struct xmpp_stream *xmpp_stream_new(const struct xmpp_stream_config *config);
void xmpp_stream_free(struct xmpp_stream *s);

/* The peer's stream header (XML_READER_OPENED). stream_id: fresh and unguessable. */
enum xmpp_stream_action xmpp_stream_opened(struct xmpp_stream *s,
                                           const struct xml_reader_event *opened,
                                           struct span stream_id, struct strbuf *out);

/* A first-level element. */
enum xmpp_stream_action xmpp_stream_element(struct xmpp_stream *s, struct xml_node *element,
                                            struct strbuf *out);
const struct xmpp_stream_request *xmpp_stream_request(const struct xmpp_stream *s);

/* TLS is up. */
void xmpp_stream_secured(struct xmpp_stream *s);

/* SASL goes on (RFC 6120, 6.4); payloads are base64, ready to be sent. */
void xmpp_stream_challenge(struct xmpp_stream *s, struct span payload, struct strbuf *out);
/* user: prepared bare address of who signed in (copied). payload: empty when there is none. */
enum xmpp_stream_action xmpp_stream_authenticated(struct xmpp_stream *s, struct span user,
                                                  struct span payload, struct strbuf *out);
/* text may be NULL. The peer may try again, unless is_exhausted: then the stream ends. */
enum xmpp_stream_action xmpp_stream_refused(struct xmpp_stream *s,
                                            enum sasl_condition condition, const char *text,
                                            bool is_exhausted, struct strbuf *out);

/* Answers the bind request. */
void xmpp_stream_bound(struct xmpp_stream *s, struct span full_address, struct strbuf *out);
void xmpp_stream_bind_refused(struct xmpp_stream *s, enum stanza_error_condition condition,
                              struct strbuf *out);
/* Answers <resume/>; full_address is the session's. */
void xmpp_stream_resumed(struct xmpp_stream *s, struct span full_address, struct span previd,
                         uint32_t h, struct strbuf *out);
/* has_h: the session is over, but how much of it arrived is known. The peer may bind. */
void xmpp_stream_resume_refused(struct xmpp_stream *s, enum stanza_error_condition condition,
                                bool has_h, uint32_t h, struct strbuf *out);

/* The peer's </stream:stream>: answers it. Also for a connection that is simply gone. */
enum xmpp_stream_action xmpp_stream_ended(struct xmpp_stream *s, struct strbuf *out);

/* Ends the stream with an error, the header first where it has not been sent. text may be
 * NULL. Idempotent. */
enum xmpp_stream_action xmpp_stream_fail(struct xmpp_stream *s,
                                         enum stream_error_condition condition,
                                         const char *text, struct strbuf *out);
/* The same for what the reader refused. */
enum xmpp_stream_action xmpp_stream_reader_failed(struct xmpp_stream *s,
                                                  const struct xml_reader_event *failed,
                                                  struct strbuf *out);
/* see-other-host (RFC 6120, 4.9.3.19): host:port, before sign-in only. */
enum xmpp_stream_action xmpp_stream_redirect(struct xmpp_stream *s, struct span host,
                                             struct strbuf *out);

bool xmpp_stream_is_ready(const struct xmpp_stream *s);
bool xmpp_stream_is_secured(const struct xmpp_stream *s);
bool xmpp_stream_is_authenticated(const struct xmpp_stream *s);
bool xmpp_stream_is_closed(const struct xmpp_stream *s);
/* SPAN_NONE while unknown. */
struct span xmpp_stream_domain(const struct xmpp_stream *s);
struct span xmpp_stream_user(const struct xmpp_stream *s);
struct span xmpp_stream_address(const struct xmpp_stream *s);
/* xml:lang of the header: that of stanzas which name none; SPAN_NONE when it named none. */
struct span xmpp_stream_lang(const struct xmpp_stream *s);
