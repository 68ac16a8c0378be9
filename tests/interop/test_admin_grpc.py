#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""python3-grpcio, a gRPC client nobody here wrote, against the admin API.

PRESENCED_ADMIN_SOCKET=PATH talks to a node that runs already (its cluster is initialised
if need be); otherwise the test starts one of its own. PRESENCED_ADMIN_ADDRESS=HOST:PORT
with PRESENCECTL_CA, _CERT and _KEY names its TLS listener.
"""
import http.client
import os
import pathlib
import socket
import ssl
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

import cases
from cases import Skip, case, expect
from server import DOMAIN, Server

LIMIT_S = 20
PROTOS = ("presenced/admin/v1/admin.proto", "grpc/health/v1/health.proto")
CODE = grpc.StatusCode
the_server = None


def load_messages():
    with tempfile.NamedTemporaryFile() as out:
        subprocess.run(["protoc-c", f"--descriptor_set_out={out.name}", "-I.", *PROTOS],
                       cwd=ROOT / "proto/rpc", check=True)
        files = descriptor_pb2.FileDescriptorSet.FromString(pathlib.Path(out.name).read_bytes())
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.Add(file)
    return pool, message_factory.MessageFactory(pool)


POOL, FACTORY = load_messages()


def server():
    global the_server
    if the_server is None:
        the_server = Server().start()
    return the_server


def socket_path():
    given = os.environ.get("PRESENCED_ADMIN_SOCKET")
    return given or f"{server().folder}/run/admin.sock"


def tls_address():
    """(host, port, ca, certificate, key) of the TLS listener."""
    given = os.environ.get("PRESENCED_ADMIN_ADDRESS")
    if given:
        host, _, port = given.rpartition(":")
        return (host, int(port), *(os.environ[f"PRESENCECTL_{n}"] for n in ("CA", "CERT", "KEY")))
    if os.environ.get("PRESENCED_ADMIN_SOCKET"):
        raise Skip("set PRESENCED_ADMIN_ADDRESS")
    pki = server().pki
    return (server().address, 9443, pki / "ca.pem", pki / "admin.pem", pki / "admin.key")


class Api:
    """Calls by name: api("UserService.Get", user="alice")."""

    def __init__(self, channel):
        self.channel = channel

    def method(self, name):
        service, _, method = name.rpartition(".")
        package = "grpc.health.v1." if service == "Health" else "presenced.admin.v1."
        found = POOL.FindServiceByName(package + service).FindMethodByName(method)
        return (f"/{package}{service}/{method}", FACTORY.GetPrototype(found.input_type),
                FACTORY.GetPrototype(found.output_type))

    def __call__(self, rpc, /, **fields):
        path, request, answer = self.method(rpc)
        call = self.channel.unary_unary(path, request.SerializeToString, answer.FromString)
        return call(request(**fields), timeout=LIMIT_S)

    def fails(self, code, rpc, /, **fields):
        try:
            self(rpc, **fields)
        except grpc.RpcError as error:
            expect(error.code() == code, rpc, "failed with", error.code(), error.details())
            return error
        raise AssertionError(f"{rpc} did not fail")


def local():
    api = Api(grpc.insecure_channel(f"unix:{socket_path()}",
                                    options=[("grpc.default_authority", "localhost")]))
    if not api("ClusterService.GetStatus").is_initialised:
        api("ClusterService.Initialize", domain=DOMAIN)
    return api


def over_tls(has_certificate=True):
    host, port, ca, certificate, key = tls_address()
    read = lambda path: pathlib.Path(path).read_bytes()
    credentials = grpc.ssl_channel_credentials(
        read(ca), read(key) if has_certificate else None,
        read(certificate) if has_certificate else None)
    # The node's certificate names the domain, not the loopback address of the listener.
    name = local()("ClusterService.GetStatus").domain
    return Api(grpc.secure_channel(f"{host}:{port}", credentials,
                                   options=[("grpc.ssl_target_name_override", name)]))


@case
def status_on_the_socket():
    status = local()("ClusterService.GetStatus")
    expect(status.is_initialised and len(status.cluster_id) == 16, status)
    expect(len(status.nodes) == 1 and status.nodes[0].is_leader, status)


@case
def a_user_from_create_to_remove():
    api = local()
    user = api("UserService.Create", user="grpc-user", password="one secret")
    expect(user.user.startswith("grpc-user@"), user)
    again = api.fails(CODE.ALREADY_EXISTS, "UserService.Create", user="grpc-user", password="x")
    hints = [value for key, value in again.trailing_metadata() if key == "presenced-hint"]
    expect(len(hints) == 1 and "passwd" in hints[0], hints)
    api("UserService.SetPassword", user="Grpc-User", password="two secrets")
    found = api("UserService.Get", user=user.user)
    expect(sorted(found.mechanisms) == ["SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512"], found)
    api("UserService.Remove", user="grpc-user")
    api.fails(CODE.NOT_FOUND, "UserService.Get", user="grpc-user")


@case
def import_tells_each_refused_row():
    api = local()
    row = FACTORY.GetPrototype(POOL.FindMessageTypeByName("presenced.admin.v1.ImportRow"))
    rows = [row(line=i + 1, user=f"import{i}", password=f"p{i}") for i in range(20)]
    rows += [row(line=21, user="import3", password="again"),
             row(line=22, user="a b", password="x"),
             row(line=23, user="someone@elsewhere.example", password="x"),
             row(line=24, user="nopassword", password="")]
    answer = api("UserService.Import", rows=rows)
    expect(answer.created == 20, answer)
    expect({r.line: r.code for r in answer.refused} ==
           {21: "ALREADY_EXISTS", 22: "INVALID_ARGUMENT", 23: "INVALID_ARGUMENT",
            24: "INVALID_ARGUMENT"}, answer.refused)
    seen, token = [], ""
    while True:
        page = api("UserService.List", page_size=7, page_token=token)
        seen += [u.user for u in page.users]
        token = page.next_page_token
        if not token:
            break
    expect(len([u for u in seen if u.startswith("import")]) == 20, seen)
    expect(seen == sorted(seen) and len(seen) == len(set(seen)), "pages overlap", seen)
    for i in range(20):
        api("UserService.Remove", user=f"import{i}")


@case
def settings_are_checked_and_go_back():
    api = local()
    names = [s.name for s in api("SettingService.List").settings]
    expect("xmpp.resume_window" in names and "archive.days" in names, names)
    expect(api("SettingService.Set", name="roster.max", value="77").value == "77", "not set")
    found = api("SettingService.Get", name="roster.max")
    expect(found.value == "77" and found.is_set, found)
    api.fails(CODE.INVALID_ARGUMENT, "SettingService.Set", name="roster.max", value="0")
    error = api.fails(CODE.NOT_FOUND, "SettingService.Get", name="roster.maxx")
    expect("roster.max" in error.details(), error.details())
    expect(not api("SettingService.Set", name="roster.max", value="").is_set, "still set")


@case
def sessions_checks_and_log():
    api = local()
    expect(len(api("SessionService.List", user="nobody").sessions) == 0, "sessions of nobody")
    expect(api("SessionService.End", user="nobody").ended == 0, "ended some of nobody")
    findings = api("CheckService.Run", families=["certs", "disk"]).findings
    expect({f.family for f in findings} == {"certs", "disk"}, findings)
    expect(all(f.seen and (f.state == 1 or f.fix) for f in findings), findings)
    api.fails(CODE.INVALID_ARGUMENT, "CheckService.Run", families=["nonsense"])
    api("LogService.SetLevel", module="admin", level="debug")
    api.fails(CODE.INVALID_ARGUMENT, "LogService.SetLevel", level="loud")


@case
def health_check_and_watch():
    api = local()
    expect(api("Health.Check").status == 1, "not serving")
    expect(api("Health.Check", service="presenced.admin.v1.UserService").status == 1, "unknown")
    api.fails(CODE.NOT_FOUND, "Health.Check", service="no.such.Service")
    path, request, answer = api.method("Health.Watch")
    watch = api.channel.unary_stream(path, request.SerializeToString, answer.FromString)(
        request(), timeout=LIMIT_S)
    expect(next(watch).status == 1, "watch says not serving")
    watch.cancel()


@case
def bad_calls_get_clear_answers():
    api = local()
    same = lambda b: b
    raw = lambda path, body, **options: api.channel.unary_unary(path, same, same)(
        body, timeout=LIMIT_S, **options)
    get = "/presenced.admin.v1.UserService/Get"
    for name, path, body, options, code in (
            ("unknown method", "/presenced.admin.v1.UserService/Nothing", b"", {},
             CODE.UNIMPLEMENTED),
            ("no protobuf", get, b"\xff\xff\xff", {}, CODE.INVALID_ARGUMENT),
            ("invalid UTF-8", get, b"\x0a\x02\xff\xfe", {}, CODE.INVALID_ARGUMENT),
            ("NUL in a string", get, b"\x0a\x03a\x00b", {}, CODE.INVALID_ARGUMENT),
            ("compressed", get, b"\x0a\x01a" * 200, {"compression": grpc.Compression.Gzip},
             CODE.UNIMPLEMENTED),
            ("over 1 MiB", get, b"\x0a\x80\x80\x40" + b"a" * (1 << 20), {},
             CODE.RESOURCE_EXHAUSTED),
            ("amplification", "/presenced.admin.v1.UserService/Import", b"\x0a\x00" * 500000, {},
             CODE.RESOURCE_EXHAUSTED)):
        try:
            raw(path, body, **options)
        except grpc.RpcError as error:
            expect(error.code() == code, name, "failed with", error.code(), error.details())
        else:
            raise AssertionError(f"{name} was accepted")
    expect(api("ClusterService.GetStatus").is_initialised, "the connection did not survive")


@case
def roles_over_tls():
    expect(over_tls()("ClusterService.GetStatus").is_initialised, "no status over TLS")
    stranger = over_tls(has_certificate=False)
    stranger.fails(CODE.UNAUTHENTICATED, "ClusterService.GetStatus")
    stranger.fails(CODE.UNAUTHENTICATED, "UserService.Remove", user="alice")
    expect(stranger("Health.Check").status == 1, "health needs a certificate")


@case
def http_on_the_same_port():
    host, port, ca, *_ = tls_address()
    context = ssl.create_default_context(cafile=ca)
    context.check_hostname = False
    connection = http.client.HTTPSConnection(host, port, context=context, timeout=LIMIT_S)
    for path, status, word in (("/livez", 200, "ok"), ("/readyz?verbose", 200, "[+]raft ok"),
                               ("/metrics", 200, "presenced_raft_applied_index"),
                               ("/readyz/disk", 200, "ok"), ("/readyz/nothing", 503, "not ready"),
                               ("/v1/../metrics", 404, "not found")):
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read().decode()
        expect(answer.status == status and word in body, path, answer.status, body[:200])
    connection.request("POST", "/livez", body=b"x")
    expect(connection.getresponse().status == 405, "POST was allowed")


@case
def strangers_bytes_on_the_socket():
    """Each is answered or cut off, and the next call works."""
    for junk in (b"\x00" * 100, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 100,
                 b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", b"\r\n" * 100,
                 b"GET / HTTP/1.1\r\nX:\rTransfer-Encoding: chunked\r\n\r\n"):
        with socket.socket(socket.AF_UNIX) as peer:
            peer.settimeout(LIMIT_S)
            peer.connect(socket_path())
            peer.sendall(junk)
            peer.shutdown(socket.SHUT_WR)
            while peer.recv(4096):
                pass
    expect(local()("ClusterService.GetStatus").is_initialised, "the server is gone")


def done():
    if the_server:
        the_server.close()


if __name__ == "__main__":
    sys.exit(cases.main(done))
