/* SPDX-License-Identifier: Apache-2.0 */
/* Node configuration: node.yaml, the little that one node needs to start. All else is
 * replicated and changed live (admin_settings.h).
 *
 * One table of keys drives the reader, the defaults, --print-config and the manual page.
 * Reading collects every fault of the file at once, each as
 *
 *     FILE:LINE:COLUMN: what is wrong
 *         the line
 *         ^~~~~   default is …, or: did you mean …
 *
 * Unknown and repeated keys, aliases, an empty file, a second document and numbers that
 * YAML would read as octal are faults.
 *
 * Blocking; main thread at start, and at a reload. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"
#include "base/strbuf.h"

enum node_config_kind { NODE_CONFIG_CENTRAL, NODE_CONFIG_TELEPHONY };
enum node_config_role { NODE_CONFIG_FULL, NODE_CONFIG_WITNESS };

enum {
    NODE_CONFIG_NAME_SIZE = 64, /* a host name's label and its NUL */
    NODE_CONFIG_DOMAIN_SIZE = 256,
    NODE_CONFIG_ADDRESS_SIZE = 46, /* INET6_ADDRSTRLEN */
    NODE_CONFIG_PATH_SIZE = 1024,
    NODE_CONFIG_ADDRESSES_MAX = 16,   /* addresses of one node */
    NODE_CONFIG_FILE_MAX = 256 << 10, /* bytes of node.yaml; ours need less than 2 KiB */
    NODE_CONFIG_FAULTS_MAX = 50       /* told of one file */
};

struct node_config_listener {
    bool is_enabled;
    uint32_t port;                          /* 1..65535, or 0: the kernel's choice (tests) */
    char address[NODE_CONFIG_ADDRESS_SIZE]; /* never empty once read */
};

/* Plain data. An optional text is empty when it was not given. */
struct node_config {
    char file[NODE_CONFIG_PATH_SIZE]; /* where it was read from */
    char name[NODE_CONFIG_NAME_SIZE];
    uint32_t kind;                        /* enum node_config_kind */
    uint32_t role;                        /* enum node_config_role */
    char domain[NODE_CONFIG_DOMAIN_SIZE]; /* optional: what cluster init must agree with */
    char addresses[NODE_CONFIG_ADDRESSES_MAX][NODE_CONFIG_ADDRESS_SIZE];
    size_t address_count;                 /* >= 1 once read */
    char data_dir[NODE_CONFIG_PATH_SIZE]; /* default /var/lib/presenced/NAME */
    char run_dir[NODE_CONFIG_PATH_SIZE];  /* default /run/presenced/NAME; for admin.sock */
    struct {
        char cert[NODE_CONFIG_PATH_SIZE], key[NODE_CONFIG_PATH_SIZE]; /* PEM, for clients */
        char client_ca[NODE_CONFIG_PATH_SIZE]; /* optional: who signs users' certificates */
        char admin_ca[NODE_CONFIG_PATH_SIZE];  /* optional: who signs administrators */
    } tls;
    struct {
        struct node_config_listener xmpp;  /* STARTTLS, 5222; first of addresses */
        struct node_config_listener xmpps; /* direct TLS, 5223; first of addresses */
        struct node_config_listener admin; /* gRPC, /metrics, health: 9443; loopback: the first
                                            * of addresses if it is one, else 127.0.0.1 */
    } listeners;
    struct {
        uint32_t level;  /* enum log_level */
        uint32_t format; /* 0 auto (logfmt on a terminal, else JSON), 1 logfmt, 2 json */
    } log;
    struct {
        uint32_t workers;                     /* 0: one a core */
        uint32_t connections_max;             /* of clients, all listeners together */
        uint32_t connections_per_address_max; /* of one peer address; 0: no limit */
        uint32_t header_seconds; /* from accept to the end of sign-in, then it is closed */
    } limits;
};

/* Reads a file. Returns 0 and a configuration that node_config_free() releases; or
 * ERR_INVALID (the file is wrong), ERR_TOO_BIG, or what opening it said. Every fault, or
 * why the file cannot be read, is added to ret_faults as whole lines. */
int node_config_read(const char *file, struct node_config **ret_config,
                     struct strbuf *ret_faults);

/* The same from memory; file is what the faults call it. */
int node_config_parse(const char *file, struct span text, struct node_config **ret_config,
                      struct strbuf *ret_faults);

/* NULL is fine. */
void node_config_free(struct node_config *config);

/* What is in force, as YAML that reads back to the same. */
void node_config_print(const struct node_config *config, struct strbuf *out);

/* Adds the path of the admin socket. */
void node_config_socket(const struct node_config *config, struct strbuf *out);

/* The table, for the manual page: one scdoc paragraph a key. */
void node_config_manual(struct strbuf *out);
