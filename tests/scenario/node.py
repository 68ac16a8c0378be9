#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The process as an administrator meets it: exit codes, health, metrics, certificates,
users by the thousand, settings that apply while it runs."""
import json
import os
import pathlib
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import cases
from cases import Skip, case, expect, wait_for
from server import DOMAIN, Server, make_certificate
from wire import CLIENT, Wire, show, signed_in, stream_error

IMPORT_COUNT, IMPORT_LIMIT_S = 10_000, 30
servers = []


def fresh(is_started=True):
    server = Server()
    servers.append(server)
    return server.start() if is_started else server


def get(server, path, accept=None, has_certificate=False):
    """GET on 9443: (status, text)."""
    context = ssl.create_default_context(cafile=str(server.pki / "ca.pem"))
    context.check_hostname = False
    if has_certificate:
        context.load_cert_chain(server.pki / "admin.pem", server.pki / "admin.key")
    request = urllib.request.Request(f"https://{server.address}:9443{path}",
                                     headers={"Accept": accept} if accept else {})
    try:
        with urllib.request.urlopen(request, context=context, timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as answer:
        return answer.code, answer.read().decode()


def run_presenced(server, *arguments):
    return subprocess.run([str(server.build / "presenced"), *map(str, arguments)], text=True,
                          capture_output=True, timeout=60, check=False)


@case
def wrong_configuration():
    """Exit 2; each fault with file, line, column and what was meant; all at once."""
    server = fresh(is_started=False)
    text = server.config.read_text()
    server.config.write_text(text.replace("name: n1", "nmae: n1")
                             + "listeners:\n  xmpp:\n    port: 70000\n")
    done = run_presenced(server, "--check-config", server.config)
    said = done.stdout + done.stderr
    expect(done.returncode == 2, done.returncode, said)
    expect(f"{server.config}:1:1:" in said and "did you mean" in said, said)
    expect("70000" in said and "65535" in said, said)
    expect(run_presenced(server, "--config", server.config).returncode == 2, "started")
    server.config.write_text(text)
    done = run_presenced(server, "--check-config", server.config)
    expect(done.returncode == 0, done.stdout, done.stderr)
    expect(run_presenced(server, "--config", "/nonexistent").returncode == 2, "no such file")


@case
def port_taken():
    """Exit 1, and the log names the port."""
    server = fresh(is_started=False)
    with socket.create_server((server.address, 5222)):
        server.spawn()
        expect(server.process.wait(30) == 1, server.process.returncode, server.tail())
    expect("5222" in server.log.read_text(), server.tail())


@case
def store_of_another():
    """Exit 3: a data directory of another node is never touched."""
    server = fresh()
    expect(server.stop() == 0, server.tail())
    other = Server(name="n2")
    servers.append(other)
    shutil.copytree(server.folder / "data", other.folder / "data")
    other.spawn()
    expect(other.process.wait(30) == 3, other.process.returncode, other.tail())


@case
def store_damaged():
    """Exit 3: a log that lost a file does not start as if nothing were."""
    server = fresh()
    server.add_users("alice")
    expect(server.stop() == 0, server.tail())
    for path in (server.folder / "data" / "raftdb").glob("*.log"):
        path.unlink()
    for path in (server.folder / "data" / "raftdb").glob("*.sst"):
        path.unlink()
    server.spawn()
    expect(server.process.wait(30) == 3, server.process.returncode, server.tail())


@case
def two_on_one_store():
    """A second process on the same data directory does not start."""
    server = fresh()
    second = server.folder / "second.yaml"
    second.write_text(server.config.read_text().replace(f"{server.folder}/run",
                                                        f"{server.folder}/run2"))
    (server.folder / "run2").mkdir()
    done = run_presenced(server, "--config", second)
    expect(done.returncode in (1, 3), done.returncode, done.stdout, done.stderr)
    signed_in_anyway(server)


def signed_in_anyway(server, user="probe"):
    server.add_users(user)
    signed_in(server, user).leave()


@case
def health():
    server = fresh()
    for path in ("/livez", "/readyz"):
        status, text = get(server, path)
        expect(status == 200, path, status, text)
    status, text = get(server, "/readyz?verbose")
    expect(status == 200 and "[+]" in text and "[-]" not in text, text)
    status, _ = get(server, "/nothing")
    expect(status == 404, status)


@case
def health_before_init():
    """A node without a cluster lives; it is not ready."""
    server = fresh(is_started=False)
    server.spawn()

    def status_of(path):
        try:
            return get(server, path)[0]
        except (urllib.error.URLError, OSError):
            return None

    wait_for("/livez", lambda: status_of("/livez") == 200, 30)
    expect(status_of("/readyz") == 503, "ready without a cluster")


@case
def metrics():
    """promtool finds nothing to say; what people do shows."""
    server = fresh()
    server.add_users("alice")
    alice = signed_in(server, "alice")
    alice.message(alice.jid, "count me")
    alice.wait_message("count me")
    status, text = get(server, "/metrics", has_certificate=True)
    expect(status == 200, status, text[:300])
    for name in ("presenced_build_info", "presenced_sessions", "presenced_stanzas_total",
                 "presenced_raft_applied_index", "presenced_session_logins_total"):
        expect(name in text, "no", name, "in", [l for l in text.splitlines() if "TYPE" in l])
    alice.leave()
    if not shutil.which("promtool"):
        raise Skip("./deploy/packages interop")
    done = subprocess.run(["promtool", "check", "metrics"], input=text, text=True,
                          capture_output=True, check=False)
    expect(done.returncode == 0 and not done.stdout and not done.stderr, done.stdout, done.stderr)


@case
def certificates_reload():
    """New files are served by SIGHUP and by watching; bad ones leave the old in force, and
    those who are connected notice nothing."""
    server = fresh()
    server.add_users("alice")
    alice = signed_in(server, "alice")

    def serial():
        context = ssl.create_default_context(cafile=str(server.pki / "ca.pem"))
        context.check_hostname = False
        with socket.create_connection((server.address, 5223), 10) as tcp, \
                context.wrap_socket(tcp, server_hostname=DOMAIN) as tls:
            return tls.getpeercert()["serialNumber"]

    first = serial()
    subject = f"subjectAltName=DNS:{DOMAIN},IP:{server.address}"
    make_certificate(server.pki, "next", f"/CN=n1.{DOMAIN}", subject)
    for ending in ("key", "pem"):
        os.replace(server.pki / f"next.{ending}", server.pki / f"n1.{ending}")
    server.process.send_signal(signal.SIGHUP)
    second = wait_for("new certificate after SIGHUP",
                      lambda: (now := serial()) != first and now, 10)
    make_certificate(server.pki, "next", f"/CN=n1.{DOMAIN}", subject)
    for ending in ("key", "pem"):
        os.replace(server.pki / f"next.{ending}", server.pki / f"n1.{ending}")
    third = wait_for("new certificate without a word",
                     lambda: (now := serial()) != second and now, 60)
    (server.pki / "n1.pem").write_text("no certificate")
    server.process.send_signal(signal.SIGHUP)
    time.sleep(1)
    expect(serial() == third, "a bad file took the place of a good one")
    expect(alice.ask("<ping xmlns='urn:xmpp:ping'/>", to=DOMAIN).get("type") == "result", "gone")
    alice.leave()


@case
def import_users():
    """10,000 users in 30 s; each refused line is reported with its number."""
    server = fresh()
    rows = [f"user{i},password{i}" for i in range(IMPORT_COUNT)]
    rows[4999] = "not a user name,x"
    rows.append("user7,again")
    path = server.folder / "many.csv"
    path.write_text("\n".join(rows) + "\n")
    begun, cpu_begun = time.monotonic(), server.cpu_seconds()
    done = server.ctl("user", "import", path, may_fail=True)
    took, cpu_took = time.monotonic() - begun, server.cpu_seconds() - cpu_begun
    said = done.stdout + done.stderr
    print(f"# {IMPORT_COUNT} users in {took:.1f} s, {cpu_took:.1f} s of one core; "
          f"load {os.getloadavg()[0]:.1f}", flush=True)
    expect(done.returncode == 1, "exit", done.returncode, said[-400:])
    expect("5000" in said and str(IMPORT_COUNT + 1) in said, said[-600:])
    expect(took <= IMPORT_LIMIT_S, "took", took, "s")
    wire = Wire(server, is_direct=True)
    wire.login("user9999", "password9999")
    wire.leave()


@case
def users_and_sessions():
    """add, passwd, show, list, remove; session list and end --revoke."""
    server = fresh()
    server.add_users("alice", "bob")
    server.ctl("user", "passwd", "alice", "--password-stdin", stdin="another\n")
    wire = Wire(server, is_direct=True)
    wire.login("alice", "another")
    jid = wire.bind("desk")
    listed = json.loads(server.ctl("session", "list", "-o", "json").stdout)["sessions"]
    expect([(s["user"], s["resource"]) for s in listed] == [(f"alice@{DOMAIN}", "desk")], listed)
    server.ctl("session", "end", "alice", "--yes")
    stream_error(wire)
    expect(server.ctl("session", "list", "-o", "json").stdout.count(jid.partition("/")[0]) == 0,
           "the session is still there")
    server.ctl("user", "remove", "alice", "--yes")
    expect(server.ctl("user", "show", "alice", may_fail=True).returncode == 1, "still there")
    answer = Wire(server, is_direct=True)
    answer.open()
    answer.features()
    expect("failure" in answer.plain("alice", "another").tag, "signed in after removal")
    for arguments, code in ((("user", "add"), 2), (("nonsense",), 2), (("user", "show", "x"), 1)):
        done = server.ctl(*arguments, may_fail=True)
        expect(done.returncode == code, arguments, "ended with", done.returncode)
    server.stop()
    expect(server.ctl("cluster", "status", may_fail=True).returncode == 3, "not unreachable")


@case
def settings_apply_live():
    """A smaller stanza limit holds for who signs in next, without a restart."""
    server = fresh()
    server.add_users("alice")
    server.ctl("setting", "set", "xmpp.stanza_max", "10000")
    alice = signed_in(server, "alice")
    try:
        alice.send("<message to='bob@im.test'><body>" + "x" * 11_000)
    except OSError:
        pass
    expect(stream_error(alice) == "policy-violation", "the limit did not change")
    expect(server.ctl("setting", "set", "xmpp.stanza_max", "7", may_fail=True).returncode == 1,
           "a value out of range")
    shown = server.ctl("setting", "get", "xmpp.stanza_max", "-o", "json").stdout
    expect("10000" in shown, shown)
    server.ctl("log", "set", "debug")


@case
def linked_rosters():
    """presencectl user link: both see each other at the next sign-in, and at once."""
    server = fresh()
    server.add_users("alice", "bob")
    alice = signed_in(server, "alice")
    alice.ask("<query xmlns='jabber:iq:roster'/>")
    server.ctl("user", "link", "alice", "bob")
    push = alice.until(lambda e: any(i.get("subscription") == "both"
                                     for i in e.iter("{jabber:iq:roster}item")))
    expect(push.tag == CLIENT + "iq", show(push))
    bob = signed_in(server, "bob")
    alice.until(lambda e: e.tag == CLIENT + "presence" and e.get("from") == bob.jid)
    server.ctl("user", "link", "bob", "alice")


@case
def check():
    """All green on a healthy node, exit 0; a certificate about to end is named, exit 4."""
    server = fresh()
    done = server.ctl("check", may_fail=True)
    expect(done.returncode in (0, 4) and "FAIL" not in done.stdout, done.stdout, done.stderr)
    make_certificate(server.pki, "n1", f"/CN=n1.{DOMAIN}",
                     f"subjectAltName=DNS:{DOMAIN},IP:{server.address}", days=0)
    server.process.send_signal(signal.SIGHUP)
    time.sleep(1)
    done = server.ctl("check", may_fail=True)
    expect(done.returncode == 4, done.returncode, done.stdout)


if __name__ == "__main__":
    sys.exit(cases.main(lambda: [s.close() for s in servers]))
