/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

#include <uv.h>

const char *err_name(int code)
{
    switch (code) {
#define NAME(e)                                                                                \
    case e:                                                                                    \
        return #e
        NAME(ERR_PROTOCOL);
        NAME(ERR_TOO_BIG);
        NAME(ERR_NOT_LEADER);
        NAME(ERR_FULL);
        NAME(ERR_CLOSED);
        NAME(ERR_INVALID);
        NAME(ERR_NOT_FOUND);
        NAME(ERR_EXISTS);
        NAME(ERR_DENIED);
        NAME(ERR_TIMEOUT);
        NAME(ERR_CORRUPT);
        NAME(ERR_STORAGE);
        NAME(ERR_NO_SPACE);
        NAME(ERR_UNKNOWN);
        NAME(ERR_TLS);
        NAME(ERR_FOREIGN);
#undef NAME
    default:
        return code == 0 ? "OK" : uv_err_name(code);
    }
}
