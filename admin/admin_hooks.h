/* SPDX-License-Identifier: Apache-2.0 */
/* What the administration asks of the running node. The node fills one struct of these
 * (node/presence_node.c); admin/ calls them and knows nothing of who answers.
 *
 * A question about live sessions is a message that comes back: the node passes it from
 * worker to worker (each adds what it has), then calls admin_hooks_answer() on any thread,
 * exactly once. Nothing is locked, and no worker waits. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/loop.h"
#include "base/mailbox.h"

enum {
    ADMIN_HOOKS_ID_SIZE = 16,        /* bytes of a session id */
    ADMIN_HOOKS_SESSIONS_MAX = 2000, /* rows of one answer: < 1 MiB */
    ADMIN_HOOKS_CHECKS_MAX = 32
};

/* One live session, as its worker sees it. Texts of a question are borrowed until its
 * answer; admin_hooks_add() copies what it is given. */
struct admin_hooks_session {
    uint8_t id[ADMIN_HOOKS_ID_SIZE];
    char *user; /* bare address */
    char *resource;
    char *protocol; /* "xmpp" */
    char *address;  /* of the client, "192.0.2.1:50000"; "" while it is away */
    char *tls;      /* "TLSv1.3", or "" */
    char *show;     /* "available", "away", …, "" before the first presence */
    int priority;
    uint64_t since_us; /* sign-in, wall clock */
    uint64_t unacked_count;
    bool is_online; /* false: its client is away and may resume */
};

enum admin_hooks_verb {
    ADMIN_HOOKS_LIST,   /* add a row for each session that matches */
    ADMIN_HOOKS_END,    /* end each: the client may sign in again; count it */
    ADMIN_HOOKS_REVOKE, /* end each with not-authorized; count it */
};

struct admin_hooks_ask {
    struct message message; /* the callee's to travel with */
    unsigned worker_index;  /* the callee's: which worker has it */
    struct loop *home;      /* where the answer goes */
    enum admin_hooks_verb verb;
    const char *user;     /* bare address; NULL: everybody's */
    const char *resource; /* NULL: any */
    size_t rows_max;
    struct admin_hooks_session *rows; /* filled by admin_hooks_add() */
    size_t row_count, row_capacity;
    bool has_more; /* rows_max was reached */
    uint64_t ended_count;
    int rc; /* 0, or why nobody could be asked */
    void (*answered)(struct admin_hooks_ask *ask, void *owner); /* on home */
};

/* Whether a session is meant by the question. */
bool admin_hooks_matches(const struct admin_hooks_ask *ask, const char *user,
                         const char *resource);

/* Adds a copy of a row; false when rows_max was reached before. */
bool admin_hooks_add(struct admin_hooks_ask *ask, const struct admin_hooks_session *row);

/* Hands the question back to who asked. Any thread. */
void admin_hooks_answer(struct admin_hooks_ask *ask);

/* Frees the rows; for who asked. */
void admin_hooks_ask_done(struct admin_hooks_ask *ask);

/* One line of /readyz and of `presencectl check`. */
struct admin_hooks_check {
    const char *name; /* stable word: "workers", "listeners" */
    bool is_ok;
    char text[160]; /* what was seen */
};

/* Called on the admin loop; must not block. Any may be NULL: the node has no such thing. */
struct admin_hooks {
    void *arg;
    /* Takes the question and returns 0, or a negative error: it is not taken. */
    int (*ask)(struct admin_hooks_ask *ask, void *arg);
    /* Live sessions and connections of this node. */
    uint64_t (*session_count)(void *arg);
    /* Fills at most max rows; returns how many. Ready means: all ok. */
    size_t (*checks)(struct admin_hooks_check *rows, size_t max, void *arg);
    /* `cluster init` is applied: the node serves this domain from now on. */
    void (*cluster_initialised)(const char *domain, void *arg);
};
