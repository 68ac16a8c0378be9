#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Weather: floods of resumes, a process that stood still, a full disk, a clock that jumps, and
signals in the middle of it all."""
import os
import pathlib
import signal
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import cases
from cases import Skip, case, expect, wait_for
from server import DOMAIN, Server
from trial import PATIENCE_S, fresh, healthy, is_sanitized, stopped
from wire import CLIENT, SM, SM_NS, Ended, Wire, show, signed_in, stream_error

STANZAS = "{urn:ietf:params:xml:ns:xmpp-stanzas}"
BOB = f"bob@{DOMAIN}"
FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"


# ---- Resuming, again and again


class Chatter(threading.Thread):
    """Sends numbered messages to one address until told to end; waits for every ack."""

    def __init__(self, server, to, pause_s=0.005):
        super().__init__(daemon=True)
        self.wire, self.to, self.pause_s = signed_in(server, "alice", "talk"), to, pause_s
        self.wire.enable()
        self.count, self.h, self.fault, self.is_over = 0, 0, None, False
        self.refused = []
        self.start()

    def read(self, limit_s):
        try:
            element = self.wire.next(limit_s)
        except socket.timeout:
            return
        if element.tag == SM + "a":
            self.h = int(element.get("h"))
        elif element.tag == CLIENT + "message" and element.get("type") == "error":
            self.refused.append((element.get("id"), [e.tag for e in element.iter()]))
        self.wire.answer(element)

    def run(self):
        try:
            while not self.is_over:
                self.wire.message(self.to, f"n{self.count}", f"n{self.count}")
                self.count += 1
                if self.count % 10 == 0:
                    self.wire.send(f"<r xmlns='{SM_NS}'/>")
                self.read(self.pause_s)
            deadline = time.monotonic() + PATIENCE_S
            self.wire.send(f"<r xmlns='{SM_NS}'/>")
            while self.h < self.count and time.monotonic() < deadline:
                self.read(1)
                if self.h < self.count:
                    self.wire.send(f"<r xmlns='{SM_NS}'/>")
        except Exception as fault:  # the main thread looks at it
            self.fault = fault

    def finish(self):
        self.is_over = True
        self.join(PATIENCE_S + 10)
        expect(not self.fault and not self.is_alive(), "the sender:", repr(self.fault))
        expect(self.h == self.count, "acknowledged", self.h, "of", self.count)


def bodies(elements):
    return [e.findtext(CLIENT + "body") for e in elements if e.tag == CLIENT + "message"]


@case
def resume_storm():
    """A client whose line breaks every moment, in the middle of a flow: nothing is lost,
    doubled or reordered."""
    server = fresh()
    wire = signed_in(server, "bob", "moving")
    wire.enable()
    chatter = Chatter(server, wire.jid)
    got = []
    for turn in range(40):
        end = time.monotonic() + 0.1 * (turn % 4)
        while time.monotonic() < end:
            try:
                element = wire.next(0.05)
            except socket.timeout:
                continue
            got += bodies([element])
            wire.answer(element)
        old = wire
        if turn % 3:
            old.cut()  # else the old connection still stands when the new one comes
        wire = Wire(server, is_direct=True)
        wire.login("bob")
        answer = wire.resume(old.sm_id, old.received)
        expect(answer.tag == SM + "resumed", "turn", turn, show(answer))
        wire.sm_id = answer.get("previd")
        old.cut()
    chatter.finish()
    got += bodies(wire.drain(3))
    wanted = [f"n{i}" for i in range(chatter.count)]
    expect(sorted(set(got)) == sorted(wanted), len(wanted), "sent,", len(set(got)), "came")
    expect(got == wanted, "doubled or out of order:", len(got), "for", len(wanted))
    print(f"# 40 resumes, {len(wanted)} messages", flush=True)
    stopped(server)


# ---- A process that stood still, a clock that jumps


@case
def stood_still():
    """SIGSTOP for 5 s while people write: they notice a delay, nothing else."""
    server = fresh()
    bob = signed_in(server, "bob")
    chatter = Chatter(server, bob.jid)
    time.sleep(1)
    server.process.send_signal(signal.SIGSTOP)
    time.sleep(5)
    server.process.send_signal(signal.SIGCONT)
    time.sleep(1)
    chatter.finish()
    got = bodies(bob.drain(2))
    expect(got == [f"n{i}" for i in range(chatter.count)], chatter.count, "sent", len(got), "came")
    healthy(server)
    stopped(server)


@case
def the_clock_jumps():
    """A day forward, two days back: sessions stay, messages keep their order in the archive."""
    server = Server()
    if is_sanitized(server):
        raise Skip("libfaketime does not go with a sanitizer: run it in the release build")
    if not os.path.exists(FAKETIME):
        raise Skip("apt install libfaketime")
    clock = server.folder / "clock"
    clock.write_text("+0\n")
    server.environment.update({"LD_PRELOAD": FAKETIME, "FAKETIME_TIMESTAMP_FILE": str(clock),
                               "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1",
                               "DONT_FAKE_MONOTONIC": "1"})
    server.start().add_users("alice", "bob")
    bob = signed_in(server, "bob")
    alice = signed_in(server, "alice")
    alice.enable()
    for i, offset in enumerate(("+0", "+1d", "-1d", "+0")):
        clock.write_text(offset + "\n")
        time.sleep(0.3)
        alice.message(bob.jid, f"c{i}", f"c{i}")
        bob.wait_message(f"c{i}")
    alice.send(f"<r xmlns='{SM_NS}'/>")
    expect(alice.until(lambda e: e.tag == SM + "a").get("h") == "4", "not acknowledged")
    rows = alice.archive(BOB)
    expect([m.get("id") for _, m in rows] == [f"c{i}" for i in range(4)], rows)
    healthy(server)
    stopped(server)


# ---- A full disk


@case
def a_full_disk():
    """Below the watermark a sender is told `resource-constraint`, presencectl says what to
    do, presence and reading go on; with space again everything goes on, nothing was lost."""
    server = Server()
    data = server.folder / "data"
    data.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1150m", "none", str(data)],
                      capture_output=True, check=False).returncode != 0:
        raise Skip("run as root where mount works")
    try:
        server.start().add_users("alice", "bob")
        alice, bob = signed_in(server, "alice"), signed_in(server, "bob")
        alice.enable()
        alice.message(BOB, "before", "before")
        bob.wait_message("before")
        ballast = data / "ballast"
        with open(ballast, "wb") as file:
            try:
                while True:
                    file.write(bytes(1 << 20))
                    file.flush()
            except OSError:
                pass
        room = os.statvfs(data)
        print(f"# {room.f_bavail * room.f_frsize // 1024} KiB left", flush=True)
        time.sleep(2)
        alice.message(BOB, "full", "full")
        answer = alice.until(lambda e: e.get("id") == "full", 30)
        expect(answer.get("type") == "error" and
               answer.find(f"{CLIENT}error/{STANZAS}resource-constraint") is not None,
               show(answer))
        done = server.ctl("user", "add", "x", "--password-stdin", stdin="x\n", may_fail=True)
        expect(done.returncode == 1 and "hint: " in done.stderr and "space" in done.stderr, done)
        done = server.ctl("cluster", "status", may_fail=True)
        expect(done.returncode == 4 and "space" in done.stderr, done)
        expect("FAIL" in server.ctl("check", "disk", may_fail=True).stdout, "check says nothing")
        alice.send(f"<presence to='{bob.jid}'><status>still here</status></presence>")
        bob.until(lambda e: e.findtext(CLIENT + "status") == "still here")
        ballast.unlink()
        wait_for("end of the trouble", lambda: server.ctl("user", "add", "y", "--password-stdin",
                                                          stdin="y\n", may_fail=True)
                 .returncode == 0, 30)
        alice.message(BOB, "after", "after")
        bob.wait_message("after")
        stored = [m.get("id") for _, m in alice.archive(BOB)]
        expect(stored == ["before", "after"], stored)
        expect(server.stop() == 0, "ended with", server.process.returncode, server.tail())
        server.start()
        healthy(server)
        stopped(server)
    finally:
        server.stop()
        subprocess.run(["umount", "-l", str(data)], check=False)


@case
def a_disk_that_is_full_at_once():
    """No byte left, whatever the watermark: a write that fails ends the process with code 4
    or is refused; after a restart all that was acknowledged is there."""
    server = Server()
    data = server.folder / "data"
    data.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1150m", "none", str(data)],
                      capture_output=True, check=False).returncode != 0:
        raise Skip("run as root where mount works")
    try:
        server.start().add_users("alice", "bob")
        alice = signed_in(server, "alice")
        alice.enable()
        sent, h, refused = 0, 0, set()
        filler = threading.Thread(target=lambda: fill(data / "ballast"))
        filler.start()
        try:
            while sent < 4000 and server.process.poll() is None:
                alice.message(BOB, "x" * 2000, f"f{sent}")
                sent += 1
                if sent % 20 == 0:
                    alice.send(f"<r xmlns='{SM_NS}'/>")
                    for element in alice.drain(0.01):
                        h = int(element.get("h")) if element.tag == SM + "a" else h
                        refused |= {element.get("id")} & {f"f{i}" for i in range(sent)}
        except (Ended, OSError):
            pass
        filler.join()
        code = server.process.poll()
        expect(code in (None, 4), "ended with", code, server.tail())
        (data / "ballast").unlink()
        if code is not None:
            server.start()
        refused |= {e.get("id") for e in alice.drain(1) if e.get("type") == "error"}
        again = signed_in(server, "alice", has_presence=False)
        stored = [m.get("id") for _, m in again.archive(BOB)]
        print(f"# sent {sent}, acknowledged {h}, stored {len(stored)}, refused {len(refused)}, "
              f"exit {code}", flush=True)
        numbers = [int(n[1:]) for n in stored]
        expect(numbers == sorted(set(numbers)), "doubled or out of order")
        lost = {f"f{i}" for i in range(h)} - set(stored) - refused
        expect(not lost, "lost", sorted(lost)[:5])
        stopped(server)
    finally:
        server.stop()
        subprocess.run(["umount", "-l", str(data)], check=False)


def fill(path):
    with open(path, "wb", buffering=0) as file:
        try:
            while file.write(bytes(1 << 16)):
                pass
        except OSError:
            pass


# ---- Signals


@case
def reload_under_load():
    """200 SIGHUPs while people write, half of them with a broken file: nobody notices."""
    server = fresh()
    bob = signed_in(server, "bob")
    chatter = Chatter(server, bob.jid)
    good = server.config.read_text()
    for turn in range(200):
        server.config.write_text(good if turn % 2 else good + "nonsense: 1\n")
        server.process.send_signal(signal.SIGHUP)
        time.sleep(0.01)
    server.config.write_text(good)
    chatter.finish()
    got = bodies(bob.drain(2))
    expect(got == [f"n{i}" for i in range(chatter.count)], chatter.count, "sent", len(got), "came")
    healthy(server)
    stopped(server)


def many(server, count):
    return [signed_in(server, ("alice", "bob")[i % 2], f"r{i}", has_presence=False)
            for i in range(count)]


@case
def stop_with_200_clients():
    """All are told, all streams end, exit 0, in the time of an orderly stop."""
    server = fresh(users=("alice", "bob"))
    server.ctl("setting", "set", "xmpp.resources_max", "200")
    wires = many(server, 200)
    chatter = Chatter(server, f"alice@{DOMAIN}", 0.001)
    time.sleep(0.5)
    begun = time.monotonic()
    server.process.send_signal(signal.SIGTERM)
    code = server.stop()
    took = time.monotonic() - begun
    expect(code == 0, "ended with", code, server.tail())
    expect(took < 20, "took", took)
    told = [stream_error(w) for w in wires]
    expect(set(told) == {"system-shutdown"}, {t: told.count(t) for t in set(told)})
    chatter.is_over = True
    print(f"# 200 clients told, stopped in {took:.1f} s", flush=True)
    server.start()
    healthy(server)
    stopped(server)


@case
def asked_twice_to_stop():
    """A second SIGTERM: the process is gone at once, and the store is whole."""
    server = fresh()
    chatter = Chatter(server, BOB, 0.001)
    time.sleep(0.5)
    server.process.send_signal(signal.SIGTERM)
    server.process.send_signal(signal.SIGTERM)
    server.process.wait(10)
    expect(server.process.returncode == 0, "ended with", server.process.returncode)
    chatter.join(PATIENCE_S)
    server.start()
    again = signed_in(server, "alice")
    stored = [m.get("id") for _, m in again.archive(BOB)]
    expect(stored == [f"n{i}" for i in range(len(stored))] and len(stored) >= chatter.h,
           "acknowledged", chatter.h, "stored", len(stored))
    stopped(server)


def spent_s(server):
    """CPU seconds of the process."""
    fields = pathlib.Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2]
    return sum(int(n) for n in fields.split()[11:13]) / os.sysconf("SC_CLK_TCK")


def is_quiet(server):
    before = spent_s(server)
    time.sleep(1)
    return spent_s(server) - before < 0.3


@case
def an_import_that_nobody_waits_for():
    """Who breaks off presencectl stops the hashing; so does a stop of the node."""
    server = fresh()
    (server.folder / "many.csv").write_text("".join(f"i{i},p{i}\n" for i in range(5000)))
    command = [str(server.build / "presencectl"), "--socket", f"{server.folder}/run/admin.sock",
               "user", "import", str(server.folder / "many.csv")]
    for end in (signal.SIGINT, signal.SIGTERM):
        quiet = dict(stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        client = subprocess.Popen(command, **quiet)
        time.sleep(0.7)
        if end == signal.SIGINT:
            client.send_signal(end)
            client.wait(10)
            wait_for("quiet node", lambda: is_quiet(server), 15)
            healthy(server)
            continue
        begun = time.monotonic()
        expect(server.stop() == 0, "ended with", server.process.returncode, server.tail())
        expect(time.monotonic() - begun < 15, "took", time.monotonic() - begun)
        told = client.communicate(timeout=20)[1].decode()
        expect(client.returncode == 3 and "look whether it was done" in told, told)
    server.start()
    healthy(server)
    stopped(server)


@case
def killed_while_the_cluster_is_made():
    """kill -9 around `cluster init`: there is a cluster afterwards, or there is none and
    init works."""
    for turn in range(8):
        server = Server()
        server.spawn()
        wait_for("node", lambda: server.ctl("cluster", "status", may_fail=True).returncode != 3,
                 PATIENCE_S)
        killer = threading.Timer(0.004 * turn, server.kill)
        killer.start()
        first = server.ctl("cluster", "init", "--domain", DOMAIN, may_fail=True)
        killer.join()
        server.spawn()
        wait_for("node", lambda: server.ctl("cluster", "status", may_fail=True).returncode != 3,
                 PATIENCE_S)
        again = server.ctl("cluster", "init", "--domain", DOMAIN, may_fail=True)
        expect(first.returncode != 0 or again.returncode == 1, "init was forgotten", first, again)
        server.is_formed = True
        server.process.send_signal(signal.SIGTERM)
        server.process.wait(PATIENCE_S)
        server.start().add_users("alice", "bob")
        healthy(server)
        stopped(server)


if __name__ == "__main__":
    sys.exit(cases.main())
