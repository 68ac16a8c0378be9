/* SPDX-License-Identifier: Apache-2.0 */
/* Archives: who keeps which message, and for how long. */
#pragma once

#include <stdbool.h>

#include "base/span.h"
#include "presenced/store/v1/store.pb-c.h"

struct apply;

void apply_archive_prefs(struct apply *a, const Store__ArchivePrefsSet *c);
void apply_archive_trim(struct apply *a, const Store__ArchiveTrim *c);

/* Whether the preferences of a user (XEP-0313, 5) keep a message with this bare address. */
bool apply_archive_wants(struct apply *a, struct span user, struct span with);

/* Adds the entry's message to the archive of a user; removes that of an index. */
void apply_archive_add(struct apply *a, struct span user, struct span with, bool is_sent);
void apply_archive_remove(struct apply *a, struct span user, struct span with, uint64_t index);

/* Removes every archive row that names the user, and the user's preferences. */
void apply_archive_forget(struct apply *a, struct span user);
