/* SPDX-License-Identifier: Apache-2.0 */
/* A command on behalf of a call: proposed, waited for, its failures told in words.
 * Admin loop only. */
#pragma once

#include "presenced/store/v1/store.pb-c.h"
#include "proto/rpc/rpc_call.h"

/* Proposes; done is called once it is applied here, with the result borrowed, and ends the
 * call. When it was refused or its outcome is unknown the call has been failed instead. */
void admin_propose(struct rpc_call *call, const Store__Command *command,
                   void (*done)(struct rpc_call *call, const Store__Result *result));
