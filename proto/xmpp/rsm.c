/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/xmpp/rsm.h"

#include "base/err.h"
#include "base/strbuf.h"
#include "proto/xmpp/xmpp_ns.h"
#include "proto/xmpp/xmpp_number.h"

/* Returns false when the child is there but holds no number. */
static bool number_child(const struct xml_node *set, const char *name, struct arena *arena,
                         bool *ret_has, uint32_t *ret_number)
{
    const struct xml_node *child = xml_node_child(set, name, XMPP_NS_RSM);
    *ret_has = child != NULL;
    return !child || xmpp_number_u32(xml_node_text(child, arena), ret_number) == 0;
}

static struct span text_child(const struct xml_node *set, const char *name, struct arena *arena)
{
    const struct xml_node *child = xml_node_child(set, name, XMPP_NS_RSM);
    return child ? xml_node_text(child, arena) : SPAN_NONE;
}

int rsm_parse(const struct xml_node *parent, struct arena *arena, struct rsm *ret_rsm)
{
    const struct xml_node *set = xml_node_child(parent, "set", XMPP_NS_RSM);
    struct rsm rsm = {0};
    if (set) {
        rsm.is_present = true;
        if (!number_child(set, "max", arena, &rsm.has_max, &rsm.max) ||
            !number_child(set, "index", arena, &rsm.has_index, &rsm.index))
            return ERR_PROTOCOL;
        rsm.after = text_child(set, "after", arena);
        rsm.before = text_child(set, "before", arena);
    }
    *ret_rsm = rsm;
    return 0;
}

void rsm_add_page(struct arena *arena, struct xml_node *parent, const struct rsm_page *page)
{
    struct xml_node *set = xml_node_add_new(arena, parent, "set", XMPP_NS_RSM);
    if (!span_is_none(page->first)) {
        struct xml_node *first = xml_node_add_leaf(arena, set, "first", page->first);
        if (page->has_index)
            xml_node_set_number(arena, first, "index", page->index);
        xml_node_add_leaf(arena, set, "last", page->last);
    }
    if (page->has_count) {
        struct strbuf digits = {0};
        strbuf_add_number(&digits, page->count);
        xml_node_add_leaf(arena, set, "count", arena_copy(arena, strbuf_span(&digits)));
        strbuf_done(&digits);
    }
}
