/* SPDX-License-Identifier: Apache-2.0 */
/* Delayed delivery (XEP-0203). */
#pragma once

#include <stdint.h>

#include "proto/xml/xml_node.h"

/* Appends `<delay from='…' stamp='…'/>`; from may be SPAN_NONE and is borrowed. */
void delay_add(struct arena *arena, struct xml_node *n, struct span from, uint64_t stamp_us);

/* Takes out those that claim to be from a domain that serves() knows as ours, for only we
 * may say that. Returns how many. */
size_t delay_strip(struct xml_node *n, bool (*serves)(struct span domain, void *arg),
                   void *arg);
