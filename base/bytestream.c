/* SPDX-License-Identifier: Apache-2.0 */
#include "base/bytestream.h"

#include <assert.h>
#include <errno.h>
#include <linux/sockios.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/scratchbio.h"

enum {
    BYTESTREAM_SLICE_SIZE = 16384,  /* plain bytes a TLS write takes at a time */
    BYTESTREAM_DRAIN_READS_MAX = 64 /* of what came before the connection broke */
};

/* Output goes pending (plain) -> TLS -> wire -> kernel. A stream ends in steps:
 *
 *     end(rc) -> pending sent -> close_notify sent -> our side shut -> peer's end -> finish
 *     broken(rc) -> what can still be read is handed over ----------------------> finish
 *     abort, limit, deadline ----------------------------------------------------> finish
 *     finish(rc) -> handle closed -> closed(rc) -> freed                                   */
struct bytestream {
    uv_poll_t poll;
    struct loop *loop;
    const struct bytestream_events *events;
    void *arg;
    SSL *ssl;
    struct strbuf pending;
    struct strbuf wire;
    size_t wire_sent;   /* of wire, bytes that the kernel has */
    struct strbuf held; /* TLS input read, but not taken because of a pause */
    size_t output_max;
    struct wheel_timer deadline;
    struct message turn_end;
    int fd;
    int rc;        /* for closed() */
    int broken_rc; /* why sending failed; 0: it did not */
    int polled;    /* events */
    bool is_open;  /* TLS: the handshake is done */
    bool is_turn_end_set;
    bool is_paused, is_eof, is_dirty; /* dirty: output since the last drained() */
    bool is_ending, is_notified, is_lingering, is_finished, is_released;
};

static void stream_settle(struct bytestream *b);

/* ---- the end ---- */

static void stream_free(struct bytestream *b)
{
    if (!b->is_turn_end_set && b->is_released)
        free(b);
}

static void stream_handle_closed(uv_handle_t *handle)
{
    struct bytestream *b = handle->data;
    (void)close(b->fd);
    SSL_free(b->ssl);
    b->ssl = NULL;
    strbuf_done(&b->pending);
    strbuf_done(&b->wire);
    strbuf_done(&b->held);
    b->events->closed(b->rc, b->arg);
    b->is_released = true;
    stream_free(b);
}

static void stream_finish(struct bytestream *b, int rc)
{
    if (b->is_finished)
        return;
    b->is_finished = true;
    b->rc = rc;
    wheel_cancel(loop_wheel(b->loop), &b->deadline);
    uv_close((uv_handle_t *)&b->poll, stream_handle_closed);
}

/* What closed() says when the end did not go its way: 0 promises that all was sent. */
static int stream_end_rc(const struct bytestream *b, int trouble)
{
    const bool is_as_begun = b->is_ending && (b->is_lingering || b->rc != 0);
    return is_as_begun ? b->rc : trouble;
}

static void stream_deadline_passed(struct wheel_timer *t, void *arg)
{
    struct bytestream *b = arg;
    (void)t;
    stream_finish(b, stream_end_rc(b, ERR_TIMEOUT));
}

static void stream_set_deadline(struct bytestream *b, uint64_t after_ms)
{
    wheel_set(loop_wheel(b->loop), &b->deadline, loop_now_ms(b->loop) + after_ms);
}

/* Has the turn's end look at the stream. */
static void stream_call_turn_end(struct bytestream *b)
{
    if (b->is_turn_end_set || b->is_finished)
        return;
    b->is_turn_end_set = true;
    loop_at_turn_end(b->loop, &b->turn_end);
}

/* Begins the orderly end; the first reason counts. */
static void stream_begin_end(struct bytestream *b, int rc)
{
    if (b->is_ending || b->is_finished)
        return;
    b->is_ending = true;
    b->rc = rc;
    if (b->ssl && !b->is_open)
        strbuf_done(&b->pending); /* nobody will ever be able to read it */
    stream_set_deadline(b, BYTESTREAM_CLOSE_MS);
    stream_call_turn_end(b);
}

/* ---- output ---- */

static bool stream_has_wire(const struct bytestream *b)
{
    return b->wire.size > b->wire_sent;
}

/* Hands bytes to the kernel; returns how many it took. */
static size_t stream_send(struct bytestream *b, struct span bytes)
{
    size_t sent = 0;
    while (sent < bytes.size && !b->broken_rc && !b->is_finished) {
        const ssize_t n = send(b->fd, bytes.ptr + sent, bytes.size - sent, MSG_NOSIGNAL);
        if (n >= 0)
            sent += (size_t)n;
        else if (errno == EAGAIN || errno == EWOULDBLOCK)
            break;
        else if (errno != EINTR)
            b->broken_rc = -errno;
    }
    return sent;
}

/* Sends behind what waits already; what the kernel does not take waits too. */
static void stream_add_wire(struct bytestream *b, struct span bytes)
{
    size_t sent = 0;
    if (!stream_has_wire(b))
        sent = stream_send(b, bytes);
    if (!b->broken_rc && sent < bytes.size)
        strbuf_add(&b->wire, span_from(bytes, sent));
}

static void stream_send_wire(struct bytestream *b)
{
    if (stream_has_wire(b))
        b->wire_sent += stream_send(b, span_from(strbuf_span(&b->wire), b->wire_sent));
    if (b->broken_rc || !stream_has_wire(b)) {
        strbuf_done(&b->wire);
        b->wire_sent = 0;
    }
}

/* Takes what TLS wrote to the shared buffer. */
static void stream_take_output(struct bytestream *b)
{
    struct scratchbio *scratch = scratchbio_of(b->loop);
    if (scratch->output.size > 0)
        stream_add_wire(b, strbuf_span(&scratch->output));
    scratchbio_clear(scratch);
}

static void stream_send_pending(struct bytestream *b)
{
    struct span left = strbuf_span(&b->pending);
    if (left.size == 0 || (b->ssl && !b->is_open))
        return;
    if (!b->ssl)
        stream_add_wire(b, left);
    while (b->ssl && left.size > 0 && !b->broken_rc) {
        const struct span slice = span_first(left, BYTESTREAM_SLICE_SIZE);
        ERR_clear_error();
        if (SSL_write(b->ssl, slice.ptr, (int)slice.size) <= 0)
            b->broken_rc = ERR_TLS;
        left = span_from(left, slice.size);
        if (left.size == 0 || scratchbio_of(b->loop)->output.size > SCRATCHBIO_WIRE_SIZE)
            stream_take_output(b);
    }
    if (b->ssl)
        stream_take_output(b);
    strbuf_done(&b->pending);
}

/* ---- input ---- */

static void stream_received(struct bytestream *b, struct span bytes)
{
    if (!b->is_ending && !b->is_finished)
        b->events->received(bytes, b->arg);
}

/* A TLS failure's alert still goes out, and pending output does not. */
static void stream_tls_failed(struct bytestream *b)
{
    b->is_notified = true; /* no close_notify after an alert */
    strbuf_done(&b->pending);
    stream_begin_end(b, ERR_TLS);
}

static void stream_handshake(struct bytestream *b)
{
    ERR_clear_error();
    const int done = SSL_do_handshake(b->ssl);
    const int error = done == 1 ? SSL_ERROR_NONE : SSL_get_error(b->ssl, done);
    stream_take_output(b);
    if (error != SSL_ERROR_NONE) {
        if (error != SSL_ERROR_WANT_READ)
            stream_tls_failed(b);
        return;
    }
    b->is_open = true;
    wheel_cancel(loop_wheel(b->loop), &b->deadline);
    stream_call_turn_end(b); /* writes may wait */
    if (b->events->opened)
        b->events->opened(b->arg);
}

static bool stream_takes_input(const struct bytestream *b)
{
    return !b->is_paused && !b->is_ending && !b->is_finished;
}

static void stream_decrypt(struct bytestream *b, struct scratchbio *scratch)
{
    while (stream_takes_input(b)) {
        ERR_clear_error();
        const int size = SSL_read(b->ssl, scratch->plain, sizeof(scratch->plain));
        if (size > 0) {
            stream_received(b, span_of(scratch->plain, (size_t)size));
            continue;
        }
        const int error = SSL_get_error(b->ssl, size);
        if (error == SSL_ERROR_ZERO_RETURN)
            stream_begin_end(b, UV_EOF);
        else if (error != SSL_ERROR_WANT_READ)
            stream_tls_failed(b);
        break;
    }
    stream_take_output(b);
}

static void stream_feed(struct bytestream *b, struct span bytes)
{
    if (!b->ssl) {
        stream_received(b, bytes);
        return;
    }
    if (b->is_ending)
        return;
    if (b->held.size > 0) { /* it comes first */
        strbuf_add(&b->held, bytes);
        return;
    }
    struct scratchbio *scratch = scratchbio_of(b->loop);
    assert(scratch->input.size == 0); /* a step never runs inside another */
    scratch->input = bytes;
    if (!b->is_open && stream_takes_input(b))
        stream_handshake(b);
    if (b->is_open)
        stream_decrypt(b, scratch);
    if (!b->is_ending && !b->is_finished && scratch->input.size > 0)
        strbuf_add(&b->held, scratch->input);
    scratch->input = SPAN_NONE;
}

/* Reads once. False when there is nothing more to read for now. */
static bool stream_read(struct bytestream *b)
{
    struct scratchbio *scratch = scratchbio_of(b->loop);
    ssize_t size = 0;
    do
        size = recv(b->fd, scratch->wire, sizeof(scratch->wire), 0);
    while (size < 0 && errno == EINTR);

    if (size > 0) {
        stream_feed(b, span_of(scratch->wire, (size_t)size));
        return true;
    }
    if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return false;
    b->is_eof = true;
    if (size == 0)
        stream_begin_end(b, UV_EOF);
    else if (!b->broken_rc)
        b->broken_rc = -errno;
    return false;
}

static void stream_feed_held(struct bytestream *b)
{
    if (b->held.size == 0 || !stream_takes_input(b))
        return;
    CLEANUP(strbuf_done) struct strbuf held = b->held;
    b->held = (struct strbuf){0};
    stream_feed(b, strbuf_span(&held));
}

/* ---- between the events ---- */

static void stream_drain_input(struct bytestream *b)
{
    int reads = 0;
    stream_feed_held(b);
    while (stream_takes_input(b) && !b->is_eof && reads++ < BYTESTREAM_DRAIN_READS_MAX)
        if (!stream_read(b))
            break;
}

/* libuv has stopped watching, and calls any error of the connection EBADF. */
static void stream_poll_failed(struct bytestream *b)
{
    int error = 0;
    socklen_t size = sizeof(error);
    b->polled = 0;
    stream_drain_input(b); /* reading tells the reason behind the last byte */
    if (b->broken_rc)
        return;
    (void)getsockopt(b->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    b->broken_rc = error ? -error : UV_ECONNRESET;
}

static void stream_polled(uv_poll_t *poll, int status, int events)
{
    struct bytestream *b = poll->data;
    if (status < 0)
        stream_poll_failed(b);
    if (events & UV_WRITABLE)
        stream_send_wire(b);
    if (events & UV_READABLE && !b->is_finished)
        (void)stream_read(b);
    stream_settle(b);
}

/* Asks libuv for what the stream waits for now; a call costs it system calls. */
static void stream_poll(struct bytestream *b)
{
    int wanted = 0;
    if (!b->is_eof && (!b->is_paused || b->is_ending))
        wanted |= UV_READABLE;
    if (stream_has_wire(b))
        wanted |= UV_WRITABLE;
    if (wanted == b->polled)
        return;
    b->polled = wanted;
    const int rc =
        wanted ? uv_poll_start(&b->poll, wanted, stream_polled) : uv_poll_stop(&b->poll);
    if (rc < 0)
        stream_finish(b, rc);
}

/* All is sent: one more step towards the end. */
static void stream_end_step(struct bytestream *b)
{
    if (b->is_open && !b->is_notified) {
        b->is_notified = true;
        ERR_clear_error();
        (void)SSL_shutdown(b->ssl);
        stream_take_output(b);
        if (stream_has_wire(b) || b->broken_rc)
            return;
    }
    if (!b->is_lingering) {
        b->is_lingering = true;
        (void)shutdown(b->fd, SHUT_WR);
        stream_set_deadline(b, BYTESTREAM_LINGER_MS);
    }
    if (b->is_eof)
        stream_finish(b, b->rc);
}

static void stream_settle(struct bytestream *b)
{
    if (b->is_finished)
        return;
    if (b->broken_rc) {
        stream_drain_input(b);
        stream_finish(b, stream_end_rc(b, b->broken_rc));
        return;
    }
    const bool is_empty = b->pending.size == 0 && !stream_has_wire(b);
    if (is_empty && b->is_ending)
        stream_end_step(b);
    else if (is_empty && b->is_dirty) {
        b->is_dirty = false;
        if (b->events->drained)
            b->events->drained(b->arg);
    }
    if (b->broken_rc && !b->is_finished)
        stream_finish(b, stream_end_rc(b, b->broken_rc));
    if (!b->is_finished)
        stream_poll(b);
}

static void stream_turn_ended(struct message *self, void *owner)
{
    struct bytestream *b =
        (struct bytestream *)((char *)self - offsetof(struct bytestream, turn_end));
    (void)owner;
    b->is_turn_end_set = false;
    if (b->is_released) {
        stream_free(b);
        return;
    }
    if (b->is_finished)
        return;
    stream_feed_held(b);
    stream_send_pending(b);
    stream_settle(b);
}

static void stream_turn_discarded(struct message *self)
{
    struct bytestream *b =
        (struct bytestream *)((char *)self - offsetof(struct bytestream, turn_end));
    b->is_turn_end_set = false;
    stream_free(b);
}

/* ---- what others call ---- */

int bytestream_open(struct loop *loop, int fd, const struct bytestream_events *events,
                    void *arg, struct bytestream **ret_stream)
{
    assert(events->received && events->closed);
    CLEANUP(mem_release) struct bytestream *b = mem_zeroed(1, sizeof(*b));
    b->loop = loop;
    b->fd = fd;
    b->events = events;
    b->arg = arg;
    b->output_max = BYTESTREAM_OUTPUT_MAX;
    b->deadline.expired = stream_deadline_passed;
    b->deadline.arg = b;
    b->turn_end =
        (struct message){.deliver = stream_turn_ended, .discard = stream_turn_discarded};
    const int rc = uv_poll_init(loop_uv(loop), &b->poll, fd);
    if (rc < 0) {
        (void)close(fd);
        return rc;
    }
    b->poll.data = b;
    stream_poll(b);
    *ret_stream = STEAL(b);
    return 0;
}

int bytestream_start_tls(struct bytestream *b, struct tlsctx *ctx)
{
    if (b->ssl)
        return ERR_INVALID;
    if (b->is_ending || b->is_finished)
        return ERR_CLOSED;
    stream_send_pending(b);
    b->ssl = tlsctx_ssl(ctx);
    if (!b->ssl)
        abort(); /* out of memory */
    BIO *bio = scratchbio_new(scratchbio_of(b->loop));
    SSL_set_bio(b->ssl, bio, bio);
    stream_set_deadline(b, BYTESTREAM_HANDSHAKE_MS);
    stream_call_turn_end(b);
    return 0;
}

void bytestream_write(struct bytestream *b, struct span bytes)
{
    if (b->is_ending || b->is_finished || bytes.size == 0)
        return;
    const size_t queued = b->pending.size + b->wire.size - b->wire_sent;
    if (queued > b->output_max || bytes.size > b->output_max - queued) {
        stream_finish(b, ERR_FULL);
        return;
    }
    strbuf_add(&b->pending, bytes);
    b->is_dirty = true;
    stream_call_turn_end(b);
}

size_t bytestream_queued(const struct bytestream *b)
{
    int in_kernel = 0;
    if (b->is_finished || ioctl(b->fd, SIOCOUTQ, &in_kernel) != 0 || in_kernel < 0)
        in_kernel = 0;
    return b->pending.size + b->wire.size - b->wire_sent + (size_t)in_kernel;
}

void bytestream_set_output_max(struct bytestream *b, size_t size)
{
    b->output_max = size;
}

void bytestream_pause(struct bytestream *b)
{
    b->is_paused = true;
    stream_call_turn_end(b);
}

void bytestream_resume(struct bytestream *b)
{
    b->is_paused = false;
    stream_call_turn_end(b);
}

void bytestream_close(struct bytestream *b)
{
    stream_begin_end(b, 0);
}

void bytestream_abort(struct bytestream *b)
{
    stream_finish(b, UV_ECANCELED);
}

bool bytestream_is_closing(const struct bytestream *b)
{
    return b->is_ending || b->is_finished;
}

SSL *bytestream_tls(struct bytestream *b)
{
    return b->ssl;
}

const char *bytestream_tls_version(const struct bytestream *b)
{
    return b->is_open ? SSL_get_version(b->ssl) : NULL;
}

struct span bytestream_alpn(const struct bytestream *b)
{
    const unsigned char *name = NULL;
    unsigned size = 0;
    if (b->ssl)
        SSL_get0_alpn_selected(b->ssl, &name, &size);
    return name ? span_of(name, size) : SPAN_NONE;
}

int bytestream_exporter(const struct bytestream *b, const char *label, void *out, size_t size)
{
    if (!b->is_open)
        return ERR_TLS;
    /* RFC 9266, 4.2: TLS 1.2 needs the extended master secret. */
    if (SSL_version(b->ssl) < TLS1_3_VERSION && SSL_get_extms_support(b->ssl) != 1)
        return ERR_TLS;
    return SSL_export_keying_material(b->ssl, out, size, label, strlen(label), NULL, 0, 0) == 1
               ? 0
               : ERR_TLS;
}

int bytestream_endpoint_hash(const struct bytestream *b, uint8_t *out)
{
    const X509 *own = b->is_open ? SSL_get_certificate(b->ssl) : NULL;
    int digest_nid = NID_undef;
    if (!own || !OBJ_find_sigid_algs(X509_get_signature_nid(own), &digest_nid, NULL))
        return ERR_TLS;
    if (digest_nid == NID_md5 || digest_nid == NID_sha1)
        digest_nid = NID_sha256; /* RFC 5929, 4.1 */
    const EVP_MD *digest = EVP_get_digestbynid(digest_nid);
    unsigned size = 0;
    if (!digest || X509_digest(own, digest, out, &size) != 1)
        return ERR_TLS; /* a signature without a hash (Ed25519): not defined */
    return (int)size;
}

X509 *bytestream_peer_certificate(const struct bytestream *b)
{
    if (!b->is_open || SSL_get_verify_result(b->ssl) != X509_V_OK)
        return NULL;
    return SSL_get1_peer_certificate(b->ssl);
}
