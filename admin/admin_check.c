/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/admin_check.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "admin/admin_api.h"
#include "admin/admin_hooks.h"
#include "admin/node_config.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/monoclock.h"
#include "base/pool.h"
#include "base/strbuf.h"
#include "presenced/admin/v1/admin.pb-c.h"
#include "replication/replica.h"

enum {
    FINDINGS_MAX = 64,
    CONNECT_MS = 1000, /* to our own ports */
    DAY_SECONDS = 24 * 3600,
    FSYNC_SLOW_MS = 100, /* a synced write: a commit costs as much */
    CLOCK_WARN_MS = 500, /* jump of the wall clock since the start */
    CLOCK_FAIL_MS = 2000,
    FILES_MIN = 4096, /* open files that a server should be allowed */
};

#define PASS PRESENCED__ADMIN__V1__FINDING__STATE__PASS
#define WARN PRESENCED__ADMIN__V1__FINDING__STATE__WARN
#define FAIL PRESENCED__ADMIN__V1__FINDING__STATE__FAIL

struct check {
    struct pool_job job; /* must stay first */
    struct rpc_call *call;
    struct admin_api *api;
    const Presenced__Admin__V1__RunChecksRequest *ask;
    char *domain; /* NULL: not initialised */
    Presenced__Admin__V1__Finding *findings[FINDINGS_MAX];
    size_t count;
};

/* fix may be NULL. Runs where the check has the call on loan, so its arena is ours. */
static void check_found(struct check *c, const char *id,
                        Presenced__Admin__V1__Finding__State state, const char *fix,
                        const char *format, ...) __attribute__((format(printf, 5, 6)));

static void check_found(struct check *c, const char *id,
                        Presenced__Admin__V1__Finding__State state, const char *fix,
                        const char *format, ...)
{
    if (c->count == FINDINGS_MAX)
        return;
    struct arena *arena = &c->call->arena;
    char text[400];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    Presenced__Admin__V1__Finding *finding = arena_zeroed(arena, sizeof(*finding));
    presenced__admin__v1__finding__init(finding);
    finding->id = (char *)(uintptr_t)id;
    finding->family = (char *)(uintptr_t)arena_copy(arena, span_of(id, strcspn(id, "."))).ptr;
    finding->state = state;
    finding->node = (char *)(uintptr_t)c->api->node->name;
    finding->seen = (char *)(uintptr_t)arena_copy(arena, span_text(text)).ptr;
    if (state != PASS && fix)
        finding->fix = (char *)(uintptr_t)fix;
    c->findings[c->count++] = finding;
}

/* ---- config --------------------------------------------------------------------------- */

static void check_config(struct check *c)
{
    const struct node_config *node = c->api->node;
    struct node_config *fresh = NULL;
    CLEANUP(strbuf_done) struct strbuf faults = {0};
    if (node_config_read(node->file, &fresh, &faults) < 0) {
        check_found(c, "config.file", FAIL, "mend the file before the next start", "%.*s",
                    (int)strcspn(faults.data ? faults.data : "", "\n"),
                    faults.data ? faults.data : "");
    } else {
        CLEANUP(strbuf_done) struct strbuf then = {0};
        CLEANUP(strbuf_done) struct strbuf now = {0};
        node_config_print(node, &then);
        node_config_print(fresh, &now);
        if (span_equal(strbuf_span(&then), strbuf_span(&now)))
            check_found(c, "config.file", PASS, NULL, "%s is what is in force", node->file);
        else
            check_found(c, "config.file", WARN, "restart the node when it suits you",
                        "%s has changed since the start", node->file);
    }
    node_config_free(fresh);

    struct stat info;
    if (stat(node->tls.key, &info) == 0 && (info.st_mode & (S_IROTH | S_IWOTH)))
        check_found(c, "config.key_mode", WARN, "chmod o-rwx the key file",
                    "%s can be read by everybody", node->tls.key);
    else
        check_found(c, "config.key_mode", PASS, NULL, "the private key is not public");
}

/* ---- certs ---------------------------------------------------------------------------- */

static void certificate_free(X509 **certificate)
{
    X509_free(*certificate);
}

static void key_free(EVP_PKEY **key)
{
    EVP_PKEY_free(*key);
}

static X509 *certificate_read(const char *path)
{
    FILE *file = fopen(path, "re");
    X509 *certificate = file ? PEM_read_X509(file, NULL, NULL, NULL) : NULL;
    if (file)
        (void)fclose(file);
    return certificate;
}

static EVP_PKEY *key_read(const char *path)
{
    FILE *file = fopen(path, "re");
    EVP_PKEY *key = file ? PEM_read_PrivateKey(file, NULL, NULL, NULL) : NULL;
    if (file)
        (void)fclose(file);
    return key;
}

static void check_expiry(struct check *c, const X509 *certificate)
{
    int days = 0, seconds = 0;
    if (X509_cmp_current_time(X509_get0_notBefore(certificate)) > 0) {
        check_found(c, "certs.not_before", FAIL, "set the clock, or make a new certificate",
                    "the certificate is not valid yet");
        return;
    }
    (void)ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(certificate));
    const char *fix = "renew the certificate; it is taken up without a restart";
    if (days < 0 || seconds < 0)
        check_found(c, "certs.expiry", FAIL, fix, "the certificate has expired");
    else if (days < 1)
        check_found(c, "certs.expiry", FAIL, fix, "the certificate expires within a day");
    else if (days < 7)
        check_found(c, "certs.expiry", WARN, fix, "the certificate expires in %d days", days);
    else
        check_found(c, "certs.expiry", PASS, NULL, "valid for %d days more", days);
}

static void check_certs(struct check *c)
{
    const struct node_config *node = c->api->node;
    CLEANUP(certificate_free) X509 *certificate = certificate_read(node->tls.cert);
    CLEANUP(key_free) EVP_PKEY *key = key_read(node->tls.key);
    if (!certificate || !key) {
        check_found(c, "certs.files", FAIL, "see tls.cert and tls.key in node.yaml",
                    "%s cannot be read as PEM", certificate ? node->tls.key : node->tls.cert);
        return;
    }
    if (X509_check_private_key(certificate, key) == 1)
        check_found(c, "certs.key", PASS, NULL, "the key belongs to the certificate");
    else
        check_found(c, "certs.key", FAIL, "see tls.cert and tls.key in node.yaml",
                    "the key is another certificate's");
    check_expiry(c, certificate);
    if (c->domain) {
        const bool covers = X509_check_host(certificate, c->domain, 0, 0, NULL) == 1;
        check_found(c, "certs.domain", covers ? PASS : FAIL,
                    "make a certificate with the domain in subjectAltName",
                    "the certificate %s %s", covers ? "covers" : "does not cover", c->domain);
    }
}

/* ---- ports ---------------------------------------------------------------------------- */

static void close_socket(const int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
}

static bool socket_address(const char *address, uint16_t port, struct sockaddr_storage *ret,
                           socklen_t *ret_size)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)ret;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)ret;
    *ret = (struct sockaddr_storage){0};
    if (inet_pton(AF_INET, address, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        *ret_size = sizeof(*v4);
        return true;
    }
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    *ret_size = sizeof(*v6);
    return inet_pton(AF_INET6, address, &v6->sin6_addr) == 1;
}

/* Whether somebody accepts there. Returns 0 or an errno. */
static int port_try(const char *address, uint16_t port)
{
    struct sockaddr_storage where;
    socklen_t size = 0;
    if (!socket_address(address, port, &where, &size))
        return EINVAL;
    CLEANUP(close_socket)
    const int fd =
        socket(where.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
    if (fd < 0)
        return errno;
    if (connect(fd, (struct sockaddr *)&where, size) == 0)
        return 0;
    if (errno != EINPROGRESS)
        return errno;
    struct pollfd wait = {.fd = fd, .events = POLLOUT};
    if (poll(&wait, 1, CONNECT_MS) != 1)
        return ETIMEDOUT;
    int result = 0;
    socklen_t result_size = sizeof(result);
    (void)getsockopt(fd, SOL_SOCKET, SO_ERROR, &result, &result_size);
    return result;
}

static void check_port(struct check *c, const char *id, const char *what,
                       const struct node_config_listener *listener, uint16_t port)
{
    if (!listener->is_enabled || port == 0)
        return;
    const int rc = port_try(listener->address, port);
    if (rc == 0)
        check_found(c, id, PASS, NULL, "%s answers on %s port %u", what, listener->address,
                    port);
    else
        check_found(c, id, FAIL, "look for it in the log; ss -ltnp shows who holds the port",
                    "%s does not answer on %s port %u: %s", what, listener->address, port,
                    strerror(rc));
}

static void check_ports(struct check *c)
{
    const struct node_config *node = c->api->node;
    check_port(c, "ports.xmpp", "XMPP", &node->listeners.xmpp,
               (uint16_t)node->listeners.xmpp.port);
    check_port(c, "ports.xmpps", "XMPP over TLS", &node->listeners.xmpps,
               (uint16_t)node->listeners.xmpps.port);
    check_port(c, "ports.admin", "administration", &node->listeners.admin, c->api->admin_port);
}

/* ---- clock, disk, limits -------------------------------------------------------------- */

static void check_clock(struct check *c)
{
    const int64_t wall_ms = (int64_t)(wallclock_us() - c->api->started_us) / 1000;
    const int64_t boot_ms = (int64_t)(monoclock_ms() - c->api->started_ms);
    const int64_t jump_ms = wall_ms > boot_ms ? wall_ms - boot_ms : boot_ms - wall_ms;
    check_found(c, "clock.jump",
                jump_ms > CLOCK_FAIL_MS   ? FAIL
                : jump_ms > CLOCK_WARN_MS ? WARN
                                          : PASS,
                "run a time service such as chrony",
                "the clock has jumped by %lld ms since the start", (long long)jump_ms);
}

static int64_t synced_write_ms(const char *directory)
{
    char path[NODE_CONFIG_PATH_SIZE + 32];
    (void)snprintf(path, sizeof(path), "%s/.check-%ld", directory, (long)getpid());
    CLEANUP(close_socket)
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    static const char page[4096];
    const uint64_t before_ms = monoclock_ms();
    int64_t result = 0;
    if (write(fd, page, sizeof(page)) != (ssize_t)sizeof(page) || fdatasync(fd) != 0)
        result = errno ? -errno : -EIO;
    (void)unlink(path);
    return result < 0 ? result : (int64_t)(monoclock_ms() - before_ms);
}

static void check_disk(struct check *c)
{
    const char *directory = c->api->node->data_dir;
    struct replica_status status;
    replica_status(c->api->replica, &status);
    const bool is_low = status.disk_free < status.free_space_min;
    const bool is_near = status.disk_free < status.free_space_min * 2;
    check_found(c, "disk.free",
                is_low    ? FAIL
                : is_near ? WARN
                          : PASS,
                "free space below data_dir", "%llu MiB free, changes stop below %llu MiB",
                (unsigned long long)status.disk_free >> 20,
                (unsigned long long)status.free_space_min >> 20);

    const int64_t took_ms = synced_write_ms(directory);
    if (took_ms < 0)
        check_found(c, "disk.write", FAIL, "see the owner and mode of data_dir",
                    "%s cannot be written: %s", directory, strerror((int)-took_ms));
    else
        check_found(c, "disk.write", took_ms > FSYNC_SLOW_MS ? WARN : PASS,
                    "each change waits so long: use a faster disk",
                    "a synced write takes %lld ms", (long long)took_ms);

    struct statfs fs;
    const bool is_known = statfs(directory, &fs) == 0;
    if (is_known && (fs.f_type == TMPFS_MAGIC || fs.f_type == NFS_SUPER_MAGIC))
        check_found(c, "disk.kind", WARN, "put data_dir on a local disk", "data_dir is on %s",
                    fs.f_type == TMPFS_MAGIC ? "tmpfs" : "NFS");
    else
        check_found(c, "disk.kind", PASS, NULL, "data_dir is on a disk");
}

static void check_limits(struct check *c)
{
    struct rlimit files = {0};
    (void)getrlimit(RLIMIT_NOFILE, &files);
    check_found(c, "limits.files", files.rlim_cur < FILES_MIN ? WARN : PASS,
                "raise LimitNOFILE in the unit", "%llu open files allowed",
                (unsigned long long)files.rlim_cur);
}

/* ---- raft, node: on the admin loop ---------------------------------------------------- */

static void check_raft(struct check *c)
{
    struct replica_status status;
    replica_status(c->api->replica, &status);
    if (status.is_failed)
        check_found(c, "raft.store", FAIL, "look at the log, mend the disk, start again",
                    "the store has failed");
    check_found(c, "raft.leader", status.is_ready ? PASS : FAIL,
                "wait a moment; then look at the log", "%s",
                status.is_ready ? "there is a leader" : "no leader: changes are refused");
    check_found(c, "raft.cluster", c->domain ? PASS : FAIL,
                "presencectl cluster init --domain DOMAIN", "%s%s",
                c->domain ? "the cluster serves " : "the cluster is not initialised",
                c->domain ? c->domain : "");
}

static void check_node(struct check *c)
{
    static const char *const fix = "look at the log; restart the node if it stays so";
    struct admin_hooks_check rows[ADMIN_HOOKS_CHECKS_MAX] = {0};
    const struct admin_hooks *hooks = c->api->hooks;
    const size_t count =
        hooks->checks ? hooks->checks(rows, ADMIN_HOOKS_CHECKS_MAX, hooks->arg) : 0;
    for (size_t i = 0; i < count; i++)
        check_found(c, "node.health", rows[i].is_ok ? PASS : FAIL, fix, "%s: %s", rows[i].name,
                    rows[i].text[0] ? rows[i].text : "ok");
}

/* ---- Running -------------------------------------------------------------------------- */

static const struct check_family {
    const char *name;
    void (*run)(struct check *c);
    bool is_on_loop; /* asks the node; the others may block */
} families[] = {
    {"raft", check_raft, true},      {"node", check_node, true},
    {"config", check_config, false}, {"certs", check_certs, false},
    {"ports", check_ports, false},   {"clock", check_clock, false},
    {"disk", check_disk, false},     {"limits", check_limits, false},
};
enum { FAMILY_COUNT = sizeof(families) / sizeof(families[0]) };

static bool check_is_wanted(const struct check *c, const char *family)
{
    for (size_t i = 0; i < c->ask->n_families; i++)
        if (strcmp(c->ask->families[i], family) == 0)
            return true;
    return c->ask->n_families == 0;
}

static void check_run_those(struct check *c, bool is_on_loop)
{
    for (size_t i = 0; i < FAMILY_COUNT; i++)
        if (families[i].is_on_loop == is_on_loop && check_is_wanted(c, families[i].name))
            families[i].run(c);
}

static void check_work(struct pool_job *job)
{
    check_run_those((struct check *)(void *)job, false);
}

static void check_worked(struct message *message, void *owner)
{
    struct check *c = (struct check *)(void *)message;
    (void)owner;
    Presenced__Admin__V1__RunChecksResponse answer =
        PRESENCED__ADMIN__V1__RUN_CHECKS_RESPONSE__INIT;
    answer.findings = c->findings;
    answer.n_findings = c->count;
    rpc_call_finish(c->call, &answer.base);
    free(c);
}

static void check_discarded(struct message *message)
{
    free(message);
}

void admin_check_run(struct rpc_call *call, const ProtobufCMessage *request)
{
    const Presenced__Admin__V1__RunChecksRequest *ask = (const void *)request;
    for (size_t i = 0; i < ask->n_families; i++) {
        bool is_known = false;
        for (size_t k = 0; k < FAMILY_COUNT; k++)
            is_known = is_known || strcmp(ask->families[i], families[k].name) == 0;
        if (!is_known) {
            rpc_call_fail(call, RPC_STATUS_INVALID_ARGUMENT,
                          "raft node config certs ports clock disk limits",
                          "there is no check \"%.40s\"", ask->families[i]);
            return;
        }
    }
    struct admin_api *api = admin_api_of(call);
    struct check *c = mem_zeroed(1, sizeof(*c));
    c->job.done = (struct message){.deliver = check_worked, .discard = check_discarded};
    c->job.work = check_work;
    c->job.home = api->loop;
    c->call = call;
    c->api = api;
    c->ask = ask;
    c->domain = (char *)(uintptr_t)admin_api_domain(call);
    check_run_those(c, true);
    const int rc = pool_submit(api->pool, &c->job);
    if (rc < 0) {
        free(c);
        rpc_call_fail(call, RPC_STATUS_RESOURCE_EXHAUSTED, "try again in a moment",
                      "the pool is busy: %s", err_name(rc));
    }
}
