#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""slixmpp, a client library nobody here wrote, against a running node."""
import asyncio
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import slixmpp
from slixmpp.exceptions import IqError

import cases
from cases import case, expect
from server import DOMAIN, PASSWORD, Server

LIMIT_S = 20
NAMES = ("alice", "bob", "carol", "dave")
the_server = None


def server():
    global the_server
    if the_server is None:
        the_server = Server().start()
        the_server.add_users(*NAMES)
    return the_server


class Client(slixmpp.ClientXMPP):
    """Notes what comes, so that a case can wait for it."""

    PLUGINS = ("xep_0030", "xep_0077", "xep_0092", "xep_0115", "xep_0184", "xep_0191", "xep_0198",
               "xep_0199", "xep_0203", "xep_0280", "xep_0297", "xep_0313", "xep_0352", "xep_0359")

    def __init__(self, name, resource=""):
        jid = f"{name}@{DOMAIN}" + (f"/{resource}" if resource else "")
        super().__init__(jid, PASSWORD.format(name))
        for plugin in self.PLUGINS:
            self.register_plugin(plugin)
        self.ca_certs = str(server().pki / "ca.pem")
        self.seen = []
        self.news = asyncio.Event()
        self.comes_back = False
        for event in ("session_start", "session_resumed", "sm_enabled", "sm_failed",
                      "failed_all_auth", "disconnected", "message", "message_error",
                      "carbon_received", "carbon_sent", "got_online", "got_offline",
                      "presence_subscribe", "presence_subscribed", "changed_status",
                      "roster_update", "blocked", "unblocked"):
            self.add_event_handler(event, lambda data, event=event: self.note(event, data))
        self.add_event_handler("disconnected", self.come_back)

    def note(self, event, data):
        self.seen.append((event, data))
        self.news.set()

    def come_back(self, _):
        if self.comes_back:
            self.connect((server().address, 5222))

    async def wait(self, event, test=lambda data: True, limit_s=LIMIT_S):
        """The first event of a kind that passes; it is taken out."""
        deadline = asyncio.get_running_loop().time() + limit_s
        while True:
            for row in self.seen:
                if row[0] == event and test(row[1]):
                    self.seen.remove(row)
                    return row[1]
            self.news.clear()
            rest = deadline - asyncio.get_running_loop().time()
            try:
                await asyncio.wait_for(self.news.wait(), rest)
            except asyncio.TimeoutError:
                raise AssertionError(f"{self.boundjid}: no {event}; seen "
                                     f"{[e for e, _ in self.seen]}") from None

    async def enter(self, is_online=True):
        self.connect((server().address, 5222))
        await self.wait("session_start")
        if is_online:
            await self.get_roster()
            self.send_presence()
            await self.wait("changed_status", lambda p: p["from"] == self.boundjid)
        return self

    async def leave(self):
        self.comes_back = False
        await self.disconnect(wait=2)

    def bodies(self):
        return [m["body"] for e, m in self.seen if e == "message"]


async def friends(*names):
    """Signs people in and makes each pair see each other's presence."""
    people = [await Client(n).enter() for n in names]
    for one in people:
        for other in people:
            if one is not other:
                one.send_presence_subscription(other.boundjid.bare)  # slixmpp says yes itself
    for one in people:
        for other in people:
            if one is not other:
                await wait_both(one, other.boundjid.bare)
    return people


async def wait_both(one, contact):
    for _ in range(LIMIT_S * 20):
        if one.client_roster[contact]["subscription"] == "both":
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"{one.boundjid}: {contact} is "
                         f"{one.client_roster[contact]['subscription']}")


@case
async def sign_in():
    client = await Client("alice", "desk").enter()
    expect(client.boundjid.full == f"alice@{DOMAIN}/desk", client.boundjid)
    await client.leave()


@case
async def wrong_password():
    client = Client("alice")
    client.credentials["password"] = client.password = "wrong"
    client.connect((server().address, 5222))
    await client.wait("failed_all_auth")
    await client.leave()


@case
async def new_password():
    """Changed from one device: it stays, the other is put out, the old one opens nothing."""
    phone = await Client("dave", "phone").enter()
    desk = await Client("dave", "desk").enter()
    await phone["xep_0077"].change_password("quite new", jid=DOMAIN)
    await desk.wait("disconnected")
    expect(await phone["xep_0199"].ping(jid=DOMAIN) >= 0, "the asking device is gone")
    try:
        await phone["xep_0077"].cancel_registration(jid=DOMAIN)
        expect(False, "an account was removed")
    except IqError as error:
        expect(error.condition == "not-allowed", error)
    late = Client("dave", "late")
    late.connect((server().address, 5222))
    await late.wait("failed_all_auth")
    await late.leave()
    again = Client("dave", "desk")
    again.credentials["password"] = again.password = "quite new"
    await again.enter()
    for client in (phone, again):
        await client.leave()


@case
async def presence_both_ways():
    """Subscription by both, then each sees the other come, change and go."""
    alice, bob = await friends("alice", "bob")
    bob.send_presence(pshow="dnd", pstatus="in a meeting")
    seen = await alice.wait("changed_status", lambda p: p["from"] == bob.boundjid
                            and p["show"] == "dnd")
    expect(seen["status"] == "in a meeting", seen)
    await bob.leave()
    await alice.wait("got_offline", lambda p: p["from"].bare == bob.boundjid.bare)
    bob = await Client("bob").enter()
    await alice.wait("got_online", lambda p: p["from"] == bob.boundjid)
    await bob.wait("got_online", lambda p: p["from"] == alice.boundjid)
    await alice.leave()
    await bob.leave()


@case
async def chat():
    """200 messages arrive in order, with ids and no delay; a reply goes back."""
    alice, bob = await Client("alice").enter(), await Client("bob").enter()
    for i in range(200):
        alice.send_message(mto=f"bob@{DOMAIN}", mbody=f"hello {i}", mtype="chat")
    last = await bob.wait("message", lambda m: m["body"] == "hello 199")
    expect(bob.bodies() == [f"hello {i}" for i in range(199)], bob.bodies()[:5])
    expect(str(last["stanza_id"]["by"]) == f"bob@{DOMAIN}" and last["stanza_id"]["id"], last)
    expect(not last["delay"]["stamp"], last)
    last.reply("안녕하세요 <&>").send()
    await alice.wait("message", lambda m: m["body"] == "안녕하세요 <&>")
    await alice.leave()
    await bob.leave()


@case
async def offline_delivery():
    alice = await Client("alice").enter()
    for i in range(50):
        alice.send_message(mto=f"carol@{DOMAIN}", mbody=f"later {i}", mtype="chat")
    await alice["xep_0199"].ping(jid=DOMAIN)
    carol = await Client("carol").enter()
    last = await carol.wait("message", lambda m: m["body"] == "later 49")
    expect(last["delay"]["stamp"], "no delay:", last)
    expect(carol.bodies() == [f"later {i}" for i in range(49)], carol.bodies())
    await asyncio.sleep(1.5)  # its acknowledgement travels
    await carol.leave()
    carol = await Client("carol").enter()
    await carol["xep_0199"].ping(jid=DOMAIN)
    expect(not carol.bodies(), "delivered again:", carol.bodies())
    await carol.leave()
    await alice.leave()


@case
async def carbons():
    desk, phone = await Client("alice", "desk").enter(), await Client("alice", "phone").enter()
    bob = await Client("bob").enter()
    for client in (desk, phone):
        await client["xep_0280"].enable()
    bob.send_message(mto=desk.boundjid, mbody="to the desk", mtype="chat")
    await desk.wait("message", lambda m: m["body"] == "to the desk")
    seen = await phone.wait("carbon_received")
    expect(seen["carbon_received"]["body"] == "to the desk", seen)
    expect(seen["from"] == f"alice@{DOMAIN}", seen)
    desk.send_message(mto=f"bob@{DOMAIN}", mbody="from the desk", mtype="chat")
    await bob.wait("message", lambda m: m["body"] == "from the desk")
    seen = await phone.wait("carbon_sent")
    expect(seen["carbon_sent"]["body"] == "from the desk", seen)
    await phone["xep_0280"].disable()
    bob.send_message(mto=desk.boundjid, mbody="only the desk", mtype="chat")
    await desk.wait("message", lambda m: m["body"] == "only the desk")
    await phone["xep_0199"].ping(jid=DOMAIN)
    expect(not [e for e, _ in phone.seen if e.startswith("carbon")], "a carbon after disable")
    for client in (desk, phone, bob):
        await client.leave()


@case
async def archive():
    """Both archives have the talk, in order, under the id that was seen live; pages."""
    alice, carol = await Client("alice").enter(), await Client("carol").enter()
    for i in range(30):
        alice.send_message(mto=f"carol@{DOMAIN}", mbody=f"kept {i}", mtype="chat")
    last = await carol.wait("message", lambda m: m["body"] == "kept 29")
    for client, other in ((carol, "alice"), (alice, "carol")):
        rows = []
        async for row in client["xep_0313"].iterate(with_jid=slixmpp.JID(f"{other}@{DOMAIN}"),
                                                    rsm={"max": 7}):
            rows.append(row["mam_result"])
        kept = [r for r in rows if r["forwarded"]["stanza"]["body"].startswith("kept")]
        expect([r["forwarded"]["stanza"]["body"] for r in kept] == [f"kept {i}" for i in range(30)],
               [r["forwarded"]["stanza"]["body"] for r in kept])
        if client is carol:
            expect(kept[-1]["id"] == last["stanza_id"]["id"], "two ids for one message")
        expect(kept[0]["forwarded"]["delay"]["stamp"], "no stamp in the archive")
    await alice.leave()
    await carol.leave()


@case
async def resume():
    """The connection is cut; the stream goes on, contacts see nothing, all arrives once."""
    alice, bob = await friends("alice", "bob")
    await bob.wait("sm_enabled")
    bob.comes_back = True
    alice.seen.clear()
    bob.transport.abort()
    await bob.wait("disconnected")
    for i in range(20):
        alice.send_message(mto=bob.boundjid.bare, mbody=f"meanwhile {i}", mtype="chat")
    await bob.wait("session_resumed")
    await bob.wait("message", lambda m: m["body"] == "meanwhile 19")
    # What an earlier case took without an acknowledgement is delivered again: not of here.
    told = [b for b in bob.bodies() if b.startswith("meanwhile")]
    expect(told == [f"meanwhile {i}" for i in range(19)], told)
    await alice["xep_0199"].ping(jid=DOMAIN)
    expect(not [e for e, _ in alice.seen if e in ("got_offline", "got_online")], "a flicker")
    await alice.leave()
    await bob.leave()


@case
async def blocking():
    alice, bob = await friends("alice", "bob")
    await alice["xep_0191"].block([bob.boundjid.bare])
    await bob.wait("got_offline", lambda p: p["from"].bare == alice.boundjid.bare)
    bob.send_message(mto=alice.boundjid.bare, mbody="do you read me", mtype="chat")
    error = await bob.wait("message_error")
    expect(error["error"]["condition"] == "service-unavailable", error)
    expect("do you read me" not in alice.bodies(), "a blocked message arrived")
    listed = await alice["xep_0191"].get_blocked()
    expect({str(j) for j in listed["blocklist"]["items"]} == {bob.boundjid.bare}, listed)
    await alice["xep_0191"].unblock([bob.boundjid.bare])
    await bob.wait("got_online", lambda p: p["from"].bare == alice.boundjid.bare)
    bob.send_message(mto=alice.boundjid.bare, mbody="and now", mtype="chat")
    await alice.wait("message", lambda m: m["body"] == "and now")
    await alice.leave()
    await bob.leave()


@case
async def roster():
    """Name and groups are kept and pushed to the other device; removal ends both sides."""
    alice, bob = await friends("alice", "bob")
    other = await Client("alice", "other").enter()
    await alice.client_roster.update(f"bob@{DOMAIN}", name="Robert", groups=["work", "동료"]) \
        if asyncio.iscoroutinefunction(alice.client_roster.update) else \
        alice.update_roster(f"bob@{DOMAIN}", name="Robert", groups=["work", "동료"])
    for _ in range(100):
        item = other.client_roster[f"bob@{DOMAIN}"]
        if item["name"] == "Robert":
            break
        await asyncio.sleep(0.05)
    expect(item["name"] == "Robert" and set(item["groups"]) == {"work", "동료"}, item["groups"])
    await alice.del_roster_item(f"bob@{DOMAIN}")
    for _ in range(100):
        if bob.client_roster[f"alice@{DOMAIN}"]["subscription"] == "none":
            break
        await asyncio.sleep(0.05)
    expect(bob.client_roster[f"alice@{DOMAIN}"]["subscription"] == "none", "bob still sees alice")
    for client in (alice, bob, other):
        await client.leave()


@case
async def services():
    """disco, version, ping, time and capabilities of the server."""
    alice = await Client("alice").enter()
    info = await alice["xep_0030"].get_info(jid=DOMAIN, cached=False)
    features = info["disco_info"]["features"]
    for wanted in ("http://jabber.org/protocol/disco#info", "urn:xmpp:ping",
                   "jabber:iq:version", "jabber:iq:register", "urn:xmpp:carbons:2",
                   "urn:xmpp:blocking"):
        expect(wanted in features, "server lacks", wanted, features)
    own = await alice["xep_0030"].get_info(jid=alice.boundjid.bare, cached=False)
    expect("urn:xmpp:mam:2" in own["disco_info"]["features"], own)
    version = await alice["xep_0092"].get_version(DOMAIN)
    expect(version["software_version"]["name"] == "presenced", version)
    expect(await alice["xep_0199"].ping(jid=DOMAIN) >= 0, "no ping")
    try:
        await alice["xep_0030"].get_info(jid=f"nobody@{DOMAIN}", cached=False)
        expect(False, "somebody who does not exist answered")
    except IqError as error:
        expect(error.condition == "service-unavailable", error)
    await alice.leave()


@case
async def conflict():
    """The same resource twice: the older stream ends with `conflict`, the newer works."""
    first = await Client("alice", "same").enter()
    second = await Client("alice", "same").enter()
    await first.wait("disconnected")
    second.send_message(mto=second.boundjid, mbody="me", mtype="chat")
    await second.wait("message", lambda m: m["body"] == "me")
    await second.leave()


if __name__ == "__main__":
    asyncio.set_event_loop(asyncio.new_event_loop())
    sys.exit(cases.main(lambda: the_server and the_server.close()))
