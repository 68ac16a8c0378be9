# SPDX-License-Identifier: Apache-2.0
"""What trials of a whole server have in common: a fresh one, its health, its size, its end."""
import os
import subprocess
import time

from cases import expect
from server import DOMAIN, Server
from wire import Wire

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


def resident_mib(server):
    for line in open(f"/proc/{server.process.pid}/status"):
        if line.startswith("VmRSS"):
            return int(line.split()[1]) // 1024
    return 0
