/* SPDX-License-Identifier: Apache-2.0 */
/* gRPC calls on a fake exchange: who is let in, what is read, how it ends. */
#include "tests/support/unit.h"

#include <grpc/health/v1/health.pb-c.h>
#include <stdio.h>

#include "base/err.h"
#include "base/mem.h"
#include "proto/rpc/rpc_call.h"

struct fake {
    struct http_exchange x; /* must stay first */
    int status;
    struct strbuf body, trailers;
    bool is_over;
};

static struct fake *fake_of(struct http_exchange *x)
{
    return (struct fake *)(void *)x;
}

static void fake_head(struct http_exchange *x, int status, const struct httpmsg_field *fields,
                      size_t count)
{
    (void)fields, (void)count;
    fake_of(x)->status = status;
}

static void fake_body(struct http_exchange *x, struct span bytes)
{
    strbuf_add(&fake_of(x)->body, bytes);
}

static void fake_end(struct http_exchange *x, const struct httpmsg_field *trailers,
                     size_t count)
{
    for (size_t i = 0; i < count; i++)
        strbuf_printf(&fake_of(x)->trailers, "%.*s=%.*s;", SPAN_ARG(trailers[i].name),
                      SPAN_ARG(trailers[i].value));
    fake_of(x)->is_over = true;
}

static const struct http_exchange_ops fake_ops = {
    .head = fake_head, .body = fake_body, .end = fake_end};

static struct rpc_call *kept; /* by the method that answers later */
static int ended;

static void method_echo(struct rpc_call *call, const ProtobufCMessage *request)
{
    const Grpc__Health__V1__HealthCheckRequest *ask = (const void *)request;
    Grpc__Health__V1__HealthCheckResponse answer =
        GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__INIT;
    if (ask->service[0])
        rpc_call_fail(call, RPC_STATUS_NOT_FOUND, "try ano\nther", "no %s", ask->service);
    else
        rpc_call_finish(call, &answer.base);
}

static void method_later(struct rpc_call *call, const ProtobufCMessage *request)
{
    (void)request;
    kept = call;
}

static void host_ended(struct rpc_call *call, enum rpc_status status, void *arg)
{
    (void)call, (void)arg;
    ended = (int)status;
}

#define TYPES                                                                                  \
    .in = &grpc__health__v1__health_check_request__descriptor,                                 \
    .out = &grpc__health__v1__health_check_response__descriptor
static const struct rpc_method methods[] = {
    {.path = "/t/Open", TYPES, .role = RPC_ROLE_ANYONE, .handle = method_echo},
    {.path = "/t/Admin", TYPES, .role = RPC_ROLE_ADMIN, .handle = method_echo},
    {.path = "/t/Later", TYPES, .role = RPC_ROLE_ANYONE, .handle = method_later},
};
static const struct rpc_table table = {methods, 3};
static const struct rpc_host host = {.table = &table, .ended = host_ended};

struct call_case {
    const char *name;
    enum rpc_role role;
    const char *method, *path, *type, *te, *coding;
    const char *body;
    unsigned body_size;
    int want_http;
    const char *want; /* in the trailers */
};

#define GRPC "application/grpc"
static const struct call_case cases[] = {
    {"answer", RPC_ROLE_ANYONE, "POST", "/t/Open", GRPC, "trailers", NULL, "\0\0\0\0\0", 5, 200,
     "grpc-status=0;"},
    {"proto suffix", RPC_ROLE_ANYONE, "POST", "/t/Open", GRPC "+proto", "trailers", "identity",
     "\0\0\0\0\0", 5, 200, "grpc-status=0;"},
    {"failure with a hint", RPC_ROLE_ANYONE, "POST", "/t/Open", GRPC, "trailers", NULL,
     "\0\0\0\0\3\x0a\1x", 8, 200,
     "grpc-status=5;grpc-message=no x;presenced-hint=try ano%0Ather;"},
    {"GET", RPC_ROLE_ANYONE, "GET", "/t/Open", GRPC, "trailers", NULL, "", 0, 405, ""},
    {"other type", RPC_ROLE_ANYONE, "POST", "/t/Open", "application/json", "trailers", NULL, "",
     0, 415, ""},
    {"no te", RPC_ROLE_ANYONE, "POST", "/t/Open", GRPC, NULL, NULL, "\0\0\0\0\0", 5, 200,
     "grpc-status=13;"},
    {"stranger", RPC_ROLE_ANYONE, "POST", "/t/Admin", GRPC, "trailers", NULL, "\0\0\0\0\0", 5,
     200, "grpc-status=16;"},
    {"too low a role", RPC_ROLE_OPERATOR, "POST", "/t/Admin", GRPC, "trailers", NULL,
     "\0\0\0\0\0", 5, 200, "grpc-status=7;"},
    {"role that suffices", RPC_ROLE_ADMIN, "POST", "/t/Admin", GRPC, "trailers", NULL,
     "\0\0\0\0\0", 5, 200, "grpc-status=0;"},
    {"unknown method, stranger", RPC_ROLE_ANYONE, "POST", "/t/None", GRPC, "trailers", NULL,
     "\0\0\0\0\0", 5, 200, "grpc-status=16;"},
    {"unknown method", RPC_ROLE_VIEWER, "POST", "/t/None", GRPC, "trailers", NULL, "\0\0\0\0\0",
     5, 200, "grpc-status=12;"},
    {"gzip announced", RPC_ROLE_ANYONE, "POST", "/t/Open", GRPC, "trailers", "gzip",
     "\0\0\0\0\0", 5, 200, "grpc-status=12;"},
    {"gzip flag", RPC_ROLE_ANYONE, "POST", "/t/Open", GRPC, "trailers", NULL, "\1\0\0\0\0", 5,
     200, "grpc-status=12;"},
    {"no message", RPC_ROLE_ANYONE, "POST", "/t/Open", GRPC, "trailers", NULL, "", 0, 200,
     "grpc-status=13;"},
    {"half a message", RPC_ROLE_ANYONE, "POST", "/t/Open", GRPC, "trailers", NULL,
     "\0\0\0\0\2a", 6, 200, "grpc-status=13;"},
    {"two messages", RPC_ROLE_ANYONE, "POST", "/t/Open", GRPC, "trailers", NULL,
     "\0\0\0\0\0\0\0\0\0\0", 10, 200, "grpc-status=12;"},
    {"length of 4 GiB", RPC_ROLE_ANYONE, "POST", "/t/Open", GRPC, "trailers", NULL,
     "\0\xff\xff\xff\xff", 5, 200, "grpc-status=8;"},
    {"no such message", RPC_ROLE_ANYONE, "POST", "/t/Open", GRPC, "trailers", NULL,
     "\0\0\0\0\1\xff", 6, 200, "grpc-status=3;"},
};

static void fake_fill(struct fake *f, const char *method, const char *path, const char *type,
                      const char *te)
{
    *f = (struct fake){.x = {.ops = &fake_ops, .version = 20}};
    f->x.request.method = span_text(method);
    assert_int_equal(httpmsg_set_target(&f->x.request, span_text(path)), 0);
    (void)httpmsg_add(&f->x.request, SPAN("content-type"), span_text(type));
    if (te)
        (void)httpmsg_add(&f->x.request, SPAN("te"), span_text(te));
}

static void fake_done(struct fake *f)
{
    httpmsg_done(&f->x.request);
    strbuf_done(&f->body);
    strbuf_done(&f->trailers);
}

static void call_case_holds(void **state)
{
    const struct call_case *t = *state;
    const struct rpc_caller caller = {.role = t->role};
    struct fake f;
    fake_fill(&f, t->method, t->path, t->type, t->te);
    if (t->coding)
        (void)httpmsg_add(&f.x.request, SPAN("grpc-encoding"), span_text(t->coding));
    strbuf_add(&f.x.request.body, span_of(t->body, t->body_size));
    rpc_call_begin(&host, &caller, &f.x);
    assert_true(f.is_over);
    assert_int_equal(f.status, t->want_http);
    assert_memory_equal(strbuf_span(&f.trailers).ptr, t->want, strlen(t->want));
    fake_done(&f);
}

static struct rpc_call *later(struct fake *f)
{
    const struct rpc_caller caller = {.role = RPC_ROLE_ANYONE};
    fake_fill(f, "POST", "/t/Later", GRPC, "trailers");
    (void)httpmsg_add(&f->x.request, SPAN("grpc-timeout"), SPAN("5S"));
    strbuf_add(&f->x.request.body, SPAN("\0\0\0\0\0"));
    kept = NULL;
    rpc_call_begin(&host, &caller, &f->x);
    assert_non_null(kept);
    assert_int_equal(kept->timeout_ms, 5000);
    return kept;
}

static void an_answer_after_the_client_has_gone_is_dropped(void **state)
{
    (void)state;
    struct fake f;
    struct rpc_call *call = later(&f);
    rpc_call_cancelled(&f.x);
    Grpc__Health__V1__HealthCheckResponse answer =
        GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__INIT;
    rpc_call_finish(call, &answer.base);
    assert_int_equal(ended, RPC_STATUS_CANCELLED);
    assert_false(f.is_over);
    fake_done(&f);
}

static void a_deadline_answers_at_once(void **state)
{
    (void)state;
    struct fake f;
    struct rpc_call *call = later(&f);
    rpc_call_expire(call);
    assert_true(f.is_over);
    assert_non_null(strstr(f.trailers.data, "grpc-status=4;"));
    rpc_call_expire(call); /* twice does nothing */
    rpc_call_fail(call, RPC_STATUS_INTERNAL, NULL, "late");
    assert_int_equal(ended, RPC_STATUS_DEADLINE_EXCEEDED);
    fake_done(&f);
}

static void gone_and_finish(struct rpc_call *call)
{
    rpc_call_finish(call, NULL);
}

static void a_stream_ends_when_its_client_goes(void **state)
{
    (void)state;
    struct fake f;
    struct rpc_call *call = later(&f);
    Grpc__Health__V1__HealthCheckResponse answer =
        GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__INIT;
    rpc_call_send(call, &answer.base);
    rpc_call_send(call, &answer.base);
    assert_int_equal(f.body.size, 10);
    call->gone = gone_and_finish;
    ended = -1;
    rpc_call_cancelled(&f.x);
    assert_int_equal(ended, RPC_STATUS_CANCELLED);
    fake_done(&f);
}

static void timeouts_parse(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t ms;
    } rows[] = {{"1H", 3600000}, {"2M", 120000}, {"3S", 3000},
                {"4m", 4},       {"5000u", 5},   {"1u", 1},
                {"1n", 1},       {"0m", 1},      {"99999999H", 359999996400000},
                {"", 0},         {"S", 0},       {"1", 0},
                {"1x", 0},       {"-1S", 0},     {"999999999S", 0}};
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_int_equal(rpc_call_timeout_parse(span_text(rows[i].text)), rows[i].ms);
}

int main(void)
{
    struct CMUnitTest tests[COUNT_OF(cases) + 4];
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        tests[i] = (struct CMUnitTest){.name = cases[i].name,
                                       .test_func = call_case_holds,
                                       .initial_state = (void *)(uintptr_t)&cases[i]};
    const struct CMUnitTest more[] = {
        cmocka_unit_test(an_answer_after_the_client_has_gone_is_dropped),
        cmocka_unit_test(a_deadline_answers_at_once),
        cmocka_unit_test(a_stream_ends_when_its_client_goes),
        cmocka_unit_test(timeouts_parse),
    };
    memcpy(tests + COUNT_OF(cases), more, sizeof(more));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
