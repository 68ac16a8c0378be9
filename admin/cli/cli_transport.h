/* SPDX-License-Identifier: Apache-2.0 */
/* A blocking byte stream to a node: a unix socket, or TCP with TLS and ALPN h2. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "admin/cli/cli_client.h"

struct cli_transport;

struct cli_transport *cli_transport_open(const struct cli_endpoint *where, struct strbuf *why,
                                         struct strbuf *hint);
void cli_transport_free(struct cli_transport *t);

/* All of it; 0 or -1. */
int cli_transport_write(struct cli_transport *t, const void *bytes, size_t size);

/* Bytes read, 0 at the end, -1 on an error; -2 when the timeout passed. */
ssize_t cli_transport_read(struct cli_transport *t, void *bytes, size_t size);

/* "host:port" or "localhost", for :authority. Borrowed. */
const char *cli_transport_authority(const struct cli_transport *t);
