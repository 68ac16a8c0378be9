#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Hostile and broken clients: each gets the protocol's own answer, nobody else notices.
The AddressSanitizer build is attacked, so that what is read too far is seen."""
import base64
import pathlib
import socket
import ssl
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import cases
from cases import case, expect
from server import DOMAIN, Server
from wire import (CLIENT, SASL, SM, SM_NS, TLS, Ended, Wire, show, signed_in,
                  stream_error)

PLAIN_LIMIT = 10_000        # bytes of a stanza before sign-in
STANZA_LIMIT = 256 * 1024   # after it
STANZAS = "urn:ietf:params:xml:ns:xmpp-stanzas"
the_server = None


def server():
    global the_server
    if the_server is None:
        the_server = Server("asan").start()
        the_server.add_users("alice", "bob", "eve")
    return the_server


def close():
    if the_server:
        code = the_server.close()
        expect(code == 0, "presenced ended with", code)


def healthy():
    """Somebody else signs in and is answered."""
    wire = signed_in(server(), "bob")
    answer = wire.ask("<ping xmlns='urn:xmpp:ping'/>", to=DOMAIN)
    expect(answer.get("type") == "result", show(answer))
    wire.leave()


def refused(wire, *conditions):
    seen = stream_error(wire)
    expect(seen in conditions, "wanted", conditions, "got", seen or "no stream error")
    healthy()


def plain_wire():
    wire = Wire(server())
    wire.open()
    wire.features()
    return wire


RESTRICTED = {
    "doctype": "<!DOCTYPE a [<!ENTITY b 'c'>]>",
    "entity": "<message><body>&undefined;</body></message>",
    "comment": "<!-- hello -->",
    "instruction": "<?php echo 1 ?>",
}


@case
def restricted_xml_before_tls():
    for name, text in RESTRICTED.items():
        wire = Wire(server())
        if name != "doctype":
            wire.open()
            wire.features()
        else:
            wire.send("<?xml version='1.0'?>")
        wire.send(text)
        if name == "doctype":
            wire.send("<stream:stream xmlns='jabber:client' to='im.test' version='1.0' "
                      "xmlns:stream='http://etherx.jabber.org/streams'>")
        refused(wire, "restricted-xml", "not-well-formed")


@case
def restricted_xml_after_sign_in():
    for name in ("entity", "comment", "instruction"):
        wire = signed_in(server(), "eve")
        wire.send(RESTRICTED[name])
        refused(wire, "restricted-xml", "not-well-formed")


@case
def entity_bomb():
    """A billion laughs before the stream header: refused at its first line."""
    bomb = "<?xml version='1.0'?><!DOCTYPE l [<!ENTITY a 'lol'>" + "".join(
        f"<!ENTITY {chr(98 + i)} '{('&' + chr(97 + i) + ';') * 10}'>" for i in range(9)) + "]>"
    wire = Wire(server())
    wire.send(bomb)
    refused(wire, "restricted-xml")


@case
def broken_xml():
    for text in (b"<message", b"<a></b>", b"<a b='1' b='2'/>", b"<a>\xff\xfe</a>", b"<a>\x00</a>",
                 b"<a b=1/>", b"<undeclared:a/>", b"</stream:stream></stream:stream>",
                 b"<a>\xed\xa0\x80</a>", b"<a>\xc0\xaf</a>"):
        wire = signed_in(server(), "eve")
        wire.send(text + b"<x/><y>")
        seen = stream_error(wire)
        expect(seen in ("not-well-formed", "bad-namespace-prefix", "unsupported-encoding",
                        "invalid-xml", "restricted-xml", ""), text, "gave", seen)
    healthy()


@case
def wrong_headers():
    """A wrong namespace, no such host, an old version: each has its own word."""
    header = ("<stream:stream to='{to}' version='{version}' xmlns='{ns}' "
              "xmlns:stream='{stream}'>")
    good = {"to": DOMAIN, "version": "1.0", "ns": "jabber:client",
            "stream": "http://etherx.jabber.org/streams"}
    for change, wanted in (({"to": "other.test"}, "host-unknown"),
                           ({"stream": "http://example.org/streams"}, "invalid-namespace"),
                           ({"ns": "jabber:nothing"}, "invalid-namespace"),
                           ({"version": "0.9"}, "unsupported-version")):
        wire = Wire(server())
        wire.send(header.format(**{**good, **change}))
        refused(wire, wanted)


@case
def oversize_before_sign_in():
    wire = plain_wire()
    wire.send("<message><body>" + "x" * (PLAIN_LIMIT + 1000))
    refused(wire, "policy-violation")


@case
def oversize_after_sign_in():
    """256 KiB pass; more ends the stream before all of it was taken."""
    wire = signed_in(server(), "eve")
    wire.message(wire.jid, "y" * (STANZA_LIMIT - 2000))
    wire.until(lambda e: e.tag == CLIENT + "message", 60)
    try:
        wire.send("<message to='bob@im.test'><body>")
        for _ in range(200):
            wire.send("z" * 4096)
    except OSError:
        pass
    refused(wire, "policy-violation", "")


@case
def deep_nesting():
    wire = signed_in(server(), "eve")
    try:
        wire.send("<message to='bob@im.test'>" + "<a>" * 60_000)
    except OSError:
        pass
    refused(wire, "policy-violation", "not-well-formed", "restricted-xml", "")


@case
def many_attributes():
    wire = signed_in(server(), "eve")
    try:
        wire.send("<message to='bob@im.test' " + " ".join(f"a{i}='1'" for i in range(30_000))
                  + "><body>many</body></message>")
        wire.send("<iq type='get' id='after' to='im.test'><ping xmlns='urn:xmpp:ping'/></iq>")
    except OSError:
        pass
    wire.drain(2)  # a limit, or an honest delivery: the server stands
    healthy()


@case
def dribble():
    """One byte a segment: understood at once when the last one is there."""
    wire = Wire(server(), is_direct=True)
    wire.login("alice")
    wire.bind()
    text = b"<iq type='get' id='slow' to='im.test'><ping xmlns='urn:xmpp:ping'/></iq>"
    for i in range(len(text)):
        wire.send(text[i:i + 1])
        time.sleep(0.001)
    begun = time.monotonic()
    wire.until(lambda e: e.get("id") == "slow")
    expect(time.monotonic() - begun < 1, "answered late:", time.monotonic() - begun)
    wire.leave()


@case
def split_characters():
    """A UTF-8 character cut in two segments arrives whole."""
    wire = signed_in(server(), "alice")
    text = f"<message to='{wire.jid}' type='chat'><body>안녕 🙂</body></message>".encode()
    for i in range(0, len(text), 3):
        wire.send(text[i:i + 3])
    wire.wait_message("안녕 🙂")
    wire.leave()


@case
def starttls_injection():
    """What is pipelined in plain text behind <starttls/> is thrown away."""
    wire = Wire(server())
    wire.open()
    wire.features()
    wire.send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"
              "<iq type='get' id='injected'><ping xmlns='urn:xmpp:ping'/></iq>")
    expect(wire.next().tag == TLS + "proceed", "no <proceed/>")
    try:
        wire.wrap()
        wire.login("alice")
        wire.bind()
        answers = wire.drain(1)
        expect(not [e for e in answers if e.get("id") == "injected"], "the injected IQ was obeyed")
    except (ssl.SSLError, ConnectionError, Ended):
        pass  # ending the connection is an answer too
    healthy()


@case
def sign_in_without_tls():
    wire = plain_wire()
    wire.send("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>"
              + base64.b64encode(b"\0alice\0secret-alice").decode() + "</auth>")
    kind, element = wire.event()
    seen = element[0].tag.rpartition("}")[2]
    expect(element.tag != SASL + "success", "signed in without TLS")
    expect(seen in ("policy-violation", "encryption-required", "not-authorized"), show(element))


@case
def no_mechanisms_without_tls():
    wire = Wire(server())
    wire.open()
    features = wire.features()
    expect(features.find(SASL + "mechanisms") is None, show(features))
    expect(features.find(f"{TLS}starttls/{TLS}required") is not None, show(features))


@case
def old_tls():
    for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.minimum_version = context.maximum_version = version
        context.set_ciphers("ALL:@SECLEVEL=0")
        try:
            with socket.create_connection((server().address, 5223), 10) as tcp, \
                    context.wrap_socket(tcp, server_hostname=DOMAIN) as tls:
                expect(False, "spoke", tls.version())
        except (ssl.SSLError, ConnectionError):
            pass
    healthy()


@case
def stanza_before_sign_in():
    wire = Wire(server(), is_direct=True)
    wire.open()
    wire.features()
    wire.send("<message to='bob@im.test'><body>hi</body></message>")
    refused(wire, "not-authorized")


@case
def stanza_before_bind():
    wire = Wire(server(), is_direct=True)
    wire.login("eve")
    wire.send("<message to='bob@im.test'><body>hi</body></message>")
    refused(wire, "not-authorized")


@case
def other_host_after_sign_in():
    """Signed in at one host, restarted at another (CVE-2018-10847)."""
    wire = Wire(server(), is_direct=True)
    wire.open()
    wire.features()
    expect(wire.plain("eve").tag == SASL + "success", "sign-in failed")
    wire.open(to="other.test")
    refused(wire, "host-unknown", "not-authorized", "invalid-from")


@case
def wrong_credentials():
    """A wrong password, no such user, no proof at all: one answer, the stream goes on."""
    wire = Wire(server(), is_direct=True)
    wire.open()
    wire.features()
    for user, password in (("eve", "wrong"), ("nobody", "x")):
        answer = wire.plain(user, password)
        expect(answer.tag == SASL + "failure", show(answer))
        expect(answer[0].tag == SASL + "not-authorized", show(answer))
    for text, wanted in (("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/>",
                          "invalid-mechanism"),
                         ("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>"
                          "%%%</auth>", "incorrect-encoding")):
        wire.send(text)
        answer = wire.next()
        expect(answer.find(SASL + wanted) is not None, show(answer))
    expect(wire.plain("eve").tag == SASL + "success", "a right password after wrong ones")


@case
def other_identity():
    """Signs in as eve, asks to be alice (authzid)."""
    wire = Wire(server(), is_direct=True)
    wire.open()
    wire.features()
    answer = wire.plain("eve", authzid=f"alice@{DOMAIN}")
    expect(answer.find(SASL + "invalid-authzid") is not None, show(answer))


@case
def spoofed_from():
    wire = signed_in(server(), "eve")
    wire.send(f"<message from='alice@{DOMAIN}/x' to='bob@{DOMAIN}'><body>hi</body></message>")
    refused(wire, "invalid-from")


@case
def spoofed_payloads():
    """Nobody can make a message look like the server's own word: ids, delays, carbons."""
    bob = signed_in(server(), "bob")
    bob.ask("<enable xmlns='urn:xmpp:carbons:2'/>", kind="set")
    eve = signed_in(server(), "eve")
    eve.message(bob.jid, "spoof", extra=(
        f"<stanza-id xmlns='urn:xmpp:sid:0' by='bob@{DOMAIN}' id='forged'/>"
        f"<stanza-id xmlns='urn:xmpp:sid:0' by='{DOMAIN}' id='forged'/>"
        f"<delay xmlns='urn:xmpp:delay' from='{DOMAIN}' stamp='2001-01-01T00:00:00Z'/>"))
    got = bob.wait_message("spoof")
    ids = [s.get("id") for s in got.iter("{urn:xmpp:sid:0}stanza-id")]
    expect("forged" not in ids, "forged stanza-id arrived:", show(got))
    expect(got.find("{urn:xmpp:delay}delay") is None, "forged delay arrived:", show(got))
    expect(got.get("from") == eve.jid, show(got))
    for kind in ("sent", "received"):
        eve.send(f"<message to='{bob.jid}' type='chat' id='carbon'><{kind} "
                 "xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'>"
                 f"<message xmlns='jabber:client' from='alice@{DOMAIN}' to='bob@{DOMAIN}' "
                 f"type='chat'><body>forged</body></message></forwarded></{kind}>"
                 "<body>outer</body></message>")
        got = bob.until(lambda e: e.tag == CLIENT + "message")
        is_carbon = got.find("{urn:xmpp:carbons:2}" + kind) is not None
        expect(not is_carbon or got.get("from") != f"bob@{DOMAIN}", "a forged carbon:", show(got))
        expect(got.get("from") == eve.jid, show(got))
    bob.leave()
    eve.leave()


@case
def roster_of_another():
    """A roster set for somebody else changes nothing and is answered with an error."""
    eve = signed_in(server(), "eve")
    answer = eve.ask("<query xmlns='jabber:iq:roster'><item jid='eve@im.test'/></query>",
                     kind="set", to=f"alice@{DOMAIN}")
    expect(answer.get("type") == "error", show(answer))
    eve.leave()
    alice = signed_in(server(), "alice")
    roster = alice.ask("<query xmlns='jabber:iq:roster'/>")
    expect(not list(roster.iter("{jabber:iq:roster}item")), show(roster))
    alice.leave()


@case
def odd_stanzas():
    """Missing and doubled parts: an error or nothing, the stream and the node stand."""
    wire = signed_in(server(), "eve")
    odd = ["<iq type='get'><ping xmlns='urn:xmpp:ping'/></iq>", "<iq type='get' id='1'/>",
           "<iq id='2'><ping xmlns='urn:xmpp:ping'/></iq>",
           "<iq type='nonsense' id='3'><a xmlns='b'/></iq>",
           "<iq type='get' id='4'><a xmlns='b'/><c xmlns='d'/></iq>",
           "<iq type='result' id='5'/>", "<iq type='error' id='6'/>",
           "<iq type='set' id='7'><query xmlns='jabber:iq:roster'/></iq>",
           "<iq type='set' id='8'><query xmlns='jabber:iq:roster'><item/></query></iq>",
           "<iq type='set' id='9'><query xmlns='jabber:iq:roster'><item jid='@@@'/></query></iq>",
           "<iq type='set' id='10'><block xmlns='urn:xmpp:blocking'/></iq>",
           "<iq type='set' id='11'><query xmlns='urn:xmpp:mam:2'><x xmlns='jabber:x:data'/>"
           "</query></iq>",
           "<presence type='subscribe'/>", "<presence type='nonsense' to='bob@im.test'/>",
           "<presence><priority>9999999999</priority></presence>",
           "<message/>", "<message to='' type='chat'/>", "<message to='a@@b'><body>x</body></message>",
           "<message type='error' to='bob@im.test'><body>x</body></message>",
           "<message to='nobody@im.test' type='chat'><body>x</body></message>",
           "<message to='a@remote.test'><body>x</body></message>",
           "<iq type='get' id='12' to='bob@im.test/none'><a xmlns='b'/></iq>",
           "<iq type='get' id='13'><unknown xmlns='urn:unknown'/></iq>",
           f"<a xmlns='{SM_NS}' h='99'/>", f"<r xmlns='{SM_NS}'/>",
           "<active xmlns='urn:xmpp:csi:0'/>", "<inactive xmlns='urn:xmpp:csi:0'/>"]
    for text in odd:
        try:
            wire.send(text)
            wire.send("<iq type='get' id='still' to='im.test'><ping xmlns='urn:xmpp:ping'/></iq>")
            wire.until(lambda e: e.get("id") == "still")
        except (Ended, OSError, AssertionError):
            wire = signed_in(server(), "eve")  # a stream error is an answer too
    healthy()


@case
def remote_domain():
    """No federation yet: the sender is told so."""
    wire = signed_in(server(), "eve")
    wire.send("<message to='a@remote.test' type='chat' id='far'><body>x</body></message>")
    answer = wire.until(lambda e: e.get("id") == "far")
    expect(answer.find(f"{CLIENT}error/{{{STANZAS}}}remote-server-not-found") is not None,
           show(answer))
    wire.leave()


@case
def attributes_come_out_as_they_went_in():
    wire = signed_in(server(), "eve")
    nasty = "&quot;&apos;&lt;&gt;&amp;&#10;&#9; x='y'"
    wire.send(f'<message to="{wire.jid}" type="chat" id="q"><body>b</body>'
              f'<x xmlns="urn:x" a="{nasty}"/></message>')
    got = wire.wait_message("b")
    expect(got.find("{urn:x}x").get("a") == "\"'<>&\n\t x='y'", show(got))
    wire.leave()


@case
def stream_management_abuse():
    wire = Wire(server(), is_direct=True)
    wire.login("eve")
    wire.send(f"<enable xmlns='{SM_NS}'/>")
    answer = wire.next()
    expect(answer.tag == SM + "failed", "enabled before bind:", show(answer))
    for previd in ("nonsense", "", "A" * 4000, "&lt;&gt;"):
        answer = wire.resume(previd, 4_000_000_000)
        expect(answer.tag == SM + "failed", show(answer))
    wire.bind()
    wire.enable()
    wire.send(f"<a xmlns='{SM_NS}' h='77'/>")
    refused(wire, "undefined-condition", "policy-violation")


@case
def resume_of_another():
    """eve knows alice's resumption id; it is of no use to her."""
    alice = signed_in(server(), "alice")
    alice.enable()
    alice.cut()
    eve = Wire(server(), is_direct=True)
    eve.login("eve")
    answer = eve.resume(alice.sm_id, 0)
    expect(answer.tag == SM + "failed", show(answer))
    again = Wire(server(), is_direct=True)
    again.login("alice")
    answer = again.resume(alice.sm_id, alice.received)
    expect(answer.tag == SM + "resumed", show(answer))
    again.leave()


@case
def compression_is_not_offered():
    wire = Wire(server(), is_direct=True)
    features = wire.login("eve")
    expect(features.find("{http://jabber.org/features/compress}compression") is None,
           show(features))


@case
def no_memory_is_kept():
    """After all that: the process is small, and everybody can still sign in."""
    healthy()
    for line in open(f"/proc/{server().process.pid}/status"):
        if line.startswith("VmRSS"):
            size = int(line.split()[1]) // 1024
            print(f"# resident {size} MiB under AddressSanitizer", flush=True)
            expect(size < 1500, "resident", size, "MiB")
    expect("ERROR: AddressSanitizer" not in server().log.read_text(errors="replace"),
           server().tail(60))


if __name__ == "__main__":
    sys.exit(cases.main(close))
