/* SPDX-License-Identifier: Apache-2.0 */
/* The proto3 mapping of messages to JSON. */
#include "tests/support/unit.h"

#include <stdbool.h>

#include "presenced/admin/v1/admin.pb-c.h"
#include "proto/rpc/rpc_json.h"

static void fields_of_all_kinds(void **state)
{
    (void)state;
    uint8_t id[] = {0xff, 0xfe};
    char name[] = "al\"ice";
    Presenced__Admin__V1__Session session = PRESENCED__ADMIN__V1__SESSION__INIT;
    Presenced__Admin__V1__Session *sessions[] = {&session};
    Presenced__Admin__V1__ListSessionsResponse list =
        PRESENCED__ADMIN__V1__LIST_SESSIONS_RESPONSE__INIT;
    session.session_id = (ProtobufCBinaryData){.len = 2, .data = id};
    session.user = name;
    session.priority = -5;
    session.since_us = UINT64_MAX;
    session.is_online = true;
    list.sessions = sessions;
    list.n_sessions = 1;
    json_t *json = rpc_json_of(&list.base);
    char *text = json_dumps(json, JSON_COMPACT);
    assert_string_equal(
        text, "{\"sessions\":[{\"sessionId\":\"//4=\",\"user\":\"al\\\"ice\",\"resource\":\"\","
              "\"node\":\"\",\"protocol\":\"\",\"address\":\"\",\"tls\":\"\",\"show\":\"\","
              "\"priority\":-5,\"sinceUs\":\"18446744073709551615\",\"isOnline\":true,"
              "\"unacked\":\"0\"}],\"hasMore\":false}");
    free(text);
    json_decref(json);
}

static void enums_by_name_or_number(void **state)
{
    (void)state;
    Presenced__Admin__V1__Finding finding = PRESENCED__ADMIN__V1__FINDING__INIT;
    finding.state = PRESENCED__ADMIN__V1__FINDING__STATE__WARN;
    json_t *json = rpc_json_of(&finding.base);
    assert_string_equal(json_string_value(json_object_get(json, "state")), "WARN");
    json_decref(json);
    finding.state = (Presenced__Admin__V1__Finding__State)99;
    json = rpc_json_of(&finding.base);
    assert_int_equal(json_integer_value(json_object_get(json, "state")), 99);
    json_decref(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_of_all_kinds),
        cmocka_unit_test(enums_by_name_or_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
