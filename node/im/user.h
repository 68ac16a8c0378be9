/* SPDX-License-Identifier: Apache-2.0 */
/* User: the actor of one online user: sessions, what is cached of roster and blocks, and
 * which inbox rows are on their way to which session.
 *
 * Lives from the first bind until the last session is gone and everything proposed about
 * it is answered. The caches follow the change feed of the worker.
 *
 * Threads: the user's worker. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hashmap.h"
#include "base/mailbox.h"
#include "base/span.h"
#include "presenced/store/v1/store.pb-c.h"

struct im_worker;
struct session;
struct session_request;

struct user_contact {
    bool is_to;   /* the user sees the contact */
    bool is_from; /* the contact sees the user */
};

/* An inbox row that was handed to sessions. */
struct user_row {
    uint32_t holders; /* sessions that have it and did not confirm it */
    bool is_done;     /* a client has it; the row leaves the inbox with the next Progress */
};

struct user {
    struct im_worker *worker;
    char *name; /* bare address */
    struct session *sessions;
    size_t session_count;
    struct hashmap roster;            /* contact to struct user_contact */
    struct hashmap blocks;            /* address to itself */
    struct hashmap rows;              /* index, 8 bytes, to struct user_row */
    struct session_request *requests; /* binds and resumes under way */
    size_t pending;                   /* answers that will need the user */
    struct message reap;
    bool is_reaping;
};

struct user *user_find(struct im_worker *w, struct span name);

/* The actor, loaded when it was not there. ERR_NOT_FOUND, ERR_DENIED (disabled), or an
 * error of the store. An actor that gets no session goes by user_release(). */
int user_open(struct im_worker *w, struct span name, struct user **ret_user);

/* Lets it go, after the current callback, when nothing holds it. */
void user_release(struct user *u);
/* At the end of the worker. */
void user_free(struct user *u);

struct span user_name(const struct user *u);
struct session *user_session(const struct user *u, struct span resource);
void user_add_session(struct user *u, struct session *s);
void user_remove_session(struct user *u, struct session *s);

const struct user_contact *user_contact(const struct user *u, struct span contact);
/* Reads the item again after a change. */
int user_refresh_contact(struct user *u, struct span contact);
int user_refresh_blocks(struct user *u);
/* Everything, when the feed was trimmed beyond us. */
int user_refresh(struct user *u);
/* Does the block list cover the address (XEP-0191, 3.1 ff.)? */
bool user_blocks(const struct user *u, struct span address);

/* Inbox rows on their way. */
struct user_row *user_row(const struct user *u, uint64_t index);
void user_row_hold(struct user *u, uint64_t index);
/* A session lost it unconfirmed: true when nobody else has it, and it is free again. */
bool user_row_drop(struct user *u, uint64_t index);
/* A client has it. */
void user_row_confirm(struct user *u, uint64_t index);
/* The store knows it, too. */
void user_row_forget(struct user *u, uint64_t index);
