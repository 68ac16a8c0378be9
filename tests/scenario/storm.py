#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Weather: crowds that knock and say nothing, floods of sign-ins and resumes, a process that
stood still, a full disk, a clock that jumps, and signals in the middle of it all."""
import asyncio
import base64
import os
import pathlib
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import cases
from cases import Skip, case, expect, wait_for
from server import DOMAIN, Server
from wire import CLIENT, SASL, SM, SM_NS, Ended, Wire, show, signed_in, stream_error

STANZAS = "{urn:ietf:params:xml:ns:xmpp-stanzas}"
BOB = f"bob@{DOMAIN}"
FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"
CROWD = "limits:\n  header_seconds: 6\n  connections_per_address_max: 0\n"
PATIENCE_S = 60  # a sanitizer build on a busy machine


def stopped(server):
    """Stops it; the exit code is 0 and no sanitizer has a word."""
    code = server.close()
    expect(code == 0, "presenced ended with", code)


def is_sanitized(server):
    text = subprocess.run(["ldd", str(server.build / "presenced")], capture_output=True,
                          text=True, check=True).stdout
    return "libasan" in text or "libtsan" in text


def fresh(extra="", users=("alice", "bob")):
    server = Server()
    server.write_config(extra)
    server.start().add_users(*users)
    return server


def healthy(server, limit_s=PATIENCE_S):
    """Bob signs in and is answered; returns how long it took."""
    begun = time.monotonic()
    wire = Wire(server, is_direct=True)
    wire.login("bob")
    wire.bind()
    expect(wire.ask("<ping xmlns='urn:xmpp:ping'/>", to=DOMAIN).get("type") == "result", "ping")
    wire.leave()
    took = time.monotonic() - begun
    expect(took < limit_s, "sign-in took", took)
    return took


def file_count(server):
    return len(os.listdir(f"/proc/{server.process.pid}/fd"))


# ---- Crowds


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


def resident_mib(server):
    for line in open(f"/proc/{server.process.pid}/status"):
        if line.startswith("VmRSS"):
            return int(line.split()[1]) // 1024
    return 0


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
            time.sleep(1)
            before = spent_s(server)
            time.sleep(1)
            spent = spent_s(server) - before
            expect(spent < 0.3, "still hashing:", spent, "CPU s in a second")
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
