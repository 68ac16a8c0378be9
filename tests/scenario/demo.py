#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""./deploy/demo, the contract that other people's checks run: every verb, twice where it
must not matter. Needs 127.0.1.1; leaves a demo that was running before alone."""
import os
import pathlib
import re
import socket
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import cases
from cases import Skip, case, expect
from server import PORTS, ROOT
from wire import CLIENT, Wire


class DemoServer:
    """What wire.py wants to know of a server."""
    address = "127.0.1.1"
    pki = ROOT / "build/demo/pki"


def demo(*arguments, code=0):
    done = subprocess.run([str(ROOT / "deploy/demo"), *arguments], text=True, timeout=400,
                          capture_output=True, check=False)
    expect(done.returncode == code, "demo", *arguments, "ended with", done.returncode,
           done.stdout[-2000:], done.stderr[-2000:])
    return done.stdout + done.stderr


def environment():
    return dict(re.findall(r"export (\w+)=(\S*)", demo("env")))


def sign_in(user):
    wire = Wire(DemoServer, is_direct=True, domain="demo.example")
    wire.login(user, "demo")
    wire.bind()
    wire.send("<presence/>")
    return wire


def need_free_address():
    for port in PORTS:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.1.1", port))
            except OSError:
                raise Skip(f"port {port} of 127.0.1.1 is in use: ./deploy/demo down") from None


@case
def contract():
    need_free_address()
    try:
        walk()
    finally:
        demo("reset")


def walk():
    text = demo("up", "--nodes", "1")
    expect("alice@demo.example" in text and "[7/7]" in text, text)
    begun = time.monotonic()
    demo()
    expect(time.monotonic() - begun < 20, "a second run took", time.monotonic() - begun, "s")
    folder = ROOT / "build/demo"
    expect(folder.stat().st_mode & 0o777 == 0o700, "state is not private")

    shown = environment()
    expect(shown["DEMO_DOMAIN"] == "demo.example" and shown["DEMO_N1"] == "127.0.1.1", shown)
    pid = shown["DEMO_PID_N1"]
    expect(os.path.exists(f"/proc/{pid}"), shown)
    status = subprocess.run([str(ROOT / "build/release/presencectl"), "cluster", "status"],
                            env={**os.environ, **shown}, text=True, capture_output=True,
                            check=False)
    expect(status.returncode == 0 and "n1" in status.stdout, status.stdout, status.stderr)
    expect("n1" in demo("status"), "no n1 in status")

    alice, bob = sign_in("alice"), sign_in("bob")
    alice.until(lambda e: e.tag == CLIENT + "presence" and e.get("from") == bob.jid)
    roster = alice.ask("<query xmlns='jabber:iq:roster'/>")
    both = {i.get("jid") for i in roster.iter("{jabber:iq:roster}item")
            if i.get("subscription") == "both"}
    expect(both == {"bob@demo.example", "carol@demo.example"}, both)
    alice.message("carol@demo.example", "for later")
    alice.ask("<ping xmlns='urn:xmpp:ping'/>", to="demo.example")

    expect("SIGKILL" in demo("kill", "n1"), "kill")
    expect(not os.path.exists(f"/proc/{pid}"), "still alive")
    demo("start", "n1")
    carol = sign_in("carol")
    carol.wait_message("for later")
    expect(demo("logs", "n1"), "no log")
    demo("kill", "n9", code=1)
    demo("nonsense", code=2)
    demo("down")
    expect(environment()["DEMO_PID_N1"] in ("", "''"), "a pid after down")


@case
def port_taken():
    """Names the process that holds a port, and touches nothing."""
    need_free_address()
    with socket.create_server(("127.0.1.1", 5222)):
        text = demo("up", code=1)
        expect("5222" in text and f"pid={os.getpid()}" in text, text)
    demo("reset")


if __name__ == "__main__":
    sys.exit(cases.main())
