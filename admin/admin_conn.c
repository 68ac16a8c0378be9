/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/admin_conn.h"

#include <grp.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <unistd.h>

#include "admin/admin_api.h"
#include "admin/admin_health.h"
#include "base/bytestream.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/listener.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/metric.h"
#include "proto/http/http_conn.h"
#include "proto/rpc/rpc_call.h"
#include "proto/rpc/rpc_message.h"

enum {
    FIRST_REQUEST_MS = 15000,            /* from accept to the first whole request */
    IDLE_MS = 300000,                    /* between requests */
    BUSY_MS = 60000,                     /* then look again */
    OUTPUT_HIGH = 512 * 1024,            /* queued bytes beyond which we fetch no more */
    BODY_MAX = RPC_MESSAGE_SIZE_MAX + 5, /* one message and its prefix */
    GROUPS_MAX = 256
};

struct admin_conn {
    struct admin_conn_home *home;
    struct admin_conn *next, **where;
    struct listener *listener;
    struct bytestream *stream;
    struct http_conn *http;
    struct rpc_caller caller;
    struct wheel_timer idle;
    bool is_local;
    bool had_request; /* since the idle timer was set */
    bool is_ending;
};

/* ---- Requests ------------------------------------------------------------------------- */

static void conn_answer_health(struct admin_conn *conn, struct http_exchange *x,
                               struct span only)
{
    CLEANUP(strbuf_done) struct strbuf text = {0};
    const bool is_ready = admin_health_ready(conn->home->api, only, &text);
    const bool is_verbose = httpmsg_has_query(&x->request, "verbose") || !is_ready;
    if (!is_verbose)
        strbuf_clear(&text);
    strbuf_add_text(&text, is_ready ? "ok\n" : "not ready\n");
    httpmsg_answer(x, is_ready ? 200 : 503, "text/plain; charset=utf-8", strbuf_span(&text));
}

static void conn_answer_metrics(struct admin_conn *conn, struct http_exchange *x)
{
    const bool is_open = conn->is_local || conn->home->is_loopback;
    if (!is_open && conn->caller.role < RPC_ROLE_VIEWER) {
        httpmsg_answer(x, 401, "text/plain", SPAN("a viewer's certificate is needed\n"));
        return;
    }
    const struct span accept = httpmsg_find(&x->request, "accept");
    const bool is_openmetrics =
        accept.size > 0 && memmem(accept.ptr, accept.size, "application/openmetrics-text", 28);
    CLEANUP(strbuf_done) struct strbuf text = {0};
    metric_render(&text, is_openmetrics);
    httpmsg_answer(x, 200, is_openmetrics ? METRIC_TYPE_OPENMETRICS : METRIC_TYPE_TEXT,
                   strbuf_span(&text));
}

static void conn_answer_plain(struct admin_conn *conn, struct http_exchange *x)
{
    const struct httpmsg *m = &x->request;
    if (!span_is(m->method, "GET") && !span_is(m->method, "HEAD"))
        httpmsg_answer(x, 405, "text/plain", SPAN("GET only\n"));
    else if (span_is(m->path, "/livez"))
        httpmsg_answer(x, 200, "text/plain", SPAN("ok\n"));
    else if (span_is(m->path, "/readyz") || span_is(m->path, "/healthz"))
        conn_answer_health(conn, x, SPAN_NONE);
    else if (span_has_prefix(m->path, SPAN("/readyz/")))
        conn_answer_health(conn, x, span_from(m->path, sizeof("/readyz/") - 1));
    else if (span_is(m->path, "/metrics"))
        conn_answer_metrics(conn, x);
    else
        httpmsg_answer(x, 404, "text/plain", SPAN("not found\n"));
}

static void conn_requested(struct http_exchange *x, void *arg)
{
    struct admin_conn *conn = arg;
    conn->had_request = true;
    x->user = NULL;
    if (span_has_prefix(httpmsg_find(&x->request, "content-type"), SPAN("application/grpc")))
        rpc_call_begin(conn->home->host, &conn->caller, x);
    else
        conn_answer_plain(conn, x);
}

static void conn_cancelled(struct http_exchange *x, void *arg)
{
    (void)arg;
    rpc_call_cancelled(x);
}

/* ---- The stream ----------------------------------------------------------------------- */

static void conn_end(struct admin_conn *conn)
{
    conn->is_ending = true;
    bytestream_close(conn->stream);
}

/* Moves output from the HTTP connection to the stream, as much as the peer keeps up with. */
static void conn_flush(struct admin_conn *conn)
{
    if (!conn->http || conn->is_ending)
        return;
    CLEANUP(strbuf_done) struct strbuf out = {0};
    int rc = 0;
    while (rc == 0 && bytestream_queued(conn->stream) < OUTPUT_HIGH) {
        strbuf_clear(&out);
        rc = http_conn_fetch(conn->http, &out);
        if (out.size == 0)
            break;
        bytestream_write(conn->stream, strbuf_span(&out));
    }
    if (rc < 0 || http_conn_is_done(conn->http))
        conn_end(conn);
}

static void conn_wrote(void *arg)
{
    conn_flush(arg);
}

static void conn_start_http(struct admin_conn *conn, struct span alpn)
{
    const struct httpmsg_events events = {.requested = conn_requested,
                                          .cancelled = conn_cancelled,
                                          .wrote = conn_wrote,
                                          .arg = conn};
    conn->http = http_conn_new(BODY_MAX, alpn, &events);
}

static void conn_received(struct span bytes, void *arg)
{
    struct admin_conn *conn = arg;
    if (!conn->http)
        conn_start_http(conn, SPAN_NONE);
    const int rc = http_conn_receive(conn->http, bytes);
    conn_flush(conn);
    if (rc < 0 && !conn->is_ending)
        conn_end(conn);
}

static void conn_drained(void *arg)
{
    conn_flush(arg);
}

static void conn_closed(int rc, void *arg)
{
    struct admin_conn *conn = arg;
    struct admin_conn_home *home = conn->home;
    (void)rc;
    conn->is_ending = true;
    http_conn_free(conn->http);
    wheel_cancel(loop_wheel(home->loop), &conn->idle);
    *conn->where = conn->next;
    if (conn->next)
        conn->next->where = conn->where;
    home->count--;
    listener_release(conn->listener);
    free(conn);
    home->ended(home->arg);
}

static void conn_idle_expired(struct wheel_timer *timer, void *arg)
{
    struct admin_conn *conn = arg;
    const bool is_busy = conn->http && http_conn_is_busy(conn->http);
    if (!is_busy && !conn->had_request) {
        conn_end(conn);
        return;
    }
    conn->had_request = false;
    wheel_set(loop_wheel(conn->home->loop), timer,
              loop_now_ms(conn->home->loop) + (is_busy ? BUSY_MS : IDLE_MS));
}

/* ---- Who calls ------------------------------------------------------------------------ */

/* The role stands in the certificate's subject, as its organizational unit. */
static void conn_read_certificate(struct admin_conn *conn)
{
    X509 *certificate = bytestream_peer_certificate(conn->stream);
    conn->caller = (struct rpc_caller){.role = RPC_ROLE_ANYONE};
    (void)snprintf(conn->caller.name, sizeof(conn->caller.name), "anonymous");
    if (!certificate)
        return;
    const X509_NAME *subject = X509_get_subject_name(certificate);
    int at = -1;
    while ((at = X509_NAME_get_index_by_NID(subject, NID_organizationalUnitName, at)) >= 0) {
        const ASN1_STRING *text = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));
        const enum rpc_role role = rpc_table_role_parse(
            span_of(ASN1_STRING_get0_data(text), (size_t)ASN1_STRING_length(text)));
        if (role > conn->caller.role)
            conn->caller.role = role;
    }
    char name[64] = "";
    (void)X509_NAME_get_text_by_NID(subject, NID_commonName, name, sizeof(name));
    (void)snprintf(conn->caller.name, sizeof(conn->caller.name), "CN=%s", name);
    X509_free(certificate);
}

static bool is_in_group(int fd, gid_t primary, gid_t group)
{
    if (group == (gid_t)-1)
        return false;
    gid_t groups[GROUPS_MAX];
    socklen_t size = sizeof(groups);
    if (primary == group)
        return true;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) < 0)
        return false;
    for (size_t i = 0; i < size / sizeof(groups[0]); i++)
        if (groups[i] == group)
            return true;
    return false;
}

/* Whether the process on the other side of the socket may come in. */
static bool conn_read_credentials(const struct admin_conn_home *home, int fd,
                                  struct rpc_caller *ret_caller)
{
    struct ucred peer = {0};
    socklen_t size = sizeof(peer);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
        return false;
    if (peer.uid != 0 && peer.uid != geteuid() && !is_in_group(fd, peer.gid, home->group))
        return false;
    *ret_caller = (struct rpc_caller){.role = RPC_ROLE_ADMIN};
    (void)snprintf(ret_caller->name, sizeof(ret_caller->name), "uid %u", (unsigned)peer.uid);
    return true;
}

gid_t admin_conn_share(const char *socket_path)
{
    const struct group *group = getgrnam("presenced");
    if (!group)
        return (gid_t)-1;
    /* Without the right to do so only root and our own user get in, as the mode says. */
    if (chown(socket_path, (uid_t)-1, group->gr_gid) < 0)
        log_debug("admin: the socket stays with our own group");
    return group->gr_gid;
}

/* ---- Accepting ------------------------------------------------------------------------ */

static void conn_opened(void *arg)
{
    struct admin_conn *conn = arg;
    conn_read_certificate(conn);
    conn_start_http(conn, bytestream_alpn(conn->stream));
}

static const struct bytestream_events conn_events = {
    .opened = conn_opened,
    .received = conn_received,
    .drained = conn_drained,
    .closed = conn_closed,
};

static struct admin_conn *conn_open(struct admin_conn_home *home, struct listener *listener,
                                    int fd)
{
    struct admin_conn *conn = mem_zeroed(1, sizeof(*conn));
    const int rc = bytestream_open(home->loop, fd, &conn_events, conn, &conn->stream);
    if (rc < 0) {
        log_debug("admin: connection not opened", LOG_RC(rc));
        listener_release(listener);
        free(conn);
        return NULL;
    }
    conn->home = home;
    conn->listener = listener;
    conn->next = home->first;
    conn->where = &home->first;
    if (conn->next)
        conn->next->where = &conn->next;
    home->first = conn;
    home->count++;
    conn->idle.expired = conn_idle_expired;
    conn->idle.arg = conn;
    wheel_set(loop_wheel(home->loop), &conn->idle, loop_now_ms(home->loop) + FIRST_REQUEST_MS);
    return conn;
}

void admin_conn_accepted_tcp(int fd, const struct sockaddr_storage *peer, void *arg)
{
    struct admin_conn_home *home = arg;
    (void)peer;
    struct admin_conn *conn = conn_open(home, home->tcp, fd);
    if (conn)
        bytestream_start_tls(conn->stream, home->tls);
}

void admin_conn_accepted_local(int fd, const struct sockaddr_storage *peer, void *arg)
{
    struct admin_conn_home *home = arg;
    (void)peer;
    struct rpc_caller caller;
    if (!conn_read_credentials(home, fd, &caller)) {
        log_warn("admin: refused a process on the admin socket");
        (void)close(fd);
        listener_release(home->local);
        return;
    }
    struct admin_conn *conn = conn_open(home, home->local, fd);
    if (!conn)
        return;
    conn->is_local = true;
    conn->caller = caller;
}

void admin_conn_end_all(struct admin_conn_home *home)
{
    for (struct admin_conn *conn = home->first; conn; conn = conn->next) {
        conn->is_ending = true;
        bytestream_abort(conn->stream);
    }
}
