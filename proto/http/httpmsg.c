/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/http/httpmsg.h"

#include <assert.h>
#include <stdio.h>
#include <strings.h>

#include "base/err.h"

void httpmsg_done(struct httpmsg *m)
{
    arena_done(&m->arena);
    strbuf_wipe(&m->body);
    *m = (struct httpmsg){0};
}

void httpmsg_add_body(struct httpmsg *m, struct span bytes)
{
    if (m->body.size + bytes.size >= m->body.capacity) {
        /* strbuf's own growth would leave the former copy behind in freed memory. */
        struct strbuf larger = {0};
        (void)strbuf_reserve(&larger, 2 * m->body.size + bytes.size);
        strbuf_add(&larger, strbuf_span(&m->body));
        strbuf_wipe(&m->body);
        m->body = larger;
    }
    strbuf_add(&m->body, bytes);
}

int httpmsg_add(struct httpmsg *m, struct span name, struct span value)
{
    if (m->field_count == HTTPMSG_FIELDS_MAX ||
        name.size + value.size + 32 > HTTPMSG_HEAD_MAX - m->head_size)
        return ERR_TOO_BIG;
    if (!m->fields)
        m->fields = arena_zeroed(&m->arena, HTTPMSG_FIELDS_MAX * sizeof(*m->fields));

    char *lower = arena_zeroed(&m->arena, name.size + 1);
    for (size_t i = 0; i < name.size; i++) {
        const char c = name.ptr[i];
        lower[i] = (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
    }
    m->fields[m->field_count++] = (struct httpmsg_field){
        .name = span_of(lower, name.size),
        .value = arena_copy(&m->arena, value),
    };
    m->head_size += name.size + value.size + 32;
    return 0;
}

/* Behind "http://host" of an absolute target (RFC 9112, 3.2.2). */
static struct span target_path(struct span target)
{
    static const struct span schemes[] = {{"http://", 7}, {"https://", 8}};
    for (size_t i = 0; i < 2; i++)
        if (span_has_prefix(target, schemes[i])) {
            const struct span rest = span_from(target, schemes[i].size);
            return span_from(rest, span_index(rest, '/'));
        }
    return target;
}

int httpmsg_set_target(struct httpmsg *m, struct span target)
{
    if (target.size > HTTPMSG_HEAD_MAX)
        return ERR_TOO_BIG;
    for (size_t i = 0; i < target.size; i++)
        if (target.ptr[i] <= ' ' || target.ptr[i] > '~')
            return ERR_PROTOCOL;
    const struct span path = target_path(target);
    if (path.size == 0 || (path.ptr[0] != '/' && !span_is(path, "*")))
        return ERR_PROTOCOL;

    const struct span own = arena_copy(&m->arena, path);
    const size_t at = span_index(own, '?');
    m->path = span_first(own, at);
    m->query = at < own.size ? span_from(own, at + 1) : SPAN_NONE;
    return 0;
}

struct span httpmsg_find(const struct httpmsg *m, const char *name)
{
    for (size_t i = 0; i < m->field_count; i++)
        if (span_is(m->fields[i].name, name))
            return m->fields[i].value;
    return SPAN_NONE;
}

size_t httpmsg_count(const struct httpmsg *m, const char *name)
{
    size_t count = 0;
    for (size_t i = 0; i < m->field_count; i++)
        count += span_is(m->fields[i].name, name);
    return count;
}

bool httpmsg_has_query(const struct httpmsg *m, const char *word)
{
    struct span rest = m->query;
    while (rest.size > 0) {
        const struct span part = span_first(rest, span_index(rest, '&'));
        if (span_is(span_first(part, span_index(part, '=')), word))
            return true;
        rest = span_from(rest, part.size + 1);
    }
    return false;
}

const char *httpmsg_reason(int status)
{
    static const struct {
        int status;
        const char *reason;
    } reasons[] = {
        {200, "OK"},
        {204, "No Content"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {411, "Length Required"},
        {413, "Content Too Large"},
        {415, "Unsupported Media Type"},
        {421, "Misdirected Request"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"},
    };
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return "Status";
}

void httpmsg_head(struct http_exchange *x, int status, const struct httpmsg_field *fields,
                  size_t count)
{
    assert(!x->is_head_sent);
    x->is_head_sent = true;
    x->ops->head(x, status, fields, count);
}

void httpmsg_body(struct http_exchange *x, struct span bytes)
{
    assert(x->is_head_sent);
    if (bytes.size > 0)
        x->ops->body(x, bytes);
}

void httpmsg_end(struct http_exchange *x, const struct httpmsg_field *trailers, size_t count)
{
    assert(x->is_head_sent);
    x->ops->end(x, trailers, count);
}

void httpmsg_abort(struct http_exchange *x)
{
    x->ops->reset(x);
}

void httpmsg_answer(struct http_exchange *x, int status, const char *content_type,
                    struct span body)
{
    char size[24];
    (void)snprintf(size, sizeof(size), "%zu", body.size);
    const struct httpmsg_field fields[] = {
        {SPAN("content-type"), span_text(content_type)},
        {SPAN("content-length"), span_text(size)},
        {SPAN("cache-control"), SPAN("no-store")},
    };
    httpmsg_head(x, status, fields, 3);
    httpmsg_body(x, body);
    httpmsg_end(x, NULL, 0);
}
