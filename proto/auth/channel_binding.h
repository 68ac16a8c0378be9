/* SPDX-License-Identifier: Apache-2.0 */
/* Channel bindings: values that both ends of one TLS connection can compute and nobody
 * between them can (RFC 5056).
 *
 * tls-exporter (RFC 9266) on TLS 1.3 only; tls-server-end-point (RFC 5929, 4) always;
 * tls-unique never: TLS 1.3 does not define it. XEP-0440 lists the types in the stream
 * features. Plain data; whoever holds the connection fills it, and the same values serve
 * every exchange on it. */
#pragma once

#include <openssl/x509.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

enum channel_binding_type {
    CHANNEL_BINDING_NONE,
    CHANNEL_BINDING_TLS_EXPORTER,
    CHANNEL_BINDING_TLS_SERVER_END_POINT,
    CHANNEL_BINDING_TYPES,
};

/* RFC 9266, 2: the exporter's label; its context is absent. */
#define CHANNEL_BINDING_EXPORTER_LABEL "EXPORTER-Channel-Binding"
#define CHANNEL_BINDING_EXPORTER_SIZE  32
#define CHANNEL_BINDING_SIZE_MAX       64

struct channel_binding {
    uint8_t bytes[CHANNEL_BINDING_SIZE_MAX];
    size_t size; /* 0: this connection has none of the type */
};

struct channel_binding_set {
    struct channel_binding of[CHANNEL_BINDING_TYPES];
};

/* "tls-exporter"; static memory. NULL for CHANNEL_BINDING_NONE. */
const char *channel_binding_name(enum channel_binding_type type);

/* The type of that name, if the set has it; CHANNEL_BINDING_NONE otherwise. */
enum channel_binding_type channel_binding_find(const struct channel_binding_set *set,
                                               struct span name);

bool channel_binding_is_empty(const struct channel_binding_set *set);

/* Puts a value into the set. ERR_INVALID: empty or too long. */
int channel_binding_put(struct channel_binding_set *set, enum channel_binding_type type,
                        struct span value);

/* The hash of the server's certificate by the rule of RFC 5929, 4.1: the hash of its
 * signature, SHA-256 in place of MD5 and SHA-1. ERR_NOT_FOUND when the signature has no
 * single hash (Ed25519, Ed448): there is no such binding then. */
int channel_binding_end_point(const X509 *certificate, struct channel_binding *ret_binding);
