/* SPDX-License-Identifier: Apache-2.0 */
#include "node/node_dir.h"

#include <errno.h>
#include <sys/stat.h>

#include "base/cleanup.h"

int node_dir_failed(const char *what, const char *path, struct strbuf *why)
{
    const int code = errno;
    strbuf_printf(why, "%s %s: %s", what, path, strerrordesc_np(code));
    return -code;
}

int node_dir_make(const char *path, mode_t mode, struct strbuf *why)
{
    CLEANUP(strbuf_done) struct strbuf part = {0};
    for (const char *slash = path; slash;) {
        slash = strchr(slash + 1, '/');
        strbuf_clear(&part);
        strbuf_add(&part, slash ? span_of(path, (size_t)(slash - path)) : span_text(path));
        if (mkdir(strbuf_span(&part).ptr, mode) < 0 && errno != EEXIST)
            return node_dir_failed("cannot make", part.data, why);
    }
    return 0;
}
