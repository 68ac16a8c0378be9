/* SPDX-License-Identifier: Apache-2.0 */
/* TLS context: certificate, key and rules of one kind of listener, replaceable while in use.
 *
 * TLS 1.2 and later, no compression, no renegotiation. Connections keep the context they
 * began with; a reload changes only new ones, and a reload that fails changes nothing.
 * Tickets: stateless, encrypted with keys that all nodes of a cluster share; a ticket is
 * taken up only where key and session id context are the same, so each kind of listener has
 * a context string of its own, or a ticket of one would speak on another. Until
 * tlsctx_tickets_set() a random key serves.
 *
 * Threads: any, for every function; a context outlives the connections made with it only
 * where its owner wants so (they hold what they need). */
#pragma once

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/strbuf.h"

enum { TLSCTX_ALPN_MAX = 4, TLSCTX_TICKET_KEY_SIZE = 80 };

struct tlsctx; /* opaque */

/* Texts are borrowed for the call only. */
struct tlsctx_config {
    const char *cert_file;             /* PEM, leaf first, then the chain */
    const char *key_file;              /* PEM */
    const char *client_ca_file;        /* NULL: no client certificate is asked for */
    const char *alpn[TLSCTX_ALPN_MAX]; /* in our order of liking; NULL ends */
    const char *session_id_context;    /* 1..32 bytes, one a kind of listener */
    bool is_alpn_required; /* a client that offers ALPN, but none of ours, is refused */
};

struct tlsctx_ticket_key {
    uint8_t bytes[TLSCTX_TICKET_KEY_SIZE]; /* name 16, HMAC key 32, AES key 32 */
};

/* Returns 0 and a context that the caller frees, or ERR_TLS with a sentence why. */
int tlsctx_new(const struct tlsctx_config *config, struct tlsctx **ret_ctx,
               struct strbuf *ret_why);
void tlsctx_free(struct tlsctx *t); /* NULL is fine */

/* Reads the files again. On ERR_TLS the old certificate stays in force. */
int tlsctx_reload(struct tlsctx *t, struct strbuf *ret_why);

/* Whether a file differs (mtime, inode, size) from what the last new or reload saw, good or
 * bad: a broken file is reported once, not at every look. */
bool tlsctx_files_changed(struct tlsctx *t);

/* Tickets are made with current and taken up with either; previous may be NULL. */
void tlsctx_tickets_set(struct tlsctx *t, const struct tlsctx_ticket_key *current,
                        const struct tlsctx_ticket_key *previous);

/* When the certificate in force ends: seconds since 1970. */
int64_t tlsctx_not_after(struct tlsctx *t);

/* A new server-side connection object, the caller's. NULL only when memory is out. */
SSL *tlsctx_ssl(struct tlsctx *t);

/* The reasons in OpenSSL's error queue of this thread, appended as text; empties it. */
void tlsctx_errors(struct strbuf *out);
