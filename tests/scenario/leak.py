#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""10,000 sessions under AddressSanitizer: sign-in, chat, and every way to end; then a clean
stop must leave nothing behind (LeakSanitizer decides by the exit code)."""
import pathlib
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import cases
from cases import case, expect
from server import DOMAIN, Server
from wire import CLIENT, Wire

SESSIONS = 10_000
THREADS = 8
servers = []


def one_session(server, user, turn):
    """A life: signs in, says something to itself, ends in one of four ways."""
    wire = Wire(server, is_direct=True)
    if turn % 50 == 7:  # gives up before it is signed in
        wire.open()
        return wire.cut()
    wire.login(user)
    wire.bind(f"r{turn % 5}")
    if turn % 2:
        wire.enable(is_resumable=turn % 4 == 1)
    wire.send("<presence/>")
    number = wire.message(f"{user}@{DOMAIN}", "hello", extra="<no-store xmlns='urn:xmpp:hints'/>"
                          if turn % 8 else "")
    wire.until(lambda e: e.tag == CLIENT + "message" and e.get("id") == number)
    if turn % 3:
        return wire.leave()
    return wire.cut()


def run_sessions(server, count):
    faults = []

    def work(index):
        try:
            for turn in range(count // THREADS):
                one_session(server, f"user{index}", turn)
        except Exception as fault:  # the main thread raises it
            faults.append(fault)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if faults:
        raise faults[0]


@case
def sessions():
    server = Server("asan")
    servers.append(server)
    server.start().add_users(*(f"user{i}" for i in range(THREADS)))
    run_sessions(server, SESSIONS)
    code = server.stop()
    expect(code == 0, "ended with", code, server.tail(60))


@case
def races():
    """The same life under ThreadSanitizer, fewer of them: threads share nothing."""
    server = Server("tsan")
    servers.append(server)
    server.start().add_users(*(f"user{i}" for i in range(THREADS)))
    run_sessions(server, 2000 if cases.is_long else 400)
    code = server.stop()
    text = server.log.read_text(errors="replace")
    expect("ThreadSanitizer" not in text, "a data race:\n",
           text[text.find("WARNING: ThreadSanitizer"):][:4000])
    expect(code == 0, "ended with", code, server.tail(60))


if __name__ == "__main__":
    sys.exit(cases.main(lambda: [s.close() for s in servers]))
