/* SPDX-License-Identifier: Apache-2.0 */
#include "node/im/presence.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static char *presence_place(char *at, struct span *s)
{
    if (span_is_none(*s))
        return at;
    if (s->size)
        memcpy(at, s->ptr, s->size);
    s->ptr = at;
    return at + s->size;
}

struct presence *presence_new(const struct presence *fields)
{
    struct presence *p =
        mem_zeroed(1, sizeof(*p) + fields->from.size + fields->to.size + fields->id.size +
                          fields->lang.size + fields->body.size);
    *p = *fields;
    p->ref_count = 1;
    char *at = (char *)(p + 1);
    at = presence_place(at, &p->from);
    at = presence_place(at, &p->to);
    at = presence_place(at, &p->id);
    at = presence_place(at, &p->lang);
    presence_place(at, &p->body);
    return p;
}

struct presence *presence_ref(struct presence *p)
{
    p->ref_count++;
    return p;
}

void presence_unref(struct presence *p)
{
    if (!p)
        return;
    assert(p->ref_count > 0);
    if (--p->ref_count == 0)
        free(p);
}
