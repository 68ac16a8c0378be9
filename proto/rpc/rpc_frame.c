/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/rpc/rpc_frame.h"

#include <assert.h>

#include "base/err.h"

int rpc_frame_parse(struct cursor *in, size_t body_size_max, struct rpc_frame *ret_frame)
{
    struct cursor c = *in; /* commit only when the whole frame is there */

    const uint8_t flag = cursor_u8(&c);
    const uint32_t size = cursor_u32be(&c);
    if (c.is_short)
        return 0;
    if (flag > 1)
        return ERR_PROTOCOL;
    if (size > body_size_max)
        return ERR_TOO_BIG; /* before waiting for, or allocating, any of it */

    const uint8_t *body = cursor_take(&c, size);
    if (!body)
        return 0;

    *ret_frame =
        (struct rpc_frame){.is_compressed = flag == 1, .body = body, .body_size = size};
    *in = c;
    return 1;
}

void rpc_frame_format(struct strbuf *out, size_t body_size)
{
    assert(body_size <= UINT32_MAX);
    strbuf_add_byte(out, 0);
    strbuf_add_u32be(out, (uint32_t)body_size);
}
