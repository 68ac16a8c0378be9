/* SPDX-License-Identifier: Apache-2.0 */
/* Block lists (XEP-0191): bare, full and domain addresses, never the user's own. */
#pragma once

#include "base/span.h"
#include "presenced/store/v1/store.pb-c.h"

struct apply;

void apply_block_set(struct apply *a, const Store__BlockSet *c);

/* Removes the user's list, and the user from everybody's. */
void apply_block_forget(struct apply *a, struct span user);
