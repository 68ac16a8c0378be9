#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""go-sendxmpp: a one-shot client that signs in with PLAIN under TLS, as scripts do."""
import os
import pathlib
import subprocess
import sys
import threading
import time
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import cases
from cases import case, expect
from server import DOMAIN, PASSWORD, Server

the_server = None


def server():
    global the_server
    if the_server is None:
        the_server = Server().start()
        the_server.add_users("alice", "bob", "carol")
    return the_server


def command(user, *arguments, password=None, is_direct=False):
    port = 5223 if is_direct else 5222
    return ["timeout", "30", "go-sendxmpp", "-u", f"{user}@{DOMAIN}", "-p",
            password or PASSWORD.format(user), "-j", f"{server().address}:{port}", "-n",
            *(["-t"] if is_direct else []), *arguments]


def environment():
    home = server().folder / "home"
    home.mkdir(exist_ok=True)
    return {**os.environ, "HOME": str(home), "XDG_CONFIG_HOME": str(home),
            "XDG_DATA_HOME": str(home)}


def say(user, to, text, **how):
    return subprocess.run(command(user, f"{to}@{DOMAIN}", **how), input=text, text=True,
                          capture_output=True, env=environment(), check=False)


class Listener:
    def __init__(self, user):
        self.lines = []
        self.process = subprocess.Popen(command(user, "-l"), stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True, env=environment())
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            self.lines.append(line)

    def wait(self, text, limit_s=15):
        cases.wait_for(f"{text!r} in {self.lines}",
                       lambda: any(text in line for line in self.lines), limit_s)

    def close(self):
        self.process.terminate()
        self.process.wait()


@case
def sign_in():
    for is_direct in (False, True):
        done = say("alice", "bob", f"hello {uuid.uuid4()}", is_direct=is_direct)
        expect(done.returncode == 0, done.stdout, done.stderr)


@case
def wrong_password():
    done = say("alice", "bob", "hello", password="wrong")
    expect(done.returncode == 1, done.returncode, done.stdout, done.stderr)


@case
def chat():
    listener = Listener("bob")
    online = lambda: f"bob@{DOMAIN}" in server().ctl("session", "list").stdout
    cases.wait_for("listener online", online, 15)
    text = f"live {uuid.uuid4()}"
    expect(say("alice", "bob", text).returncode == 0, "not sent")
    listener.wait(text)
    listener.close()


@case
def offline_delivery():
    texts = [f"kept {uuid.uuid4()}" for _ in range(3)]
    for text in texts:
        expect(say("alice", "carol", text).returncode == 0, "not sent")
    listener = Listener("carol")
    for text in texts:
        listener.wait(text)
    places = [next(i for i, line in enumerate(listener.lines) if t in line) for t in texts]
    expect(places == sorted(places), "out of order", listener.lines)
    time.sleep(1)
    listener.close()
    listener = Listener("carol")
    cases.wait_for("listener online", lambda: f"carol@{DOMAIN}" in
                   server().ctl("session", "list").stdout, 15)
    expect(not any(t in line for t in texts for line in listener.lines), "delivered again",
           listener.lines)
    listener.close()


if __name__ == "__main__":
    sys.exit(cases.main(lambda: the_server and the_server.close()))
