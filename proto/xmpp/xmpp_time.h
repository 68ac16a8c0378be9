/* SPDX-License-Identifier: Apache-2.0 */
/* Date and time of XMPP (XEP-0082, the DateTime profile), as microseconds since 1970. */
#pragma once

#include <stdint.h>

#include "base/strbuf.h"

#define XMPP_TIME_SIZE 28 /* "2026-11-22T20:00:00.123456Z" and a NUL */

/* In UTC; the fraction is left out when it is zero. us is before the year 10000. */
void xmpp_time_format(uint64_t us, char ret_text[XMPP_TIME_SIZE]);

/* Digits of the fraction beyond the sixth are dropped; what lies before 1970 is 0. Returns
 * ERR_INVALID for what is no such time. */
int xmpp_time_parse(struct span text, uint64_t *ret_us);
