# SPDX-License-Identifier: Apache-2.0
"""A program on a terminal nobody sees: tmux on a socket of its own, in a folder of its own."""
import os
import subprocess
import time

from cases import expect


class Terminal:
    def __init__(self, folder, command, environment=None, columns=140, rows=50):
        self.folder = folder
        self.base = ["tmux", "-S", str(folder / "tmux.sock"), "-f", "/dev/null"]
        subprocess.run([*self.base, "new-session", "-d", "-s", "t", "-x", str(columns), "-y",
                        str(rows), command], check=True,
                       env={**os.environ, "LANG": "C.UTF-8", "TERM": "xterm-256color",
                            **(environment or {})})

    def screen(self):
        done = subprocess.run([*self.base, "capture-pane", "-p", "-t", "t", "-S", "-200"],
                              capture_output=True, text=True, check=False)
        return done.stdout

    def type(self, line):
        subprocess.run([*self.base, "send-keys", "-t", "t", "-l", line], check=True)
        subprocess.run([*self.base, "send-keys", "-t", "t", "Enter"], check=True)

    def wait(self, text, limit_s=20, count=1):
        """Waits until text stands on the screen (count times); returns the screen."""
        deadline = time.monotonic() + limit_s
        while True:
            screen = self.screen()
            if screen.count(text) >= count:
                return screen
            if time.monotonic() > deadline:
                lines = [line.rstrip() for line in screen.splitlines() if line.strip()]
                expect(False, f"{text!r} is not on the screen:\n" + "\n".join(lines[-30:]))
            time.sleep(0.1)

    def close(self):
        subprocess.run([*self.base, "kill-server"], capture_output=True, check=False)
