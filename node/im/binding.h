/* SPDX-License-Identifier: Apache-2.0 */
/* Binding: how a session begins and how it goes on over another stream. Both commit a
 * SessionClaim; nothing is served before it is applied here (DESIGN 4).
 *
 *     bind:    claim -> applied -> take over the resource -> follow the feed -> bound()
 *     resume:  freeze, end the old stream -> claim (compare and set) -> applied -> number
 *              on from the client's count -> all that came in has its effect -> resumed()
 *     resume without a living session: SessionEnd tells what arrived -> resumed(FAILED) */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "node/im/session.h"

struct user;

/* session_bind(), session_resume() and session_request_cancel(). */
void binding_bind(struct im_worker *w, struct span user, struct span resource,
                  const struct front *front, void *arg, session_bound_fn bound,
                  struct session_request **ret_request);
void binding_resume(struct im_worker *w, struct span user, struct span session_id,
                    uint32_t client_h, const struct front *front, void *arg,
                    session_resumed_fn resumed, struct session_request **ret_request);
void binding_cancel(struct session_request *r);

/* A claimed session has no stanza under way any more: its resume is answered. */
void binding_complete(struct session *s);
/* A session ended while a resume waits for it. */
void binding_failed(struct session *s);

/* Whether a bind of that resource is under way. */
bool binding_expects(const struct user *u, struct span resource);
