/* SPDX-License-Identifier: Apache-2.0 */
/* A blocking gRPC client for one call after another, over the admin socket or TLS. */
#pragma once

#include <protobuf-c/protobuf-c.h>
#include <stdint.h>

#include "base/strbuf.h"

/* Exit codes of presencectl, a contract. */
enum cli_exit {
    CLI_EXIT_OK = 0,
    CLI_EXIT_REFUSED = 1,
    CLI_EXIT_USAGE = 2,
    CLI_EXIT_UNREACHABLE = 3,
    CLI_EXIT_DEGRADED = 4,
};

struct cli_endpoint {
    const char *socket;          /* path; or NULL and: */
    const char *node;            /* HOST, HOST:PORT or [HOST]:PORT; 9443 is the default */
    const char *cert, *key, *ca; /* PEM files; ca NULL: the system's */
    uint32_t timeout_ms;         /* of connecting and of each call */
};

struct cli_client;

/* NULL when it cannot be reached: why (a sentence) and hint are filled. */
struct cli_client *cli_client_open(const struct cli_endpoint *where, struct strbuf *why,
                                   struct strbuf *hint);
void cli_client_free(struct cli_client *c);

struct cli_reply {
    int status;            /* gRPC code */
    struct strbuf message; /* when not 0 */
    struct strbuf hint;
    ProtobufCMessage *answer; /* when 0 */
};

/* One unary call. Always fills the reply: what goes wrong on the way is UNAVAILABLE or
 * DEADLINE_EXCEEDED. */
void cli_client_call(struct cli_client *c, const char *path, const ProtobufCMessage *request,
                     const ProtobufCMessageDescriptor *answer, struct cli_reply *ret_reply);
void cli_client_reply_done(struct cli_reply *reply);
