/* SPDX-License-Identifier: Apache-2.0 */
#include "node/node_identity.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/entropy.h"
#include "base/err.h"
#include "node/node_dir.h"

enum { IDENTITY_TEXT_SIZE = 17 }; /* 16 hexadecimal digits and a line feed */

static void close_fd(const int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
}

static int identity_read(const char *path, uint64_t *ret_node_id, struct strbuf *why)
{
    CLEANUP(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? 1 : node_dir_failed("cannot read", path, why);

    char text[IDENTITY_TEXT_SIZE + 1] = "";
    const ssize_t size = read(fd, text, IDENTITY_TEXT_SIZE);
    const bool is_whole = size == IDENTITY_TEXT_SIZE &&
                          strspn(text, "0123456789abcdef") == IDENTITY_TEXT_SIZE - 1;
    const uint64_t id = is_whole ? strtoull(text, NULL, 16) : 0;
    if (id == 0) {
        strbuf_printf(why, "%s does not hold a node number", path);
        return ERR_CORRUPT;
    }
    *ret_node_id = id;
    return 0;
}

/* Written beside, synced and renamed: it is there whole or not at all. */
static int identity_write(const char *data_dir, const char *path, uint64_t id,
                          struct strbuf *why)
{
    CLEANUP(strbuf_done) struct strbuf beside = {0};
    strbuf_printf(&beside, "%s.new", path);
    CLEANUP(close_fd)
    int fd = open(beside.data, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    CLEANUP(close_fd) int dir = open(data_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    char text[IDENTITY_TEXT_SIZE + 1];
    (void)snprintf(text, sizeof(text), "%016" PRIx64 "\n", id);
    if (fd < 0 || dir < 0 || write(fd, text, IDENTITY_TEXT_SIZE) != IDENTITY_TEXT_SIZE ||
        fsync(fd) < 0 || rename(beside.data, path) < 0 || fsync(dir) < 0)
        return node_dir_failed("cannot write", path, why);
    return 0;
}

int node_identity_load(const char *data_dir, uint64_t *ret_node_id, struct strbuf *why)
{
    CLEANUP(strbuf_done) struct strbuf path = {0};
    strbuf_printf(&path, "%s/node-id", data_dir);

    int rc = node_dir_make(data_dir, 0700, why);
    if (rc == 0)
        rc = identity_read(path.data, ret_node_id, why);
    if (rc <= 0)
        return rc;

    uint64_t id = 0;
    while (id == 0)
        entropy_fill(&id, sizeof(id));
    rc = identity_write(data_dir, path.data, id, why);
    if (rc < 0)
        return rc;
    *ret_node_id = id;
    return 0;
}
