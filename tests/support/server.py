# SPDX-License-Identifier: Apache-2.0
"""A presenced of its own for a test: temporary folder, fresh certificates, a free loopback
address, so that every port can be the default one and tests run side by side.

PRESENCED_BUILD=FOLDER runs the programs of another build than build/release.
"""
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from cases import expect

ROOT = Path(__file__).resolve().parents[2]
DOMAIN = "im.test"
PASSWORD = "secret-{}"  # of user NAME
START_LIMIT_S = 60
STOP_LIMIT_S = 60
SANITIZER_CODES = (23, 66)  # exit statuses of the environment below
PORTS = (5222, 5223, 9443)


def free_address():
    """An address of 127/8 on which nobody holds one of our ports."""
    for _ in range(200):
        address = f"127.{random.randint(64, 250)}.{random.randint(1, 250)}.{random.randint(2, 250)}"
        try:
            for port in PORTS:
                with socket.socket() as probe:
                    probe.bind((address, port))
            return address
        except OSError:
            continue
    raise AssertionError("no free loopback address")


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


def make_authority(folder):
    folder.mkdir(parents=True, exist_ok=True)
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-days", 2, "-subj", "/CN=test authority", "-keyout", folder / "ca.key",
            "-out", folder / "ca.pem", "-addext", "basicConstraints=critical,CA:TRUE")


def make_certificate(folder, name, subject, extension, days=2):
    openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-subj", subject, "-keyout", folder / f"{name}.key", "-out", folder / f"{name}.csr")
    (folder / f"{name}.ext").write_text(extension)
    openssl("x509", "-req", "-in", folder / f"{name}.csr", "-CA", folder / "ca.pem",
            "-CAkey", folder / "ca.key", "-CAcreateserial", "-days", days,
            "-extfile", folder / f"{name}.ext", "-out", folder / f"{name}.pem")


class Server:
    """One node and its data. start() forms the cluster on first use."""

    def __init__(self, preset="release", name="n1"):
        self.build = Path(os.environ.get("PRESENCED_BUILD", ROOT / "build" / preset))
        self.preset, self.name = preset, name
        self.folder = Path(tempfile.mkdtemp(prefix="presenced-"))
        self.address = free_address()
        self.log = self.folder / "log"
        self.process = None
        self.is_formed = False
        self.environment = {
            "ASAN_OPTIONS": "detect_leaks=1:exitcode=23",
            "TSAN_OPTIONS": "ignore_noninstrumented_modules=1:exitcode=66:history_size=4"}
        self.pki = self.folder / "pki"
        make_authority(self.pki)
        make_certificate(self.pki, name, f"/CN={name}.{DOMAIN}",
                         f"subjectAltName=DNS:{DOMAIN},IP:{self.address}")
        make_certificate(self.pki, "admin", "/CN=test/OU=admin", "extendedKeyUsage=clientAuth")
        self.config = self.folder / "node.yaml"
        self.write_config()

    def write_config(self, extra=""):
        self.config.write_text(f"""name: {self.name}
domain: {DOMAIN}
addresses: ["{self.address}"]
data_dir: "{self.folder}/data"
run_dir: "{self.folder}/run"
tls:
  cert: "{self.pki}/{self.name}.pem"
  key: "{self.pki}/{self.name}.key"
  admin_ca: "{self.pki}/ca.pem"
{extra}""")

    def spawn(self):
        for folder in ("data", "run"):
            (self.folder / folder).mkdir(exist_ok=True)
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [str(self.build / "presenced"), "--config", str(self.config)], stdout=log,
                stderr=log, stdin=subprocess.DEVNULL, env={**os.environ, **self.environment})

    def start(self):
        """Starts and waits until clients are served."""
        self.spawn()
        deadline = time.monotonic() + START_LIMIT_S
        while self.ctl("cluster", "status", may_fail=True).returncode == 3:
            expect(self.process.poll() is None, "presenced ended with", self.process.poll(),
                   self.tail())
            expect(time.monotonic() < deadline, "presenced does not answer", self.tail())
            time.sleep(0.02)
        if not self.is_formed:
            self.ctl("cluster", "init", "--domain", DOMAIN)
            self.is_formed = True
        while not self.answers():
            expect(self.process.poll() is None and time.monotonic() < deadline,
                   "nobody listens", self.tail())
            time.sleep(0.02)
        return self

    def answers(self):
        """Every worker opens its listeners for itself: one port may answer before another."""
        try:
            for port in PORTS:
                socket.create_connection((self.address, port), 5).close()
            return True
        except OSError:
            return False

    def ctl(self, *arguments, stdin="", may_fail=False):
        """presencectl over the admin socket."""
        done = subprocess.run(
            [str(self.build / "presencectl"), "--socket", f"{self.folder}/run/admin.sock",
             *map(str, arguments)], input=stdin, text=True, capture_output=True, timeout=120,
            env={**os.environ, **self.environment}, check=False)
        if not may_fail:
            expect(done.returncode == 0, "presencectl", *arguments, "ended with",
                   done.returncode, done.stdout, done.stderr)
        return done

    def add_users(self, *names):
        rows = "".join(f"{n},{PASSWORD.format(n)}\n" for n in names)
        (self.folder / "users.csv").write_text(rows)
        self.ctl("user", "import", self.folder / "users.csv")

    def cpu_seconds(self):
        """What the process has used so far, user and system, all threads (proc(5), stat)."""
        text = Path(f"/proc/{self.process.pid}/stat").read_text()
        fields = text.rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        """Clean stop; returns the exit code (sanitizers have a say in it)."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(STOP_LIMIT_S)
            except subprocess.TimeoutExpired:
                self.kill()
                return "no end after SIGTERM"
        return self.process.returncode if self.process else 0

    def tail(self, lines=30):
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join(["", *text.splitlines()[-lines:]])

    def close(self):
        """Ends it and removes its folder; prints the log's tail when it ended badly."""
        code = self.stop()
        if code != 0:
            print(f"# presenced ended with {code}{self.tail()}".replace("\n", "\n# "),
                  flush=True)
        if not os.environ.get("PRESENCED_KEEP"):
            shutil.rmtree(self.folder, ignore_errors=True)
        expect(code not in SANITIZER_CODES, "a sanitizer had something to say")
        return code
