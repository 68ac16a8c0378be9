/* SPDX-License-Identifier: Apache-2.0 */
/* rpc_frame_parse() on any bytes: never past the end, always forward; and what it yields as
 * a message of ours: what unpacks is valid text and packs again. */
#include <assert.h>

#include "base/utf8.h"
#include "presenced/admin/v1/admin.pb-c.h"
#include "proto/rpc/rpc_call.h"
#include "proto/rpc/rpc_frame.h"
#include "proto/rpc/rpc_message.h"
#include "proto/rpc/rpc_table.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void fuzz_message(const struct rpc_frame *frame)
{
    struct arena arena = {0};
    ProtobufCMessage *message = NULL;
    if (rpc_message_unpack(&presenced__admin__v1__import_users_request__descriptor,
                           span_of(frame->body, frame->body_size), &arena, &message) == 0) {
        const Presenced__Admin__V1__ImportUsersRequest *list = (const void *)message;
        for (size_t i = 0; i < list->n_rows; i++)
            assert(utf8_is_valid(span_text(list->rows[i]->user)));
        struct strbuf out = {0};
        rpc_message_pack(message, &out);
        strbuf_done(&out);
    }
    arena_done(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct cursor in = cursor_of(bytes, size);
    struct rpc_frame frame;

    while (cursor_left(&in) > 0) {
        const size_t before = cursor_left(&in);
        if (rpc_frame_parse(&in, 4096, &frame) != 1)
            break;
        assert(before - cursor_left(&in) == RPC_FRAME_PREFIX_SIZE + frame.body_size);
        fuzz_message(&frame);
    }
    const struct span text = span_of(bytes, size);
    assert(rpc_call_timeout_parse(text) <= 99999999ULL * 3600000);
    const enum rpc_role role = rpc_table_role_parse(text);
    assert(role == RPC_ROLE_UNSET || span_is(text, rpc_table_role_name(role)));
    return 0;
}
