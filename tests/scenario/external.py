#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Signing in by certificate (SASL EXTERNAL, XEP-0178): the address in subjectAltName is who
one is, and nothing else is."""
import base64
import pathlib
import ssl
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import cases
from cases import case, expect
from server import DOMAIN, Server, make_certificate
from wire import SASL, Wire, show

servers = []


class CertifiedWire(Wire):
    """A connection that shows a client certificate, or none."""

    def __init__(self, server, certificate=None):
        self.certificate = certificate
        super().__init__(server, is_direct=True)

    def wrap(self, alpn="xmpp-client"):
        context = ssl.create_default_context(cafile=str(self.server.pki / "ca.pem"))
        context.set_alpn_protocols([alpn])
        if self.certificate:
            context.load_cert_chain(self.server.pki / f"{self.certificate}.pem",
                                    self.server.pki / f"{self.certificate}.key")
        self.socket = context.wrap_socket(self.socket, server_hostname=self.domain)
        self.new_parser()

    def offered(self):
        self.open()
        return [m.text for m in self.features().iter(SASL + "mechanism")]

    def external(self, authzid=""):
        text = base64.b64encode(authzid.encode()).decode() if authzid else "="
        self.send("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'>"
                  f"{text}</auth>")
        return self.next()


def server():
    """One node for all cases, which knows who signs its users' certificates."""
    if not servers:
        one = Server()
        servers.append(one)
        one.write_config(f'  client_ca: "{one.pki}/ca.pem"\n')
        one.start().add_users("alice", "bob")
        address = "otherName:1.3.6.1.5.5.7.8.5;UTF8:"  # id-on-xmppAddr
        make_certificate(one.pki, "alice", "/CN=whoever", f"subjectAltName={address}alice@{DOMAIN}")
        make_certificate(one.pki, "stranger", "/CN=whoever", f"subjectAltName={address}eve@{DOMAIN}")
        make_certificate(one.pki, "named", f"/CN=alice@{DOMAIN}", f"subjectAltName=email:alice@{DOMAIN}")
    return servers[0]


@case
def own_address():
    wire = CertifiedWire(server(), "alice")
    expect("EXTERNAL" in wire.offered(), "EXTERNAL is not offered")
    answer = wire.external()
    expect(answer.tag == SASL + "success", show(answer))
    wire.open()
    wire.features()
    expect(wire.bind("certified") == f"alice@{DOMAIN}/certified", wire.jid)
    wire.leave()


@case
def another_address():
    """An authzid that the certificate does not name is refused; the own one is fine."""
    wire = CertifiedWire(server(), "alice")
    wire.offered()
    answer = wire.external(f"bob@{DOMAIN}")
    expect(answer.tag == SASL + "failure", show(answer))
    answer = wire.external(f"alice@{DOMAIN}")
    expect(answer.tag == SASL + "success", show(answer))
    wire.cut()


@case
def no_such_account():
    wire = CertifiedWire(server(), "stranger")
    if "EXTERNAL" in wire.offered():
        answer = wire.external()
        expect(answer.tag == SASL + "failure", show(answer))
    wire.cut()


@case
def other_names_do_not_count():
    """A common name or an e-mail address is nobody's address here."""
    wire = CertifiedWire(server(), "named")
    expect("EXTERNAL" not in wire.offered(), "EXTERNAL for a name that is none")
    answer = wire.external()
    expect(answer.tag == SASL + "failure", show(answer))
    wire.cut()


@case
def no_certificate():
    wire = CertifiedWire(server())
    offered = wire.offered()
    expect("EXTERNAL" not in offered and "SCRAM-SHA-256" in offered, offered)
    wire.cut()


if __name__ == "__main__":
    sys.exit(cases.main(lambda: [s.close() for s in servers]))
