#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""presencectl as a person uses it: every verb and option, every form of output, exit codes,
questions on a terminal, refused rows by line, roles over TLS."""
import json
import os
import pathlib
import re
import shlex
import signal
import socket
import subprocess
import sys
import time

import yaml

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import cases
from cases import case, expect, wait_for
from server import DOMAIN, PASSWORD, Server, make_authority, make_certificate
from terminal import Terminal
from wire import SASL, Wire, signed_in

OK, REFUSED, USAGE, UNREACHABLE, DEGRADED = range(5)
FORMATS = ("table", "wide", "json", "yaml")
the_server = None


def server():
    """One for all cases; alice and bob are there."""
    global the_server
    if the_server is None:
        the_server = Server("asan").start()  # memory faults are seen
        the_server.add_users("alice", "bob")
    return the_server


def close():
    if the_server:
        code = the_server.close()
        expect(code == 0, "presenced ended with", code)


def ctl(code, *arguments, stdin="", says=""):
    """Runs it, holds the exit code and a word of what it says against what was wanted."""
    done = server().ctl(*arguments, stdin=stdin, may_fail=True)
    told = done.stdout + done.stderr
    expect(done.returncode == code, arguments, "ended with", done.returncode, "not", code, told)
    expect(says in told, arguments, "does not say", repr(says), "but", told)
    expect(code in (OK, DEGRADED) or done.stderr or "json" in arguments or "yaml" in arguments,
           arguments, "says nothing on stderr")
    return done


def run(*arguments, environment=None, code=None, stdout=subprocess.PIPE):
    """Without the admin socket on the command line."""
    names = {"PRESENCECTL_" + n for n in ("NODE", "CERT", "KEY", "CA")}
    clean = {k: v for k, v in os.environ.items() if k not in names}
    done = subprocess.run([str(server().build / "presencectl"), *map(str, arguments)],
                          stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE,
                          text=True, timeout=60, check=False,
                          env={**clean, **server().environment, **(environment or {})})
    expect(code is None or done.returncode == code, arguments, "ended with", done.returncode,
           done.stdout, done.stderr)
    return done


def can_sign_in(user, password):
    wire = Wire(server(), is_direct=True)
    wire.open()
    wire.features()
    answer = wire.plain(user, password)
    wire.cut()
    return answer.tag == SASL + "success"


def as_parsed(*arguments, code=OK):
    """The same from JSON and from YAML."""
    texts = [ctl(code, *arguments, "-o", form).stdout for form in ("json", "yaml")]
    parsed = json.loads(texts[0])
    expect(yaml.safe_load(texts[1]).keys() == parsed.keys(), "yaml differs:", *texts)
    return parsed


# ---- The command line


@case
def help_and_version():
    """Help needs no node; each verb stands in the list, each has its own help."""
    listed = run("--help", code=OK).stdout
    expect(run(code=OK).stdout == listed, "no arguments: not the help")
    verbs = re.findall(r"^  ([a-z]+(?: [a-z]+)?) ", listed, re.M)
    expect(len(verbs) >= 16 and "user add" in verbs and "check" in verbs, verbs)
    for verb in verbs:
        shown = run(*verb.split(), "--help", code=OK).stdout
        expect(shown.startswith(f"usage: presencectl {verb}") and "Exit codes" in shown, shown)
        expect(run(*verb.split(), "-h", code=OK).stdout == shown, "-h is not --help")
    expect(re.fullmatch(r"presencectl \d+\.\d+\S*\n", run("--version", code=OK).stdout), "version")


@case
def wrong_usage():
    """Exit 2, and a line that helps on: what was meant, or how the command goes."""
    for arguments, word, helps in (
            (("usr", "list"), '"usr"', 'did you mean "user"?'),
            (("user", "lst"), '"user lst"', 'did you mean "list"?'),
            (("xyzzyxyzzy",), '"xyzzyxyzzy"', "--help"),
            (("user",), "second word", "hint:"),
            (("user", "add"), "argument is missing", "usage: presencectl user add USER"),
            (("user", "show", "a", "b"), '"b"', "usage: presencectl user show"),
            (("user", "list", "--yes"), "--yes", "usage: presencectl user list"),
            (("user", "list", "--domain", "x"), "--domain", "usage:"),
            (("user", "remove", "alice", "--password-stdin"), "--password-stdin", "usage:"),
            (("user", "list", "--nonsense"), "--nonsense", "usage:"),
            (("user", "add", "x", "--password", "secret"), "--password", "usage:"),
            (("user", "list", "-o", "xml"), "-o", "usage:"),
            (("user", "list", "-o"), "-o", "usage:"),
            (("user", "list", "--timeout", "0"), "--timeout", "usage:"),
            (("user", "list", "--timeout", "soon"), "--timeout", "usage:"),
            (("user", "list", "--timeout=-1"), "--timeout", "usage:"),
            (("cluster", "init"), "domain", "hint:"),
            (("setting", "set", "roster.max"), "value", "hint:"),
            (("setting", "set", "roster.max", "1", "--default"), "value", "hint:"),
            (("setting", "set", "roster.max", ""), "empty", "--default"),
            (("session", "end", "alice"), "confirmation", "--yes"),
            (("user", "remove", "alice"), "confirmation", "--yes")):
        done = ctl(USAGE, *arguments, says=word)
        expect(helps in done.stderr and not done.stdout, arguments, "says", done.stderr)
    ctl(OK, "user", "show", "alice")
    expect("secret" not in ctl(USAGE, "user", "add", "x", "--password=secret").stderr,
           "a password was repeated on the screen")


@case
def options_anywhere():
    for arguments in (("-o", "json", "user", "show", "alice"),
                      ("user", "-o", "json", "show", "alice"),
                      ("user", "show", "alice", "--output=json"),
                      ("user", "show", "-o", "json", "--", "alice"),
                      ("user", "show", "alice", "-o", "json", "--timeout", "5")):
        expect(json.loads(ctl(OK, *arguments).stdout)["user"] == f"alice@{DOMAIN}", arguments)


# ---- Verbs and forms


@case
def every_reading_verb_in_every_form():
    wire = signed_in(server(), "alice", "desk")
    try:
        for verb, key in ((("cluster", "status"), "nodes"), (("user", "list"), "users"),
                          (("user", "show", "alice"), "user"),
                          (("session", "list"), "sessions"),
                          (("session", "list", "alice"), "sessions"),
                          (("setting", "list"), "settings"),
                          (("setting", "get", "roster.max"), "value"),
                          (("check", "certs", "disk"), "findings")):
            for form in FORMATS:
                done = server().ctl(*verb, "-o", form, may_fail=True)
                expect(done.returncode in (OK, DEGRADED), verb, form, done.stderr)
                expect(done.stdout.endswith("\n"), verb, form, "no end of line")
                expect("\x1b" not in done.stdout, verb, form, "colours in a pipe")
                loaded = {"json": json.loads, "yaml": yaml.safe_load}.get(form)
                expect(not loaded or key in loaded(done.stdout), verb, form, done.stdout)
            json_text = server().ctl(*verb, "-o", "json", may_fail=True).stdout
            yaml_text = server().ctl(*verb, "-o", "yaml", may_fail=True).stdout
            if verb[0] in ("user", "setting"):  # nothing in them moves
                expect(json.loads(json_text) == yaml.safe_load(yaml_text), verb, "differ")
        narrow = ctl(OK, "session", "list").stdout
        wide = ctl(OK, "session", "list", "-o", "wide").stdout
        expect("alice" in narrow and "desk" in narrow and "UNACKED" not in narrow, narrow)
        expect("UNACKED" in wide and "TLSv1.3" in wide, wide)
        expect("RANGE" in ctl(OK, "setting", "list", "-o", "wide").stdout, "no ranges")
    finally:
        wire.leave()


@case
def a_user_from_add_to_remove():
    ctl(OK, "user", "add", "carol", "--password-stdin", stdin="pässword 1\n", says="added")
    expect(can_sign_in("carol", "pässword 1"), "carol cannot sign in")
    ctl(REFUSED, "user", "add", "carol", "--password-stdin", stdin="x\n", says="hint: ")
    ctl(OK, "user", "passwd", "carol", "--password-stdin", stdin="two", says="changed")
    expect(can_sign_in("carol", "two") and not can_sign_in("carol", "pässword 1"), "old password")
    shown = as_parsed("user", "show", f"Carol@{DOMAIN}")
    expect(shown["user"] == f"carol@{DOMAIN}" and len(shown["mechanisms"]) == 3, shown)
    ctl(OK, "user", "link", "carol", "alice", says="contacts of each other")
    expect(as_parsed("user", "show", "alice")["contacts"] == 1, "no contact")
    listed = [u["user"] for u in as_parsed("user", "list")["users"]]
    expect(listed == sorted(listed) and f"carol@{DOMAIN}" in listed, listed)
    ctl(OK, "user", "remove", "carol", "--yes", says="removed")
    expect(as_parsed("user", "show", "alice").get("contacts", 0) == 0, "the contact stayed")
    for verb in (("user", "show", "carol"), ("user", "remove", "carol", "-y"),
                 ("user", "link", "alice", "carol")):
        ctl(REFUSED, *verb)
    ctl(REFUSED, "user", "passwd", "carol", "--password-stdin", stdin="x\n")


@case
def refusals_are_told_in_json_too():
    for form, load in (("json", json.loads), ("yaml", yaml.safe_load)):
        done = ctl(REFUSED, "user", "show", "nobody", "-o", form)
        expect(load(done.stdout)["error"]["code"] == "NOT_FOUND", done.stdout)


@case
def bad_names_and_passwords():
    for user in ("a b", "@", "", f"alice@{DOMAIN}/phone", "alice@elsewhere.example", "x" * 2000,
                 "a\tb", "\u202e", "a&b"):
        ctl(REFUSED, "user", "add", user, "--password-stdin", stdin="x\n")
    ctl(REFUSED, "user", "add", "dora", "--password-stdin", stdin="\x01\x02\n")
    for code, text in ((USAGE, ""), (USAGE, "\n"), (REFUSED, "x" * 1025),
                       (REFUSED, "x" * 1_000_000)):
        ctl(code, "user", "add", "dora", "--password-stdin", stdin=text)
        ctl(REFUSED, "user", "show", "dora")
    ctl(OK, "user", "add", "dora", "--password-stdin", stdin="x" * 1000 + "\r\n")
    expect(can_sign_in("dora", "x" * 1000), "a long password does not fit")
    ctl(OK, "user", "remove", "dora", "--yes")


@case
def sessions_end():
    wires = [signed_in(server(), "bob", r) for r in ("desk", "phone")]
    ctl(OK, "session", "end", "bob/desk", "--yes", says="1 sessions ended")
    left = as_parsed("session", "list", "bob")["sessions"]
    expect([s["resource"] for s in left] == ["phone"], left)
    ctl(OK, "session", "end", "bob/nothing", "--yes", says="0 sessions ended")
    ctl(OK, "session", "end", "bob", "--revoke", "--yes", says="1 sessions ended")
    expect(not as_parsed("session", "list", "bob").get("sessions"), "sessions left")
    ctl(OK, "session", "end", "nobody", "--yes", says="0 sessions ended")
    for wire in wires:
        wire.cut()


@case
def settings_and_log():
    ctl(OK, "setting", "set", "roster.max", "500", says="roster.max is 500")
    expect(ctl(OK, "setting", "get", "roster.max").stdout == "500\n", "get")
    ctl(OK, "setting", "set", "roster.max", "--default")
    expect(ctl(OK, "setting", "get", "roster.max").stdout != "500\n", "the default")
    ctl(REFUSED, "setting", "set", "roster.max", "0")
    ctl(REFUSED, "setting", "set", "roster.max", "many")
    ctl(REFUSED, "setting", "set", "roster.max", "--", "-1")
    ctl(REFUSED, "setting", "get", "roster.maxx", says="roster.max")
    for level in ("debug", "admin=debug", "info"):
        ctl(OK, "log", "set", level, says="logs")
    for level in ("loud", "admin=", "admin=loud"):
        ctl(REFUSED, "log", "set", level)
    for level in ("=info", "x" * 300 + "=info"):
        ctl(USAGE, "log", "set", level, says="no such module")


@case
def check_and_its_families():
    done = server().ctl("check", may_fail=True)
    expect(done.returncode in (OK, DEGRADED), done.stdout, done.stderr)
    findings = json.loads(server().ctl("check", "-o", "json", may_fail=True).stdout)["findings"]
    families = {f["family"] for f in findings}
    expect({"config", "certs", "ports", "clock", "disk"} <= families, families)
    for family in families:
        expect(server().ctl("check", family, may_fail=True).returncode in (OK, DEGRADED), family)
    ctl(REFUSED, "check", "nonsense", says="nonsense")


@case
def init_twice():
    """The same domain again is no harm or refused, another is refused; never a crash."""
    ctl(REFUSED, "cluster", "init", "--domain", "other.example")
    expect(server().ctl("cluster", "status").returncode == OK, "status")


# ---- Import


@case
def import_names_each_refused_line():
    file = server().folder / "list.csv"
    file.write_bytes(b"\xef\xbb\xbfuser,password\r\n"  # 1: what spreadsheets write
                     b"imp1,one\r\n"
                     b'"imp2","t""w,o"\r\n'
                     b"a b,x\n"                        # 4
                     b"imp3\n"                         # 5
                     b"imp4,\n"                        # 6
                     b",secret\n"                      # 7
                     b"imp1,again\n"                   # 8
                     b"alice,there\n"                  # 9
                     b"x@elsewhere.example,x\n"        # 10
                     b"imp5,x,y\n"                     # 11
                     b"\xff\xfe,latin\n"               # 12
                     b"imp6,p\xe4ss\n"                 # 13
                     b"im\x00p7,x\n"                   # 14
                     b"imp8,\x01\n"                    # 15
                     b"\n"
                     b"imp\xc3\xbc,z\xc3\xbc\n"        # 17
                     b'"imp9,open\n')                  # 18
    done = ctl(REFUSED, "user", "import", file, says="3 users created, 13 refused")
    lines = [int(n) for n in re.findall(r"list\.csv:(\d+): ", done.stderr)]
    expect(sorted(lines) == [*range(4, 16), 18], lines)
    expect(can_sign_in("imp2", 't"w,o') and can_sign_in("impü", "zü"), "sign-in")
    for form, load in (("json", json.loads), ("yaml", yaml.safe_load)):
        again = load(ctl(REFUSED, "user", "import", file, "-o", form).stdout)
        expect(again["created"] == 0 and {2, 3, 17} <= {r["line"] for r in again["refused"]}, again)
        expect(all(r["reason"] and r["code"] for r in again["refused"]), again)
    for name in ("imp1", "imp2", "impü"):
        ctl(OK, "user", "remove", name, "--yes")


@case
def import_odd_files():
    file = server().folder / "odd.csv"
    ctl(USAGE, "user", "import", server().folder / "missing.csv", says="No such file")
    ctl(USAGE, "user", "import", server().folder, says="directory")
    file.write_text("")
    ctl(OK, "user", "import", file, says="0 users created, 0 refused")
    file.write_text("user,password\n")
    ctl(OK, "user", "import", file, says="0 users created, 0 refused")
    ctl(OK, "user", "import", "-", stdin="odd1,x", says="1 users created, 0 refused")
    # Long passwords: more than one call can carry, and one that nobody may have.
    rows = [f"odd{i},{'p' * 900}x{i}" for i in range(2, 1402)]
    rows[7] = "odd9," + "p" * 3_000_000
    file.write_text("\n".join(rows))
    ctl(REFUSED, "user", "import", file, says="1399 users created, 1 refused")


@case
def import_without_a_cluster():
    """Refused as a whole, in one JSON document."""
    fresh = Server()
    try:
        fresh.spawn()
        wait_for("node", lambda: fresh.ctl("cluster", "status", may_fail=True).returncode != 3)
        done = fresh.ctl("cluster", "status", may_fail=True)
        expect(done.returncode == DEGRADED and "cluster init" in done.stderr, done)
        (fresh.folder / "one.csv").write_text("a,b\n")
        done = fresh.ctl("user", "import", fresh.folder / "one.csv", "-o", "json", may_fail=True)
        expect(done.returncode == REFUSED, done)
        expect(json.loads(done.stdout)["error"]["code"] == "FAILED_PRECONDITION", done.stdout)
        for bad in ("", "a b", "x@y", "a/b", "." * 300):
            done = fresh.ctl("cluster", "init", "--domain", bad, may_fail=True)
            expect(done.returncode in (REFUSED, USAGE), bad, done)
        fresh.ctl("cluster", "init", "--domain", DOMAIN)
    finally:
        expect(fresh.close() == 0, "presenced ended badly")


# ---- The terminal


def on_terminal(*arguments):
    command = [server().build / "presencectl", "--socket", f"{server().folder}/run/admin.sock",
               *arguments]
    line = " ".join(shlex.quote(str(c)) for c in command)
    folder = server().folder / f"tmux-{time.monotonic_ns()}"
    folder.mkdir()
    return Terminal(folder, f"trap : INT; {line}; echo exit=$?; stty -a | grep -o '[-]*echo ' | sed s/$/mode/ ; cat",
                    server().environment)


@case
def a_password_is_asked_for_and_not_shown():
    terminal = on_terminal("user", "add", "typed")
    try:
        terminal.wait("Password for typed")
        terminal.type("hidden-secret")
        terminal.wait("Once more")
        terminal.type("hidden-secret")
        screen = terminal.wait("exit=0")
        expect("hidden-secret" not in screen and "added" in screen, screen)
        expect("-echo" not in terminal.wait("echo mode"), "the terminal stayed dumb")
    finally:
        terminal.close()
    expect(can_sign_in("typed", "hidden-secret"), "another password was taken")
    for second, key in (("other", None), (None, "C-c"), (None, "C-d")):
        terminal = on_terminal("user", "passwd", "typed")
        try:
            terminal.wait("Password for typed")
            if key:
                subprocess.run([*terminal.base, "send-keys", "-t", "t", key], check=True)
            else:
                terminal.type("first")
                terminal.wait("Once more")
                terminal.type(second)
            screen = terminal.wait("exit=")
            expect("exit=0" not in screen and "changed" not in screen, screen)
            expect("-echo" not in terminal.wait("echo mode"), key, "left the terminal dumb")
        finally:
            terminal.close()
    expect(can_sign_in("typed", "hidden-secret"), "the password was changed")


@case
def removal_asks_for_the_name():
    for typed, code, is_there in (("no", REFUSED, True), ("typed", OK, False)):
        terminal = on_terminal("user", "remove", "typed")
        try:
            terminal.wait("type the name")
            terminal.type(typed)
            terminal.wait(f"exit={code}")
        finally:
            terminal.close()
        ctl(OK if is_there else REFUSED, "user", "show", "typed")


@case
def no_terminal_no_question():
    done = subprocess.run(["setsid", str(server().build / "presencectl"), "--socket",
                           f"{server().folder}/run/admin.sock", "user", "add", "z"],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20,
                          check=False)
    expect(done.returncode == USAGE and "--password-stdin" in done.stderr, done)


# ---- Reaching a node


@case
def unreachable():
    """Exit 3, with what to look at."""
    gone = server().folder / "gone.sock"
    for arguments, word in ((("--socket", gone), "is presenced running"),
                            (("--socket", "/" + "x" * 300), "too long"),
                            (("--node", f"{server().address}:1"), "refused"),
                            (("--node", "no-such-host.invalid"), "no-such-host"),
                            (("--node", f"{server().address}:5222"), "TLS")):
        done = run("cluster", "status", *arguments, "--timeout", "5", code=UNREACHABLE)
        expect(word in done.stderr, arguments, done.stderr)
    with socket.socket() as silent:
        silent.bind((server().address, 0))
        silent.listen()
        begun = time.monotonic()
        run("cluster", "status", "--node", f"{server().address}:{silent.getsockname()[1]}",
            "--timeout", "1", code=UNREACHABLE)
        expect(time.monotonic() - begun < 5, "waited", time.monotonic() - begun)


@case
def a_hung_node():
    """--timeout holds when the node is there but silent."""
    server().process.send_signal(signal.SIGSTOP)
    try:
        begun = time.monotonic()
        done = server().ctl("user", "list", "--timeout", "1", may_fail=True)
        expect(done.returncode == UNREACHABLE and "in time" in done.stderr, done)
        expect(time.monotonic() - begun < 6, "waited", time.monotonic() - begun)
    finally:
        server().process.send_signal(signal.SIGCONT)
    ctl(OK, "user", "list")


@case
def output_that_cannot_be_written():
    with open("/dev/full", "w") as full:
        done = run("user", "list", "--socket", f"{server().folder}/run/admin.sock", stdout=full)
        expect(done.returncode == REFUSED and "No space" in done.stderr, done)


def over_tls(role, *arguments, code, says=""):
    pki = server().pki
    environment = {"PRESENCECTL_NODE": f"{server().address}:9443",
                   "PRESENCECTL_CA": str(pki / "ca.pem")}
    if role:
        environment["PRESENCECTL_CERT"] = str(pki / f"{role}.pem")
        environment["PRESENCECTL_KEY"] = str(pki / f"{role}.key")
    done = run(*arguments, environment=environment)
    expect(done.returncode == code, role, arguments, "ended with", done.returncode, done.stdout,
           done.stderr)
    expect(says in done.stdout + done.stderr, role, arguments, "does not say", says, done.stderr)
    return done


@case
def roles_over_tls():
    """Each role may what it may: the table of the API, from outside."""
    pki = server().pki
    for role in ("viewer", "helpdesk", "operator", "admin", "janitor"):
        make_certificate(pki, role, f"/CN=test {role}/OU={role}", "extendedKeyUsage=clientAuth")
    (server().folder / "roles.csv").write_text("rolf,secret\n")
    ranks = ("viewer", "helpdesk", "operator", "admin")
    for verb, least in ((("user", "list"), "viewer"), (("cluster", "status"), "viewer"),
                        (("setting", "list"), "viewer"),
                        (("session", "end", "alice", "--yes"), "helpdesk"),
                        (("user", "import", server().folder / "roles.csv"), "operator"),
                        (("user", "link", "alice", "bob"), "operator"),
                        (("log", "set", "info"), "operator"),
                        (("user", "remove", "rolf", "--yes"), "operator"),
                        (("setting", "set", "roster.max", "600"), "admin")):
        for role in ranks:
            if ranks.index(role) < ranks.index(least):
                over_tls(role, *verb, code=REFUSED, says=least)
        if verb[1] != "import":
            for role in (None, "janitor"):
                over_tls(role, *verb, code=REFUSED)
        over_tls(least, *verb, code=OK)
    ctl(OK, "setting", "set", "roster.max", "--default")


@case
def wrong_certificates():
    """Of another authority, of another name, without its key: each is told apart."""
    pki = server().pki
    other = server().folder / "other"
    make_authority(other)
    make_certificate(other, "admin", "/CN=forged/OU=admin", "extendedKeyUsage=clientAuth")
    node = ("--node", f"{server().address}:9443", "--timeout", "10")
    for name, arguments, word in (
            ("no CA", (), "--ca"),
            ("CA file missing", ("--ca", pki / "none.pem"), "CA file"),
            ("of another authority", ("--ca", other / "ca.pem"), "--ca"),
            ("key missing", ("--ca", pki / "ca.pem", "--cert", pki / "admin.pem"), "key"),
            ("cert missing", ("--ca", pki / "ca.pem", "--cert", pki / "none.pem"), "certificate"),
            ("not its key", ("--ca", pki / "ca.pem", "--cert", pki / "admin.pem", "--key",
                             pki / "n1.key"), "key"),
            ("forged", ("--ca", pki / "ca.pem", "--cert", other / "admin.pem", "--key",
                        other / "admin.key"), "certificate")):
        done = run("cluster", "status", *node, *arguments)
        expect(done.returncode in (REFUSED, USAGE, UNREACHABLE), name, done)
        expect(word in done.stderr, name, "says", done.stderr)
    ctl(OK, "cluster", "status")


@case
def kept_small():
    """After all that the node is well."""
    expect("ERROR: AddressSanitizer" not in server().log.read_text(errors="replace")
           and "ThreadSanitizer" not in server().log.read_text(errors="replace"),
           server().tail(60))
    wire = signed_in(server(), "bob")
    wire.leave()


if __name__ == "__main__":
    sys.exit(cases.main(close))
