/* SPDX-License-Identifier: Apache-2.0 */
#include "base/tlsctx.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/entropy.h"
#include "base/err.h"
#include "base/mem.h"

enum { TLSCTX_FILES = 3, TLSCTX_NAME_SIZE = 16, TLSCTX_KEY_SIZE = 32 };

/* What every generation of one context shares. Connections keep their SSL_CTX, which keeps
 * this. */
struct tls_shared {
    atomic_uint ref_count;
    char *alpn[TLSCTX_ALPN_MAX];
    bool is_alpn_required;
    pthread_mutex_t lock;             /* guards the ticket keys */
    struct tlsctx_ticket_key keys[2]; /* current, previous */
    unsigned key_count;
};

struct file_state {
    struct timespec changed;
    ino_t inode;
    off_t size;
};

struct tlsctx {
    char *files[TLSCTX_FILES]; /* certificate, key, client CA or NULL */
    char *session_id_context;
    struct tls_shared *shared;
    pthread_mutex_t lock; /* guards what follows */
    SSL_CTX *current;
    int64_t not_after;
    struct file_state seen[TLSCTX_FILES];
};

static pthread_once_t shared_once = PTHREAD_ONCE_INIT;
static int shared_index; /* written once, before its first use */

static void shared_unref(struct tls_shared *s)
{
    if (atomic_fetch_sub_explicit(&s->ref_count, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < TLSCTX_ALPN_MAX; i++)
        free(s->alpn[i]);
    (void)pthread_mutex_destroy(&s->lock);
    OPENSSL_cleanse(s->keys, sizeof(s->keys));
    free(s);
}

static void shared_released(void *parent, void *ptr, CRYPTO_EX_DATA *data, int index, long argl,
                            void *argp)
{
    (void)parent, (void)data, (void)index, (void)argl, (void)argp;
    if (ptr)
        shared_unref(ptr);
}

static void shared_register(void)
{
    shared_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, shared_released);
    if (shared_index < 0)
        abort();
}

void tlsctx_errors(struct strbuf *out)
{
    const char *separator = "";
    for (unsigned long code = ERR_get_error(); code; code = ERR_get_error()) {
        const char *reason = ERR_reason_error_string(code);
        strbuf_printf(out, "%s%s", separator, reason ? reason : "unnamed TLS error");
        separator = ", ";
    }
    if (separator[0] == '\0')
        strbuf_add_text(out, "no reason given");
}

/* Says which file could not be used and why; for `return`. */
static int tls_refuse_file(const char *file, struct strbuf *ret_why)
{
    strbuf_printf(ret_why, "%s: ", file);
    tlsctx_errors(ret_why);
    return ERR_TLS;
}

static int ticket_cipher(const struct tlsctx_ticket_key *key, const unsigned char *iv,
                         EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int is_making)
{
    unsigned char mac_key[TLSCTX_KEY_SIZE];
    char digest[] = "SHA256";
    memcpy(mac_key, key->bytes + TLSCTX_NAME_SIZE, sizeof(mac_key));
    const unsigned char *aes = key->bytes + TLSCTX_NAME_SIZE + TLSCTX_KEY_SIZE;
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, mac_key, sizeof(mac_key)),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end()};
    const int is_fine = EVP_MAC_CTX_set_params(mac, params) &&
                        EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), NULL, aes, iv, is_making);
    OPENSSL_cleanse(mac_key, sizeof(mac_key));
    return is_fine;
}

/* SSL_CTX_set_tlsext_ticket_key_evp_cb(3): 1 use it, 2 use it and make a new one, 0 unknown
 * key: a full handshake, < 0 failed. */
static int ticket_key_wanted(SSL *ssl, unsigned char *name, unsigned char *iv,
                             EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int is_making)
{
    struct tls_shared *s = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), shared_index);
    struct tlsctx_ticket_key keys[2];
    (void)pthread_mutex_lock(&s->lock);
    memcpy(keys, s->keys, sizeof(keys));
    const unsigned key_count = s->key_count;
    (void)pthread_mutex_unlock(&s->lock);

    int result = 0;
    if (is_making) {
        memcpy(name, keys[0].bytes, TLSCTX_NAME_SIZE);
        result = RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) == 1 &&
                         ticket_cipher(&keys[0], iv, cipher, mac, 1)
                     ? 1
                     : -1;
    }
    for (unsigned i = 0; !is_making && i < key_count && result == 0; i++)
        if (memcmp(name, keys[i].bytes, TLSCTX_NAME_SIZE) == 0)
            result = ticket_cipher(&keys[i], iv, cipher, mac, 0) ? 1 + (int)i : -1;
    OPENSSL_cleanse(keys, sizeof(keys));
    return result;
}

/* RFC 7301: offered is a list of length-prefixed names, which OpenSSL has checked. */
static int alpn_offered(SSL *ssl, const unsigned char **ret_name, unsigned char *ret_size,
                        const unsigned char *offered, unsigned offered_size, void *arg)
{
    const struct tls_shared *s = arg;
    (void)ssl;
    for (size_t i = 0; i < TLSCTX_ALPN_MAX && s->alpn[i]; i++)
        for (unsigned at = 0; at < offered_size; at += 1U + offered[at])
            if (span_is(span_of(offered + at + 1, offered[at]), s->alpn[i])) {
                *ret_name = offered + at + 1;
                *ret_size = offered[at];
                return SSL_TLSEXT_ERR_OK;
            }
    return s->is_alpn_required ? SSL_TLSEXT_ERR_ALERT_FATAL : SSL_TLSEXT_ERR_NOACK;
}

/* A bad client certificate does not end the handshake: who asks for the certificate later
 * gets none (bytestream_peer_certificate()), and a password still works. */
static int client_certificate_checked(int is_good, X509_STORE_CTX *store)
{
    (void)is_good, (void)store;
    return 1;
}

/* Instead of a question on the terminal. */
/* NOLINTNEXTLINE(readability-non-const-parameter): OpenSSL's type */
static int tls_no_password(char *buffer, int size, int is_writing, void *arg)
{
    (void)buffer, (void)size, (void)is_writing, (void)arg;
    return -1;
}

static void tls_set_rules(const struct tlsctx *t, SSL_CTX *ctx)
{
    (void)SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
    (void)SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                       SSL_OP_CIPHER_SERVER_PREFERENCE);
    (void)SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    (void)SSL_CTX_set_cipher_list(ctx, "ECDHE+AESGCM:ECDHE+CHACHA20");
    (void)SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    (void)SSL_CTX_set_session_id_context(ctx, (const unsigned char *)t->session_id_context,
                                         (unsigned)strlen(t->session_id_context));
    (void)SSL_CTX_set_num_tickets(ctx, 1);
    SSL_CTX_set_default_passwd_cb(ctx, tls_no_password);
    if (t->shared->alpn[0])
        SSL_CTX_set_alpn_select_cb(ctx, alpn_offered, t->shared);
    (void)SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, ticket_key_wanted);
    atomic_fetch_add_explicit(&t->shared->ref_count, 1, memory_order_relaxed);
    if (!SSL_CTX_set_ex_data(ctx, shared_index, t->shared))
        abort(); /* out of memory */
}

static int tls_load_files(const struct tlsctx *t, SSL_CTX *ctx, struct strbuf *ret_why)
{
    for (size_t i = 0; i < TLSCTX_FILES; i++)
        if (t->files[i] && access(t->files[i], R_OK) != 0) {
            strbuf_printf(ret_why, "%s: %s", t->files[i], strerrordesc_np(errno));
            return ERR_TLS;
        }
    ERR_clear_error();
    if (SSL_CTX_use_certificate_chain_file(ctx, t->files[0]) != 1)
        return tls_refuse_file(t->files[0], ret_why);
    if (SSL_CTX_use_PrivateKey_file(ctx, t->files[1], SSL_FILETYPE_PEM) != 1)
        return tls_refuse_file(t->files[1], ret_why); /* also: not this certificate's key */
    if (!t->files[2])
        return 0;
    STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(t->files[2]);
    if (!names || SSL_CTX_load_verify_file(ctx, t->files[2]) != 1) {
        sk_X509_NAME_pop_free(names, X509_NAME_free);
        return tls_refuse_file(t->files[2], ret_why);
    }
    SSL_CTX_set_client_CA_list(ctx, names);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, client_certificate_checked);
    return 0;
}

static int64_t certificate_end(const SSL_CTX *ctx)
{
    struct tm end;
    if (ASN1_TIME_to_tm(X509_get0_notAfter(SSL_CTX_get0_certificate(ctx)), &end) != 1)
        return 0;
    return timegm(&end);
}

static void tls_release_ctx(SSL_CTX **ctx)
{
    SSL_CTX_free(*ctx);
}

static int tls_build_ctx(const struct tlsctx *t, SSL_CTX **ret_ctx, struct strbuf *ret_why)
{
    CLEANUP(tls_release_ctx) SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    if (!ctx)
        abort(); /* out of memory */
    tls_set_rules(t, ctx);
    const int rc = tls_load_files(t, ctx, ret_why);
    if (rc < 0)
        return rc;
    *ret_ctx = STEAL(ctx);
    return 0;
}

static void tls_look_at_files(const struct tlsctx *t, struct file_state *ret_states)
{
    for (size_t i = 0; i < TLSCTX_FILES; i++) {
        struct stat st;
        ret_states[i] = (struct file_state){.inode = 0};
        if (t->files[i] && stat(t->files[i], &st) == 0)
            ret_states[i] = (struct file_state){
                .changed = st.st_mtim, .inode = st.st_ino, .size = st.st_size};
    }
}

static char *tls_text_copy(const char *text)
{
    return text ? mem_text(text, strlen(text)) : NULL;
}

static void tls_free_half_made(struct tlsctx **t)
{
    tlsctx_free(*t);
}

int tlsctx_new(const struct tlsctx_config *config, struct tlsctx **ret_ctx,
               struct strbuf *ret_why)
{
    (void)pthread_once(&shared_once, shared_register);
    CLEANUP(tls_free_half_made) struct tlsctx *t = mem_zeroed(1, sizeof(*t));
    t->files[0] = tls_text_copy(config->cert_file);
    t->files[1] = tls_text_copy(config->key_file);
    t->files[2] = tls_text_copy(config->client_ca_file);
    t->session_id_context = tls_text_copy(config->session_id_context);
    (void)pthread_mutex_init(&t->lock, NULL);
    t->shared = mem_zeroed(1, sizeof(*t->shared));
    atomic_init(&t->shared->ref_count, 1);
    (void)pthread_mutex_init(&t->shared->lock, NULL);
    for (size_t i = 0; i < TLSCTX_ALPN_MAX && config->alpn[i]; i++)
        t->shared->alpn[i] = tls_text_copy(config->alpn[i]);
    t->shared->is_alpn_required = config->is_alpn_required;
    entropy_fill(&t->shared->keys[0], sizeof(t->shared->keys[0]));
    t->shared->key_count = 1;
    if (!t->files[0] || !t->files[1] || !t->session_id_context ||
        strlen(t->session_id_context) > SSL_MAX_SID_CTX_LENGTH) {
        strbuf_add_text(ret_why, "certificate, key or session id context is not given");
        return ERR_TLS;
    }

    tls_look_at_files(t, t->seen);
    const int rc = tls_build_ctx(t, &t->current, ret_why);
    if (rc < 0)
        return rc;
    t->not_after = certificate_end(t->current);
    *ret_ctx = STEAL(t);
    return 0;
}

void tlsctx_free(struct tlsctx *t)
{
    if (!t)
        return;
    SSL_CTX_free(t->current);
    shared_unref(t->shared);
    (void)pthread_mutex_destroy(&t->lock);
    for (size_t i = 0; i < TLSCTX_FILES; i++)
        free(t->files[i]);
    free(t->session_id_context);
    free(t);
}

int tlsctx_reload(struct tlsctx *t, struct strbuf *ret_why)
{
    struct file_state states[TLSCTX_FILES];
    tls_look_at_files(t, states); /* before reading: a change meanwhile is seen next time */
    CLEANUP(tls_release_ctx) SSL_CTX *fresh = NULL;
    int rc = tls_build_ctx(t, &fresh, ret_why);
    const int64_t not_after = rc == 0 ? certificate_end(fresh) : 0;
    if (rc == 0 && not_after < (int64_t)time(NULL)) {
        strbuf_printf(ret_why, "%s: the certificate has expired", t->files[0]);
        rc = ERR_TLS;
    }

    (void)pthread_mutex_lock(&t->lock);
    memcpy(t->seen, states, sizeof(states));
    if (rc == 0) {
        SSL_CTX *former = t->current;
        t->current = fresh;
        t->not_after = not_after;
        fresh = former; /* released when we leave */
    }
    (void)pthread_mutex_unlock(&t->lock);
    return rc;
}

static bool tls_is_same_file(const struct file_state *a, const struct file_state *b)
{
    return a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec &&
           a->inode == b->inode && a->size == b->size;
}

bool tlsctx_files_changed(struct tlsctx *t)
{
    struct file_state states[TLSCTX_FILES];
    tls_look_at_files(t, states);

    bool has_changed = false;
    (void)pthread_mutex_lock(&t->lock);
    for (size_t i = 0; i < TLSCTX_FILES; i++)
        has_changed = has_changed || !tls_is_same_file(&states[i], &t->seen[i]);
    (void)pthread_mutex_unlock(&t->lock);
    return has_changed;
}

void tlsctx_tickets_set(struct tlsctx *t, const struct tlsctx_ticket_key *current,
                        const struct tlsctx_ticket_key *previous)
{
    struct tls_shared *s = t->shared;
    (void)pthread_mutex_lock(&s->lock);
    s->keys[0] = *current;
    if (previous)
        s->keys[1] = *previous;
    else
        OPENSSL_cleanse(&s->keys[1], sizeof(s->keys[1]));
    s->key_count = previous ? 2 : 1;
    (void)pthread_mutex_unlock(&s->lock);
}

int64_t tlsctx_not_after(struct tlsctx *t)
{
    (void)pthread_mutex_lock(&t->lock);
    const int64_t not_after = t->not_after;
    (void)pthread_mutex_unlock(&t->lock);
    return not_after;
}

SSL *tlsctx_ssl(struct tlsctx *t)
{
    (void)pthread_mutex_lock(&t->lock);
    SSL *ssl = SSL_new(t->current);
    (void)pthread_mutex_unlock(&t->lock);
    if (ssl)
        SSL_set_accept_state(ssl);
    return ssl;
}
