/* SPDX-License-Identifier: Apache-2.0 */
/* Roll: the administration's question about live sessions, passed from worker to worker. */
#pragma once

struct admin_hooks_ask;
struct im;

/* Takes the question, which admin_hooks_answer() hands back when every worker has added its
 * sessions or ended them. Any thread. ERR_FULL, ERR_CLOSED: not taken. */
int roll_ask(struct im *im, struct admin_hooks_ask *ask);
