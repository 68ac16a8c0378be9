# SPDX-License-Identifier: Apache-2.0
"""People for tests that share one server: each case has users of its own names, so that the
cases meet in nothing. What must *not* come is proved by a fence: a later message of the same
sender that arrives."""
import uuid

from cases import expect
from server import DOMAIN, Server
from wire import CLIENT, LIMIT_S, show, signed_in

ROSTER = "{jabber:iq:roster}"
STATE = "http://jabber.org/protocol/chatstates"
ERROR = "{urn:ietf:params:xml:ns:xmpp-stanzas}"
shared = []


def server():
    if not shared:
        shared.append(Server().start())
    return shared[0]


def close():
    for one in shared:
        one.close()


def people(*roles):
    """Fresh users; returns their names in order."""
    mark = uuid.uuid4().hex[:6]
    names = [f"{role}{mark}" for role in roles]
    server().add_users(*names)
    return names


def bare(name):
    return f"{name}@{DOMAIN}"


def befriend(one, *others):
    for other in others:
        server().ctl("user", "link", one, other)


def online(name, resource=None, priority=None, has_roster=True, acks=None):
    """Signed in with presence; acks: None, "on" or "resume"."""
    wire = signed_in(server(), name, resource, has_presence=False)
    if acks:
        wire.enable(acks == "resume")
    if has_roster:
        wire.ask("<query xmlns='jabber:iq:roster'/>")
    if priority != "none":
        inner = f"<priority>{priority}</priority>" if priority is not None else ""
        wire.send(f"<presence>{inner}</presence>")
        wire.until(lambda e: e.tag == CLIENT + "presence" and e.get("from") == wire.jid)
    return wire


def fence(sender, receiver, limit_s=LIMIT_S):
    """Everything that reached the receiver before a message that the sender writes now."""
    word = uuid.uuid4().hex
    sender.message(receiver.jid, word)
    came = []
    while True:
        element = receiver.next(limit_s)
        receiver.answer(element)
        if element.findtext(CLIENT + "body") == word:
            return came
        came.append(element)


def sync(wire):
    """Everything before the answer to a ping, which the server gives at once."""
    number = uuid.uuid4().hex
    wire.send(f"<iq type='get' id='{number}' to='{DOMAIN}'><ping xmlns='urn:xmpp:ping'/></iq>")
    came = []
    while True:
        element = wire.next()
        wire.answer(element)
        if element.get("id") == number:
            return came
        came.append(element)


def presences(elements, sender=None, kind=0):
    """Presence stanzas among elements; kind 0: any, None: available."""
    return [e for e in elements if e.tag == CLIENT + "presence"
            and (sender is None or (e.get("from") or "").split("/")[0] == sender)
            and (kind == 0 or e.get("type") == kind)]


def bodies(elements):
    return [e.findtext(CLIENT + "body") for e in elements
            if e.tag == CLIENT + "message" and e.find(CLIENT + "body") is not None]


def presence_of(wire, sender, kind=None, limit_s=LIMIT_S):
    """Waits for presence of that kind from a bare or full address."""
    return wire.until(lambda e: e.tag == CLIENT + "presence" and e.get("type") == kind
                      and sender in (e.get("from"), e.get("from").split("/")[0]), limit_s)


def push_of(wire, contact, limit_s=LIMIT_S, **fields):
    """Waits for a roster push about a contact with these attributes; returns the item."""
    def is_it(element):
        for item in element.iterfind(f"{ROSTER}query/{ROSTER}item"):
            if element.get("type") == "set" and item.get("jid") == contact and all(
                    item.get(k) == v for k, v in fields.items()):
                return True
        return False
    return wire.until(is_it, limit_s).find(f"{ROSTER}query/{ROSTER}item")


def roster(wire):
    """{contact: item}."""
    answer = wire.ask("<query xmlns='jabber:iq:roster'/>")
    expect(answer.get("type") == "result", show(answer))
    return {i.get("jid"): i for i in answer.iter(ROSTER + "item")}


def condition(stanza):
    """The condition of an error stanza, or what else it is."""
    error = stanza.find(CLIENT + "error")
    if stanza.get("type") != "error" or error is None:
        return f"{stanza.tag.rpartition('}')[2]} {stanza.get('type')}"
    return next((c.tag.rpartition("}")[2] for c in error if c.tag.startswith(ERROR)
                 and not c.tag.endswith("}text")), "no condition")


def chat(wire, to, inner, kind="chat", number=None):
    """A message of any kind; returns its id."""
    number = number or uuid.uuid4().hex[:12]
    wire.send(f"<message to='{to}' type='{kind}' id='{number}'>{inner}</message>")
    return number


def state(name="composing"):
    return f"<{name} xmlns='{STATE}'/>"


def line(text):
    return f"<body>{text}</body>"


def answer_to(wire, number):
    return wire.until(lambda e: e.get("id") == number)


def arriving(name, resource=None):
    """Signed in; what its first presence brings is yet to be read."""
    wire = signed_in(server(), name, resource, has_presence=False)
    wire.send("<presence/>")
    return wire


def asked(wire, to, kind="get"):
    """What an unknown request is answered with."""
    return condition(wire.ask("<query xmlns='some:thing'/>", kind, to))
