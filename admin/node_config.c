/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/node_config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "admin/node_yaml.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/settings.h"
#include "proto/auth/address.h"

static const char *const kinds[] = {"central", "telephony", NULL};
static const char *const roles[] = {"full", "witness", NULL};
static const char *const levels[] = {"debug", "info", "warn", "error", NULL};
static const char *const formats[] = {"auto", "logfmt", "json", NULL};

#define LISTENER_KEYS(which, port_, what)                                                      \
    SETTINGS_BOOL(struct node_config, listeners.which.is_enabled,                              \
                  "listeners." #which ".enabled", "true", "Whether to listen for " what "."),  \
        SETTINGS_TEXT(struct node_config, listeners.which.address,                             \
                      "listeners." #which ".address", "", "IP address of " what "."),          \
        SETTINGS_U32(struct node_config, listeners.which.port, "listeners." #which ".port",    \
                     port_, "0", "65535", "Port of " what "; 0 lets the kernel choose.")

static const struct settings_key node_keys[] = {
    SETTINGS_TEXT(struct node_config, name, "name", "",
                  "Name of this node, unique in the cluster; required."),
    SETTINGS_CHOICE(struct node_config, kind, "kind", "central", kinds,
                    "Kind of the cluster that this node belongs to."),
    SETTINGS_CHOICE(struct node_config, role, "role", "full", roles,
                    "Whether this node serves clients or only votes."),
    SETTINGS_TEXT(struct node_config, domain, "domain", "",
                  "Domain of the cluster; cluster init must name the same."),
    SETTINGS_TEXT(struct node_config, data_dir, "data_dir", "",
                  "Directory of the store; default /var/lib/presenced/NAME."),
    SETTINGS_TEXT(struct node_config, run_dir, "run_dir", "",
                  "Directory of admin.sock; default /run/presenced/NAME."),
    SETTINGS_TEXT(struct node_config, tls.cert, "tls.cert", "",
                  "PEM file of the certificate that clients see, with its chain; required."),
    SETTINGS_TEXT(struct node_config, tls.key, "tls.key", "",
                  "PEM file of the certificate's private key; required."),
    SETTINGS_TEXT(struct node_config, tls.client_ca, "tls.client_ca", "",
                  "PEM file of the CA that signs users' certificates (SASL EXTERNAL)."),
    SETTINGS_TEXT(struct node_config, tls.admin_ca, "tls.admin_ca", "",
                  "PEM file of the CA that signs administrators' certificates."),
    LISTENER_KEYS(xmpp, "5222", "XMPP with STARTTLS"),
    LISTENER_KEYS(xmpps, "5223", "XMPP with direct TLS"),
    LISTENER_KEYS(admin, "9443", "administration, metrics and health"),
    SETTINGS_CHOICE(struct node_config, log.level, "log.level", "info", levels,
                    "The least that is logged."),
    SETTINGS_CHOICE(struct node_config, log.format, "log.format", "auto", formats,
                    "auto: logfmt on a terminal, else JSON."),
    SETTINGS_U32(struct node_config, limits.workers, "limits.workers", "0", "0", "256",
                 "Worker threads; 0: one a core."),
    SETTINGS_U32(struct node_config, limits.connections_max, "limits.connections_max", "100000",
                 "1", "10000000", "Client connections at a time."),
    SETTINGS_U32(struct node_config, limits.connections_per_address_max,
                 "limits.connections_per_address_max", "1000", "0", "10000000",
                 "Client connections of one address at a time; 0: no limit."),
    SETTINGS_U32(struct node_config, limits.header_seconds, "limits.header_seconds", "60", "5",
                 "600", "Seconds from the connection to the end of sign-in."),
};
static const struct settings_table node_table = {
    .keys = node_keys,
    .key_count = sizeof(node_keys) / sizeof(node_keys[0]),
};

/* ---- What the table cannot say -------------------------------------------------------- */

static bool is_node_name(const char *name)
{
    const size_t size = strlen(name);
    return size > 0 && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == size &&
           name[0] != '-' && name[size - 1] != '-';
}

static bool is_ip_address(const char *text)
{
    uint8_t bytes[16];
    return inet_pton(AF_INET, text, bytes) == 1 || inet_pton(AF_INET6, text, bytes) == 1;
}

/* One address of the list. Returns NULL, or what is wrong. */
static const char *config_add_address(void *arg, struct span text)
{
    struct node_config *config = arg;
    char copy[NODE_CONFIG_ADDRESS_SIZE] = "";
    if (text.size >= sizeof(copy))
        return "is not an IP address";
    memcpy(copy, text.ptr, text.size);
    if (!is_ip_address(copy))
        return "is not an IP address";
    if (config->address_count == NODE_CONFIG_ADDRESSES_MAX)
        return "is one address too many (at most 16)";
    memcpy(config->addresses[config->address_count++], copy, sizeof(copy));
    return NULL;
}

/* A value that its type allows. Returns NULL, or what is wrong with it. */
static const char *config_judge(void *arg, const char *key, const char *value)
{
    (void)arg;
    const size_t size = strlen(key);
    struct address_part part;
    struct span domain;
    if (strcmp(key, "name") == 0 && !is_node_name(value))
        return "is no node name: use a-z, 0-9 and '-', at most 63 of them";
    if (strcmp(key, "domain") == 0 && address_domain(span_text(value), &part, &domain) < 0)
        return "is not a domain";
    if (size > 8 && strcmp(key + size - 8, ".address") == 0 && !is_ip_address(value))
        return "is not an IP address";
    return NULL;
}

static void config_default_path(char *path, const char *above, const char *name)
{
    if (path[0] == '\0')
        (void)snprintf(path, NODE_CONFIG_PATH_SIZE, "%s/%s", above, name);
}

static void config_complete(struct node_config *config)
{
    struct node_config_listener *clients[] = {&config->listeners.xmpp,
                                              &config->listeners.xmpps};
    config_default_path(config->data_dir, "/var/lib/presenced", config->name);
    config_default_path(config->run_dir, "/run/presenced", config->name);
    for (size_t i = 0; i < 2; i++)
        if (clients[i]->address[0] == '\0')
            memcpy(clients[i]->address, config->addresses[0], NODE_CONFIG_ADDRESS_SIZE);
    /* Administration stays on this machine unless node.yaml says otherwise. */
    if (config->listeners.admin.address[0] == '\0')
        (void)snprintf(config->listeners.admin.address, NODE_CONFIG_ADDRESS_SIZE, "%s",
                       strncmp(config->addresses[0], "127.", 4) == 0 ? config->addresses[0]
                                                                     : "127.0.0.1");
}

static void config_release(struct node_config **config)
{
    node_config_free(*config);
}

int node_config_parse(const char *file, struct span text, struct node_config **ret_config,
                      struct strbuf *ret_faults)
{
    CLEANUP(config_release) struct node_config *config = mem_zeroed(1, sizeof(*config));
    settings_reset(&node_table, config);
    (void)snprintf(config->file, sizeof(config->file), "%s", file);

    static const char *const required[] = {"name", "addresses", "tls.cert", "tls.key", NULL};
    const struct node_yaml schema = {
        .table = &node_table,
        .values = config,
        .list_key = "addresses",
        .add_item = config_add_address,
        .judge = config_judge,
        .required = required,
        .faults_max = NODE_CONFIG_FAULTS_MAX,
    };
    const int rc = node_yaml_read(&schema, file, text, ret_faults);
    if (rc < 0)
        return rc;
    config_complete(config);
    *ret_config = STEAL(config);
    return 0;
}

static void close_file(const int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
}

int node_config_read(const char *file, struct node_config **ret_config,
                     struct strbuf *ret_faults)
{
    CLEANUP(close_file) const int fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        const int rc = -errno;
        strbuf_printf(ret_faults, "%s: %s\n", file, strerror(-rc));
        return rc;
    }
    CLEANUP(strbuf_done) struct strbuf text = {0};
    for (;;) {
        char *room = strbuf_reserve(&text, 4096);
        const ssize_t size = read(fd, room, 4096);
        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0) {
            const int rc = -errno;
            strbuf_printf(ret_faults, "%s: %s\n", file, strerror(-rc));
            return rc;
        }
        if (size == 0)
            break;
        text.size += (size_t)size;
        text.data[text.size] = '\0';
        if (text.size > NODE_CONFIG_FILE_MAX) {
            strbuf_printf(ret_faults, "%s: larger than %d bytes\n", file,
                          (int)NODE_CONFIG_FILE_MAX);
            return ERR_TOO_BIG;
        }
    }
    return node_config_parse(file, strbuf_span(&text), ret_config, ret_faults);
}

void node_config_free(struct node_config *config)
{
    free(config);
}

/* ---- Printing ------------------------------------------------------------------------- */

static void print_text(struct strbuf *out, const char *text)
{
    strbuf_add_byte(out, '"');
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            strbuf_add_byte(out, '\\');
        strbuf_add_byte(out, *text);
    }
    strbuf_add_byte(out, '"');
}

/* Opens the sections that lead to a key; returns its last word. The table keeps the keys of
 * a section together. */
static const char *print_sections(struct strbuf *out, const char *former, const char *name,
                                  int *ret_depth)
{
    int depth = 0;
    bool is_same = true;
    const char *dot;
    while ((dot = strchr(name, '.'))) {
        const size_t size = (size_t)(dot - name) + 1;
        is_same = is_same && strncmp(former, name, size) == 0;
        if (is_same)
            former += size;
        else
            strbuf_printf(out, "%*s%.*s:\n", depth * 2, "", (int)size - 1, name);
        name += size;
        depth++;
    }
    *ret_depth = depth;
    return name;
}

void node_config_print(const struct node_config *config, struct strbuf *out)
{
    const char *former = "";
    for (size_t i = 0; i < node_table.key_count; i++) {
        const struct settings_key *key = &node_keys[i];
        CLEANUP(strbuf_done) struct strbuf value = {0};
        settings_get_text(key, config, &value);
        if (value.size == 0)
            continue;
        int depth;
        const char *word = print_sections(out, former, key->name, &depth);
        former = key->name;
        strbuf_printf(out, "%*s%s: ", depth * 2, "", word);
        if (key->type == SETTINGS_TYPE_TEXT)
            print_text(out, value.data);
        else
            strbuf_add(out, strbuf_span(&value));
        strbuf_add_byte(out, '\n');
    }
    strbuf_add_text(out, "addresses: [");
    for (size_t i = 0; i < config->address_count; i++) {
        if (i > 0)
            strbuf_add_text(out, ", ");
        print_text(out, config->addresses[i]);
    }
    strbuf_add_text(out, "]\n");
}

void node_config_socket(const struct node_config *config, struct strbuf *out)
{
    strbuf_printf(out, "%s/admin.sock", config->run_dir);
}

void node_config_manual(struct strbuf *out)
{
    strbuf_add_text(out, "*addresses* (list)\n\tIP addresses of this node; the first is where "
                         "clients reach it; required.\n\n");
    for (size_t i = 0; i < node_table.key_count; i++) {
        const struct settings_key *key = &node_keys[i];
        strbuf_printf(out, "*%s* (%s)\n\t%s", key->name, settings_type_name(key->type),
                      key->help);
        if (key->choices) {
            strbuf_add_text(out, " One of");
            for (size_t k = 0; key->choices[k]; k++)
                strbuf_printf(out, " %s", key->choices[k]);
            strbuf_add_byte(out, '.');
        }
        if (key->min)
            strbuf_printf(out, " From %s to %s.", key->min, key->max);
        if (key->standard[0])
            strbuf_printf(out, " Default: %s.", key->standard);
        strbuf_add_text(out, "\n\n");
    }
}
