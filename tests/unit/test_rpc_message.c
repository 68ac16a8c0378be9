/* SPDX-License-Identifier: Apache-2.0 */
/* Packed messages from strangers: what unpacks, what is refused and how. */
#include "tests/support/unit.h"

#include "base/err.h"
#include "presenced/admin/v1/admin.pb-c.h"
#include "proto/rpc/rpc_message.h"

struct message_case {
    const char *name;
    const char *in;
    size_t in_size;
    int want;
};

/* GetUserRequest: field 1 is a string. */
#define BYTES(s) (s), sizeof(s) - 1
static const struct message_case cases[] = {
    {"empty", BYTES(""), 0},
    {"a name",
     BYTES("\x0a\x03"
           "abc"),
     0},
    {"an empty name", BYTES("\x0a\x00"), 0},
    {"unknown varint", BYTES("\x78\x01"), 0},
    {"unknown 32 and 64 bits", BYTES("\x7d\0\0\0\0\x79\0\0\0\0\0\0\0\0"), 0},
    {"unknown bytes", BYTES("\x7a\x01\xff"), 0},
    {"name cut short",
     BYTES("\x0a\x03"
           "ab"),
     ERR_PROTOCOL},
    {"length over all there is",
     BYTES("\x0a\xff\xff\xff\xff\x0f"
           "ab"),
     ERR_PROTOCOL},
    {"varint of eleven bytes", BYTES("\x78\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"),
     ERR_PROTOCOL},
    {"tag cut short", BYTES("\x80"), ERR_PROTOCOL},
    {"field 0", BYTES("\x02\x00"), ERR_PROTOCOL},
    {"group", BYTES("\x0b\x0c"), ERR_PROTOCOL},
    {"wire type 7", BYTES("\x0f"), ERR_PROTOCOL},
    {"32 bits cut short", BYTES("\x7d\0\0\0"), ERR_PROTOCOL},
    {"not UTF-8", BYTES("\x0a\x02\xff\xfe"), ERR_PROTOCOL},
    {"NUL inside",
     BYTES("\x0a\x03"
           "a\0b"),
     ERR_PROTOCOL},
};

static void message_case_holds(void **state)
{
    const struct message_case *t = *state;
    struct arena arena = {0};
    ProtobufCMessage *message = NULL;
    assert_int_equal(rpc_message_unpack(&presenced__admin__v1__get_user_request__descriptor,
                                        span_of(t->in, t->in_size), &arena, &message),
                     t->want);
    assert_int_equal(message != NULL, t->want == 0);
    arena_done(&arena);
}

static void amplification_is_refused(void **state)
{
    (void)state;
    struct strbuf in = {0};
    struct arena arena = {0};
    ProtobufCMessage *message = NULL;
    for (int i = 0; i < 500000; i++)
        strbuf_add(&in, SPAN("\x0a\x00")); /* an empty ImportRow */
    assert_int_equal(rpc_message_unpack(&presenced__admin__v1__import_users_request__descriptor,
                                        strbuf_span(&in), &arena, &message),
                     ERR_TOO_BIG);
    assert_true(arena_size(&arena) <=
                in.size * RPC_MESSAGE_GROWTH_MAX + RPC_MESSAGE_GROWTH_BASE);
    arena_done(&arena);
    strbuf_done(&in);
}

static void size_is_limited(void **state)
{
    (void)state;
    static char large[RPC_MESSAGE_SIZE_MAX + 1];
    struct arena arena = {0};
    ProtobufCMessage *message = NULL;
    assert_int_equal(rpc_message_unpack(&presenced__admin__v1__get_user_request__descriptor,
                                        span_of(large, sizeof(large)), &arena, &message),
                     ERR_TOO_BIG);
    arena_done(&arena);
}

static void what_is_packed_unpacks(void **state)
{
    (void)state;
    Presenced__Admin__V1__ImportRow row = PRESENCED__ADMIN__V1__IMPORT_ROW__INIT;
    Presenced__Admin__V1__ImportRow *rows[] = {&row, &row};
    Presenced__Admin__V1__ImportUsersRequest list =
        PRESENCED__ADMIN__V1__IMPORT_USERS_REQUEST__INIT;
    char name[] = "\xec\x95\xa8";
    row.line = 7;
    row.user = name;
    list.rows = rows;
    list.n_rows = 2;
    struct strbuf out = {0};
    struct arena arena = {0};
    rpc_message_pack_frame(&list.base, &out);
    ProtobufCMessage *message = NULL;
    assert_int_equal(rpc_message_unpack(list.base.descriptor, span_from(strbuf_span(&out), 5),
                                        &arena, &message),
                     0);
    const Presenced__Admin__V1__ImportUsersRequest *back = (const void *)message;
    assert_int_equal(back->n_rows, 2);
    assert_string_equal(back->rows[1]->user, name);
    assert_int_equal(back->rows[1]->line, 7);
    arena_done(&arena);
    strbuf_done(&out);
}

int main(void)
{
    struct CMUnitTest tests[COUNT_OF(cases) + 3];
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        tests[i] = (struct CMUnitTest){.name = cases[i].name,
                                       .test_func = message_case_holds,
                                       .initial_state = (void *)(uintptr_t)&cases[i]};
    const struct CMUnitTest more[] = {
        cmocka_unit_test(amplification_is_refused),
        cmocka_unit_test(size_is_limited),
        cmocka_unit_test(what_is_packed_unpacks),
    };
    memcpy(tests + COUNT_OF(cases), more, sizeof(more));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
