/* SPDX-License-Identifier: Apache-2.0 */
/* Membership of a Raft group as it stands in the log (payload of a CHANGE entry).
 *
 * The bytes are those of libraft's configuration encoding, which are now ours: 1 byte
 * format, u64 LE count, then {u64 LE id, NUL-terminated address, 1 byte role} per member,
 * zero padded to 8. The core does not check what it decodes, so we do, first. Pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"
#include "base/strbuf.h"

enum { MEMBERSHIP_MAX = 16, MEMBERSHIP_ADDRESS_MAX = 31 };

enum membership_role {
    MEMBERSHIP_STANDBY = 0, /* gets the log, has no vote */
    MEMBERSHIP_VOTER = 1,
    MEMBERSHIP_SPARE = 2, /* gets nothing */
};

struct membership_member {
    uint64_t id;
    char address[MEMBERSHIP_ADDRESS_MAX + 1]; /* the id as text; opaque to the core */
    enum membership_role role;
};

struct membership {
    struct membership_member members[MEMBERSHIP_MAX];
    size_t count;
};

/* Returns 0, or ERR_PROTOCOL for bytes that are not a membership, ERR_TOO_BIG for one of
 * more than MEMBERSHIP_MAX members or longer addresses. */
int membership_parse(struct span bytes, struct membership *ret_membership);
void membership_format(const struct membership *m, struct strbuf *out);

const struct membership_member *membership_find(const struct membership *m, uint64_t id);
size_t membership_voter_count(const struct membership *m);

/* Sets a member's role, adding the member if need be. ERR_FULL when there is no room. */
int membership_set(struct membership *m, uint64_t id, enum membership_role role);
/* ERR_NOT_FOUND when it is not there. */
int membership_remove(struct membership *m, uint64_t id);

/* Whether exactly one member was added, removed or given another role, the order of the
 * others kept: the only step that keeps a majority of each in common. */
bool membership_is_one_step(const struct membership *from, const struct membership *to);
