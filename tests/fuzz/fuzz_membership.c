/* SPDX-License-Identifier: Apache-2.0 */
/* membership_parse() on any bytes: what it accepts formats to the same bytes, and keeps the
 * limits that the core relies on. */
#include <assert.h>
#include <stdint.h>

#include "replication/membership.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void check_members(const struct membership *m)
{
    assert(m->count <= MEMBERSHIP_MAX);
    for (size_t i = 0; i < m->count; i++) {
        assert(m->members[i].id > 0 && m->members[i].address[0] != '\0');
        assert(membership_find(m, m->members[i].id) == &m->members[i]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct membership m;
    struct strbuf back = {0};
    if (membership_parse(span_of(bytes, size), &m) < 0)
        return 0;
    check_members(&m);
    assert(!membership_is_one_step(&m, &m));
    membership_format(&m, &back);
    assert(span_equal(strbuf_span(&back), span_of(bytes, size)));
    strbuf_done(&back);
    return 0;
}
