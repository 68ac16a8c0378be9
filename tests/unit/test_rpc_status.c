/* SPDX-License-Identifier: Apache-2.0 */
/* Codes, their twins, and the escaping of messages. */
#include "tests/support/unit.h"

#include "base/err.h"
#include "proto/rpc/rpc_status.h"

static void names_and_http(void **state)
{
    (void)state;
    for (int code = 0; code < RPC_STATUS_COUNT; code++) {
        assert_non_null(rpc_status_name(code));
        assert_in_range(rpc_status_http(code), 200, 504);
    }
    assert_string_equal(rpc_status_name(RPC_STATUS_NOT_FOUND), "NOT_FOUND");
    assert_int_equal(rpc_status_http(RPC_STATUS_NOT_FOUND), 404);
    assert_string_equal(rpc_status_name(-1), "UNKNOWN");
    assert_string_equal(rpc_status_name(RPC_STATUS_COUNT), "UNKNOWN");
    assert_int_equal(rpc_status_http(RPC_STATUS_COUNT), 500);
}

static void codes_of_http_and_of_errors(void **state)
{
    (void)state;
    static const struct {
        int http;
        enum rpc_status status;
    } https[] = {{400, RPC_STATUS_INTERNAL},          {401, RPC_STATUS_UNAUTHENTICATED},
                 {403, RPC_STATUS_PERMISSION_DENIED}, {404, RPC_STATUS_UNIMPLEMENTED},
                 {429, RPC_STATUS_UNAVAILABLE},       {502, RPC_STATUS_UNAVAILABLE},
                 {503, RPC_STATUS_UNAVAILABLE},       {504, RPC_STATUS_UNAVAILABLE},
                 {200, RPC_STATUS_UNKNOWN},           {500, RPC_STATUS_UNKNOWN}};
    for (size_t i = 0; i < COUNT_OF(https); i++)
        assert_int_equal(rpc_status_of_http(https[i].http), https[i].status);
    static const struct {
        int rc;
        enum rpc_status status;
    } errors[] = {{0, RPC_STATUS_OK},
                  {ERR_INVALID, RPC_STATUS_INVALID_ARGUMENT},
                  {ERR_NOT_FOUND, RPC_STATUS_NOT_FOUND},
                  {ERR_EXISTS, RPC_STATUS_ALREADY_EXISTS},
                  {ERR_DENIED, RPC_STATUS_PERMISSION_DENIED},
                  {ERR_FULL, RPC_STATUS_RESOURCE_EXHAUSTED},
                  {ERR_NOT_LEADER, RPC_STATUS_UNAVAILABLE},
                  {ERR_TIMEOUT, RPC_STATUS_DEADLINE_EXCEEDED},
                  {ERR_CORRUPT, RPC_STATUS_DATA_LOSS},
                  {ERR_UNKNOWN, RPC_STATUS_UNKNOWN},
                  {ERR_STORAGE, RPC_STATUS_INTERNAL}};
    for (size_t i = 0; i < COUNT_OF(errors); i++)
        assert_int_equal(rpc_status_of_err(errors[i].rc), errors[i].status);
}

static void messages_escape_and_come_back(void **state)
{
    (void)state;
    static const struct {
        const char *plain, *escaped;
    } rows[] = {{"", ""},
                {"plain", "plain"},
                {"100%", "100%25"},
                {"a\nb", "a%0Ab"},
                {"\xc3\xa9", "%C3%A9"}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct strbuf there = {0}, back = {0};
        rpc_status_escape(&there, span_text(rows[i].plain));
        assert_true(span_is(strbuf_span(&there), rows[i].escaped));
        rpc_status_unescape(&back, strbuf_span(&there));
        assert_true(span_is(strbuf_span(&back), rows[i].plain));
        strbuf_done(&there);
        strbuf_done(&back);
    }
}

static void broken_escapes_stay_as_they_are(void **state)
{
    (void)state;
    static const char *const rows[][2] = {{"%", "%"},     {"%4", "%4"}, {"%zz", "%zz"},
                                          {"%4z", "%4z"}, {"%41", "A"}, {"%6a", "j"}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct strbuf out = {0};
        rpc_status_unescape(&out, span_text(rows[i][0]));
        assert_true(span_is(strbuf_span(&out), rows[i][1]));
        strbuf_done(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_http),
        cmocka_unit_test(codes_of_http_and_of_errors),
        cmocka_unit_test(messages_escape_and_come_back),
        cmocka_unit_test(broken_escapes_stay_as_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
