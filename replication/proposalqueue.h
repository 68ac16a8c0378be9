/* SPDX-License-Identifier: Apache-2.0 */
/* Proposals in the order in which they came, with their number and bytes; and how one gets
 * its answer. Single-threaded, plain data; zeroed is empty. A command must not be changed
 * while its proposal is queued. */
#pragma once

#include <stdint.h>

#include "replication/proposal.h"

struct proposalqueue {
    struct proposal *head;
    struct proposal **tail;
    uint64_t count;
    uint64_t size; /* bytes of commands */
};

void proposalqueue_push(struct proposalqueue *q, struct proposal *p);

/* The first; there must be one. */
struct proposal *proposalqueue_pop(struct proposalqueue *q);

/* Sends a proposal home with its outcome. One without a home stays where it is: its owner
 * looks at rc. */
void proposalqueue_answer(struct proposal *p, int rc);

/* Empties the queue, answering each with rc. */
void proposalqueue_answer_all(struct proposalqueue *q, int rc);
