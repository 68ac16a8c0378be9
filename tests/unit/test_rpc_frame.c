/* SPDX-License-Identifier: Apache-2.0 */
/* rpc_frame_parse(): every outcome, and every way of cutting a frame short. */
#include "tests/support/unit.h"

#include "base/err.h"
#include "proto/rpc/rpc_frame.h"

struct frame_case {
    const char *name;
    const char *in;
    size_t in_size;
    int want;
    size_t want_body_size;
};

#define BYTES(s) (s), sizeof(s) - 1
static const struct frame_case cases[] = {
    {"nothing yet", BYTES(""), 0, 0},
    {"prefix cut short", BYTES("\0\0\0\0"), 0, 0},
    {"body cut short", BYTES("\0\0\0\0\3ab"), 0, 0},
    {"empty body", BYTES("\0\0\0\0\0"), 1, 0},
    {"whole frame", BYTES("\0\0\0\0\3abc"), 1, 3},
    {"compressed, more behind", BYTES("\1\0\0\0\1zNEXT"), 1, 1},
    {"reserved flag", BYTES("\2\0\0\0\0"), ERR_PROTOCOL, 0},
    {"as large as the limit", BYTES("\0\0\0\0\10abcdefgh"), 1, 8},
    {"larger than the limit", BYTES("\0\0\0\0\11"), ERR_TOO_BIG, 0},
    {"length wraps 32 bits", BYTES("\0\377\377\377\377"), ERR_TOO_BIG, 0},
};

static void frame_case_holds(void **state)
{
    const struct frame_case *t = *state;
    struct cursor in = cursor_of(t->in, t->in_size);
    struct rpc_frame frame = {0};

    assert_int_equal(rpc_frame_parse(&in, 8, &frame), t->want);
    assert_int_equal(frame.body_size, t->want_body_size);
    /* The cursor moves over a whole frame, and over nothing else. */
    const size_t moved = t->want == 1 ? RPC_FRAME_PREFIX_SIZE + t->want_body_size : 0;
    assert_int_equal(t->in_size - cursor_left(&in), moved);
}

static void a_formatted_prefix_parses(void **state)
{
    (void)state;
    struct strbuf out = {0};
    rpc_frame_format(&out, 3);
    strbuf_add(&out, SPAN("abc"));
    struct cursor in = cursor_of(out.data, out.size);
    struct rpc_frame frame;
    assert_int_equal(rpc_frame_parse(&in, 3, &frame), 1);
    assert_memory_equal(frame.body, "abc", 3);
    assert_false(frame.is_compressed);
    strbuf_done(&out);
}

int main(void)
{
    struct CMUnitTest tests[COUNT_OF(cases) + 1];
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        tests[i] = (struct CMUnitTest){.name = cases[i].name,
                                       .test_func = frame_case_holds,
                                       .initial_state = (void *)(uintptr_t)&cases[i]};
    tests[COUNT_OF(cases)] = (struct CMUnitTest)cmocka_unit_test(a_formatted_prefix_parses);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
