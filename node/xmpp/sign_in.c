/* SPDX-License-Identifier: Apache-2.0 */
#include "node/xmpp/sign_in.h"

#include "base/arena.h"
#include "base/bytestream.h"
#include "base/cleanup.h"
#include "base/entropy.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/metric.h"
#include "node/auth/credentials.h"
#include "node/auth/guessing.h"
#include "node/xmpp/xmpp_metrics.h"
#include "proto/auth/sasl_exchange.h"
#include "proto/xmpp/xmpp_stream.h"

/* The steps of one try. Whatever ends a step, sign_in_follow() starts the next.
 *
 *     start, next -> follow -> challenged()                     the client's turn
 *                           -> serve -> answered -> follow      the store's turn
 *                           -> succeeded() or refused()
 */
static void sign_in_follow(struct sign_in *s, enum sasl_exchange_action action);
static void sign_in_serve(struct sign_in *s, enum sasl_exchange_action need);
static void sign_in_answered(enum sasl_exchange_action action, void *arg);

struct sign_in {
    const struct sign_in_service *service;
    const struct bytestream *stream;
    struct sockaddr_storage peer;
    const struct sign_in_events *events;
    void *arg;
    struct sasl_exchange exchange;
    struct credentials_check *check;  /* what the store is asked just now */
    struct message later;             /* an event that waits for its turn */
    enum sasl_exchange_action action; /* which it is */
    bool is_later_queued;
    bool is_freed; /* while the event was queued */

    X509 *certificate;
    struct arena identity_arena;
    struct certificate_identity identity;
};

/* ---- Life ---------------------------------------------------------------------------------
 */

static struct channel_binding_set sign_in_bindings(const struct bytestream *stream)
{
    struct channel_binding_set set = {0};
    uint8_t bytes[BYTESTREAM_ENDPOINT_HASH_SIZE_MAX];
    const char *version = bytestream_tls_version(stream);

    if (version && strcmp(version, "TLSv1.3") == 0 &&
        bytestream_exporter(stream, CHANNEL_BINDING_EXPORTER_LABEL, bytes,
                            CHANNEL_BINDING_EXPORTER_SIZE) == 0)
        (void)channel_binding_put(&set, CHANNEL_BINDING_TLS_EXPORTER,
                                  span_of(bytes, CHANNEL_BINDING_EXPORTER_SIZE));
    const int size = bytestream_endpoint_hash(stream, bytes);
    if (size > 0)
        (void)channel_binding_put(&set, CHANNEL_BINDING_TLS_SERVER_END_POINT,
                                  span_of(bytes, (size_t)size));
    return set;
}

static void sign_in_release(struct sign_in *s)
{
    sasl_exchange_done(&s->exchange);
    X509_free(s->certificate);
    arena_done(&s->identity_arena);
    free(s);
}

static void sign_in_later_ran(struct message *message, void *owner);
static void sign_in_later_dropped(struct message *message);

struct sign_in *sign_in_new(const struct sign_in_service *service, struct bytestream *stream,
                            const struct sockaddr_storage *peer,
                            const struct sign_in_events *events, void *arg)
{
    struct sign_in *s = mem_zeroed(1, sizeof(*s));
    *s = (struct sign_in){
        .service = service,
        .stream = stream,
        .peer = *peer,
        .events = events,
        .arg = arg,
        .later = {.deliver = sign_in_later_ran, .discard = sign_in_later_dropped},
        .certificate = bytestream_peer_certificate(stream)};
    if (s->certificate)
        certificate_identity_read(s->certificate, &s->identity_arena, &s->identity);

    struct sasl_exchange_offer offer = {.domain = span_text(service->domain),
                                        .is_tls = bytestream_tls_version(stream) != NULL,
                                        .bindings = sign_in_bindings(stream),
                                        .certificate = s->identity.count ? &s->identity : NULL};
    credentials_offer(service->desk, &offer);
    sasl_exchange_init(&s->exchange, &offer);
    return s;
}

void sign_in_free(struct sign_in *s)
{
    if (!s)
        return;
    credentials_cancel(s->check);
    s->check = NULL;
    s->is_freed = true;
    if (!s->is_later_queued)
        sign_in_release(s);
}

void sign_in_offer(struct sign_in *s, struct xmpp_stream_offer *ret_offer)
{
    *ret_offer = (struct xmpp_stream_offer){.mechanisms = s->exchange.mechanisms,
                                            .mechanism_count = s->exchange.mechanism_count,
                                            .bindings = s->exchange.bindings,
                                            .binding_count = s->exchange.binding_count};
}

/* ---- The store's turn -----------------------------------------------------------------------
 */

static void sign_in_account(const struct sign_in *s, struct strbuf *out)
{
    strbuf_add(out, s->exchange.user);
    strbuf_add_byte(out, '@');
    strbuf_add_text(out, s->service->domain);
}

static void sign_in_serve(struct sign_in *s, enum sasl_exchange_action need)
{
    CLEANUP(strbuf_done) struct strbuf account = {0};
    uint64_t delay_ms = 0;

    sign_in_account(s, &account);
    const int rc = guessing_ask(s->service->guessing, strbuf_span(&account), &s->peer,
                                loop_now_ms(s->service->loop), &delay_ms);
    credentials_cancel(s->check); /* of a try that the client left behind */
    s->check = NULL;
    if (rc == 0) {
        s->check = credentials_serve(s->service->desk, &s->exchange, need, delay_ms,
                                     sign_in_answered, s);
        return;
    }
    /* Too many wrong tries wait before this one. */
    const uint8_t nonce[SASL_EXCHANGE_NONCE_SIZE] = {0};
    const uint64_t question = s->exchange.question;
    sign_in_follow(
        s, need == SASL_EXCHANGE_NEED_CREDENTIALS
               ? sasl_exchange_credentials(&s->exchange, question, SASL_EXCHANGE_UNAVAILABLE,
                                           NULL, nonce)
               : sasl_exchange_verdict(&s->exchange, question, SASL_EXCHANGE_UNAVAILABLE));
}

static void sign_in_answered(enum sasl_exchange_action action, void *arg)
{
    struct sign_in *s = arg;
    s->check = NULL;
    sign_in_follow(s, action);
}

/* ---- What the exchange decided
 * ---------------------------------------------------------------- */

static void sign_in_refuse(struct sign_in *s)
{
    const struct sasl_exchange *x = &s->exchange;
    CLEANUP(strbuf_done) struct strbuf account = {0};

    sign_in_account(s, &account);
    if (x->is_guess)
        guessing_failed(s->service->guessing, strbuf_span(&account), &s->peer,
                        loop_now_ms(s->service->loop));
    metric_add(s->service->metrics->refused, 1);
    log_info("sign_in: refused", LOG_SPAN("user", strbuf_span(&account)),
             LOG_STR("mechanism", x->mechanism),
             LOG_STR("condition", sasl_condition_name(x->condition)), LOG_STR("why", x->why));
    s->events->refused(s->arg, x->condition, x->why, x->is_exhausted);
}

static void sign_in_succeed(struct sign_in *s)
{
    const struct sasl_exchange *x = &s->exchange;
    CLEANUP(strbuf_done) struct strbuf account = {0};

    sign_in_account(s, &account);
    guessing_succeeded(s->service->guessing, strbuf_span(&account), &s->peer,
                       loop_now_ms(s->service->loop));
    metric_add(s->service->metrics->signed_in, 1);
    log_info("sign_in: signed in", LOG_SPAN("user", strbuf_span(&account)),
             LOG_STR("mechanism", x->mechanism),
             LOG_STR("tls", bytestream_tls_version(s->stream)));
    s->events->succeeded(s->arg, strbuf_span(&account),
                         x->output.size ? strbuf_span(&x->output) : SPAN_NONE);
}

/* An event that was decided inside a call of the owner's. */
static void sign_in_later_ran(struct message *message, void *owner)
{
    struct sign_in *s = (struct sign_in *)((char *)message - offsetof(struct sign_in, later));
    (void)owner;

    s->is_later_queued = false;
    if (s->is_freed) {
        sign_in_release(s);
        return;
    }
    if (s->action == SASL_EXCHANGE_CHALLENGE)
        s->events->challenged(s->arg, strbuf_span(&s->exchange.output));
    else if (s->action == SASL_EXCHANGE_SUCCESS)
        sign_in_succeed(s);
    else
        sign_in_refuse(s);
}

static void sign_in_later_dropped(struct message *message)
{
    struct sign_in *s = (struct sign_in *)((char *)message - offsetof(struct sign_in, later));
    s->is_later_queued = false;
    if (s->is_freed)
        sign_in_release(s);
}

static void sign_in_follow(struct sign_in *s, enum sasl_exchange_action action)
{
    switch (action) {
    case SASL_EXCHANGE_WAIT:
        return;
    case SASL_EXCHANGE_NEED_CREDENTIALS:
    case SASL_EXCHANGE_NEED_PLAIN_CHECK:
    case SASL_EXCHANGE_NEED_EXTERNAL:
        sign_in_serve(s, action);
        return;
    case SASL_EXCHANGE_CHALLENGE:
    case SASL_EXCHANGE_SUCCESS:
    case SASL_EXCHANGE_FAILURE:
        break;
    }
    s->action = action;
    if (!s->is_later_queued) {
        s->is_later_queued = true;
        loop_later(s->service->loop, &s->later);
    }
}

void sign_in_start(struct sign_in *s, struct span mechanism, struct span payload)
{
    sign_in_follow(s, sasl_exchange_begin(&s->exchange, mechanism, payload));
}

void sign_in_next(struct sign_in *s, struct span payload)
{
    sign_in_follow(s, sasl_exchange_respond(&s->exchange, payload));
}

void sign_in_abort(struct sign_in *s)
{
    credentials_cancel(s->check);
    s->check = NULL;
    (void)sasl_exchange_abort(&s->exchange); /* the stream has answered it already */
}
