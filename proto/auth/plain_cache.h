/* SPDX-License-Identifier: Apache-2.0 */
/* Plain cache: remembers for an hour that a password was right, so that clients which only
 * know PLAIN do not cost milliseconds of PBKDF2 at every sign-in.
 *
 * It keeps HMAC-SHA-256(key, user, password) under a key that never leaves the process:
 * worthless without it. An entry counts only for the credentials it was made with: a new
 * password has a new index. Bounded: the oldest makes room.
 *
 * Single-threaded; pure: key and time are passed in. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

#define PLAIN_CACHE_KEY_SIZE    32
#define PLAIN_CACHE_LIFETIME_MS 3600000 /* from the check, not from the last use */

struct plain_cache; /* opaque */

/* key: fresh random bytes. entries_max >= 1. The caller frees. */
struct plain_cache *plain_cache_new(const uint8_t key[PLAIN_CACHE_KEY_SIZE],
                                    size_t entries_max);
void plain_cache_free(struct plain_cache *c);

/* Whether this password was right for these credentials within the last hour. */
bool plain_cache_has(const struct plain_cache *c, struct span user, uint64_t credentials_index,
                     struct span password, uint64_t now_ms);

/* A check has just shown it to be right. */
void plain_cache_put(struct plain_cache *c, struct span user, uint64_t credentials_index,
                     struct span password, uint64_t now_ms);

/* The user is gone, disabled or has a new password. */
void plain_cache_forget(struct plain_cache *c, struct span user);
