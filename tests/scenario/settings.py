#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Settings of the cluster that the running node takes over without a restart."""
import pathlib
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import cases
from cases import case, expect, wait_for
from people import close, online, people, server
from wire import Wire

FAILURES, STREAMS = 6, 12
GUESS_LIMIT_S = 8  # without trust it would take minutes


@case
def trusted_networks():
    """M20: behind a trusted address failures of some do not hold up the others."""
    name, = people("alice")
    done = server().ctl("setting", "set", "auth.trusted_networks", "10.0.0.0/8, 10.0.0.0/99",
                        may_fail=True)
    expect(done.returncode == 1 and "10.0.0.0/99" in done.stderr, done.returncode, done.stderr)
    server().ctl("setting", "set", "auth.trusted_networks", "192.0.2.0/24, 127.0.0.0/8 ::1")
    try:
        begun = time.monotonic()
        for stream in range(STREAMS):
            wire = Wire(server(), True)
            wire.open()
            wire.features()
            for i in range(FAILURES):
                expect("failure" in wire.plain(f"nobody{stream}x{i}", "wrong").tag, "signed in")
            wire.cut()
        online(name).leave()
        took = time.monotonic() - begun
        expect(took <= GUESS_LIMIT_S, "took", took, "s")
    finally:
        server().ctl("setting", "set", "auth.trusted_networks", "--default")


@case
def log_level():
    """log.level is in force at once, stays so over SIGHUP, and another setting leaves what
    `log set` said alone."""
    def said(text):
        return server().log.read_text().count(text)

    def sign_in():
        online(people("alice")[0]).leave()

    server().ctl("setting", "set", "log.level", "debug")
    sign_in()
    bound = said("session bound")
    expect(bound > 0, "no debug lines")
    server().process.send_signal(signal.SIGHUP)
    wait_for("the certificate's line", lambda: said("certificate in force") > 0)
    sign_in()
    wait_for("debug lines after SIGHUP", lambda: said("session bound") > bound)
    server().ctl("setting", "set", "log.level", "--default")
    bound = said("session bound")
    server().ctl("log", "set", "debug")
    server().ctl("setting", "set", "xmpp.burst", "2MiB")
    sign_in()
    wait_for("debug lines", lambda: said("session bound") > bound)
    server().ctl("log", "set", "info")
    server().ctl("setting", "set", "xmpp.burst", "--default")


if __name__ == "__main__":
    sys.exit(cases.main(close))
