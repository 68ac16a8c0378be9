/* SPDX-License-Identifier: Apache-2.0 */
/* Scratch BIO: the I/O buffers that all TLS connections of one loop share.
 *
 * OpenSSL reads the bytes that input points to and writes to output; neither belongs to a
 * connection longer than one step of it. So whoever steps a connection sets input before,
 * and takes output away after. An idle connection then holds no buffer at all, where a
 * memory BIO would keep its largest for ever.
 *
 * Threads: the loop's own only. */
#pragma once

#include <openssl/bio.h>

#include "base/loop.h"
#include "base/strbuf.h"

enum {
    SCRATCHBIO_WIRE_SIZE = 65536,  /* one read from a socket */
    SCRATCHBIO_PLAIN_SIZE = 16384, /* one TLS record: RFC 8446, 5.1 */
    SCRATCHBIO_KEEP_SIZE = 262144, /* output beyond this is given back */
};

struct scratchbio {
    struct span input;
    struct strbuf output;
    char wire[SCRATCHBIO_WIRE_SIZE];
    char plain[SCRATCHBIO_PLAIN_SIZE];
};

/* The loop's, made at the first call; it ends with the loop. */
struct scratchbio *scratchbio_of(struct loop *loop);

/* A BIO over the shared buffers, for one connection, whose SSL_free() frees it. */
BIO *scratchbio_new(struct scratchbio *scratch);

/* Empties output, and keeps no more of its memory than is wanted all the time. */
void scratchbio_clear(struct scratchbio *scratch);
