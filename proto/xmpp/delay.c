/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/xmpp/delay.h"

#include "proto/auth/address.h"
#include "proto/xmpp/xmpp_ns.h"
#include "proto/xmpp/xmpp_time.h"

void delay_add(struct arena *arena, struct xml_node *n, struct span from, uint64_t stamp_us)
{
    char stamp[XMPP_TIME_SIZE];
    xmpp_time_format(stamp_us, stamp);
    struct xml_node *delay = xml_node_add_new(arena, n, "delay", XMPP_NS_DELAY);
    xml_node_set(arena, delay, "from", from);
    xml_node_set_copy(arena, delay, "stamp", span_text(stamp));
}

size_t delay_strip(struct xml_node *n, bool (*serves)(struct span domain, void *arg), void *arg)
{
    size_t count = 0;
    struct xml_node *d = xml_node_child(n, "delay", XMPP_NS_DELAY);
    while (d) {
        struct xml_node *next = xml_node_next(d, "delay", XMPP_NS_DELAY);
        struct address_text storage;
        struct address from;
        if (address_parse(xml_node_attr(d, "from"), &storage, &from) == 0 &&
            serves(from.domain, arg)) {
            xml_node_remove(n, d);
            count++;
        }
        d = next;
    }
    return count;
}
