/* SPDX-License-Identifier: Apache-2.0 */
/* Connections of clients over real loopback sockets with TLS: the whole negotiation, and
 * what ends it early. One thread turns the server and plays the client. */
#include "tests/support/unit.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/cleanup.h"
#include "base/listener.h"
#include "base/pool.h"
#include "base/strbuf.h"
#include "base/tlsctx.h"
#include "node/auth/credentials.h"
#include "node/auth/guessing.h"
#include "node/xmpp/c2s.h"
#include "node/xmpp/xmpp_metrics.h"
#include "proto/auth/verifier_record.h"
#include "tests/support/imworld.h"
#include "tests/support/scram_client.h"
#include "tests/support/testcert.h"

#define HEADER                                                                                 \
    "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' "    \
    "to='" IMWORLD_DOMAIN "' version='1.0' xml:lang='en'>"
#define STARTTLS "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"
#define SASL     "xmlns='urn:ietf:params:xml:ns:xmpp-sasl'"
#define BIND     "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>x</resource></bind>"
#define PING     "<ping xmlns='urn:xmpp:ping'/>"

enum { STANZA_MAX = 20000, SIGN_IN_MAX = 10000 };

static const struct c2s_limits limits = {.sign_in_ms = 20000,
                                         .sign_in_stanza_max = SIGN_IN_MAX,
                                         .stanza_max = STANZA_MAX,
                                         .rate = 1 << 20,
                                         .burst = 1 << 20};

static struct imworld world;
static struct xmpp_metrics metrics;
static struct pool *pool;
static struct credentials *credentials;
static struct credentials_desk *desk;
static struct guessing *guessing;
static struct testcert certificate;
static struct tlsctx *tls;
static struct c2s_service *service;
static struct listener *listener;
static SSL_CTX *client_tls;
static bool is_direct_tls, is_closed;
static unsigned ended_count;

/* ---- The server ----------------------------------------------------------------------- */

static void c2s_test_ended(void *arg)
{
    (void)arg;
    ended_count++;
}

static void c2s_test_came(int fd, const struct sockaddr_storage *peer, void *arg)
{
    (void)arg;
    c2s_open(service, fd, peer, is_direct_tls, c2s_test_ended, NULL);
}

static void c2s_test_closed(void *arg)
{
    (void)arg;
    is_closed = true;
}

static void set_password(const char *user, const char *password)
{
    static const uint8_t salts[VERIFIER_RECORD_SALTS_SIZE] = {1, 2, 3};
    struct verifier_record_set set;
    Store__UserPut put = STORE__USER_PUT__INIT;
    Store__Command command = STORE__COMMAND__INIT;
    assert_int_equal(
        verifier_record_derive(span_text(password), SCRAM_VERIFIER_ALL, 4096, salts, &set), 0);
    put.mode = STORE__USER_PUT__MODE__REPLACE;
    put.user = (char *)(uintptr_t)user;
    put.verifiers = set.pointers;
    put.n_verifiers = set.count;
    command.body_case = STORE__COMMAND__BODY_USER_PUT;
    command.user_put = &put;
    imworld_commit(&world, &command);
    assert_int_equal(world.outcome, STORE__RESULT__OUTCOME__DONE);
}

static int c2s_setup(void **state)
{
    struct strbuf why = {0};
    (void)state;
    imworld_make(&world);
    xmpp_metrics_init(&metrics);
    set_password("alice@" IMWORLD_DOMAIN, "secret");
    assert_int_equal(pool_new(1, 8, &pool), 0);
    assert_int_equal(credentials_new(world.replica, pool, &credentials), 0);
    desk = credentials_desk_new(credentials, world.loops[0]);
    guessing = guessing_new();
    testcert_make(&certificate, IMWORLD_DOMAIN, 3600);
    const struct tlsctx_config config = {.cert_file = certificate.cert_file,
                                         .key_file = certificate.key_file,
                                         .alpn = {"xmpp-client"},
                                         .session_id_context = "test"};
    assert_int_equal(tlsctx_new(&config, &tls, &why), 0);
    const struct c2s_config c2s = {.loop = world.loops[0],
                                   .im = world.im,
                                   .domain = IMWORLD_DOMAIN,
                                   .starttls = tls,
                                   .direct_tls = tls,
                                   .sign_in = {.loop = world.loops[0],
                                               .desk = desk,
                                               .guessing = guessing,
                                               .domain = IMWORLD_DOMAIN,
                                               .metrics = &metrics},
                                   .limits = limits};
    service = c2s_service_open(&c2s);
    is_direct_tls = is_closed = false;
    ended_count = 0;
    assert_int_equal(
        listener_open(world.loops[0], "127.0.0.1", 0, NULL, c2s_test_came, NULL, &listener), 0);
    client_tls = SSL_CTX_new(TLS_client_method());
    return 0;
}

static int c2s_teardown(void **state)
{
    (void)state;
    SSL_CTX_free(client_tls);
    listener_close(listener);
    c2s_service_close(service, c2s_test_closed, NULL);
    IMWORLD_UNTIL(&world, is_closed);
    imworld_remove(&world);
    guessing_free(guessing);
    credentials_desk_free(desk);
    credentials_free(credentials);
    pool_free(pool);
    tlsctx_free(tls);
    testcert_remove(&certificate);
    return 0;
}

/* ---- The client ----------------------------------------------------------------------- */

struct caller {
    int fd;
    SSL *ssl;
    struct strbuf in;
    size_t read;
    bool is_ended;
};

static void caller_connect(struct caller *c)
{
    const struct sockaddr_in at = {.sin_family = AF_INET,
                                   .sin_port = htons(listener_port(listener)),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    *c = (struct caller){.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    assert_int_equal(connect(c->fd, (const struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(fcntl(c->fd, F_SETFL, O_NONBLOCK), 0);
}

static void caller_send(struct caller *c, const char *text)
{
    const size_t size = strlen(text);
    const uint64_t deadline_ms = monoclock_ms() + IMWORLD_DEADLINE_MS;
    for (size_t at = 0; at < size;) {
        const ssize_t n = c->ssl ? SSL_write(c->ssl, text + at, (int)(size - at))
                                 : send(c->fd, text + at, size - at, MSG_NOSIGNAL);
        if (n > 0)
            at += (size_t)n;
        imworld_turn(&world);
        assert_true(monoclock_ms() < deadline_ms);
    }
}

/* Takes what is there. */
static void caller_take(struct caller *c)
{
    char bytes[4096];
    imworld_turn(&world);
    const ssize_t n =
        c->ssl ? SSL_read(c->ssl, bytes, sizeof(bytes)) : recv(c->fd, bytes, sizeof(bytes), 0);
    if (n > 0)
        strbuf_add(&c->in, span_of(bytes, (size_t)n));
    else if (c->ssl ? SSL_get_error(c->ssl, (int)n) != SSL_ERROR_WANT_READ
                    : n == 0 || (errno != EAGAIN && errno != EWOULDBLOCK))
        c->is_ended = true;
}

static void caller_wants(struct caller *c, const char *text)
{
    const uint64_t deadline_ms = monoclock_ms() + IMWORLD_DEADLINE_MS;
    for (;;) {
        const char *found = c->in.size > c->read ? strstr(c->in.data + c->read, text) : NULL;
        if (found) {
            c->read = (size_t)(found - c->in.data) + strlen(text);
            return;
        }
        if (c->is_ended || monoclock_ms() > deadline_ms)
            fail_msg("in vain: %s\nin: %s", text,
                     c->in.size > c->read ? c->in.data + c->read : "");
        caller_take(c);
    }
}

static void caller_wants_end(struct caller *c)
{
    const uint64_t deadline_ms = monoclock_ms() + IMWORLD_DEADLINE_MS;
    while (!c->is_ended && monoclock_ms() < deadline_ms)
        caller_take(c);
    if (!c->is_ended)
        fail_msg("still open, after: %s", c->in.size > c->read ? c->in.data + c->read : "");
}

static void caller_secure(struct caller *c)
{
    const uint64_t deadline_ms = monoclock_ms() + IMWORLD_DEADLINE_MS;
    int rc = 0;
    c->ssl = SSL_new(client_tls);
    assert_int_equal(SSL_set_fd(c->ssl, c->fd), 1);
    while ((rc = SSL_connect(c->ssl)) != 1) {
        imworld_turn(&world);
        const int error = SSL_get_error(c->ssl, rc);
        assert_true(error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE);
        assert_true(monoclock_ms() < deadline_ms);
    }
}

/* Up to the features under TLS. */
static void caller_begin(struct caller *c)
{
    caller_connect(c);
    caller_send(c, HEADER);
    caller_wants(c, "<required/></starttls>");
    caller_wants(c, "</stream:features>");
    caller_send(c, STARTTLS);
    caller_wants(c, "<proceed ");
    caller_wants(c, ">");
    caller_secure(c);
    caller_send(c, HEADER);
    caller_wants(c, "</stream:features>");
}

static void caller_plain(struct caller *c, const char *password)
{
    CLEANUP(strbuf_done) struct strbuf message = {0}, text = {0};
    strbuf_add(&message, SPAN("\0alice\0"));
    strbuf_add_text(&message, password);
    strbuf_add_text(&text, "<auth " SASL " mechanism='PLAIN'>");
    base64_encode(&text, strbuf_span(&message));
    strbuf_add_text(&text, "</auth>");
    caller_send(c, text.data);
}

static void caller_sign_in(struct caller *c)
{
    caller_begin(c);
    caller_plain(c, "secret");
    caller_wants(c, "<success ");
    caller_send(c, HEADER "<iq type='set' id='b'>" BIND "</iq>");
    caller_wants(c, "<jid>alice@" IMWORLD_DOMAIN "/x</jid>");
    caller_wants(c, "</iq>");
}

static void caller_leave(struct caller *c)
{
    SSL_free(c->ssl);
    (void)close(c->fd);
    strbuf_done(&c->in);
    IMWORLD_UNTIL(&world, c2s_service_count(service) == 0);
    assert_true(ended_count > 0);
}

/* ---- Tests ---------------------------------------------------------------------------- */

static void the_whole_way(void **state)
{
    struct caller c;
    (void)state;
    caller_sign_in(&c);
    caller_send(&c, "<iq type='get' id='p'>" PING "</iq>");
    caller_wants(&c, "id='p'");
    caller_send(&c, "<presence/><message to='alice@" IMWORLD_DOMAIN
                    "'><body>to myself</body></message>");
    caller_wants(&c, "<body>to myself</body>");
    caller_send(&c, "</stream:stream>");
    caller_wants(&c, "</stream:stream>");
    caller_wants_end(&c);
    caller_leave(&c);
}

static void direct_tls(void **state)
{
    struct caller c;
    (void)state;
    is_direct_tls = true;
    caller_connect(&c);
    caller_secure(&c);
    caller_send(&c, HEADER);
    caller_wants(&c, "<mechanisms ");
    caller_wants(&c, "<max-bytes>10000</max-bytes>");
    caller_plain(&c, "secret");
    caller_wants(&c, "<success ");
    caller_send(&c, HEADER);
    caller_wants(&c, "<bind ");
    caller_wants(&c, "<max-bytes>20000</max-bytes>");
    caller_leave(&c);
}

/* CVE-2011-0411 and its kind: what stands behind <starttls/> in the clear is not obeyed. */
static void nothing_is_smuggled_into_tls(void **state)
{
    struct caller c;
    (void)state;
    caller_connect(&c);
    caller_send(&c, HEADER);
    caller_wants(&c, "</stream:features>");
    caller_send(&c, STARTTLS HEADER "<auth " SASL " mechanism='SMUGGLED'>AGEAYg==</auth>");
    caller_wants(&c, "<proceed ");
    caller_wants(&c, ">");
    caller_secure(&c);
    caller_send(&c, HEADER);
    caller_wants(&c, "</stream:features>");
    caller_plain(&c, "secret");
    caller_wants(&c, "<success ");
    assert_null(strstr(c.in.data, "failure"));
    caller_leave(&c);
}

static void scram_signs_in(void **state)
{
    struct caller c;
    CLEANUP(strbuf_done) struct strbuf text = {0}, challenge = {0}, final = {0};
    const struct span bare = SPAN("n=alice,r=clientnonce");
    (void)state;
    caller_begin(&c);
    assert_non_null(strstr(c.in.data, "<mechanism>SCRAM-SHA-256-PLUS</mechanism>"));
    assert_non_null(strstr(c.in.data, "tls-server-end-point"));
    strbuf_add_text(&text, "<auth " SASL " mechanism='SCRAM-SHA-256'>");
    base64_encode(&text, SPAN("n,,n=alice,r=clientnonce"));
    strbuf_add_text(&text, "</auth>");
    caller_send(&c, text.data);
    caller_wants(&c, "<challenge " SASL ">");
    const size_t start = c.read;
    caller_wants(&c, "</challenge>");
    const size_t end = c.read - strlen("</challenge>");
    assert_int_equal(base64_decode(&challenge, span_of(c.in.data + start, end - start)), 0);
    scram_client_final(SCRAM_VERIFIER_SHA_256, SPAN("secret"), SPAN("n,,"), SPAN(""), bare,
                       strbuf_span(&challenge), &final);
    strbuf_clear(&text);
    strbuf_add_text(&text, "<response " SASL ">");
    base64_encode(&text, strbuf_span(&final));
    strbuf_add_text(&text, "</response>");
    caller_send(&c, text.data);
    caller_wants(&c, "<success " SASL ">dj"); /* "v=…": the server proves itself */
    caller_leave(&c);
}

static void many_tries_are_normal(void **state)
{
    struct caller c;
    (void)state;
    caller_begin(&c);
    for (int i = 0; i < 7; i++) {
        caller_send(&c, "<auth " SASL " mechanism='SCRAM-MD5'>AA==</auth>");
        caller_wants(&c, "<invalid-mechanism/>");
        caller_wants(&c, "</failure>");
    }
    caller_plain(&c, "wrong");
    caller_wants(&c, "<not-authorized/>");
    caller_wants(&c, "</failure>");
    caller_plain(&c, "secret");
    caller_wants(&c, "<success ");
    caller_leave(&c);

    caller_begin(&c);
    for (int i = 0; i < 16; i++) {
        caller_send(&c, "<auth " SASL " mechanism='SCRAM-MD5'>AA==</auth>");
        caller_wants(&c, "<invalid-mechanism/>");
    }
    caller_wants(&c, "<policy-violation ");
    caller_wants_end(&c);
    caller_leave(&c);
}

/* Where the client stands when it says something wrong. */
enum caller_stage { CALLER_PLAIN, CALLER_SECURED, CALLER_AUTHENTICATED, CALLER_BOUND };

static const struct c2s_fatal {
    const char *name;
    enum caller_stage stage;
    const char *sent;
    size_t filler; /* bytes of x that follow */
    const char *condition;
} fatal[] = {
    {"signing in without TLS", CALLER_PLAIN, "<auth " SASL " mechanism='PLAIN'>AA==</auth>", 0,
     "policy-violation"},
    {"a stanza without TLS", CALLER_PLAIN, "<message/>", 0, "policy-violation"},
    {"a stanza before sign-in", CALLER_SECURED, "<message/>", 0, "not-authorized"},
    {"too much before sign-in", CALLER_SECURED, "<auth " SASL " mechanism='PLAIN'>",
     SIGN_IN_MAX, "policy-violation"},
    {"an endless tag", CALLER_PLAIN, "<starttls ns='", 2UL * SIGN_IN_MAX, "policy-violation"},
    {"another domain after sign-in", CALLER_AUTHENTICATED,
     "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' "
     "to='evil.example' version='1.0'>",
     0, "host-unknown"},
    {"a stanza before bind", CALLER_AUTHENTICATED, HEADER "<message to='bob@d.example'/>", 0,
     "not-authorized"},
    {"too much after sign-in", CALLER_BOUND, "<message><body>", STANZA_MAX, "policy-violation"},
    {"no XML", CALLER_BOUND, "<message></presence>", 0, "not-well-formed"},
    {"an entity", CALLER_BOUND, "<message><body>&lol;</body></message>", 0, "stream:error"},
    {"a comment", CALLER_BOUND, "<!-- hidden -->", 0, "restricted-xml"},
    {"a stanza of no kind", CALLER_BOUND, "<letter/>", 0, "unsupported-stanza-type"},
    {"another's name", CALLER_BOUND, "<message from='bob@d.example'/>", 0, "invalid-from"},
};

static void caller_go(struct caller *c, enum caller_stage stage)
{
    if (stage == CALLER_PLAIN) {
        caller_connect(c);
        caller_send(c, HEADER);
        caller_wants(c, "</stream:features>");
    } else if (stage == CALLER_BOUND) {
        caller_sign_in(c);
    } else {
        caller_begin(c);
    }
    if (stage == CALLER_AUTHENTICATED) {
        caller_plain(c, "secret");
        caller_wants(c, "<success ");
    }
}

static void what_ends_a_stream(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(fatal); i++) {
        const struct c2s_fatal *f = &fatal[i];
        CLEANUP(strbuf_done) struct strbuf text = {0};
        struct caller c;
        strbuf_add_text(&text, f->sent);
        for (size_t x = 0; x < f->filler; x++)
            strbuf_add_byte(&text, 'x');
        caller_go(&c, f->stage);
        const size_t start = c.read;
        caller_send(&c, text.data);
        caller_wants_end(&c);
        if (c.in.size <= start || !strstr(c.in.data + start, f->condition))
            fail_msg("%s: %s", f->name, c.in.size > start ? c.in.data + start : "nothing");
        caller_leave(&c);
    }
}

/* A stanza as large as the limit goes through. */
static void a_stanza_at_the_limit(void **state)
{
    CLEANUP(strbuf_done) struct strbuf text = {0};
    const char *head = "<message to='d.example' id='big'><body>", *tail = "</body></message>";
    struct caller c;
    (void)state;
    strbuf_add_text(&text, head);
    while (text.size < STANZA_MAX - strlen(tail))
        strbuf_add_byte(&text, 'x');
    strbuf_add_text(&text, tail);
    caller_sign_in(&c);
    caller_send(&c, text.data);
    caller_wants(&c, "id='big'"); /* the server itself reads no messages, and says so */
    caller_leave(&c);
}

static void sign_in_takes_too_long(void **state)
{
    struct c2s_limits hasty = limits;
    struct caller c;
    (void)state;
    hasty.sign_in_ms = 50;
    c2s_service_set_limits(service, &hasty);
    caller_connect(&c);
    caller_send(&c, HEADER);
    caller_wants(&c, "<connection-timeout ");
    caller_wants_end(&c);
    caller_leave(&c);
}

static void a_service_that_closes_says_so(void **state)
{
    struct caller c;
    (void)state;
    caller_begin(&c);
    c2s_service_close(service, c2s_test_closed, NULL);
    caller_wants(&c, "<system-shutdown ");
    caller_wants_end(&c);
    IMWORLD_UNTIL(&world, is_closed);
    SSL_free(c.ssl);
    (void)close(c.fd);
    strbuf_done(&c.in);
    const struct c2s_config again = {.loop = world.loops[0], .domain = IMWORLD_DOMAIN};
    service = c2s_service_open(&again); /* for the teardown */
    is_closed = false;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_whole_way, c2s_setup, c2s_teardown),
        cmocka_unit_test_setup_teardown(direct_tls, c2s_setup, c2s_teardown),
        cmocka_unit_test_setup_teardown(nothing_is_smuggled_into_tls, c2s_setup, c2s_teardown),
        cmocka_unit_test_setup_teardown(scram_signs_in, c2s_setup, c2s_teardown),
        cmocka_unit_test_setup_teardown(many_tries_are_normal, c2s_setup, c2s_teardown),
        cmocka_unit_test_setup_teardown(what_ends_a_stream, c2s_setup, c2s_teardown),
        cmocka_unit_test_setup_teardown(a_stanza_at_the_limit, c2s_setup, c2s_teardown),
        cmocka_unit_test_setup_teardown(sign_in_takes_too_long, c2s_setup, c2s_teardown),
        cmocka_unit_test_setup_teardown(a_service_that_closes_says_so, c2s_setup, c2s_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
