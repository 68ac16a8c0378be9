/* SPDX-License-Identifier: Apache-2.0 */
/* The directory: what the cluster is, which nodes are up, who its users are.
 *
 * A change of credentials ends the user's sessions, but for the one that asked (M22).
 * Removing a user removes every trace: no key names the user afterwards, on nobody's side;
 * conversations leave the archives of both. */
#pragma once

#include "presenced/store/v1/store.pb-c.h"

struct apply;

void apply_directory_init(struct apply *a, const Store__ClusterInit *c);
void apply_directory_node_up(struct apply *a, const Store__NodeUp *c);
void apply_directory_put(struct apply *a, const Store__UserPut *c);
void apply_directory_import(struct apply *a, const Store__UserImport *c);
void apply_directory_remove(struct apply *a, const Store__UserRemove *c);
