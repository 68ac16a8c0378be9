/* SPDX-License-Identifier: Apache-2.0 */
/* Wake-up: a hint from any thread to a loop that carries one growing number.
 *
 * Many sends before the loop turns become one call with the largest value. It is how a
 * change feed says "applied is now i": no queue, so it can neither fill up nor lose
 * anything; the receiver reads the truth elsewhere.
 *
 * Threads: wakeup_send(), wakeup_ref() and wakeup_unref() from any; open and close on the
 * loop's own thread (or before it runs). The opener holds one reference, given back by
 * wakeup_close(); a sender that may outlive it takes one of its own. */
#pragma once

#include <stdint.h>

struct loop;
struct wakeup; /* opaque */

/* Returns 0 or a negative error. woken is called on the loop, never from inside a send. */
int wakeup_open(struct loop *loop, void (*woken)(uint64_t value, void *arg), void *arg,
                struct wakeup **ret_wakeup);

/* A value not above the largest so far does nothing, nor does sending to a closed one. The
 * first value must be above 0. */
void wakeup_send(struct wakeup *w, uint64_t value);

/* woken is not called any more. NULL is fine. */
void wakeup_close(struct wakeup *w);

struct wakeup *wakeup_ref(struct wakeup *w);
void wakeup_unref(struct wakeup *w);
