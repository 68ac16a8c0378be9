/* SPDX-License-Identifier: Apache-2.0 */
#include "node/errand.h"

#include "base/loop.h"
#include "base/mem.h"

struct errand {
    struct message message; /* must stay first */
    void (*fn)(void *arg);
    void *arg;
};

static void errand_deliver(struct message *message, void *owner)
{
    const struct errand errand = *(struct errand *)message;
    (void)owner;
    free(message);
    errand.fn(errand.arg);
}

static void errand_discard(struct message *message)
{
    free(message);
}

void errand_send(struct loop *loop, void (*fn)(void *arg), void *arg)
{
    struct errand *errand = mem_zeroed(1, sizeof(*errand));
    *errand = (struct errand){.message = {.deliver = errand_deliver, .discard = errand_discard},
                              .fn = fn,
                              .arg = arg};
    loop_reply(loop, &errand->message);
}
