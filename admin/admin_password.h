/* SPDX-License-Identifier: Apache-2.0 */
/* Passwords into verifiers, on the pool: all three SCRAM kinds for each, with salts of
 * their own. Many are cut into small jobs, a few at a time, so that a large import leaves
 * the pool to sign-ins.
 *
 * Admin loop only; the callback comes on it, exactly once. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/loop.h"
#include "proto/auth/pbkdf2.h"
#include "proto/auth/scram_verifier.h"

struct admin_password_list; /* opaque: derivations under way */
struct pool;

enum {
    ADMIN_PASSWORD_ROWS_A_JOB = PBKDF2_MANY, /* 20 ms on the pool, 65 without vectors */
    ADMIN_PASSWORD_JOBS_MAX = 4              /* at the same time for one list */
};

struct admin_password {
    struct span password; /* borrowed until done */
    int rc;               /* out: 0; ERR_INVALID, ERR_TOO_BIG: not a password we can take */
    struct scram_verifier verifiers[SCRAM_VERIFIER_KINDS]; /* out */
};

/* Called when all rows have their outcome. rc: 0; ERR_FULL: the pool is too busy; ERR_CLOSED:
 * stopped. The list is gone with it. */
typedef void (*admin_password_done_fn)(int rc, void *arg);

/* rows are borrowed until done. */
struct admin_password_list *admin_password_derive(struct pool *pool, struct loop *home,
                                                  uint32_t iterations,
                                                  struct admin_password *rows, size_t count,
                                                  admin_password_done_fn done, void *arg);

/* Nobody wants them any more: begins no job; done follows when those under way are home. */
void admin_password_stop(struct admin_password_list *list);
