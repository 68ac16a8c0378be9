/* SPDX-License-Identifier: Apache-2.0 */
/* Byte stream: one TCP or unix connection on a loop, plain or TLS (server side).
 *
 * Reading: bytes are handed over as they come, borrowed for the call. Writing: bytes are
 * copied, gathered, and sent when the loop's turn ends, so that many small writes make one
 * TLS record and one packet. The loop's connections share one set of I/O buffers: an idle
 * connection holds none (a TLS session idles at about 14 KB, nearly all of it OpenSSL's).
 * The output queue is bounded: a peer that does not read is cut off (ERR_FULL).
 *
 * Life: open, (start_tls,) writes, then close or abort; or the peer ends it. Either way
 * closed() is called exactly once, on a later turn, and the stream is gone after that. No
 * other event follows a close or abort. When sending fails, what the peer had sent before
 * is still read and handed over first: it may hold acknowledgements.
 *
 * Threads: the loop's own thread only. */
#pragma once

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/loop.h"
#include "base/span.h"
#include "base/tlsctx.h"

struct bytestream; /* opaque */

enum {
    BYTESTREAM_OUTPUT_MAX = 4 << 20, /* bytes; more than any one answer needs */
    BYTESTREAM_CLOSE_MS = 5000,      /* for queued output to go out at a close */
    BYTESTREAM_LINGER_MS = 1000,     /* then for the peer to end its side */
    BYTESTREAM_HANDSHAKE_MS = 15000, /* for the TLS handshake */
    BYTESTREAM_EXPORTER_SIZE = 32,   /* RFC 9266 */
    BYTESTREAM_ENDPOINT_HASH_SIZE_MAX = 64
};

/* Filled in by the owner; borrowed as long as the stream lives. Any may be NULL but
 * received and closed. All may call any function here; none may free the stream. */
struct bytestream_events {
    void (*opened)(void *arg); /* the TLS handshake is done */
    void (*received)(struct span bytes, void *arg);
    void (*drained)(void *arg); /* the output queue became empty: the kernel has it all */
    /* rc 0: we closed it, and the kernel took all that was queued; UV_EOF: the peer did; else
     * why it broke (ERR_FULL: it did not read, ERR_TLS, ERR_TIMEOUT, UV_ECONNRESET ...;
     * UV_ECANCELED: aborted by us). */
    void (*closed)(int rc, void *arg);
};

/* Takes fd over, also on failure (it is closed then). Reading begins at once. events and arg
 * are borrowed until closed(). Returns 0 or a negative error. */
int bytestream_open(struct loop *loop, int fd, const struct bytestream_events *events,
                    void *arg, struct bytestream **ret_stream);

/* Begins the server side of TLS. Output queued before goes out plain first; plain input not
 * read yet is not taken for input of the TLS session's user. Writes made from now on wait
 * for the handshake. */
int bytestream_start_tls(struct bytestream *b, struct tlsctx *ctx);

/* Never fails: trouble is reported by closed(). Ignored after close or abort. */
void bytestream_write(struct bytestream *b, struct span bytes);

/* Bytes not yet taken over by the peer's TCP: our queue and the kernel's. */
size_t bytestream_queued(const struct bytestream *b);

/* Limits the output queue to size bytes instead of BYTESTREAM_OUTPUT_MAX. */
void bytestream_set_output_max(struct bytestream *b, size_t size);

/* Stops and resumes reading. Paused, not even the end of the connection is noticed. */
void bytestream_pause(struct bytestream *b);
void bytestream_resume(struct bytestream *b);

/* Sends what is queued (BYTESTREAM_CLOSE_MS at most), ends our side, waits a moment for the
 * peer's; then closed(0). */
void bytestream_close(struct bytestream *b);

/* Drops the queue and the connection; then closed(UV_ECANCELED). */
void bytestream_abort(struct bytestream *b);

bool bytestream_is_closing(const struct bytestream *b);

/* NULL while plain. Borrowed. */
SSL *bytestream_tls(struct bytestream *b);

/* "TLSv1.3" and so on; NULL while plain or in the handshake. */
const char *bytestream_tls_version(const struct bytestream *b);

/* What ALPN chose; SPAN_NONE when nothing. */
struct span bytestream_alpn(const struct bytestream *b);

/* Keying material (RFC 5705; label "EXPORTER-Channel-Binding" for RFC 9266), no context.
 * Returns 0 or ERR_TLS (plain, in the handshake, or TLS 1.2 without extended master secret,
 * where RFC 9266 forbids it). */
int bytestream_exporter(const struct bytestream *b, const char *label, void *out, size_t size);

/* tls-server-end-point (RFC 5929, 4.1): hash of our certificate. Returns its size in bytes,
 * or ERR_TLS. out has room for BYTESTREAM_ENDPOINT_HASH_SIZE_MAX. */
int bytestream_endpoint_hash(const struct bytestream *b, uint8_t *out);

/* The peer's certificate, verified against the client CA; NULL when it sent none or a bad
 * one. The caller frees it with X509_free(). */
X509 *bytestream_peer_certificate(const struct bytestream *b);
