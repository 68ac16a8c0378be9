# SPDX-License-Identifier: Apache-2.0
"""A bare XMPP client on a blocking socket, for tests that must say exactly what goes over
the wire, and when: crashes, acknowledgement counts, hostile bytes. It knows nothing that
the test did not tell it; real clients are in tests/interop.
"""
import base64
import socket
import ssl
import uuid
import xml.etree.ElementTree as ElementTree

from cases import expect
from server import DOMAIN, PASSWORD

LIMIT_S = 10
STREAM = "{http://etherx.jabber.org/streams}"
CLIENT = "{jabber:client}"
SASL = "{urn:ietf:params:xml:ns:xmpp-sasl}"
TLS = "{urn:ietf:params:xml:ns:xmpp-tls}"
SM = "{urn:xmpp:sm:3}"
SM_NS = "urn:xmpp:sm:3"
MAM = "{urn:xmpp:mam:2}"
STANZAS = tuple(CLIENT + n for n in ("message", "presence", "iq"))


class Ended(Exception):
    """The server closed; .elements are what came before and was not read."""


class Wire:
    """One connection. Elements at depth 1 come out of next() as ElementTree elements."""

    def __init__(self, server, is_direct=False, domain=DOMAIN):
        self.server, self.domain = server, domain
        self.socket = socket.create_connection(
            (server.address, 5223 if is_direct else 5222), LIMIT_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.is_over = False
        self.received = 0  # stanzas, counted from <enabled/> or <resumed/> on: our h
        self.is_counting = False
        self.jid = self.sm_id = None
        self.new_parser()
        if is_direct:
            self.wrap()

    def new_parser(self):
        self.parser = ElementTree.XMLPullParser(("start", "end"))
        self.depth, self.queue = 0, []

    def wrap(self, alpn="xmpp-client"):
        context = ssl.create_default_context(cafile=str(self.server.pki / "ca.pem"))
        context.set_alpn_protocols([alpn])
        self.socket = context.wrap_socket(self.socket, server_hostname=self.domain)
        self.new_parser()

    def send(self, text):
        self.socket.sendall(text.encode() if isinstance(text, str) else text)

    def feed(self, limit_s):
        self.socket.settimeout(limit_s)
        data = self.socket.recv(65536)
        if not data:
            self.is_over = True
            return
        self.parser.feed(data)
        if hasattr(self.parser, "flush"):  # expat may put off a token that came in halves
            self.parser.flush()
        for event, element in self.parser.read_events():
            if event == "start":
                self.depth += 1
                if self.depth == 1:
                    self.root = element
                    self.queue.append(("open", element))
            else:
                self.depth -= 1
                if self.depth == 1:
                    self.queue.append(("element", element))
                    self.root.remove(element)
                elif self.depth == 0:
                    self.queue.append(("close", element))

    def event(self, limit_s=LIMIT_S):
        """Next ("open"|"element"|"close", element); raises Ended, socket.timeout."""
        while not self.queue:
            if self.is_over:
                raise Ended()
            try:
                self.feed(limit_s)
            except (ConnectionError, ssl.SSLEOFError, BrokenPipeError):
                self.is_over = True
        kind, element = self.queue.pop(0)
        if kind == "element" and self.is_counting and element.tag in STANZAS:
            self.received += 1
        return kind, element

    def next(self, limit_s=LIMIT_S):
        kind, element = self.event(limit_s)
        expect(kind == "element", "expected an element, got stream", kind)
        return element

    def until(self, test, limit_s=LIMIT_S):
        """Reads to the first element that passes; returns it. Answers <r/> on the way."""
        while True:
            element = self.next(limit_s)
            self.answer(element)
            if test(element):
                return element

    def answer(self, element):
        """What every client with stream management does."""
        if element.tag == SM + "r":
            self.send(f"<a xmlns='{SM_NS}' h='{self.received}'/>")

    def drain(self, limit_s=0.5):
        """All elements that come until it is quiet or over."""
        elements = []
        while True:
            try:
                kind, element = self.event(limit_s)
            except (socket.timeout, Ended):
                return elements
            if kind == "element":
                self.answer(element)
                elements.append(element)

    def open(self, to=None):
        self.new_parser()
        self.send(f"<?xml version='1.0'?><stream:stream to='{to or self.domain}' version='1.0' "
                  "xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>")
        kind, header = self.event()
        expect(kind == "open" and header.tag == STREAM + "stream", "no stream header")
        self.stream_id = header.get("id")
        return header

    def features(self):
        element = self.next()
        expect(element.tag == STREAM + "features", "expected features, got", show(element))
        return element

    def start_tls(self):
        self.open()
        expect(self.features().find(TLS + "starttls") is not None, "no STARTTLS offered")
        self.send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
        expect(self.next().tag == TLS + "proceed", "no <proceed/>")
        self.wrap()

    def plain(self, user, password=None, authzid=""):
        text = f"{authzid}\0{user}\0{password or PASSWORD.format(user)}"
        self.send("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>"
                  f"{base64.b64encode(text.encode()).decode()}</auth>")
        return self.next()

    def login(self, user, password=None):
        """TLS and SASL; ends with the features that offer bind."""
        if not isinstance(self.socket, ssl.SSLSocket):
            self.start_tls()
        self.open()
        self.features()
        answer = self.plain(user, password)
        expect(answer.tag == SASL + "success", "sign-in failed:", show(answer))
        self.open()
        return self.features()

    def bind(self, resource=None):
        inner = f"<resource>{resource}</resource>" if resource else ""
        answer = self.ask("<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>" + inner + "</bind>",
                          kind="set")
        self.jid = answer.findtext("*/{urn:ietf:params:xml:ns:xmpp-bind}jid")
        expect(self.jid, "bind failed:", show(answer))
        return self.jid

    def ask(self, payload, kind="get", to=None):
        """One IQ, and its answer."""
        number = uuid.uuid4().hex[:12]
        where = f" to='{to}'" if to else ""
        self.send(f"<iq type='{kind}' id='{number}'{where}>{payload}</iq>")
        return self.until(lambda e: e.tag == CLIENT + "iq" and e.get("id") == number)

    def enable(self, is_resumable=True):
        self.send(f"<enable xmlns='{SM_NS}'" + (" resume='true'" if is_resumable else "") + "/>")
        answer = self.until(lambda e: e.tag in (SM + "enabled", SM + "failed"))
        expect(answer.tag == SM + "enabled", "no <enabled/>:", show(answer))
        self.sm_id, self.is_counting, self.received = answer.get("id"), True, 0
        return answer

    def resume(self, sm_id, received):
        """<resumed/> or <failed/> of a stream that was signed in with login()."""
        self.received, self.is_counting = received, True
        self.send(f"<resume xmlns='{SM_NS}' previd='{sm_id}' h='{received}'/>")
        answer = self.until(lambda e: e.tag in (SM + "resumed", SM + "failed"))
        self.is_counting = answer.tag == SM + "resumed"
        return answer

    def message(self, to, body, number=None, extra=""):
        number = number or uuid.uuid4().hex[:12]
        self.send(f"<message to='{to}' type='chat' id='{number}'><body>{body}</body>"
                  f"<origin-id xmlns='urn:xmpp:sid:0' id='{number}'/>{extra}</message>")
        return number

    def wait_message(self, body, limit_s=LIMIT_S):
        return self.until(lambda e: e.tag == CLIENT + "message"
                          and e.findtext(CLIENT + "body") == body, limit_s)

    def archive(self, with_jid=None):
        """The whole archive in order: [(archive id, forwarded message)]."""
        rows, after = [], ""
        field = (f"<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>"
                 f"urn:xmpp:mam:2</value></field><field var='with'><value>{with_jid}</value>"
                 "</field></x>") if with_jid else ""
        while True:
            number = uuid.uuid4().hex[:12]
            self.send(f"<iq type='set' id='{number}'><query xmlns='urn:xmpp:mam:2' "
                      f"queryid='{number}'>{field}<set xmlns='http://jabber.org/protocol/rsm'>"
                      f"<max>100</max>{after}</set></query></iq>")
            while True:
                element = self.next()
                self.answer(element)
                result = element.find(MAM + "result")
                if result is not None and result.get("queryid") == number:
                    rows.append((result.get("id"), result.find(".//" + CLIENT + "message")))
                elif element.get("id") == number:
                    break
            fin = element.find(MAM + "fin")
            expect(fin is not None, "archive query refused:", show(element))
            if fin.get("complete") == "true" or not rows:
                return rows
            after = f"<after>{rows[-1][0]}</after>"

    def cut(self):
        """The connection breaks, nothing is said."""
        self.socket.close()

    def leave(self):
        """Orderly end; waits for the server's own end tag."""
        try:
            self.send("</stream:stream>")
            while self.event()[0] != "close":
                pass
        except (Ended, OSError):
            pass
        self.socket.close()


def show(element):
    return ElementTree.tostring(element, encoding="unicode") if element is not None else "nothing"


def stream_error(wire, limit_s=LIMIT_S):
    """The condition of the stream error that comes next; "" when the stream just ends,
    "nothing" when it goes on in silence."""
    while True:
        try:
            kind, element = wire.event(limit_s)
        except Ended:
            return ""
        except socket.timeout:
            return "nothing"
        if kind == "element" and element.tag == STREAM + "error":
            return element[0].tag.rpartition("}")[2]
        if kind == "close":
            return ""


def signed_in(server, user, resource=None, has_presence=True, is_direct=True):
    wire = Wire(server, is_direct)
    wire.login(user)
    wire.bind(resource)
    if has_presence:
        wire.send("<presence/>")
        wire.until(lambda e: e.tag == CLIENT + "presence" and e.get("from") == wire.jid)
    return wire
