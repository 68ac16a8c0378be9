#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Sessions and their rights, rule by rule, on raw streams: blocking, CSI, detached sessions
and takeovers, presence, requests, limits, revocation."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import cases
from cases import case, expect
from people import (answer_to, arriving, asked, bare, befriend, bodies, chat, close, condition,
                    fence, line, online, people, presence_of, presences, server, state, sync)
from server import DOMAIN
from wire import CLIENT, SM, SM_NS, Wire, show, signed_in, stream_error


# ---- M10: blocking ------------------------------------------------------------------------


def block(wire, who, verb="block"):
    answer = wire.ask(f"<{verb} xmlns='urn:xmpp:blocking'><item jid='{who}'/></{verb}>", "set")
    expect(answer.get("type") == "result", show(answer))


@case
def blocking_both_ways():
    """in: service-unavailable, nothing stored; out: not-acceptable and <blocked/>; presence
    ends at once and is back with the unblock."""
    a, b = people("alice", "bob")
    befriend(a, b)
    alice, bob = online(a), online(b)
    presence_of(alice, bob.jid)
    presence_of(bob, alice.jid)
    block(alice, bare(b))
    presence_of(bob, alice.jid, "unavailable")
    for to in (bare(a), alice.jid):
        number = chat(bob, to, line("let me in"))
        expect(condition(answer_to(bob, number)) == "service-unavailable", to)
    expect(asked(bob, alice.jid) == "service-unavailable", "iq")
    number = chat(alice, bob.jid, line("out"))
    answer = answer_to(alice, number)
    expect(condition(answer) == "not-acceptable"
           and answer.find(".//{urn:xmpp:blocking:errors}blocked") is not None, show(answer))
    expect(asked(alice, bob.jid) == "not-acceptable", "iq out")
    bob.send("<presence><show>away</show></presence>")
    sync(bob)
    expect(not presences(sync(alice), bare(b), None), "presence of a blocked one")
    expect(len(alice.archive()) == 0, "stored")
    block(alice, bare(b), "unblock")
    presence_of(bob, alice.jid)
    presence_of(alice, bob.jid)
    chat(bob, bare(a), line("hello again"))
    alice.wait_message("hello again")


@case
def blocking_pushes_and_lists():
    a, b = people("alice", "bob")
    desk, phone = online(a, "desk"), online(a, "phone")
    for wire in (desk, phone):
        wire.ask("<blocklist xmlns='urn:xmpp:blocking'/>")
    block(desk, bare(b))
    push = phone.until(lambda e: e.find("{urn:xmpp:blocking}block") is not None)
    expect(push.get("type") == "set", show(push))
    listed = phone.ask("<blocklist xmlns='urn:xmpp:blocking'/>")
    expect([i.get("jid") for i in listed[0]] == [bare(b)], show(listed))
    answer = desk.ask("<unblock xmlns='urn:xmpp:blocking'/>", "set")
    expect(answer.get("type") == "result", show(answer))
    phone.until(lambda e: e.find("{urn:xmpp:blocking}unblock") is not None)
    expect(len(phone.ask("<blocklist xmlns='urn:xmpp:blocking'/>")[0]) == 0, "not empty")
    answer = desk.ask(f"<block xmlns='urn:xmpp:blocking'><item jid='{bare(a)}'/></block>", "set")
    expect(answer.get("type") == "error", "blocked oneself")
    answer = desk.ask("<block xmlns='urn:xmpp:blocking'/>", "set")
    expect(condition(answer) == "bad-request", show(answer))


@case
def blocking_a_resource_and_a_domain():
    a, b = people("alice", "bob")
    alice, desk, phone = online(a), online(b, "desk"), online(b, "phone")
    block(alice, desk.jid)
    number = chat(desk, alice.jid, line("x"))
    expect(condition(answer_to(desk, number)) == "service-unavailable", "the blocked resource")
    chat(phone, alice.jid, line("fine"))
    alice.wait_message("fine")
    block(alice, "elsewhere.test")
    number = chat(alice, "x@elsewhere.test", line("x"))
    expect(condition(answer_to(alice, number)) in ("not-acceptable", "remote-server-not-found"),
           "another domain")


@case
def blocking_stops_directed_presence():
    a, b = people("alice", "bob")
    alice, bob = online(a), online(b)
    alice.send(f"<presence to='{bob.jid}'/>")
    presence_of(bob, alice.jid)
    block(alice, bare(b))
    presence_of(bob, alice.jid, "unavailable")


@case
def blocking_limit():
    a, *others = people("alice", "b", "c", "d")
    server().ctl("setting", "set", "block.max", "2")
    try:
        alice = online(a)
        said = [condition(alice.ask(f"<block xmlns='urn:xmpp:blocking'><item jid='{bare(o)}'/>"
                                    "</block>", "set")) for o in others]
        expect(said == ["iq result", "iq result", "resource-constraint"], said)
    finally:
        server().ctl("setting", "set", "block.max", "1000")


PRIVACY = "{jabber:iq:privacy}"


def deny(*names, extra=""):
    return "".join(f"<item type='jid' value='{bare(n)}' action='deny' order='{i}'/>"
                   for i, n in enumerate(names)) + extra


@case
def privacy_lists():
    """M10: one list, of denied addresses, over the block list; any name, the rest refused."""
    a, b, c = people("alice", "bob", "carol")
    alice, bob, carol = online(a), online(b), online(c)

    def say(payload, kind="set"):
        return alice.ask(f"<query xmlns='jabber:iq:privacy'>{payload}</query>", kind)

    def listed():
        answer = alice.ask("<blocklist xmlns='urn:xmpp:blocking'/>")
        return sorted(i.get("jid") for i in answer[0])

    expect(len(say("", "get").find(PRIVACY + "query")) == 0, "a list although none is blocked")
    expect(condition(say("<list name='mine'/>", "get")) == "item-not-found", "an empty list")
    rest = "<item action='allow' order='99'/>"
    expect(condition(say(f"<list name='mine'>{deny(b, extra=rest)}</list>")) == "iq result", "set")
    expect(condition(say("<active name='mine'/>")) == "iq result", "active")
    expect(condition(say("<default name='mine'/>")) == "iq result", "default")
    names = [e.tag for e in say("", "get").find(PRIVACY + "query")]
    expect(names == [PRIVACY + n for n in ("active", "default", "list")], names)
    items = say("<list name='mine'/>", "get").findall(f".//{PRIVACY}item")
    expect([(i.get("value"), i.get("action")) for i in items] == [(bare(b), "deny")], items)
    number = chat(bob, bare(a), line("x"))
    expect(condition(answer_to(bob, number)) == "service-unavailable", "not blocked")
    expect(condition(say(f"<list name='mine'>{deny(c)}</list>")) == "iq result", "replaced")
    expect(listed() == [bare(c)], listed())
    chat(bob, bare(a), line("again"))
    alice.wait_message("again")
    for refused in ("<item type='group' value='x' action='deny' order='1'/>",
                    "<item type='subscription' value='none' action='deny' order='1'/>",
                    "<item action='deny' order='1'/>",
                    f"<item type='jid' value='{bare(b)}' action='deny' order='1'><message/></item>",
                    f"<item type='jid' value='{bare(b)}' action='allow' order='1'/>"
                    f"<item type='jid' value='{DOMAIN}' action='deny' order='2'/>"):
        said = condition(say(f"<list name='mine'>{refused}</list>"))
        expect(said == "feature-not-implemented", refused, said)
    expect(condition(say("<active/>")) == "feature-not-implemented", "declined")
    for refused in ("", "<list/>", "<nonsense name='x'/>", "<list name='x'/><list name='y'/>",
                    "<list name='x'><item type='jid' value='b@c' action='nothing' order='1'/>"
                    "</list>"):
        expect(condition(say(refused)) == "bad-request", refused)
    expect(listed() == [bare(c)], listed())
    expect(condition(say("<list name='mine'/>")) == "iq result", "removed")
    expect(listed() == [], listed())
    expect(condition(say("<active/>")) == "iq result", "nothing to decline")
    chat(carol, bare(a), line("free"))
    alice.wait_message("free")


# ---- M11: CSI -----------------------------------------------------------------------------


@case
def csi_holds_and_flushes():
    a, b = people("alice", "bob")
    befriend(a, b)
    alice, bob = online(a, acks="on"), online(b)
    presence_of(alice, bob.jid)
    alice.send("<inactive xmlns='urn:xmpp:csi:0'/>")
    sync(alice)
    for show_ in ("away", "dnd", "xa"):
        bob.send(f"<presence><show>{show_}</show></presence>")
    chat(bob, alice.jid, state())
    chat(bob, alice.jid, line("news"), "headline")
    sync(bob)
    before = alice.received
    alice.socket.settimeout(0.3)
    quiet = alice.drain(0.3)
    expect(quiet == [], [show(e) for e in quiet])
    expect(alice.received == before, "counted what was not written")
    chat(bob, alice.jid, line("wake up"))
    came = []
    while not bodies(came[-1:]) == ["wake up"]:
        came.append(alice.next())
    shows = [e.findtext(CLIENT + "show") for e in presences(came, bare(b))]
    expect(shows == ["xa"], "the newest alone:", shows)
    expect(bodies(came) == ["news", "wake up"] and len(came) == 4, [show(e) for e in came])
    bob.send("<presence/>")
    sync(bob)
    expect(alice.drain(0.3) == [], "not inactive any more")
    alice.send("<active xmlns='urn:xmpp:csi:0'/>")
    presence_of(alice, bob.jid)


@case
def csi_important_is_sent():
    """IQ, subscription, error, invitation, encryption go out at once."""
    a, b = people("alice", "bob")
    alice, bob = online(a), online(b)
    alice.send("<inactive xmlns='urn:xmpp:csi:0'/>")
    sync(alice)
    bob.send(f"<iq type='get' id='i' to='{alice.jid}'><query xmlns='a:b'/></iq>")
    answer_to(alice, "i")
    bob.send(f"<presence type='subscribe' to='{bare(a)}'/>")
    presence_of(alice, bare(b), "subscribe")
    for inner in ("<encrypted xmlns='eu.siacs.conversations.axolotl'/>",
                  "<x xmlns='jabber:x:conference' jid='r@c.test'/>",
                  "<received xmlns='urn:xmpp:receipts' id='1'/>"):
        answer_to(alice, chat(bob, alice.jid, inner))


@case
def csi_after_resume_is_active():
    """What was held when the stream broke is not lost; the resumed stream is active."""
    a, b = people("alice", "bob")
    befriend(a, b)
    alice, bob = online(a, acks="resume"), online(b)
    presence_of(alice, bob.jid)
    alice.send("<inactive xmlns='urn:xmpp:csi:0'/>")
    sync(alice)
    bob.send("<presence><show>away</show></presence>")
    sync(bob)
    alice.cut()
    again = Wire(server(), True)
    again.login(a)
    expect(again.resume(alice.sm_id, alice.received).tag == SM + "resumed", "not resumed")
    expect(presence_of(again, bob.jid).findtext(CLIENT + "show") == "away", "what was held")
    bob.send("<presence><show>dnd</show></presence>")
    expect(presence_of(again, bob.jid).findtext(CLIENT + "show") == "dnd", "not active")


# ---- M13, M14: ends -----------------------------------------------------------------------


@case
def takeover_without_flicker():
    """The same resource signs in anew: contacts see the new presence, no unavailable, and what
    the old stream had not acknowledged comes to the new one."""
    a, b = people("alice", "bob")
    befriend(a, b)
    bob, alice = online(b), online(a, "phone", acks="resume")
    presence_of(bob, alice.jid)
    chat(bob, alice.jid, line("unacked"))
    alice.wait_message("unacked")
    alice.cut()
    chat(bob, alice.jid, line("detached"))
    again = signed_in(server(), a, "phone", has_presence=False)
    again.send("<presence><status>back</status></presence>")
    came = bodies(fence(bob, again))
    expect(came == ["unacked", "detached"], came)
    seen = fence(again, bob)
    kinds = [(e.get("type"), e.findtext(CLIENT + "status")) for e in presences(seen, bare(a))]
    expect(kinds == [(None, "back")], kinds)


@case
def takeover_of_a_living_stream():
    """The old stream ends with conflict."""
    a, b = people("alice", "bob")
    befriend(a, b)
    bob, alice = online(b), online(a, "phone")
    presence_of(bob, alice.jid)
    again = signed_in(server(), a, "phone")
    expect(stream_error(alice) == "conflict", "the old stream")
    seen = fence(again, bob)
    expect(not presences(seen, bare(a), "unavailable"), [show(e) for e in seen])


@case
def cut_without_resume_is_unavailable_once():
    a, b = people("alice", "bob")
    befriend(a, b)
    bob, alice, other = online(b), online(a, "phone"), online(a, "desk")
    presence_of(bob, alice.jid)
    alice.cut()
    presence_of(bob, alice.jid, "unavailable")
    rest = presences(fence(other, bob), bare(a), "unavailable")
    expect(rest == [], [show(e) for e in rest])


@case
def orderly_end_answers_and_frees():
    """</stream:stream> ends a resumable session for good: unavailable, no resume."""
    a, b = people("alice", "bob")
    befriend(a, b)
    bob, alice = online(b), online(a, acks="resume")
    presence_of(bob, alice.jid)
    alice.leave()
    presence_of(bob, alice.jid, "unavailable")
    again = Wire(server(), True)
    again.login(a)
    answer = again.resume(alice.sm_id, alice.received)
    expect(answer.tag == SM + "failed", show(answer))
    again.bind()


@case
def another_device_need_not_wait():
    """What waits in a lost stream goes to a device at which the user is now, and to the lost
    one when it is back: each device sees it once."""
    a, b = people("alice", "bob")
    bob = online(b)
    phone = online(a, "phone", acks="resume")
    phone.cut()
    for text in ("first", "second"):
        chat(bob, bare(a), line(text))
    sync(bob)
    desk = signed_in(server(), a, "desk", has_presence=False)
    desk.enable()
    desk.send("<presence/>")
    came = [e.findtext(CLIENT + "body") for e in (desk.wait_message("first"),
                                                  desk.wait_message("second"))]
    expect(came == ["first", "second"], came)
    expect(bodies(fence(bob, desk)) == [], "twice")
    desk.send(f"<a xmlns='{SM_NS}' h='{desk.received}'/>")
    back = Wire(server(), is_direct=True)
    back.login(a)
    expect(back.resume(phone.sm_id, phone.received).tag == SM + "resumed", "not resumed")
    back.wait_message("first")
    back.wait_message("second")
    back.jid = phone.jid
    expect(bodies(fence(bob, back)) == [], "twice")


@case
def detached_keeps_presence_and_iqs():
    """A detached session is still there to its contacts; what it gets waits for the resume."""
    a, b = people("alice", "bob")
    befriend(a, b)
    bob, alice = online(b), online(a, acks="resume")
    presence_of(bob, alice.jid)
    alice.cut()
    bob.send(f"<iq type='get' id='w' to='{alice.jid}'><query xmlns='a:b'/></iq>")
    chat(bob, alice.jid, line("one"))
    expect(not presences(sync(bob), bare(a)), "flicker")
    again = Wire(server(), True)
    again.login(a)
    expect(again.resume(alice.sm_id, alice.received).tag == SM + "resumed", "not resumed")
    answer_to(again, "w")
    again.wait_message("one")


@case
def ended_session_answers_its_requests():
    """M14: a request that was never acknowledged is answered when the session ends."""
    a, b = people("alice", "bob")
    bob, alice = online(b), online(a, "phone", acks="resume")
    bob.send(f"<iq type='get' id='w' to='{alice.jid}'><query xmlns='a:b'/></iq>")
    answer_to(alice, "w")
    alice.cut()
    server().ctl("session", "end", a, "--yes")
    expect(condition(answer_to(bob, "w")) == "service-unavailable", "no answer")


@case
def resources_limit():
    """M21: over it the oldest goes, detached first."""
    a, = people("alice")
    server().ctl("setting", "set", "xmpp.resources_max", "3")
    try:
        oldest = online(a, "r1")
        detached = online(a, "r2", acks="resume")
        detached.cut()
        others = [online(a, "r3"), online(a, "r4")]
        sync(oldest)
        again = Wire(server(), True)
        again.login(a)
        expect(again.resume(detached.sm_id, 0).tag == SM + "failed", "the detached one lives")
        again.bind("r5")
        expect(stream_error(oldest) != "nothing", "still four")
        for wire in others:
            sync(wire)
    finally:
        server().ctl("setting", "set", "xmpp.resources_max", "20")


# ---- Presence -----------------------------------------------------------------------------


@case
def probes_at_sign_in():
    """4.2, 4.3: who signs in sees each available resource of its contacts, its own others,
    and they see it; nobody sees who does not grant."""
    a, b, c = people("alice", "bob", "carol")
    befriend(a, b)
    home, work = online(b, "home"), online(b, "work", priority=-3)
    online(c)
    desk = online(a, "desk")
    seen = {presence_of(desk, bare(b)).get("from") for _ in "12"}
    expect(seen == {home.jid, work.jid}, seen)
    phone = signed_in(server(), a, "phone", has_presence=False)
    phone.send("<presence/>")
    seen = {phone.until(lambda e: e.tag == CLIENT + "presence").get("from") for _ in range(4)}
    expect(seen == {home.jid, work.jid, desk.jid, phone.jid}, seen)
    presence_of(desk, phone.jid)
    for wire in (home, work):
        presence_of(wire, phone.jid)


@case
def unavailable_then_again():
    a, b = people("alice", "bob")
    befriend(a, b)
    bob, alice = online(b), online(a)
    presence_of(bob, alice.jid)
    presence_of(alice, bob.jid)
    alice.send("<presence type='unavailable'><status>lunch</status></presence>")
    gone = presence_of(bob, alice.jid, "unavailable")
    expect(gone.findtext(CLIENT + "status") == "lunch", show(gone))
    alice.send("<presence type='unavailable'/>")
    bob.send("<presence><show>away</show></presence>")
    expect(not presences(sync(alice), bare(b), None), "presence for who is not there")
    alice.send("<presence/>")
    came = presence_of(alice, bob.jid)
    expect(came.findtext(CLIENT + "show") == "away", "the answer to the probe")
    kinds = [e.get("type") for e in presences(fence(alice, bob), bare(a))]
    expect(kinds == [None], kinds)


@case
def directed_presence():
    """4.6: without subscription; undone by every kind of end."""
    a, b = people("alice", "bob")
    bob = online(b)
    for end in ("unavailable", "leave", "cut", "one"):
        alice = online(a)
        alice.send(f"<presence to='{bare(b) if end == 'one' else bob.jid}'>"
                   "<status>here</status></presence>")
        came = presence_of(bob, alice.jid)
        expect(came.findtext(CLIENT + "status") == "here", show(came))
        alice.send("<presence><show>away</show></presence>")
        expect(not presences(fence(alice, bob), bare(a)), "a broadcast reached who has no right")
        if end == "unavailable":
            alice.send("<presence type='unavailable'/>")
        elif end == "leave":
            alice.leave()
        elif end == "cut":
            alice.cut()
        else:
            alice.send(f"<presence type='unavailable' to='{bare(b)}'/>")
        presence_of(bob, alice.jid, "unavailable")


@case
def directed_before_initial_presence():
    """4.6.3: also by who has sent no presence, and undone when it goes."""
    a, b = people("alice", "bob")
    bob, alice = online(b), signed_in(server(), a, has_presence=False)
    alice.send(f"<presence to='{bob.jid}'/>")
    presence_of(bob, alice.jid)
    alice.leave()
    presence_of(bob, alice.jid, "unavailable")


@case
def bad_priority():
    alice = online(*people("alice"))
    for priority in ("128", "-129", "high", ""):
        alice.send(f"<presence id='p'><priority>{priority}</priority></presence>")
        expect(condition(answer_to(alice, "p")) == "bad-request", "priority", priority)
    alice.send("<presence id='q' type='nonsense'/>")
    expect(condition(answer_to(alice, "q")) == "bad-request", "type")


# ---- M16: IQ ------------------------------------------------------------------------------


@case
def requests_to_accounts():
    """Who has no subscription is told the same as about nobody."""
    a, b, c = people("alice", "bob", "carol")
    befriend(a, b)
    alice = online(a)
    for request in ("<query xmlns='http://jabber.org/protocol/disco#info'/>",
                    "<query xmlns='http://jabber.org/protocol/disco#items'/>",
                    "<ping xmlns='urn:xmpp:ping'/>"):
        expect(condition(alice.ask(request, to=bare(b))) == "iq result", "a contact", request)
        strange, none = (condition(alice.ask(request, to=t))
                         for t in (bare(c), f"nobody@{DOMAIN}"))
        expect(strange == none == "service-unavailable", strange, none, request)
    for to in (DOMAIN, bare(a), bare(b), bare(c), None):
        expect(asked(alice, to) == asked(alice, to, "set") == "service-unavailable", to)


@case
def malformed_requests():
    alice = online(*people("alice"))
    for inner in ("", "<a xmlns='x'/><b xmlns='x'/>"):
        alice.send(f"<iq type='get' id='m' to='{DOMAIN}'>{inner}</iq>")
        expect(condition(answer_to(alice, "m")) == "bad-request", inner)
    alice.send(f"<iq type='nonsense' id='m2' to='{DOMAIN}'/>")
    expect(condition(answer_to(alice, "m2")) == "bad-request", "type")
    alice.send(f"<iq type='result' id='m3' to='{DOMAIN}'/>")
    expect(not [e for e in sync(alice) if e.get("id") == "m3"], "an answer was answered")


# ---- M21, M22: limits and revocation -----------------------------------------------------


@case
def stanza_size():
    """A stanza of the limit passes; a larger one ends the stream with policy-violation."""
    a, b = people("alice", "bob")
    alice, bob = online(a), online(b)
    chat(alice, bob.jid, line("x" * (256 * 1024 - 500)))
    expect(len(bodies(fence(alice, bob))[0]) > 256 * 1000, "not delivered")
    try:
        chat(alice, bob.jid, line("y" * (256 * 1024 + 1)))
    except OSError:
        pass
    expect(stream_error(alice) == "policy-violation", "no word")


@case
def password_change_closes_streams():
    """M22: live streams end with not-authorized, detached ones cannot be resumed."""
    a, = people("alice")
    live, detached = online(a, "desk"), online(a, "phone", acks="resume")
    detached.cut()
    server().ctl("user", "passwd", a, "--password-stdin", stdin="another\n")
    expect(stream_error(live) == "not-authorized", "the live stream")
    again = Wire(server(), True)
    again.login(a, "another")
    answer = again.resume(detached.sm_id, detached.received)
    expect(answer.tag == SM + "failed", show(answer))


@case
def removal_closes_streams():
    a, b = people("alice", "bob")
    befriend(a, b)
    bob, alice = online(b), online(a)
    presence_of(bob, alice.jid)
    server().ctl("user", "remove", a, "--yes")
    expect(stream_error(alice) == "not-authorized", "the stream")
    presence_of(bob, alice.jid, "unavailable")


if __name__ == "__main__":
    sys.exit(cases.main(close))
