/* SPDX-License-Identifier: Apache-2.0 */
/* Rosters and subscriptions: both sides of a subscription change in one command where both
 * users live here (RFC 6121, 3 and Appendix A; rostertable.h holds the table).
 *
 * A request of somebody whom the contact blocks ends like one to nobody: `unsubscribed`
 * comes back, so that a block cannot be told from an absent account. */
#pragma once

#include "base/span.h"
#include "presenced/store/v1/store.pb-c.h"

struct apply;

void apply_roster_set(struct apply *a, const Store__RosterSet *c);
void apply_roster_remove(struct apply *a, const Store__RosterRemove *c);
void apply_roster_subscribe(struct apply *a, const Store__Subscribe *c);

/* Removes the user from every roster, and every row of the user's own. */
void apply_roster_forget(struct apply *a, struct span user);
