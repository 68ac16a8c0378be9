/* SPDX-License-Identifier: Apache-2.0 */
/* Error codes: one number space for the whole program.
 *
 * Every fallible function returns int:
 *   < 0   it failed; pass the code up unchanged, or handle it and say why
 *   = 0   done
 *   > 0   an ordinary outcome that the function's own comment names
 *
 * The negative range is shared with libuv, which uses -errno and its own codes
 * down to -4095; ours start below that, so err_name() can name any of them. */
#pragma once

enum err_code {
    ERR_PROTOCOL = -5000,   /* the peer broke the protocol */
    ERR_TOO_BIG = -5001,    /* input exceeds a configured limit */
    ERR_NOT_LEADER = -5002, /* only the raft leader can do this */
    ERR_FULL = -5003,       /* a bounded queue has no room; try again later */
    ERR_CLOSED = -5004,     /* the object is shutting down */
    ERR_INVALID = -5005,    /* an argument that no caller may rely on being accepted */
    ERR_NOT_FOUND = -5006,  /* there is no such thing */
    ERR_EXISTS = -5007,     /* there is one already */
    ERR_DENIED = -5008,     /* known, but not allowed */
    ERR_TIMEOUT = -5009,    /* the deadline passed */
    ERR_CORRUPT = -5010,    /* stored bytes are not what was written */
    ERR_STORAGE = -5011,    /* the disk refused a write or a read; the store is failed */
    ERR_NO_SPACE = -5012,   /* below the free-space watermark; writes are refused */
    ERR_UNKNOWN = -5013,    /* a proposal whose outcome is not known yet */
    ERR_TLS = -5014,        /* certificate, key or handshake */
    ERR_FOREIGN = -5015,    /* data that belongs to another cluster or node */
};

/* Short stable name, e.g. "ERR_FULL" or "ECONNRESET". Never NULL; static memory. */
const char *err_name(int code);
