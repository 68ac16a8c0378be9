/* SPDX-License-Identifier: Apache-2.0 */
/* Inbox: what waited for a user goes to the session that signs in (im-semantics M5, M6),
 * and what an ended session leaves goes to those that are there.
 *
 * The worker's place in the change feed divides: rows up to it are sent from here, later
 * ones come by the feed. A row that is on its way to another session is not sent twice. */
#pragma once

struct session;
struct user;

/* The session has sent its first presence with a priority that is not negative. */
void inbox_flush(struct session *s);

/* Rows that nobody holds any more go to all sessions that take messages. */
void inbox_spread(struct user *u);
