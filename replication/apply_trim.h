/* SPDX-License-Identifier: Apache-2.0 */
/* Trimming: what is kept for a while only (feed rows, origin ids, ended sessions) goes in
 * bounded steps along the log. How far each has got is a row of its own, so that a step
 * never walks over what former steps have deleted. */
#pragma once

struct apply;

enum { APPLY_TRIM_EVERY = 64 }; /* entries */

void apply_trim(struct apply *a);
