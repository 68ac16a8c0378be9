/* SPDX-License-Identifier: Apache-2.0 */
/* SASLprep: one spelling for a password (RFC 4013), so that what a person types on one
 * keyboard matches what was stored from another.
 *
 * Code points that Unicode 3.2 does not assign pass unchanged: a password with an emoji is
 * a good password, and clients hash it so. The text is at most SASLPREP_MAX bytes before
 * and after; RFC 4616 and 5802 allow no empty one and no NUL. */
#pragma once

#include "base/span.h"

#define SASLPREP_MAX 1023

/* The caller wipes it. */
struct saslprep_text {
    char bytes[SASLPREP_MAX + 1];
    size_t size;
};

/* Returns 0; ERR_INVALID: empty, not UTF-8, or a forbidden character; ERR_TOO_BIG. */
int saslprep_apply(struct span text, struct saslprep_text *ret_text);
