/* SPDX-License-Identifier: Apache-2.0 */
#include "replication/apply_roster.h"

#include <limits.h>

#include "replication/applier.h"
#include "replication/apply.h"
#include "replication/rostertable.h"

enum {
    ROSTER_NAME_MAX = 1023,         /* bytes of a name or a group */
    ROSTER_GROUPS_MAX = 64,         /* groups of one item */
    ROSTER_BODY_MAX = 16 * 1024,    /* payload kept with a pending request */
    ROSTER_ITEMS_MAX = 1000 * 1000, /* when the command names no limit */
};

/* One user's row about a contact, on its way through a command. */
struct roster_side {
    struct span user, contact;
    Store__RosterRow before, row;
    bool is_there;   /* there is a row in the store */
    bool is_touched; /* counts as changed even when nothing differs */
};

static struct roster_side roster_side_load(struct apply *a, struct span user,
                                           struct span contact)
{
    struct roster_side s = {.user = user, .contact = contact};

    keyspace_pair(&a->key, a->group, user, contact);
    const Store__RosterRow *row = apply_get(a, KEYSPACE_ROSTER, &store__roster_row__descriptor);
    store__roster_row__init(&s.row);
    if (row)
        s.row = *row;
    s.before = s.row;
    s.is_there = row != NULL;
    return s;
}

static bool roster_has_changed(const struct roster_side *s)
{
    const Store__RosterRow *b = &s->before, *r = &s->row;

    return s->is_touched || b->is_listed != r->is_listed || b->is_to != r->is_to ||
           b->is_from != r->is_from || b->is_pending_out != r->is_pending_out ||
           b->is_approved != r->is_approved;
}

static bool roster_is_only_pending(const Store__RosterRow *row)
{
    return row->is_pending_in && !row->is_listed;
}

static void roster_mention(struct apply *a, const struct roster_side *s, bool is_kept)
{
    keyspace_mention(&a->key, a->group, s->contact, KEYSPACE_MENTION_ROSTER, s->user);
    if (is_kept)
        apply_put_bytes(a, KEYSPACE_MENTIONS, SPAN(""));
    else
        apply_delete(a, KEYSPACE_MENTIONS);
}

static void roster_count(struct apply *a, const struct roster_side *s)
{
    const int listed = s->row.is_listed - s->before.is_listed;
    const int pending = roster_is_only_pending(&s->row) - roster_is_only_pending(&s->before);
    if (listed == 0 && pending == 0)
        return;

    Store__CountersRow *c = apply_counters(a, s->user);
    c->roster_count += (uint32_t)listed;
    c->pending_count += (uint32_t)pending;
    apply_counters_put(a, s->user, c);
}

static void roster_feed(struct apply *a, const struct roster_side *s, Store__FeedRow__Kind kind)
{
    Store__FeedRow row = STORE__FEED_ROW__INIT;

    row.kind = kind;
    row.user = apply_text(a, s->user);
    row.contact = apply_text(a, s->contact);
    apply_feed(a, &row);
}

/* Writes what has changed, with counters, roster version and feed. */
static void roster_side_save(struct apply *a, struct roster_side *s)
{
    const bool is_kept = s->row.is_listed || s->row.is_pending_in;
    const bool is_shown = roster_has_changed(s) && (s->before.is_listed || s->row.is_listed);

    if (!is_shown && s->before.is_pending_in == s->row.is_pending_in)
        return;
    if (is_shown)
        s->row.index = a->index;
    if (!s->row.is_pending_in)
        s->row.pending_body = (ProtobufCBinaryData){0};

    keyspace_pair(&a->key, a->group, s->user, s->contact);
    if (is_kept)
        apply_put(a, KEYSPACE_ROSTER, &s->row.base);
    else
        apply_delete(a, KEYSPACE_ROSTER);
    if (is_kept != s->is_there)
        roster_mention(a, s, is_kept);
    roster_count(a, s);
    if (!is_shown)
        return;

    Store__UserRow *user = apply_user(a, s->user);
    if (user) {
        user->roster_index = a->index;
        apply_user_put(a, s->user, user);
    }
    roster_feed(a, s, STORE__FEED_ROW__KIND__ROSTER);
    if (s->row.is_from && !s->before.is_from)
        roster_feed(a, s, STORE__FEED_ROW__KIND__PRESENCE_GRANTED);
    if (!s->row.is_from && s->before.is_from)
        roster_feed(a, s, STORE__FEED_ROW__KIND__PRESENCE_REVOKED);
}

/* Whether the user may have one more listed item. */
static bool roster_has_room(struct apply *a, const struct roster_side *s, uint32_t items_max)
{
    return s->before.is_listed || !s->row.is_listed ||
           apply_counters(a, s->user)->roster_count <
               (items_max ? items_max : (uint32_t)ROSTER_ITEMS_MAX);
}

/* ---- Items ------------------------------------------------------------------------------ */

static bool roster_is_good_item(const Store__RosterSet *c)
{
    if (!apply_is_bare(span_text(c->contact)) || strlen(c->name) > ROSTER_NAME_MAX ||
        c->n_groups > ROSTER_GROUPS_MAX)
        return false;
    for (size_t i = 0; i < c->n_groups; i++) {
        const size_t size = strlen(c->groups[i]);
        if (size == 0 || size > ROSTER_NAME_MAX)
            return false;
    }
    return true;
}

void apply_roster_set(struct apply *a, const Store__RosterSet *c)
{
    const struct span user = span_text(c->user);

    if (!apply_is_asker(a, user))
        return;
    if (!roster_is_good_item(c)) {
        apply_outcome(a, STORE__RESULT__OUTCOME__MALFORMED);
        return;
    }
    if (!apply_has_user(a, user)) {
        apply_outcome(a, STORE__RESULT__OUTCOME__NOT_FOUND);
        return;
    }
    struct roster_side s = roster_side_load(a, user, span_text(c->contact));
    s.row.name = c->name;
    s.row.groups = c->groups;
    s.row.n_groups = c->n_groups;
    s.row.is_listed = true;
    s.is_touched = true; /* RFC 6121, 2.1.6: every set is pushed */
    if (!roster_has_room(a, &s, c->items_max)) {
        apply_refuse(a, "over-quota");
        return;
    }
    roster_side_save(a, &s);
}

/* ---- Subscriptions ---------------------------------------------------------------------- */

/* A SUBSCRIPTION row: the user must be shown a stanza of the contact. */
static void roster_show(struct apply *a, struct span user, struct span contact,
                        Store__SubscribeKind kind, ProtobufCBinaryData body)
{
    Store__FeedRow row = STORE__FEED_ROW__INIT;

    row.kind = STORE__FEED_ROW__KIND__SUBSCRIPTION;
    row.user = apply_text(a, user);
    row.contact = apply_text(a, contact);
    row.subscription = kind;
    row.body = body;
    apply_feed(a, &row);
}

/* The user's stanza leaves: true when it is routed to the contact. */
static bool roster_send(struct roster_side *s, Store__SubscribeKind kind)
{
    const enum rostertable_state state = rostertable_of_row(&s->row);
    const struct rostertable_move move = rostertable_out(state, kind);

    rostertable_to_row(move.state, &s->row);
    if (move.state != state && (s->row.is_pending_out || s->row.is_from))
        s->row.is_listed = true;
    if (kind == STORE__SUBSCRIBE_KIND__SUBSCRIBE_ASK)
        s->row.is_listed = true;
    /* RFC 6121, 3.4.2: a grant that nobody waits for is kept for when somebody asks; a
     * denial takes it back. */
    if (kind == STORE__SUBSCRIBE_KIND__SUBSCRIBE_GRANT && !s->row.is_from)
        s->row.is_approved = s->row.is_listed = true;
    if (kind == STORE__SUBSCRIBE_KIND__SUBSCRIBE_DENY || s->row.is_from)
        s->row.is_approved = false;
    return move.is_passed;
}

/* The contact's stanza arrives at side s. Returns true when it must be shown; *ret_grant
 * when the server answers it with a grant of its own. */
static bool roster_receive(struct roster_side *s, Store__SubscribeKind kind, bool *ret_grant)
{
    const enum rostertable_state state = rostertable_of_row(&s->row);
    const struct rostertable_move move = rostertable_in(state, kind);

    *ret_grant = move.is_answered;
    if (kind == STORE__SUBSCRIBE_KIND__SUBSCRIBE_ASK && s->row.is_approved) {
        /* RFC 6121, 3.4.2 and 3.1.3: pre-approved, so the request is never shown. */
        s->row.is_from = true;
        s->row.is_pending_in = s->row.is_approved = false;
        *ret_grant = true;
        return false;
    }
    rostertable_to_row(move.state, &s->row);
    return move.is_passed;
}

/* The server speaks for the contact to the one who asked. */
static void roster_answer(struct apply *a, struct roster_side *asker, Store__SubscribeKind kind)
{
    bool is_granted = false;

    if (!roster_receive(asker, kind, &is_granted))
        return;
    asker->is_touched = true; /* a push shows the outcome, be it the state of before */
    roster_show(a, asker->user, asker->contact, kind, (ProtobufCBinaryData){0});
}

/* Carries a routed stanza to the contact's side; false when it was refused and nothing must
 * be written. */
static bool roster_deliver(struct apply *a, struct roster_side *from, struct roster_side *to,
                           Store__SubscribeKind kind, ProtobufCBinaryData body)
{
    bool is_granted = false;
    const bool is_shown = roster_receive(to, kind, &is_granted);

    if (roster_is_only_pending(&to->row) && !roster_is_only_pending(&to->before) &&
        apply_counters(a, to->user)->pending_count >= APPLIER_PENDING_MAX)
        return false;
    if (is_shown && kind == STORE__SUBSCRIBE_KIND__SUBSCRIBE_ASK && body.len <= ROSTER_BODY_MAX)
        to->row.pending_body = body;
    if (is_granted)
        roster_answer(a, from, STORE__SUBSCRIBE_KIND__SUBSCRIBE_GRANT);
    if (is_shown && !apply_is_blocked(a, to->user, from->user))
        roster_show(a, to->user, from->user, kind, body);
    return true;
}

static bool roster_is_good_subscribe(const Store__Subscribe *c)
{
    return apply_is_bare(span_text(c->to)) && c->kind >= STORE__SUBSCRIBE_KIND__SUBSCRIBE_ASK &&
           c->kind <= STORE__SUBSCRIBE_KIND__SUBSCRIBE_DENY;
}

/* A word why the stanza may not be sent at all, or NULL. */
static const char *roster_refusal(struct apply *a, const Store__Subscribe *c)
{
    const struct span from = span_text(c->from), to = span_text(c->to);

    if (span_equal(from, to))
        return "self";
    if (!apply_has_user(a, from))
        return "no-such-user";
    if (!apply_is_local(a, to))
        return "remote-server-not-found";
    if ((c->kind == STORE__SUBSCRIBE_KIND__SUBSCRIBE_ASK ||
         c->kind == STORE__SUBSCRIBE_KIND__SUBSCRIBE_GRANT) &&
        apply_is_blocked(a, from, to))
        return "blocked-by-sender"; /* XEP-0191, 3.3: one's own block comes first */
    return NULL;
}

void apply_roster_subscribe(struct apply *a, const Store__Subscribe *c)
{
    const struct span from = span_text(c->from), to = span_text(c->to);
    const bool is_ask = c->kind == STORE__SUBSCRIBE_KIND__SUBSCRIBE_ASK;

    if (!apply_is_asker(a, from))
        return;
    if (!roster_is_good_subscribe(c)) {
        apply_outcome(a, STORE__RESULT__OUTCOME__MALFORMED);
        return;
    }
    const char *refusal = roster_refusal(a, c);
    if (refusal) {
        apply_refuse(a, refusal);
        return;
    }
    struct roster_side mine = roster_side_load(a, from, to);
    const bool is_routed = roster_send(&mine, c->kind);
    if (!roster_has_room(a, &mine, c->items_max)) {
        apply_refuse(a, "over-quota");
        return;
    }
    struct roster_side theirs = roster_side_load(a, to, from);
    const bool is_there = apply_has_user(a, to);
    if (is_routed && is_ask &&
        (!is_there || (!theirs.row.is_from && apply_is_blocked(a, to, from)))) {
        /* A request from before the block goes too: granted later, it would be half open. */
        bool is_granted = false;
        (void)roster_receive(&theirs, STORE__SUBSCRIBE_KIND__SUBSCRIBE_CANCEL, &is_granted);
        roster_answer(a, &mine, STORE__SUBSCRIBE_KIND__SUBSCRIBE_DENY);
    } else if (is_routed && is_there) {
        if (!roster_deliver(a, &mine, &theirs, c->kind, c->body)) {
            apply_refuse(a, "over-quota");
            return;
        }
    }
    roster_side_save(a, &mine);
    roster_side_save(a, &theirs);
}

/* ---- Removal ---------------------------------------------------------------------------- */

/* RFC 6121, 2.5.2: what the contact is told when the user removes the item. */
static void roster_part(struct apply *a, const struct roster_side *mine,
                        struct roster_side *theirs)
{
    const ProtobufCBinaryData nothing = {0};
    struct roster_side asker = *mine; /* nothing is answered to a cancel or a denial */

    if (mine->before.is_to || mine->before.is_pending_out)
        (void)roster_deliver(a, &asker, theirs, STORE__SUBSCRIBE_KIND__SUBSCRIBE_CANCEL,
                             nothing);
    if (mine->before.is_from || mine->before.is_pending_in)
        (void)roster_deliver(a, &asker, theirs, STORE__SUBSCRIBE_KIND__SUBSCRIBE_DENY, nothing);
}

static void roster_clear(struct roster_side *s)
{
    store__roster_row__init(&s->row);
}

void apply_roster_remove(struct apply *a, const Store__RosterRemove *c)
{
    const struct span user = span_text(c->user), contact = span_text(c->contact);

    if (!apply_is_asker(a, user))
        return;
    if (!apply_is_address(contact)) {
        apply_outcome(a, STORE__RESULT__OUTCOME__MALFORMED);
        return;
    }
    struct roster_side mine = roster_side_load(a, user, contact);
    if (!mine.is_there || !mine.row.is_listed) {
        apply_outcome(a, STORE__RESULT__OUTCOME__NOT_FOUND);
        return;
    }
    roster_clear(&mine);
    if (!span_equal(user, contact) && apply_has_user(a, contact)) {
        /* NOLINTNEXTLINE(readability-suspicious-call-argument): the other side's rows */
        struct roster_side theirs = roster_side_load(a, contact, user);
        roster_part(a, &mine, &theirs);
        roster_side_save(a, &theirs);
    }
    roster_side_save(a, &mine);
}

void apply_roster_forget(struct apply *a, struct span user)
{
    /* Others' rows about the user. */
    keyspace_text(&a->key, a->group, user);
    strbuf_add_byte(&a->key, KEYSPACE_MENTION_ROSTER);
    struct apply_list list = apply_list_prefix(a, KEYSPACE_MENTIONS, SIZE_MAX);
    for (size_t i = 0; i < list.count; i++) {
        const struct span other = span_from(keyspace_text_at(list.rows[i].key, 1), 1);
        /* NOLINTNEXTLINE(readability-suspicious-call-argument): the other side's rows */
        struct roster_side theirs = roster_side_load(a, other, user);
        roster_clear(&theirs);
        roster_side_save(a, &theirs);
    }

    keyspace_text(&a->key, a->group, user);
    list = apply_list_prefix(a, KEYSPACE_ROSTER, SIZE_MAX);
    for (size_t i = 0; i < list.count; i++) {
        struct roster_side mine =
            roster_side_load(a, user, keyspace_text_at(list.rows[i].key, 1));
        roster_mention(a, &mine, false);
        apply_delete_key(a, KEYSPACE_ROSTER, list.rows[i].key);
    }
}
