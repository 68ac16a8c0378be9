/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/unit.h"

#include <sys/stat.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/tlsctx.h"
#include "tests/support/testcert.h"

static struct tlsctx *make_ctx(const struct testcert *c, const char *session_id_context)
{
    CLEANUP(strbuf_done) struct strbuf why = {0};
    struct tlsctx *t = NULL;
    const struct tlsctx_config config = {.cert_file = c->cert_file,
                                         .key_file = c->key_file,
                                         .alpn = {"xmpp-client", "h2"},
                                         .is_alpn_required = true,
                                         .session_id_context = session_id_context};
    assert_int_equal(tlsctx_new(&config, &t, &why), 0);
    return t;
}

/* One handshake in memory, then a byte each way, so that TLS 1.3 tickets arrive too. Returns
 * false when the server refuses. */
static bool shake_hands(SSL *client, SSL *server)
{
    BIO *to_server = NULL;
    BIO *to_client = NULL;
    assert_int_equal(BIO_new_bio_pair(&to_server, 0, &to_client, 0), 1);
    SSL_set_bio(client, to_server, to_server);
    SSL_set_bio(server, to_client, to_client);
    SSL_set_connect_state(client);
    for (int i = 0; i < 20; i++) {
        const int done = SSL_do_handshake(client);
        const int served = SSL_do_handshake(server);
        if (served <= 0 && SSL_get_error(server, served) == SSL_ERROR_SSL)
            return false;
        if (done == 1 && served == 1)
            break;
    }
    char byte = 'x';
    assert_int_equal(SSL_write(server, &byte, 1), 1);
    assert_int_equal(SSL_read(client, &byte, 1), 1);
    return true;
}

/* Connects, offering a session if there is one; hands out the session got. */
static bool visit(struct tlsctx *t, int version, SSL_SESSION **session, bool *ret_is_resumed)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    (void)SSL_CTX_set_max_proto_version(ctx, version);
    SSL *client = SSL_new(ctx);
    SSL *server = tlsctx_ssl(t);
    if (*session)
        assert_int_equal(SSL_set_session(client, *session), 1);
    const bool is_fine = shake_hands(client, server);
    *ret_is_resumed = is_fine && SSL_session_reused(client);
    SSL_SESSION_free(*session);
    *session = is_fine ? SSL_get1_session(client) : NULL;
    (void)SSL_shutdown(client); /* else the session would be marked as bad */
    SSL_free(client);
    SSL_free(server);
    SSL_CTX_free(ctx);
    return is_fine;
}

struct ticket_case {
    const char *name;
    const char *second_context;
    int version;
    char second_current, second_previous; /* key of the second node; 0: none */
    bool is_resumed;
};

static const struct ticket_case tickets[] = {
    {"1.3, same key", "c2s", TLS1_3_VERSION, 'a', 0, true},
    {"1.2, same key", "c2s", TLS1_2_VERSION, 'a', 0, true},
    {"1.3, key is the previous", "c2s", TLS1_3_VERSION, 'b', 'a', true},
    {"1.2, key is the previous", "c2s", TLS1_2_VERSION, 'b', 'a', true},
    {"1.3, other key", "c2s", TLS1_3_VERSION, 'b', 'c', false},
    {"1.2, other key", "c2s", TLS1_2_VERSION, 'b', 0, false},
    {"1.3, other listener's ticket", "link", TLS1_3_VERSION, 'a', 0, false},
    {"1.2, other listener's ticket", "link", TLS1_2_VERSION, 'a', 0, false},
};

static void ticket_on_another_node(void **state)
{
    const struct ticket_case *c = *state;
    struct testcert cert;
    testcert_make(&cert, "a.test", 3600);
    struct tlsctx_ticket_key key;
    struct tlsctx_ticket_key previous;
    struct tlsctx *first = make_ctx(&cert, "c2s");
    struct tlsctx *second = make_ctx(&cert, c->second_context);
    memset(&key, 'a', sizeof(key));
    tlsctx_tickets_set(first, &key, NULL);
    memset(&key, c->second_current, sizeof(key));
    memset(&previous, c->second_previous, sizeof(previous));
    tlsctx_tickets_set(second, &key, c->second_previous ? &previous : NULL);

    SSL_SESSION *session = NULL;
    bool is_resumed = true;
    assert_true(visit(first, c->version, &session, &is_resumed));
    assert_false(is_resumed);
    assert_true(visit(second, c->version, &session, &is_resumed));
    assert_int_equal(is_resumed, c->is_resumed);
    if (c->second_previous && c->is_resumed) { /* the client was given a ticket anew */
        tlsctx_tickets_set(second, &key, NULL);
        assert_true(visit(second, c->version, &session, &is_resumed));
        assert_true(is_resumed);
    }
    SSL_SESSION_free(session);
    tlsctx_free(first);
    tlsctx_free(second);
    testcert_remove(&cert);
}

struct alpn_case {
    const char *name;
    const char *offer; /* wire form */
    unsigned size;
    const char *wanted; /* NULL: refused; "": none chosen */
};

static const struct alpn_case alpns[] = {
    {"ours comes first", "\2h2\13xmpp-client", 15, "xmpp-client"},
    {"the second", "\10http/1.1\2h2", 12, "h2"},
    {"none of ours", "\10http/1.1", 9, NULL},
    {"a prefix is another name", "\4xmpp", 5, NULL},
    {"no offer", "", 0, ""},
};

static void alpn_is_chosen(void **state)
{
    const struct alpn_case *c = *state;
    struct testcert cert;
    testcert_make(&cert, "a.test", 3600);
    struct tlsctx *t = make_ctx(&cert, "c2s");
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL *client = SSL_new(ctx);
    SSL *server = tlsctx_ssl(t);
    if (c->size)
        (void)SSL_set_alpn_protos(client, (const unsigned char *)c->offer, c->size);
    assert_int_equal(shake_hands(client, server), c->wanted != NULL);
    if (c->wanted) {
        const unsigned char *name = NULL;
        unsigned size = 0;
        SSL_get0_alpn_selected(server, &name, &size);
        assert_true(span_is(span_of(name ? (const void *)name : "", size), c->wanted));
    }
    SSL_free(client);
    SSL_free(server);
    SSL_CTX_free(ctx);
    tlsctx_free(t);
    testcert_remove(&cert);
}

/* Who the server says it is now. */
static void assert_serves(struct tlsctx *t, const char *name)
{
    char text[128] = "";
    SSL *server = tlsctx_ssl(t);
    (void)X509_NAME_get_text_by_NID(X509_get_subject_name(SSL_get_certificate(server)),
                                    NID_commonName, text, sizeof(text));
    assert_string_equal(text, name);
    SSL_free(server);
}

static void reload_takes_the_good_and_keeps_the_old(void **state)
{
    (void)state;
    struct testcert cert;
    testcert_make(&cert, "old.test", 3600);
    struct tlsctx *t = make_ctx(&cert, "c2s");
    CLEANUP(strbuf_done) struct strbuf why = {0};
    SSL *before = tlsctx_ssl(t);
    assert_serves(t, "old.test");
    assert_false(tlsctx_files_changed(t));
    assert_true(llabs(tlsctx_not_after(t) - (time(NULL) + 3600)) < 10);

    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *fresh = testcert_sign(key, "new.test", 7200);
    testcert_write(&cert, fresh, NULL); /* the key is still the old one */
    assert_true(tlsctx_files_changed(t));
    assert_int_equal(tlsctx_reload(t, &why), ERR_TLS);
    assert_non_null(strstr(why.data, "key"));
    assert_serves(t, "old.test");
    assert_false(tlsctx_files_changed(t)); /* reported once */

    testcert_write(&cert, NULL, key);
    assert_true(tlsctx_files_changed(t));
    assert_int_equal(tlsctx_reload(t, &why), 0);
    assert_serves(t, "new.test");
    assert_true(tlsctx_not_after(t) > time(NULL) + 7000);

    X509 *expired = testcert_sign(key, "late.test", -60);
    testcert_write(&cert, expired, NULL);
    strbuf_clear(&why);
    assert_int_equal(tlsctx_reload(t, &why), ERR_TLS);
    assert_non_null(strstr(why.data, "expired"));
    assert_serves(t, "new.test");

    assert_int_equal(truncate(cert.cert_file, 100), 0); /* half written */
    assert_int_equal(tlsctx_reload(t, &why), ERR_TLS);
    assert_int_equal(unlink(cert.cert_file), 0);
    strbuf_clear(&why);
    assert_true(tlsctx_files_changed(t));
    assert_int_equal(tlsctx_reload(t, &why), ERR_TLS);
    assert_non_null(strstr(why.data, "No such file"));
    assert_serves(t, "new.test");

    tlsctx_free(t); /* the connection made before still has what it needs */
    assert_non_null(SSL_get_certificate(before));
    SSL_free(before);
    X509_free(fresh);
    X509_free(expired);
    EVP_PKEY_free(key);
    testcert_remove(&cert);
}

static void a_thousand_reloads_leak_nothing(void **state)
{
    (void)state;
    struct testcert cert;
    testcert_make(&cert, "a.test", 3600);
    struct tlsctx *t = make_ctx(&cert, "c2s");
    CLEANUP(strbuf_done) struct strbuf why = {0};
    for (int i = 0; i < 1000; i++)
        assert_int_equal(tlsctx_reload(t, &why), 0);
    tlsctx_free(t);
    testcert_remove(&cert);
}

struct bad_case {
    const char *name;
    const char *cert_file, *key_file, *client_ca_file, *session_id_context, *why;
};

static const struct bad_case bads[] = {
    {"no certificate", NULL, "/dev/null", NULL, "x", "not given"},
    {"no context string", "/dev/null", "/dev/null", NULL, NULL, "not given"},
    {"long context string", "/dev/null", "/dev/null", NULL, "123456789012345678901234567890123",
     "not given"},
    {"missing file", "/nonexistent/cert.pem", "/dev/null", NULL, "x", "/nonexistent/cert.pem"},
    {"empty file", "/dev/null", "/dev/null", NULL, "x", "/dev/null: "},
};

static void bad_config_is_refused_with_a_reason(void **state)
{
    const struct bad_case *c = *state;
    CLEANUP(strbuf_done) struct strbuf why = {0};
    struct tlsctx *t = NULL;
    const struct tlsctx_config config = {.cert_file = c->cert_file,
                                         .key_file = c->key_file,
                                         .client_ca_file = c->client_ca_file,
                                         .session_id_context = c->session_id_context};
    assert_int_equal(tlsctx_new(&config, &t, &why), ERR_TLS);
    assert_null(t);
    assert_non_null(strstr(why.data, c->why));
}

#define ROWS(array, function)                                                                  \
    for (size_t i = 0; i < COUNT_OF(array); i++)                                               \
        tests[count++] = (struct CMUnitTest)                                                   \
        {                                                                                      \
            .name = (array)[i].name, .test_func = (function),                                  \
            .initial_state = (void *)&(array)[i]                                               \
        }

int main(void)
{
    struct CMUnitTest tests[COUNT_OF(tickets) + COUNT_OF(alpns) + COUNT_OF(bads)];
    size_t count = 0;
    ROWS(tickets, ticket_on_another_node);
    ROWS(alpns, alpn_is_chosen);
    ROWS(bads, bad_config_is_refused_with_a_reason);
    const struct CMUnitTest others[] = {
        cmocka_unit_test(reload_takes_the_good_and_keeps_the_old),
        cmocka_unit_test(a_thousand_reloads_leak_nothing),
    };
    tlsctx_free(NULL);
    return cmocka_run_group_tests(tests, NULL, NULL) +
           cmocka_run_group_tests(others, NULL, NULL);
}
