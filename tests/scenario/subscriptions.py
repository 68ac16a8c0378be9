#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Rosters and subscriptions on the wire: RFC 6121, 2, 3 and Appendix A; M17."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import cases
from cases import case, expect
from people import (ROSTER, bare, befriend, close, condition, fence, online, people,
                    presence_of, presences, push_of, roster, server, sync)
from server import DOMAIN
from wire import CLIENT, Wire, show, signed_in


def subscribe(wire, name, kind="subscribe", inner=""):
    to = name if "@" in name else bare(name)
    wire.send(f"<presence to='{to}' type='{kind}'>{inner}</presence>")


def shown(elements):
    return [show(e) for e in elements]


@case
def ask_and_grant():
    """3.1: each step is pushed, shown, and followed by presence; to, then both."""
    a, b = people("alice", "bob")
    alice, bob = online(a), online(b)
    subscribe(alice, b)
    push_of(alice, bare(b), subscription="none", ask="subscribe")
    expect(presence_of(bob, bare(a), "subscribe").get("from") == bare(a), "not from the bare one")
    subscribe(bob, a, "subscribed")
    push_of(bob, bare(a), subscription="from")
    item = push_of(alice, bare(b), subscription="to")
    expect(item.get("ask") is None, "still asking")
    presence_of(alice, bob.jid)
    expect(not presences(fence(alice, bob), bare(a)), "presence without subscription")
    subscribe(bob, a)
    presence_of(alice, bare(b), "subscribe")
    subscribe(alice, b, "subscribed")
    push_of(alice, bare(b), subscription="both")
    push_of(bob, bare(a), subscription="both")
    presence_of(bob, alice.jid)


@case
def grant_is_shown():
    """3.1.6: the asker gets the `subscribed` stanza itself."""
    a, b = people("alice", "bob")
    alice, bob = online(a), online(b)
    subscribe(alice, b)
    presence_of(bob, bare(a), "subscribe")
    subscribe(bob, a, "subscribed")
    presence_of(alice, bare(b), "subscribed")


@case
def denied():
    """3.1.5: the asker is told and asks no more; a later sign-in shows no request."""
    a, b = people("alice", "bob")
    alice, bob = online(a), online(b)
    subscribe(alice, b)
    presence_of(bob, bare(a), "subscribe")
    subscribe(bob, a, "unsubscribed")
    presence_of(alice, bare(b), "unsubscribed")
    item = roster(alice)[bare(b)]
    expect((item.get("subscription"), item.get("ask")) == ("none", None), show(item))
    expect(not presences(sync(online(b, "other")), bare(a)), "asked again")


@case
def taken_back():
    """3.3: an asker who takes the request back is not shown as one any more."""
    a, b = people("alice", "bob")
    alice = online(a)
    subscribe(alice, b)
    push_of(alice, bare(b), ask="subscribe")
    subscribe(alice, b, "unsubscribe")
    push_of(alice, bare(b), subscription="none", ask=None)
    expect(not presences(sync(online(b)), bare(a)), "the request is still there")


@case
def pending_at_each_sign_in():
    """3.1.3: shown with its payload at each sign-in until answered; never in the roster."""
    a, b = people("alice", "bob")
    alice = online(a)
    subscribe(alice, b, inner="<status>let me</status>"
                              "<nick xmlns='http://jabber.org/protocol/nick'>Ally</nick>")
    push_of(alice, bare(b), ask="subscribe")
    for _ in range(2):
        bob = signed_in(server(), b, has_presence=False)
        expect(roster(bob) == {}, "None + Pending In in the roster")
        bob.send("<presence/>")
        ask = presence_of(bob, bare(a), "subscribe")
        expect(ask.findtext(CLIENT + "status") == "let me" and "Ally" in show(ask), show(ask))
        expect(not presences(sync(bob), bare(a)), "twice")
        bob.leave()
    bob = online(b)
    subscribe(bob, a, "subscribed")
    push_of(alice, bare(b), subscription="to")
    bob.leave()
    expect(not presences(sync(online(b)), bare(a), "subscribe"), "after the answer")


@case
def pending_shown_to_negative_priority():
    a, b = people("alice", "bob")
    alice = online(a)
    subscribe(alice, b)
    push_of(alice, bare(b), ask="subscribe")
    bob = signed_in(server(), b, has_presence=False)
    bob.send("<presence><priority>-1</priority></presence>")
    presence_of(bob, bare(a), "subscribe")


@case
def one_request_per_sender():
    """M17: asked three times is asked once."""
    a, b = people("alice", "bob")
    alice, bob = online(a), online(b)
    for _ in range(3):
        subscribe(alice, b)
    asks = presences(fence(alice, bob), bare(a), "subscribe")
    expect(len(asks) == 1, len(asks), "shown to who is there")
    asks = [e for e in presences(sync(signed_in(server(), b, "next")), bare(a), "subscribe")]
    bob.leave()
    late = signed_in(server(), b, "late", has_presence=False)
    late.send("<presence/>")
    asks = presences(sync(late), bare(a), "subscribe")
    expect(len(asks) == 1, len(asks), "shown at sign-in")


@case
def asked_by_who_is_subscribed():
    """3.1.3: the server answers for who has granted before; nobody is asked."""
    a, b = people("alice", "bob")
    befriend(a, b)
    alice, bob = online(a), online(b)
    subscribe(alice, b)
    expect(not presences(fence(alice, bob), bare(a), "subscribe"), "asked again")
    item = roster(alice)[bare(b)]
    expect((item.get("subscription"), item.get("ask")) == ("both", None), show(item))


@case
def granted_without_request():
    """3.4: kept as approval, not routed; the request is then granted unseen."""
    a, b = people("alice", "bob")
    alice, bob = online(a), online(b)
    subscribe(alice, b, "subscribed")
    push_of(alice, bare(b), subscription="none", approved="true")
    expect(not presences(fence(alice, bob), bare(a)), "unasked `subscribed` was delivered")
    expect(roster(bob) == {}, "the other side has changed")
    subscribe(bob, a)
    push_of(bob, bare(a), subscription="to", ask=None)
    presence_of(bob, alice.jid)
    came = fence(bob, alice)
    expect(not presences(came, bare(b), "subscribe"), "shown although approved before")
    expect(roster(alice)[bare(b)].get("subscription") == "from", show(roster(alice)[bare(b)]))


@case
def approval_taken_back():
    a, b = people("alice", "bob")
    alice, bob = online(a), online(b)
    subscribe(alice, b, "subscribed")
    push_of(alice, bare(b), approved="true")
    subscribe(alice, b, "unsubscribed")
    push_of(alice, bare(b), approved=None)
    expect(not presences(fence(alice, bob), bare(a)), "something was delivered")
    subscribe(bob, a)
    presence_of(alice, bare(b), "subscribe")


@case
def preapproval_is_offered():
    features = Wire(server(), True).login(*people("alice"))
    expect(features.find("{urn:xmpp:features:pre-approval}sub") is not None, show(features))
    expect(features.find("{urn:xmpp:features:rosterver}ver") is not None, show(features))


@case
def no_more_to():
    """3.3: `unsubscribe` is shown, both pushed, and the presence ends."""
    a, b = people("alice", "bob")
    befriend(a, b)
    alice, bob = online(a), online(b)
    presence_of(alice, bob.jid)
    subscribe(alice, b, "unsubscribe")
    push_of(alice, bare(b), subscription="from")
    presence_of(alice, bob.jid, "unavailable")
    presence_of(bob, bare(a), "unsubscribe")
    expect(roster(bob)[bare(a)].get("subscription") == "to", "the other side")
    bob.send("<presence><show>away</show></presence>")
    expect(not presences(fence(bob, alice), bare(b)), "presence without subscription")


@case
def no_more_from():
    """3.2: `unsubscribed`, both pushed, unavailable."""
    a, b = people("alice", "bob")
    befriend(a, b)
    alice, bob = online(a), online(b)
    presence_of(bob, alice.jid)
    subscribe(alice, b, "unsubscribed")
    push_of(alice, bare(b), subscription="to")
    seen = [bob.until(lambda e: e.tag == CLIENT + "presence" and e.get("type")) for _ in "12"]
    kinds = sorted((e.get("type"), e.get("from")) for e in seen)
    expect(kinds == [("unavailable", alice.jid), ("unsubscribed", bare(a))], kinds)
    expect(roster(bob)[bare(a)].get("subscription") == "from", "the other side")


@case
def removal():
    """2.5.2: unsubscribe, unsubscribed and unavailable; the other side keeps its item."""
    a, b = people("alice", "bob")
    befriend(a, b)
    alice, bob = online(a), online(b)
    presence_of(bob, alice.jid)
    answer = alice.ask(f"<query xmlns='jabber:iq:roster'><item jid='{bare(b)}' "
                       "subscription='remove'/></query>", "set")
    expect(answer.get("type") == "result", show(answer))
    presence_of(alice, bob.jid, "unavailable")
    seen = [bob.until(lambda e: e.tag == CLIENT + "presence" and e.get("type")) for _ in "123"]
    kinds = sorted(e.get("type") for e in seen)
    expect(kinds == ["unavailable", "unsubscribe", "unsubscribed"], shown(seen))
    expect(bare(b) not in roster(alice), "still in the roster")
    expect(roster(bob)[bare(a)].get("subscription") == "none", show(roster(bob)[bare(a)]))


@case
def removal_pushes_remove():
    a, b = people("alice", "bob")
    befriend(a, b)
    alice, phone = online(a, "desk"), online(a, "phone")
    alice.send(f"<iq type='set' id='r1'><query xmlns='jabber:iq:roster'><item jid='{bare(b)}' "
               "subscription='remove'/></query></iq>")
    push_of(alice, bare(b), subscription="remove")
    push_of(phone, bare(b), subscription="remove")


@case
def removal_takes_request_back():
    """A removed item with an open request leaves none behind."""
    a, b = people("alice", "bob")
    alice = online(a)
    subscribe(alice, b)
    push_of(alice, bare(b), ask="subscribe")
    alice.ask(f"<query xmlns='jabber:iq:roster'><item jid='{bare(b)}' subscription='remove'/>"
              "</query>", "set")
    expect(not presences(sync(online(b)), bare(a)), "the request is still there")


@case
def nobody_by_that_name():
    """M17: `unsubscribed`, and no open request remains."""
    alice = online(*people("alice"))
    subscribe(alice, f"nobody@{DOMAIN}")
    presence_of(alice, f"nobody@{DOMAIN}", "unsubscribed")
    item = roster(alice)[f"nobody@{DOMAIN}"]
    expect((item.get("subscription"), item.get("ask")) == ("none", None), show(item))


@case
def another_domain():
    alice = online(*people("alice"))
    subscribe(alice, "someone@elsewhere.test")
    answer = alice.until(lambda e: e.tag == CLIENT + "presence" and e.get("type"))
    expect(condition(answer) == "remote-server-not-found", show(answer))


@case
def to_a_resource():
    """3.1.2: the resource is taken off."""
    a, b = people("alice", "bob")
    alice, bob = online(a), online(b)
    subscribe(alice, bob.jid)
    push_of(alice, bare(b), ask="subscribe")
    expect(presence_of(bob, bare(a), "subscribe").get("to") == bare(b), "to a resource")


@case
def blocked_asker():
    """M10: denied unseen, as for nobody."""
    a, b = people("alice", "bob")
    alice, bob = online(a), online(b)
    bob.ask(f"<block xmlns='urn:xmpp:blocking'><item jid='{bare(a)}'/></block>", "set")
    subscribe(alice, b)
    presence_of(alice, bare(b), "unsubscribed")
    expect(not presences(sync(bob), bare(a)), "the request was shown")


@case
def roster_set_keeps_rights():
    """2.1.2: what a client says about subscription and ask is not listened to."""
    a, b = people("alice", "bob")
    alice = online(a)
    alice.send("<iq type='set' id='s1'><query xmlns='jabber:iq:roster'>"
               f"<item jid='{bare(b)}' name='Bob' subscription='both' ask='subscribe' "
               "approved='true'><group>Team</group><group>Work</group></item></query></iq>")
    item = push_of(alice, bare(b), subscription="none", name="Bob", ask=None, approved=None)
    expect([g.text for g in item] == ["Team", "Work"], show(item))
    alice.ask(f"<query xmlns='jabber:iq:roster'><item jid='{bare(b)}' name='Robert'/></query>",
              "set")
    item = roster(alice)[bare(b)]
    expect(item.get("name") == "Robert" and len(item) == 0, "a set replaces", show(item))


@case
def roster_refusals():
    """2.3.3 and 2.5.3."""
    a, b = people("alice", "bob")
    alice = online(a)

    def refused(items, to=None):
        return condition(alice.ask(f"<query xmlns='jabber:iq:roster'>{items}</query>", "set", to))

    one = f"<item jid='{bare(b)}'/>"
    twice = f"<item jid='{bare(b)}'><group>a</group><group>a</group></item>"
    expect(refused(one + one) == "bad-request", "two items")
    expect(refused("") == "bad-request", "no item")
    expect(refused("<item/>") == "bad-request", "no address")
    expect(refused(twice) == "bad-request", "one group twice")
    expect(refused(f"<item jid='{bare(b)}'><group/></item>") == "not-acceptable", "empty group")
    expect(refused(f"<item jid='{bare(b)}' name='{'x' * 2000}'/>") == "not-acceptable", "name")
    expect(refused(f"<item jid='{bare(b)}' subscription='remove'/>") == "item-not-found", "gone")
    said = refused(one, bare(b))
    expect(said in ("forbidden", "service-unavailable"), "another's roster:", said)


@case
def pushes_to_the_interested():
    """2.1.6: only who has asked for the roster; from the account; answered by result."""
    a, b = people("alice", "bob")
    desk, phone = online(a, "desk"), online(a, "phone", has_roster=False)
    desk.ask(f"<query xmlns='jabber:iq:roster'><item jid='{bare(b)}'/></query>", "set")
    came = fence(desk, phone)
    expect(not any(e.find(ROSTER + "query") is not None for e in came), shown(came))


@case
def versions():
    """2.6: ver in answers and pushes; who has the newest gets an empty result."""
    a, b = people("alice", "bob")
    alice = online(a)
    first = alice.ask("<query xmlns='jabber:iq:roster' ver=''/>").find(ROSTER + "query")
    expect(first is not None and first.get("ver"), "no version")
    alice.send(f"<iq type='set' id='v'><query xmlns='jabber:iq:roster'><item jid='{bare(b)}'/>"
               "</query></iq>")
    push = alice.until(lambda e: e.find(ROSTER + "query") is not None and e.get("type") == "set")
    version = push.find(ROSTER + "query").get("ver")
    answer = alice.ask(f"<query xmlns='jabber:iq:roster' ver='{version}'/>")
    expect(answer.get("type") == "result" and len(answer) == 0, show(answer))
    answer = alice.ask(f"<query xmlns='jabber:iq:roster' ver='{first.get('ver')}'/>")
    query = answer.find(ROSTER + "query")
    if query is not None:
        expect(query.get("ver") == version and len(query) == 1, show(answer))
    answer = alice.ask("<query xmlns='jabber:iq:roster' ver='not ours'/>")
    expect(len(answer.find(ROSTER + "query")) == 1, show(answer))


@case
def roster_limit():
    """M21: a contact too many is refused with a word, in sets and in requests."""
    a, *others = people("alice", "b", "c", "d")
    server().ctl("setting", "set", "roster.max", "2")
    try:
        alice = online(a)
        said = [condition(alice.ask(f"<query xmlns='jabber:iq:roster'><item jid='{bare(o)}'/>"
                                    "</query>", "set")) for o in others]
        expect(said[:2] == ["iq result"] * 2 and said[2] in (
            "resource-constraint", "policy-violation", "not-allowed"), said)
        subscribe(alice, others[2])
        answer = alice.until(lambda e: e.tag == CLIENT + "presence" and e.get("type"))
        expect(condition(answer) in ("resource-constraint", "policy-violation", "not-allowed"),
               show(answer))
    finally:
        server().ctl("setting", "set", "roster.max", "2000")


@case
def removed_user():
    """A removed user leaves every roster: pushed, told, and gone."""
    a, b = people("alice", "bob")
    befriend(a, b)
    alice, bob = online(a), online(b)
    presence_of(alice, bob.jid)
    server().ctl("user", "remove", b, "--yes")
    presence_of(alice, bob.jid, "unavailable")
    expect(bare(b) not in roster(alice), "still in the roster")


@case
def several_resources():
    """4.4.2 and 3.1.6: who is granted sees each resource of the contact, on each own one."""
    a, b = people("alice", "bob")
    desk, phone = online(a, "desk"), online(a, "phone")
    home, work = online(b, "home"), online(b, "work")
    subscribe(desk, b)
    for wire in (home, work):
        presence_of(wire, bare(a), "subscribe")
    subscribe(home, a, "subscribed")
    for wire in (desk, phone):
        seen = {presence_of(wire, bare(b)).get("from") for _ in "12"}
        expect(seen == {home.jid, work.jid}, seen)


if __name__ == "__main__":
    sys.exit(cases.main(close))
