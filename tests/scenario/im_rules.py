#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What happens to a stanza, rule by rule, on raw streams: order, counts, inbox, routing,
carbons."""
import pathlib
import sys
import time
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import cases
from cases import case, expect
from people import (STATE, answer_to, arriving, asked, bare, befriend, bodies, chat, close,
                    condition, fence, line, online, people, presence_of, server, state, sync)
from server import DOMAIN
from wire import CLIENT, LIMIT_S, SM, SM_NS, Wire, show, signed_in

CARBONS = "{urn:xmpp:carbons:2}"
DELAY = "{urn:xmpp:delay}delay"
ORDER_COUNT = 200
ANSWER_LIMIT_S = 0.25 + 0.5  # M4, and what a busy machine adds


# ---- M2: order ---------------------------------------------------------------------------


@case
def mixed_paths_keep_order():
    """Messages that are stored and chat states that are not, alternating: as they were sent."""
    a, b = people("alice", "bob")
    alice, bob = online(a), online(b)
    sent = []
    text = ""
    for i in range(ORDER_COUNT):
        sent.append(f"m{i}")
        text += (f"<message to='{bob.jid}' type='chat' id='m{i}'>"
                 f"{line(i) if i % 2 == 0 else state()}</message>")
    alice.send(text)
    came = [e.get("id") for e in fence(alice, bob) if e.tag == CLIENT + "message"]
    expect(came == sent, "arrived as", came)


@case
def message_before_what_follows():
    """message then unavailable, message then IQ, message then directed presence."""
    a, b = people("alice", "bob")
    befriend(a, b)
    bob = online(b)
    for _ in range(10):
        alice = online(a)
        presence_of(bob, alice.jid)
        alice.send(f"<message to='{bare(b)}' type='chat' id='first'>{line('bye')}</message>"
                   f"<iq type='get' id='second' to='{bob.jid}'><query xmlns='x:y'/></iq>"
                   "<presence type='unavailable'/>")
        came = [bob.next() for _ in range(3)]
        kinds = [e.tag.rpartition("}")[2] for e in came]
        expect(kinds == ["message", "iq", "presence"], kinds)
        alice.leave()


@case
def one_address_does_not_hold_another():
    """What waits for one contact's commit does not hold up what goes to others: all arrive."""
    a, b, c = people("alice", "bob", "carol")
    alice, bob, carol = online(a), online(b), online(c)
    alice.send("".join(f"<message to='{bob.jid}' type='chat'>{line(i)}</message>"
                       f"<message to='{carol.jid}' type='chat'>{state()}</message>"
                       for i in range(50)))
    expect(len(bodies(fence(alice, bob))) == 50, "messages")
    expect(len([e for e in fence(alice, carol) if e.find(f"{{{STATE}}}composing") is not None])
           == 50, "states")


# ---- M3, M4: counts ----------------------------------------------------------------------


@case
def h_counts_everything_and_never_falls():
    a, b = people("alice", "bob")
    alice, bob = online(a, acks="on"), online(b)
    count = 1  # the presence
    kinds = [lambda: chat(alice, bob.jid, line("x")), lambda: chat(alice, bob.jid, state()),
             lambda: alice.send("<presence><show>away</show></presence>"),
             lambda: alice.send(f"<iq type='get' id='p' to='{DOMAIN}'><ping "
                                "xmlns='urn:xmpp:ping'/></iq>"),
             lambda: chat(alice, f"nobody@{DOMAIN}", line("x")),
             lambda: chat(alice, "x@elsewhere.test", line("x")),
             lambda: alice.send("<message to='@@' type='chat'><body>x</body></message>")]
    count += 1  # the roster, asked after <enable/>
    last = 0
    for turn in range(10):
        for act in kinds:
            act()
            count += 1
        begun = time.monotonic()
        alice.send(f"<r xmlns='{SM_NS}'/>")
        answer = alice.until(lambda e: e.tag == SM + "a")
        took = time.monotonic() - begun
        expect(took <= ANSWER_LIMIT_S, "answered after", took)
        expect(last <= int(answer.get("h")) <= count, answer.get("h"), last, count)
        last = int(answer.get("h"))
    while last != count:
        answer = alice.until(lambda e: e.tag == SM + "a")
        expect(int(answer.get("h")) >= last, "fell")
        last = int(answer.get("h"))


@case
def resumed_h_is_never_lower():
    a, b = people("alice", "bob")
    alice = online(a, acks="resume")
    for i in range(20):
        chat(alice, bare(b), line(i))
    alice.send(f"<r xmlns='{SM_NS}'/>")
    told = int(alice.until(lambda e: e.tag == SM + "a").get("h"))
    alice.cut()
    again = Wire(server(), True)
    again.login(a)
    resumed = again.resume(alice.sm_id, alice.received)
    expect(resumed.tag == SM + "resumed", show(resumed))
    expect(told <= int(resumed.get("h")) <= 22, told, show(resumed))


# ---- M5, M6: the inbox --------------------------------------------------------------------


@case
def inbox_once_in_order_delayed():
    a, b = people("alice", "bob")
    alice = online(a)
    for i in range(50):
        chat(alice, bare(b), line(i))
    sync(alice)
    stored(alice, b, 50)
    bob = signed_in(server(), b, has_presence=False)
    expect(not bodies(sync(bob)), "sent at bind")
    bob.send("<presence><priority>-1</priority></presence>")
    expect(not bodies(sync(bob)), "sent to a negative priority")
    bob.send("<presence/>")
    came = [e for e in fence(alice, bob) if e.find(CLIENT + "body") is not None]
    expect(bodies(came) == [str(i) for i in range(50)], bodies(came))
    for element in came:
        expect(element.find(DELAY).get("from") == DOMAIN, show(element))
        ids = [e.get("by") for e in element.iter("{urn:xmpp:sid:0}stanza-id")]
        expect(ids == [bare(b)], show(element))
    bob.leave()
    expect(not bodies(fence(alice, arriving(b))), "a second time")


def stored(sender, name, count):
    """Waits until the sender's archive has that many, so that all are committed."""
    deadline = time.monotonic() + LIMIT_S
    while len(sender.archive(bare(name))) < count:
        expect(time.monotonic() < deadline, "not stored")


@case
def inbox_before_anything_live():
    """What waited comes before the probe's answers bring live messages."""
    a, b = people("alice", "bob")
    alice = online(a)
    for i in range(20):
        chat(alice, bare(b), line(i))
    stored(alice, b, 20)
    bob = arriving(b)
    for i in range(20, 40):
        chat(alice, bare(b), line(i))
    came = bodies(fence(alice, bob))
    expect(came == [str(i) for i in range(40)], came)


@case
def archive_first_clears_what_it_showed():
    """M6: who asked the archive before presence gets no message twice; queue rows still come."""
    a, b = people("alice", "bob")
    alice = online(a)
    for i in range(5):
        chat(alice, bare(b), line(i))
    chat(alice, bare(b), line("queued") + "<no-permanent-store xmlns='urn:xmpp:hints'/>")
    stored(alice, b, 5)
    bob = signed_in(server(), b, has_presence=False)
    expect(len(bob.archive()) == 5, "the archive")
    bob.send("<presence/>")
    came = bodies(fence(alice, bob))
    expect(came == ["queued"], came)
    bob.leave()
    expect(not bodies(fence(alice, arriving(b))), "came later")


@case
def unacked_without_stream_management():
    """M5: bytes that TCP took are delivered; a second device gets no second copy later."""
    a, b = people("alice", "bob")
    alice, bob = online(a), online(b)
    chat(alice, bare(b), line("read me"))
    bob.wait_message("read me")
    bob.leave()
    expect(not bodies(fence(alice, arriving(b))), "twice")


@case
def unacked_waits_for_the_next():
    """A message that no resource acknowledged is sent again at the next sign-in, once."""
    a, b = people("alice", "bob")
    alice, bob = online(a), online(b, "phone", acks="on")
    chat(alice, bare(b), line("hold on"))
    bob.next()  # received, never acknowledged
    bob.cut()
    bob = arriving(b, "other")
    bob.wait_message("hold on")
    bob.leave()
    came = bodies(fence(alice, arriving(b, "third")))
    expect(came == [], came)


@case
def inbox_quota():
    a, b = people("alice", "bob")
    server().ctl("setting", "set", "inbox.max", "3")
    try:
        alice = online(a)
        numbers = [chat(alice, bare(b), line(i)) for i in range(4)]
        expect(condition(answer_to(alice, numbers[3])) == "service-unavailable", "no bounce")
        bob = signed_in(server(), b, has_presence=False)
        bob.send("<presence/>")
        came = bodies(sync(bob))
        expect(came == ["0", "1", "2"], came)
    finally:
        server().ctl("setting", "set", "inbox.max", "10000")


# ---- M7: routing --------------------------------------------------------------------------


def told(wire, to, inner, kind):
    """What the sender hears of it: a condition, or "" when nothing comes before the bounce of
    a request that went the same way."""
    number, last = chat(wire, to, inner, kind), uuid.uuid4().hex
    wire.send(f"<iq type='get' id='{last}' to='{to.partition('/')[0]}/no-such'>"
              "<query xmlns='some:thing'/></iq>")
    said = ""
    while True:
        element = wire.next()
        if element.get("id") == number:
            said = condition(element)
        if element.get("id") == last:
            return said


@case
def routing_to_bare():
    """RFC 6121, 8.5.2.1.1: chat, normal and headline to all non-negative; groupchat bounces;
    errors vanish."""
    a, b = people("alice", "bob")
    alice = online(a)
    desk, phone, hidden = online(b, "desk"), online(b, "phone"), online(b, "low", priority=-1)
    expect(told(alice, bare(b), line("g"), "groupchat") == "service-unavailable", "groupchat")
    expect(told(alice, bare(b), line("e"), "error") == "", "error")
    for kind in ("chat", "normal", "headline"):
        chat(alice, bare(b), line(kind), kind)
        for wire in (desk, phone):
            wire.wait_message(kind)
    for wire in (desk, phone, hidden):
        expect(not bodies(fence(alice, wire)), "more than was meant")


@case
def routing_to_negative_only():
    """Only negative ones online = offline."""
    a, b = people("alice", "bob")
    alice, low = online(a), online(b, "low", priority=-1)
    for kind in ("chat", "normal"):
        expect(told(alice, bare(b), line(kind), kind) == "", kind)
    expect(told(alice, bare(b), line("h"), "headline") == "", "headline")
    expect(told(alice, bare(b), line("g"), "groupchat") == "service-unavailable", "groupchat")
    expect(not bodies(fence(alice, low)), "sent to a negative priority")
    low.send("<presence><priority>0</priority></presence>")
    low.wait_message("chat")
    low.wait_message("normal")
    expect(not bodies(fence(alice, low)), "headline was kept")


@case
def routing_to_full():
    """8.5.3.1: to the resource, whatever the type, be it negative or without presence."""
    a, b = people("alice", "bob")
    alice = online(a)
    wires = [online(b, "desk"), online(b, "low", priority=-5),
             online(b, "silent", priority="none")]
    for wire in wires:
        for kind in ("chat", "normal", "headline", "groupchat", "error"):
            chat(alice, wire.jid, line(kind), kind)
            expect(wire.wait_message(kind).get("type", "normal") == kind, kind)
        alice.send(f"<iq type='get' id='q1' to='{wire.jid}'><query xmlns='a:b'/></iq>")
        asked_of = wire.until(lambda e: e.tag == CLIENT + "iq" and e.get("type") == "get")
        expect(asked_of.get("from") == alice.jid, show(asked_of))
        wire.send(f"<iq type='result' id='q1' to='{alice.jid}'/>")
        answer_to(alice, "q1")
    for wire in wires:
        expect(not bodies(fence(alice, wire)), "copies for the others")


@case
def routing_to_gone_resource():
    """8.5.3.2: chat and normal as to bare; headline and error dropped; the rest bounces."""
    a, b = people("alice", "bob")
    alice, bob = online(a), online(b)
    gone = bare(b) + "/gone"
    expect(told(alice, gone, line("h"), "headline") == "", "headline")
    expect(told(alice, gone, line("e"), "error") == "", "error")
    expect(told(alice, gone, line("g"), "groupchat") == "service-unavailable", "groupchat")
    expect(asked(alice, gone) == asked(alice, gone, "set") == "service-unavailable", "iq")
    for kind in ("chat", "normal"):
        chat(alice, gone, line(kind), kind)
        bob.wait_message(kind)
    expect(not bodies(fence(alice, bob)), "more than was meant")


@case
def routing_to_offline():
    """Nobody there: chat and normal wait; headline and chat states vanish; the rest bounces."""
    a, b = people("alice", "bob")
    alice = online(a)
    for to in (bare(b), bare(b) + "/gone"):
        for kind in ("chat", "normal"):
            expect(told(alice, to, line(kind), kind) == "", kind)
        expect(told(alice, to, state(), "chat") == "", "chat state")
        expect(told(alice, to, line("h"), "headline") == "", "headline")
        expect(told(alice, to, line("e"), "error") == "", "error")
        expect(told(alice, to, line("g"), "groupchat") == "service-unavailable", "groupchat")
    expect(asked(alice, bare(b) + "/gone") == "service-unavailable", "iq")
    came = bodies(fence(alice, arriving(b)))
    expect(sorted(came) == ["chat", "chat", "normal", "normal"], came)


@case
def routing_to_nobody():
    """No such user looks like a block: service-unavailable; nothing answers an error."""
    alice = online(*people("alice"))
    nobody = f"nobody@{DOMAIN}"
    for to in (nobody, nobody + "/x"):
        for kind in ("chat", "normal", "groupchat"):
            number = chat(alice, to, line("x"), kind)
            expect(condition(answer_to(alice, number)) == "service-unavailable", to, kind)
        for kind in ("headline", "error"):
            said = told(alice, to, line("x"), kind)
            expect(said in ("",) if kind == "error" else ("", "service-unavailable"), kind, said)
        expect(asked(alice, to) == "service-unavailable", "iq", to)
    expect(asked(alice, "x@elsewhere.test/y") == "remote-server-not-found", "another domain")
    number = chat(alice, "x@elsewhere.test", line("x"))
    expect(condition(answer_to(alice, number)) == "remote-server-not-found", "another domain")


@case
def message_to_oneself():
    """Archived once, delivered once."""
    a, = people("alice")
    alice = online(a)
    alice.ask("<enable xmlns='urn:xmpp:carbons:2'/>", "set")
    chat(alice, bare(a), line("note"))
    alice.wait_message("note")
    expect(not bodies(sync(alice)), "twice")
    expect(len(alice.archive()) == 1, "the archive")


# ---- M8: carbons --------------------------------------------------------------------------


def carbons_on(wire):
    expect(wire.ask("<enable xmlns='urn:xmpp:carbons:2'/>", "set").get("type") == "result", "off")
    return wire


def carbon(element, way):
    """The copied message, or None."""
    inner = element.find(f"{CARBONS}{way}/{{urn:xmpp:forward:0}}forwarded/{CLIENT}message")
    return inner


def copies(elements, way):
    return [carbon(e, way).findtext(CLIENT + "body") or carbon(e, way)[0].tag.rpartition("}")[2]
            for e in elements if carbon(e, way) is not None]


@case
def carbons_of_two_devices():
    a, b = people("alice", "bob")
    bob = online(b)
    desk, phone = carbons_on(online(a, "desk")), carbons_on(online(a, "phone"))
    chat(desk, bob.jid, line("from desk"))
    chat(desk, bob.jid, state())
    chat(desk, bob.jid, line("private") + "<private xmlns='urn:xmpp:carbons:2'/>"
                                          "<no-copy xmlns='urn:xmpp:hints'/>")
    chat(desk, bob.jid, line("hint") + "<no-copy xmlns='urn:xmpp:hints'/>")
    chat(desk, bob.jid, line("room"), "groupchat")
    chat(desk, bob.jid, line("news"), "headline")
    chat(desk, bob.jid, line("normal"), "normal")
    came = fence(desk, bob)
    kept = next(e for e in came if e.findtext(CLIENT + "body") == "private")
    expect(kept.find(CARBONS + "private") is not None, "<private/> was stripped", show(kept))
    seen = copies(fence(bob, phone), "sent")
    expect(seen[:3] == ["from desk", "composing", "normal"], seen)
    chat(bob, desk.jid, line("to desk"))
    chat(bob, desk.jid, line("secret") + "<private xmlns='urn:xmpp:carbons:2'/>")
    chat(bob, desk.jid, line("room"), "groupchat")
    desk.wait_message("to desk")
    wrapper = phone.until(lambda e: carbon(e, "received") is not None)
    expect(wrapper.get("from") == bare(a) and wrapper.get("type") == "chat"
           and carbon(wrapper, "received").get("to") == desk.jid, show(wrapper))
    rest = copies(fence(bob, phone), "received")
    expect(rest == [], rest)
    ids = [e.get("id") for e in carbon(wrapper, "received").iter("{urn:xmpp:sid:0}stanza-id")]
    expect(len(ids) == 1, "one stanza-id everywhere")


@case
def carbons_off_and_bare():
    """No copy to who gets it anyway, to who is off, or to the sender."""
    a, b = people("alice", "bob")
    bob = online(b)
    desk, phone = carbons_on(online(a, "desk")), online(a, "phone")
    low = carbons_on(online(a, "low", priority=-1))
    chat(bob, bare(a), line("all"))
    for wire in (desk, phone):
        wire.wait_message("all")
    low.until(lambda e: carbon(e, "received") is not None)
    chat(desk, bob.jid, line("mine"))
    expect(not copies(fence(bob, desk), "sent"), "a copy to the sender")
    expect(not copies(fence(bob, phone), "sent"), "a copy without asking")
    desk.ask("<disable xmlns='urn:xmpp:carbons:2'/>", "set")
    chat(phone, bob.jid, line("theirs"))
    expect(not copies(fence(bob, desk), "sent"), "a copy after disable")


@case
def carbons_survive_resume():
    a, b = people("alice", "bob")
    bob, desk = online(b), online(a, "desk")
    phone = carbons_on(online(a, "phone", acks="resume"))
    phone.cut()
    chat(desk, bob.jid, line("meanwhile"))
    sync(desk)
    again = Wire(server(), True)
    again.login(a)
    expect(again.resume(phone.sm_id, phone.received).tag == SM + "resumed", "not resumed")
    chat(desk, bob.jid, line("after"))
    seen = []
    while len(seen) < 2:
        seen += copies([again.next()], "sent")
    expect(seen == ["meanwhile", "after"], seen)


@case
def bounces_are_no_carbons():
    a, = people("alice")
    desk, phone = carbons_on(online(a, "desk")), carbons_on(online(a, "phone"))
    number = chat(desk, f"nobody@{DOMAIN}", line("x"))
    answer_to(desk, number)
    came = fence(desk, phone)
    expect(not any(carbon(e, "received") is not None for e in came), [show(e) for e in came])


if __name__ == "__main__":
    sys.exit(cases.main(close))
