#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Crowds that knock and say nothing, floods of wrong passwords, clients that ask and never
listen: the others notice nothing."""
import asyncio
import base64
import pathlib
import socket
import ssl
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import cases
from cases import case, expect, wait_for
from server import DOMAIN
from trial import (PATIENCE_S, file_count, fresh, healthy, is_sanitized, resident_mib, stopped)
from wire import SM, SM_NS, signed_in

CROWD = "limits:\n  header_seconds: 6\n  connections_per_address_max: 0\n"


@case
def crowds_that_say_nothing():
    """2,000 silent connections and 200 that dribble a handshake: others are served, and at
    the end of their time all are closed."""
    server = fresh(CROWD)
    healthy(server)
    before = file_count(server)
    hello = bytes.fromhex("16030100f5010000f10303") + bytes(100)
    crowd = []
    for i in range(2200):
        one = socket.create_connection((server.address, 5222 if i % 2 else 5223), 10)
        if i % 11 == 0:
            one.send(hello[:20])
        crowd.append(one)
    took = healthy(server)
    begun = time.monotonic()
    while time.monotonic() - begun < 5:
        for i, one in enumerate(crowd[::11]):
            try:
                one.send(hello[20 + int(time.monotonic() - begun) * 10:][:1])
            except OSError:
                pass
        time.sleep(0.5)
    wait_for("end of the crowd", lambda: file_count(server) <= before + 5, 30)
    healthy(server)
    for one in crowd:
        one.close()
    print(f"# sign-in beside 2,200 silent connections: {took * 1000:.0f} ms", flush=True)
    stopped(server)


async def wrong_sign_in(server, context, gate, index):
    async with gate:
        reader, writer = await asyncio.open_connection(
            server.address, 5223, ssl=context, server_hostname=DOMAIN,
            local_addr=("127.9.9.9", 0), ssl_handshake_timeout=PATIENCE_S)
    try:
        writer.write(f"<stream:stream to='{DOMAIN}' version='1.0' xmlns='jabber:client' "
                     "xmlns:stream='http://etherx.jabber.org/streams'>".encode())
        await asyncio.wait_for(reader.readuntil(b"</stream:features>"), PATIENCE_S)
        user = ("alice", "nobody")[index % 2]
        text = base64.b64encode(f"\0{user}\0wrong{index}".encode()).decode()
        writer.write("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' "
                     f"mechanism='PLAIN'>{text}</auth>".encode())
        try:
            answer = await asyncio.wait_for(reader.readuntil(b"</failure>"), PATIENCE_S)
        except asyncio.IncompleteReadError:
            return "put off"  # until its time to sign in was over
        return ("refused" if b"not-authorized" in answer else
                "put off" if b"temporary-auth-failure" in answer else answer.decode())
    finally:
        writer.transport.abort()


@case
async def wrong_passwords_by_the_thousand():
    """Each is answered, most are put off after the first; people elsewhere come in meanwhile."""
    server = fresh("limits:\n  header_seconds: 30\n  connections_per_address_max: 0\n")
    context = ssl.create_default_context(cafile=str(server.pki / "ca.pem"))
    context.set_alpn_protocols(["xmpp-client"])
    gate = asyncio.Semaphore(200)
    begun = time.monotonic()
    flood = [asyncio.create_task(wrong_sign_in(server, context, gate, i)) for i in range(1000)]
    await asyncio.sleep(1)
    took = await asyncio.get_running_loop().run_in_executor(None, healthy, server)
    answers = await asyncio.gather(*flood, return_exceptions=True)
    odd = [a for a in answers if a not in ("refused", "put off")]
    expect("refused" in answers, "not one was checked")
    expect(not odd, len(odd), "of 1000 were not refused in order:", odd[:3])
    print(f"# 1,000 wrong passwords in {time.monotonic() - begun:.1f} s, {answers.count('put off')} of them "
          f"put off, a right one from elsewhere in {took:.1f} s", flush=True)
    healthy(server)
    stopped(server)


@case
def a_client_that_never_reads():
    """60 MB for somebody whose socket is full: the node does not hold them in memory, others
    get theirs at once, and nothing that was acknowledged is lost."""
    server = fresh()
    for name, value in (("xmpp.rate", "1GiB"), ("xmpp.burst", "1GiB")):
        server.ctl("setting", "set", name, value)
    deaf = signed_in(server, "bob", "deaf")
    alice = signed_in(server, "alice")
    alice.enable()
    before = resident_mib(server)
    count, text = 600, "z" * 100_000
    try:
        for i in range(count):
            alice.message(deaf.jid, text, f"d{i}")
            if i % 20 == 19:
                alice.send(f"<r xmlns='{SM_NS}'/>")
                alice.until(lambda e: e.tag == SM + "a", PATIENCE_S)
        took = healthy(server)
        grown = resident_mib(server) - before
        print(f"# {grown} MiB more in memory, sign-in in {took * 1000:.0f} ms", flush=True)
        expect(grown < 400 if is_sanitized(server) else grown < 200, "holds", grown, "MiB")
    finally:
        deaf.cut()
    again = signed_in(server, "bob", "again", has_presence=False)
    stored = [m.get("id") for _, m in again.archive(f"alice@{DOMAIN}")]
    expect(stored == [f"d{i}" for i in range(count)], len(stored), "of", count, "are stored")
    stopped(server)


@case
def questions_without_listening():
    """Pings by the hundred thousand, no answer is read: the asker is held back or cut off."""
    server = fresh()
    server.ctl("setting", "set", "xmpp.rate", "1GiB")
    server.ctl("setting", "set", "xmpp.burst", "1GiB")
    wire = signed_in(server, "alice")
    before = resident_mib(server)
    ping = f"<iq type='get' id='{'q' * 200}' to='{DOMAIN}'><ping xmlns='urn:xmpp:ping'/></iq>"
    wire.socket.settimeout(5)
    begun = time.monotonic()
    try:
        while time.monotonic() - begun < 15:
            wire.socket.sendall((ping * 100).encode())
    except OSError:  # held back, or cut off
        pass
    took, grown = healthy(server), resident_mib(server) - before
    print(f"# {grown} MiB more in memory, sign-in in {took * 1000:.0f} ms", flush=True)
    expect(grown < 100 if not is_sanitized(server) else grown < 400, "holds", grown, "MiB")
    wire.cut()
    stopped(server)


def h2_frame(kind, flags, stream, body=b""):
    return (len(body).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big")
            + body)


@case
def rapid_resets():
    """HTTP/2 streams opened and taken back by the ten thousand (CVE-2023-44487), and pings
    nobody listens for: cut off or served, presencectl works meanwhile."""
    server = fresh()
    field = lambda n, v: b"\x00" + bytes([len(n)]) + n + bytes([len(v)]) + v
    head = b"".join(field(*f) for f in (
        (b":method", b"POST"), (b":scheme", b"https"), (b":authority", b"localhost"),
        (b":path", b"/presenced.admin.v1.UserService/List"), (b"te", b"trailers"),
        (b"content-type", b"application/grpc")))
    start = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + h2_frame(4, 0, 0)
    before = resident_mib(server)
    resets = b"".join(h2_frame(1, 4, i, head) + h2_frame(3, 0, i, b"\0\0\0\x08")
                      for i in range(1, 40_001, 2))
    for flood in (resets, h2_frame(6, 0, 0, bytes(8)) * 200_000, h2_frame(4, 0, 0) * 200_000,
                  h2_frame(1, 0, 1, head) + h2_frame(9, 0, 1, b"\x00\x01a\x01b") * 100_000):
        with socket.socket(socket.AF_UNIX) as peer:
            peer.settimeout(5)
            peer.connect(f"{server.folder}/run/admin.sock")
            try:
                peer.sendall(start + flood)
            except OSError:
                pass
            begun = time.monotonic()
            server.ctl("user", "list")
            expect(time.monotonic() - begun < 10, "presencectl waited", time.monotonic() - begun)
    grown = resident_mib(server) - before
    expect(grown < 100 if not is_sanitized(server) else grown < 400, "holds", grown, "MiB")
    stopped(server)


if __name__ == "__main__":
    sys.exit(cases.main())
