#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""kill -9 while people write: what was acknowledged is there, once, in order; a refused
resume tells the exact count; what was not acknowledged may be sent again without doubles.

20 kills in the default run, 200 with --long. PRESENCED_SEED repeats a run's choices.
"""
import os
import pathlib
import random
import socket
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import cases
from cases import case, expect
from server import DOMAIN, Server
from wire import CLIENT, SM, SM_NS, Ended, Wire, show

seed = int(os.environ.get("PRESENCED_SEED", random.randrange(1 << 32)))
chance = random.Random(seed)
servers = []
BOB = f"bob@{DOMAIN}"


class Sender:
    """Alice: sends as fast as it goes, notes what was acknowledged."""

    def __init__(self, server):
        self.server = server
        self.number = 0  # of the last message made
        self.sent = []   # ids of this session, in order: stanza k is sent[k - 1]
        self.acknowledged = []  # ids, all sessions
        self.wire = None
        self.h = 0

    def sign_in(self):
        self.wire = Wire(self.server, is_direct=True)
        self.wire.login("alice")
        self.enter()

    def enter(self):
        self.wire.bind("writer")
        self.wire.enable()
        self.sent, self.h = [], 0

    def covered(self, h):
        expect(self.h <= h <= len(self.sent), f"h {h} is not in {self.h}..{len(self.sent)}")
        self.acknowledged += self.sent[self.h:h]
        self.h = h

    def write(self, count):
        """Sends count messages, each with <r/>; reads acks until the server dies."""
        try:
            for _ in range(count):
                self.number += 1
                number = f"m{self.number}"
                self.sent.append(number)  # before it is sent: the kill may come between
                self.wire.message(BOB, number, number)
                self.wire.send(f"<r xmlns='{SM_NS}'/>")
                self.read(0.002)
            while self.h < len(self.sent):
                self.read(10)
        except (Ended, OSError):
            self.read_rest()

    def read_rest(self):
        """What had arrived before the end."""
        try:
            while True:
                self.read(1)
        except (Ended, OSError):
            pass

    def read(self, limit_s):
        try:
            element = self.wire.next(limit_s)
        except socket.timeout:
            return
        if element.tag == SM + "a":
            self.covered(int(element.get("h")))
        self.wire.answer(element)

    def come_back(self):
        """Resume is refused after a crash, but says how far the server got; the rest is
        sent again under the same ids. Returns how many."""
        old = self.wire
        old.cut()
        self.wire = Wire(self.server, is_direct=True)
        self.wire.login("alice")
        answer = self.wire.resume(old.sm_id, old.received)
        expect(answer.tag == SM + "failed", "resumed after a crash?", show(answer))
        expect(answer.get("h") is not None, "<failed/> without h:", show(answer))
        h = int(answer.get("h"))
        self.covered(h)
        rest = self.sent[h:]
        self.wire.bind("auditor")
        stored = {m.get("id") for _, m in self.wire.archive(BOB)}
        expect(not stored & set(rest), "h says", h, "but stored is also", stored & set(rest))
        missing = [n for n in self.acknowledged if n not in stored]
        expect(not missing, "acknowledged but not stored:", missing[:10])
        self.wire.leave()
        self.wire = Wire(self.server, is_direct=True)
        self.wire.login("alice")
        self.enter()
        for number in rest:
            self.sent.append(number)
            self.wire.message(BOB, number, number)
        return len(rest)


class Reader(threading.Thread):
    """Bob: takes part in some rounds, notes each message he was given."""

    def __init__(self, server, before):
        super().__init__(daemon=True)
        self.got = before.got if before else []
        self.fault = None
        self.wire = Wire(server, is_direct=True)
        self.wire.login("bob")
        if before:  # tells, by a resume that must fail, what had arrived
            answer = self.wire.resume(before.wire.sm_id, before.wire.received)
            expect(answer.tag == SM + "failed", "resumed after a crash?", show(answer))
        self.wire.bind("reader")
        self.wire.enable()
        self.wire.send("<presence/>")
        self.start()

    def run(self):
        try:
            while True:
                try:
                    element = self.wire.next(0.2)
                except socket.timeout:
                    continue
                if element.tag == CLIENT + "message":
                    self.got.append(element.get("id"))
                self.wire.answer(element)
        except (Ended, OSError):
            self.read_rest()
        except Exception as fault:  # the main thread raises it
            self.fault = fault

    def read_rest(self):
        """Answering a dead server fails while messages are still in our own buffers: they
        count as received."""
        try:
            while True:
                element = self.wire.next(1)
                if element.tag == CLIENT + "message":
                    self.got.append(element.get("id"))
        except (Ended, OSError):
            pass


def one_round(server, sender, reader):
    """Writes until the kill, and starts the server again."""
    killer = threading.Timer(chance.uniform(0.02, 0.5), server.kill)
    killer.start()
    sender.write(chance.randrange(20, 400))
    killer.join()
    sender.read_rest()
    if reader:
        reader.join(20)
        expect(not reader.is_alive() and not reader.fault, "reader:", reader.fault)
    server.start()


def check_end(sender, reader):
    """All arrived, each once, in order, and the archive agrees."""
    wanted = [f"m{i}" for i in range(1, sender.number + 1)]
    deadline = time.monotonic() + 60
    while len(set(reader.got)) < len(wanted) and time.monotonic() < deadline:
        time.sleep(0.1)
    missing = sorted(set(wanted) - set(reader.got))
    expect(not missing, f"{len(missing)} of {len(wanted)} never delivered:", missing[:10])
    doubles = sorted(n for n in set(reader.got) if reader.got.count(n) > 1)
    expect(not doubles, f"{len(doubles)} delivered twice:", doubles[:10])
    expect(reader.got == wanted, "delivered in another order")
    stored = [m.get("id") for _, m in sender.wire.archive(BOB)]
    expect(stored == wanted, f"the archive has {len(stored)} rows, {len(set(stored))} ids,",
           f"{len(wanted)} were sent")


@case
def kills():
    """Every acknowledged message is in the archive and reaches its recipient, once."""
    print(f"# PRESENCED_SEED={seed}", flush=True)
    server = Server()
    servers.append(server)
    server.start().add_users("alice", "bob")
    sender, reader, again = Sender(server), None, 0
    sender.sign_in()
    begun = time.monotonic()
    kill_count = 200 if cases.is_long else 20
    for _ in range(kill_count):
        is_online = chance.random() < 0.6
        if is_online:
            reader = Reader(server, reader)
        one_round(server, sender, reader if is_online else None)
        again += sender.come_back()
    count = len(sender.acknowledged)
    sender.write(1)
    expect(sender.h == len(sender.sent), "not all acknowledged at the end")
    check_end(sender, Reader(server, reader))
    print(f"# {kill_count} kills, {sender.number} messages, {count} acknowledged before the "
          f"last kill, {again} sent again, {time.monotonic() - begun:.0f} s", flush=True)


@case
def users():
    """A user that presencectl was answered for is there after kill -9."""
    server = Server()
    servers.append(server)
    server.start()
    done = []
    for turn in range(40 if cases.is_long else 6):
        killer = threading.Timer(chance.uniform(0.05, 0.4), server.kill)
        killer.start()
        for name in (f"u{turn}x{i}" for i in range(5)):
            if server.ctl("user", "add", name, "--password-stdin", stdin="secret\n",
                          may_fail=True).returncode == 0:
                done.append(name)
        killer.join()
        server.start()
    for name in done:
        server.ctl("user", "show", name)
    print(f"# {len(done)} users answered for", flush=True)


if __name__ == "__main__":
    sys.exit(cases.main(lambda: [s.close() for s in servers]))
