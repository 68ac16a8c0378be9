/* SPDX-License-Identifier: Apache-2.0 */
/* Any stanza through all that reads one: what is accepted can be written and is accepted
 * again with the same meaning; what may be answered gets an answer that is a stanza. */
#include <assert.h>

#include "base/strbuf.h"
#include "proto/xml/xml_reader.h"
#include "proto/xml/xml_writer.h"
#include "proto/xmpp/blocking_stanza.h"
#include "proto/xmpp/csi.h"
#include "proto/xmpp/message_class.h"
#include "proto/xmpp/presence_stanza.h"
#include "proto/xmpp/roster_stanza.h"
#include "proto/xmpp/sm_stanza.h"
#include "proto/xmpp/xmpp_time.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void check_answer(struct arena *arena, const struct stanza *s)
{
    struct stanza reply;
    enum stanza_error_condition condition;
    if (!stanza_may_answer(s))
        return;
    struct xml_node *n = stanza_error_reply(arena, s, STANZA_ERROR_NOT_ALLOWED, "no");
    const int rc = stanza_parse(n, &reply, &condition);
    assert(rc == 0 || s->id.size == 0); /* an IQ without id has no valid answer */
    assert(!stanza_may_answer(&reply) || rc != 0);
}

static void check_roster(struct arena *arena, struct xml_node *payload)
{
    struct roster_stanza_item item, again;
    enum stanza_error_condition condition;
    if (roster_stanza_parse(payload, arena, &item, &condition) < 0)
        return;
    struct xml_node *query = roster_stanza_query(arena, SPAN_NONE);
    roster_stanza_add_item(arena, query, &item);
    const int rc = roster_stanza_parse(query, arena, &again, &condition);
    assert(rc == 0);
    assert(span_equal(item.jid, again.jid) && item.group_count == again.group_count &&
           item.subscription == again.subscription);
}

static void check_blocking(struct arena *arena, struct xml_node *payload)
{
    struct blocking_stanza b, again;
    enum stanza_error_condition condition;
    if (blocking_stanza_parse(payload, true, arena, &b, &condition) < 0)
        return;
    struct xml_node *n = blocking_stanza_new(arena, b.kind, b.items, b.item_count);
    const int rc = blocking_stanza_parse(n, true, arena, &again, &condition);
    assert(rc == 0 && again.item_count == b.item_count);
}

static void check_stanza(struct arena *arena, struct xml_node *n)
{
    struct stanza s;
    struct sm_stanza sm;
    enum stanza_error_condition condition;
    sm_stanza_parse(n, &sm);
    const int rc = stanza_parse(n, &s, &condition);
    if (rc == STANZA_FOREIGN)
        return;
    check_answer(arena, &s);
    if (rc != 0)
        return;
    (void)csi_weigh(&s);
    struct presence_stanza presence;
    struct message_class class;
    switch (s.kind) {
    case STANZA_MESSAGE:
        message_class_of(&s, &class);
        assert(!class.is_carbon_received || class.is_carbon_sent);
        assert(!class.is_private || !class.is_carbon_sent);
        break;
    case STANZA_PRESENCE:
        (void)presence_stanza_parse(&s, arena, &presence);
        break;
    case STANZA_IQ:
        if (s.type == STANZA_SET) {
            check_roster(arena, stanza_payload(&s));
            check_blocking(arena, stanza_payload(&s));
        }
        break;
    }
}

static void check_time(struct span text)
{
    uint64_t us, again;
    char written[XMPP_TIME_SIZE];
    if (xmpp_time_parse(text, &us) < 0)
        return;
    xmpp_time_format(us, written);
    const int rc = xmpp_time_parse(span_text(written), &again);
    /* A zone may lead out of the last year that has four digits. */
    assert((rc == 0 && us == again) || us >= UINT64_C(253402300800000000));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct arena arena = {0};
    struct xml_node *parent = NULL;
    const struct span in = span_of(bytes, size);
    if (size > 8192)
        return 0;
    check_time(in);
    if (xml_reader_fragment(in, SPAN("jabber:client"), &xml_reader_limits_standard, &arena,
                            &parent) == 0) {
        struct xml_node *n = xml_node_child(parent, NULL, NULL);
        for (; n; n = xml_node_next(n, NULL, NULL))
            check_stanza(&arena, n);
    }
    arena_done(&arena);
    return 0;
}
