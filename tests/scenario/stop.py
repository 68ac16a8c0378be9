#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A clean stop: clients are told, nothing is lost, the exit code is 0."""
import pathlib
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import cases
from cases import case, expect
from server import DOMAIN, Server
from wire import CLIENT, SM, SM_NS, Wire, show, signed_in, stream_error

servers = []


def fresh():
    server = Server()
    servers.append(server)
    server.start().add_users("alice", "bob")
    return server


@case
def streams_are_closed():
    """`system-shutdown`, then </stream:stream>, then the connection ends; exit 0."""
    server = fresh()
    wires = [signed_in(server, "alice", is_direct=False), signed_in(server, "bob")]
    before_auth = Wire(server)
    before_auth.open()
    before_auth.features()
    server.process.send_signal(signal.SIGTERM)
    for wire in (*wires, before_auth):
        expect(stream_error(wire) == "system-shutdown", "no system-shutdown")
        kind, _ = wire.event()
        expect(kind == "close", "no </stream:stream> but", kind)
    expect(server.stop() == 0, "exit code", server.process.returncode, server.tail())


@case
def messages_survive():
    """All that was acknowledged before the stop is delivered after it, once; the count in
    the refused resume is exact."""
    server = fresh()
    alice = signed_in(server, "alice", has_presence=False)
    alice.enable()
    for i in range(300):
        alice.message(f"bob@{DOMAIN}", f"n{i}", f"n{i}")
    server.process.send_signal(signal.SIGTERM)
    h = 0
    for element in alice.drain(5):
        if element.tag == SM + "a":
            h = int(element.get("h"))
    expect(server.stop() == 0, "exit code", server.process.returncode, server.tail())
    server.start()
    again = Wire(server, is_direct=True)
    again.login("alice")
    answer = again.resume(alice.sm_id, alice.received)
    expect(answer.tag == SM + "failed" and int(answer.get("h")) >= h, show(answer), "after", h)
    count = int(answer.get("h"))
    bob = signed_in(server, "bob", has_presence=False)
    bob.send("<presence/>")
    got = [e.get("id") for e in bob.drain(2) if e.tag == CLIENT + "message"]
    expect(got == [f"n{i}" for i in range(count)], f"h {count} but {len(got)} delivered:", got[-3:])


@case
def during_sign_in():
    """A stop while people arrive ends soon, with code 0."""
    server = fresh()
    wires = []
    for i in range(20):
        wire = Wire(server)
        wire.open()
        wires.append(wire)
    begun = time.monotonic()
    server.process.send_signal(signal.SIGTERM)
    expect(server.stop() == 0, "exit code", server.process.returncode, server.tail())
    expect(time.monotonic() - begun < 15, "took", time.monotonic() - begun, "s")


@case
def resume_on_a_living_node():
    """Not a stop, the other side of it: while the node lives a cut stream resumes whole."""
    server = fresh()
    alice = signed_in(server, "alice", "phone")
    alice.enable()
    bob = signed_in(server, "bob")
    bob.message(alice.jid, "one")
    alice.wait_message("one")
    alice.cut()
    for i in range(20):
        bob.message(f"alice@{DOMAIN}", f"away{i}")
    again = Wire(server, is_direct=True)
    again.login("alice")
    answer = again.resume(alice.sm_id, alice.received)
    expect(answer.tag == SM + "resumed", show(answer))
    bodies = [e.findtext(CLIENT + "body") for e in again.drain(2) if e.tag == CLIENT + "message"]
    expect(bodies == [f"away{i}" for i in range(20)], "after resume:", bodies)
    again.send(f"<a xmlns='{SM_NS}' h='{again.received}'/>")
    again.leave()


if __name__ == "__main__":
    sys.exit(cases.main(lambda: [s.close() for s in servers]))
