#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""profanity, a client people chat with, in a terminal; the other side is another one."""
import json
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import cases
from cases import case, expect
from proxy import Proxy
from server import DOMAIN, PASSWORD, Server
from terminal import Terminal

the_server = None
terminals = []
ALICE, BOB = f"alice@{DOMAIN}", f"bob@{DOMAIN}"


def server():
    global the_server
    if the_server is None:
        the_server = Server().start()
        the_server.add_users("alice", "bob", "carol")
    return the_server


class Profanity(Terminal):
    count = 0

    def __init__(self, user, resource="prof", proxy_port=None):
        Profanity.count += 1
        folder = server().folder / f"profanity{Profanity.count}"
        data = folder / "data" / "profanity"
        data.mkdir(parents=True)
        for name in ("config", "cache"):
            (folder / name).mkdir()
        config = folder / "config" / "profanity"
        config.mkdir()
        (config / "profrc").write_text("[ui]\nstatuses.console=all\n[notifications]\nremind=0\n")
        (data / "accounts").write_text(
            f"[{user}]\nenabled=true\njid={user}@{DOMAIN}\nserver="
            f"{'127.0.0.1' if proxy_port else server().address}\nport={proxy_port or 5222}\n"
            f"password={PASSWORD.format(user)}\nresource={resource}\ntls.policy=trust\n"
            "presence.last=online\npresence.login=online\n")
        self.user = user
        super().__init__(folder, f"profanity -a {user}", {
            "XDG_DATA_HOME": str(folder / "data"), "XDG_CONFIG_HOME": str(folder / "config"),
            "XDG_CACHE_HOME": str(folder / "cache")})
        terminals.append(self)

    def enter(self):
        self.wait("logged in successfully")
        return self

    def leave(self):
        self.type("/quit")
        for _ in range(50):
            if not self.screen().strip():
                break
            time.sleep(0.1)
        self.close()
        terminals.remove(self)


def console(one):
    one.type("/win 1")


@case
def sign_in():
    one = Profanity("alice").enter()
    one.type("/account show alice")
    one.wait("alice@im.test")
    one.leave()


@case
def presence_both_ways():
    alice, bob = Profanity("alice").enter(), Profanity("bob").enter()
    alice.type(f"/sub request {BOB}")
    bob.wait("authorization request")
    bob.type(f"/sub allow {ALICE}")
    console(bob)
    bob.type(f"/sub request {ALICE}")
    console(alice)
    alice.wait("authorization request")
    alice.type(f"/sub allow {BOB}")
    bob.type("/status set dnd \"busy writing\"")
    console(alice)
    alice.wait("busy writing")
    alice.type("/status set away lunch")
    console(bob)
    bob.wait("lunch")
    bob.leave()
    console(alice)
    alice.wait("bob@im.test (prof) is offline")
    alice.leave()


@case
def chat():
    alice, bob = Profanity("alice").enter(), Profanity("bob").enter()
    alice.type(f"/msg {BOB} good morning from alice")
    bob.wait("alice")
    bob.type(f"/msg {ALICE} good morning from bob")
    bob.wait("good morning from alice")
    alice.wait("good morning from bob")
    for i in range(20):
        alice.type(f"line {i}")
    screen = bob.wait("line 19")
    places = [screen.find(f"line {i}\n") for i in range(20)]
    expect(places == sorted(places), "out of order:\n" + screen)
    alice.leave()
    bob.leave()


@case
def offline_delivery():
    alice = Profanity("alice").enter()
    alice.type(f"/msg carol@{DOMAIN} are you there")
    alice.wait("are you there")
    time.sleep(1)
    alice.leave()
    carol = Profanity("carol").enter()
    carol.wait("alice")
    carol.type(f"/msg {ALICE}")
    carol.wait("are you there")
    carol.leave()


@case
def carbons():
    desk, phone = Profanity("alice", "desk").enter(), Profanity("alice", "phone").enter()
    for one in (desk, phone):
        one.type("/carbons on")
    bob = Profanity("bob").enter()
    desk.type(f"/msg {BOB} written at the desk")
    bob.wait("alice")
    phone.wait("bob")
    phone.type(f"/msg {BOB}")
    phone.wait("written at the desk")
    bob.type(f"/msg {ALICE}/desk answer to the desk")
    desk.wait("answer to the desk")
    phone.wait("answer to the desk")
    for one in (desk, phone, bob):
        one.leave()


@case
def archive():
    """A client that comes later with MAM sees what was said before."""
    alice, bob = Profanity("alice").enter(), Profanity("bob").enter()
    alice.type(f"/msg {BOB} remember the milk")
    bob.wait("alice")
    alice.leave()
    bob.leave()
    bob = Profanity("bob", "later").enter()
    bob.type("/mam on")
    time.sleep(0.5)
    bob.type(f"/msg {ALICE}")
    bob.wait("remember the milk")
    bob.leave()


@case
def blocking():
    alice, bob = Profanity("alice").enter(), Profanity("bob").enter()
    alice.type(f"/blocked add {BOB}")
    alice.type("/blocked")
    alice.wait(BOB)
    bob.type(f"/msg {ALICE} can you hear me")
    bob.wait("can you hear me")
    bob.wait("service-unavailable")
    alice.type(f"/blocked remove {BOB}")
    time.sleep(0.5)
    bob.type(f"/msg {ALICE} and now then")
    alice.type(f"/msg {BOB}")
    screen = alice.wait("and now then")
    expect("can you hear me" not in screen, screen)
    alice.leave()
    bob.leave()


@case
def resume():
    """The connection is cut; profanity comes back by itself and resumes: what was said
    meanwhile arrives once, and the contact saw nobody go."""
    proxy = Proxy(server().address)
    alice = Profanity("alice", "cut", proxy.port).enter()
    alice.type("/reconnect 1")
    bob = Profanity("bob").enter()
    bob.type(f"/msg {ALICE} before the cut")
    alice.wait("bob")
    session = session_of("alice")
    proxy.cut()
    bob.type("said meanwhile")
    cases.wait_for("session back", lambda: session_of("alice").get("isOnline"), 30)
    expect(session_of("alice")["sessionId"] == session["sessionId"], "another session")
    alice.type(f"/msg {BOB}")
    screen = alice.wait("said meanwhile")
    expect(screen.count("said meanwhile") == 1 and screen.count("before the cut") == 1, screen)
    alice.leave()
    bob.leave()
    proxy.close()


def session_of(user):
    rows = json.loads(server().ctl("session", "list", "-o", "json").stdout).get("sessions", [])
    return next((row for row in rows if row["user"] == f"{user}@{DOMAIN}"), {})


def close():
    for one in list(terminals):
        one.close()
    if the_server:
        the_server.close()


if __name__ == "__main__":
    sys.exit(cases.main(close))
