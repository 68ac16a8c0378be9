/* SPDX-License-Identifier: Apache-2.0 */
#include "replication/consensus_boot.h"

#include "base/err.h"

int consensus_boot_check(const struct consensus_boot *b)
{
    const uint64_t end = b->start_index + b->entry_count;
    uint64_t term = b->has_snapshot ? 0 : 1;
    struct membership m;
    if (b->start_index == 0 || b->applied >= end || (b->term == 0 && b->entry_count > 0))
        return ERR_CORRUPT;
    if (b->has_snapshot
            ? (b->snapshot.index == 0 || b->start_index > b->snapshot.index + 1 ||
               end <= b->snapshot.index || membership_parse(b->snapshot.configuration, &m) < 0)
            : (b->start_index != 1 ||
               (b->entry_count > 0 && b->entries[0].type != CONSENSUS_CHANGE)))
        return ERR_CORRUPT;
    for (size_t i = 0; i < b->entry_count; i++) {
        const struct consensus_entry *e = &b->entries[i];
        if (e->term < term || e->term > b->term || e->type < CONSENSUS_COMMAND ||
            e->type > CONSENSUS_CHANGE ||
            (e->type == CONSENSUS_CHANGE && membership_parse(e->payload, &m) < 0))
            return ERR_CORRUPT;
        term = e->term;
    }
    return 0;
}

void consensus_boot_membership(const struct consensus_boot *b, struct membership *ret_members,
                               size_t *ret_committed)
{
    *ret_members = (struct membership){0};
    *ret_committed = b->entry_count;
    if (b->has_snapshot)
        (void)membership_parse(b->snapshot.configuration, ret_members);
    for (size_t i = 0; i < b->entry_count; i++)
        if (b->entries[i].type == CONSENSUS_CHANGE &&
            (!b->has_snapshot || b->start_index + i > b->snapshot.configuration_index)) {
            (void)membership_parse(b->entries[i].payload, ret_members);
            if (b->start_index + i <= b->applied)
                *ret_committed = i;
        }
}
