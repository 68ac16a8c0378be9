/* SPDX-License-Identifier: Apache-2.0 */
/* One HTTP request, whichever version carried it, and the exchange it opens.
 *
 * A request is handed over whole: head and body, both within limits. The face that read it
 * (http1, h2_session) answers through the functions of the exchange, so that one handler
 * serves both. Single-threaded, no I/O. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/span.h"
#include "base/strbuf.h"

enum {
    HTTPMSG_FIELDS_MAX = 100,    /* header fields of a request */
    HTTPMSG_HEAD_MAX = 16 * 1024 /* bytes of a request's head */
};

struct httpmsg_field {
    struct span name; /* lower case */
    struct span value;
};

struct httpmsg {
    struct arena arena;
    struct span method, authority;
    struct span path;  /* as sent, without the query; begins with '/' or is "*" */
    struct span query; /* behind the '?'; SPAN_NONE without one */
    struct httpmsg_field *fields;
    size_t field_count;
    size_t head_size; /* bytes, of names and values and 32 a field (RFC 9113, 6.5.2) */
    struct strbuf body;
};

/* Ready when zeroed. The body is overwritten: passwords travel in it. */
void httpmsg_done(struct httpmsg *m);

/* Appends to the body; its size is the caller's to limit. */
void httpmsg_add_body(struct httpmsg *m, struct span bytes);

/* Adds a copy of a header field, its name in lower case. ERR_TOO_BIG beyond the limits. */
int httpmsg_add(struct httpmsg *m, struct span name, struct span value);

/* Splits a request target into path and query. ERR_PROTOCOL for one that is neither a path
 * ("/…") nor "*" nor an absolute http(s) URI, or that has bytes outside of printable
 * ASCII. */
int httpmsg_set_target(struct httpmsg *m, struct span target);

/* The value of the first field of a name (lower case), or SPAN_NONE. */
struct span httpmsg_find(const struct httpmsg *m, const char *name);

/* How many fields have this name. */
size_t httpmsg_count(const struct httpmsg *m, const char *name);

/* Whether the query has this word, alone or with a value: "verbose", "verbose=1". */
bool httpmsg_has_query(const struct httpmsg *m, const char *word);

/* "Not Found"; never NULL. */
const char *httpmsg_reason(int status);

/* ---- The exchange --------------------------------------------------------------------- */

struct http_exchange;

/* Filled in by the face. */
struct http_exchange_ops {
    void (*head)(struct http_exchange *x, int status, const struct httpmsg_field *fields,
                 size_t count);
    void (*body)(struct http_exchange *x, struct span bytes);
    void (*end)(struct http_exchange *x, const struct httpmsg_field *trailers, size_t count);
    void (*reset)(struct http_exchange *x);
};

struct http_exchange {
    struct httpmsg request;
    const struct http_exchange_ops *ops;
    void *user;  /* the handler's */
    int version; /* 10, 11, 20 */
    bool is_head_sent;
};

/* Filled in by whoever serves the requests. */
struct httpmsg_events {
    /* A request is there. The exchange lives until httpmsg_end(), httpmsg_abort() or
     * cancelled(), whichever comes first; answering may take any time. */
    void (*requested)(struct http_exchange *x, void *arg);
    /* The peer gave up or the connection is gone: forget x. Not called after the end. */
    void (*cancelled)(struct http_exchange *x, void *arg);
    /* There is output to be fetched; never called from within a receive. */
    void (*wrote)(void *arg);
    void *arg;
};

/* Answers: the head once, then any number of bodies, then the end with its trailers (HTTP/1
 * drops them). */
void httpmsg_head(struct http_exchange *x, int status, const struct httpmsg_field *fields,
                  size_t count);
void httpmsg_body(struct http_exchange *x, struct span bytes);
void httpmsg_end(struct http_exchange *x, const struct httpmsg_field *trailers, size_t count);
/* Ends without a proper answer: the stream is reset, an HTTP/1 connection closed. */
void httpmsg_abort(struct http_exchange *x);

/* A whole answer at once. */
void httpmsg_answer(struct http_exchange *x, int status, const char *content_type,
                    struct span body);
