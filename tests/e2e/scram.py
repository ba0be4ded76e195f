"""SCRAM-SHA-256 as a client speaks it, honestly or not (RFC 5802, RFC 7677).

    trace = log_in(session, user, Client(password, binding=...))
"""

import base64
import hashlib
import hmac
import os
import struct

import wire
from program import startup_packet

PLAIN = "SCRAM-SHA-256"
PLUS = "SCRAM-SHA-256-PLUS"
END_POINT = "tls-server-end-point"
SASL, SASL_CONTINUE, SASL_FINAL = 10, 11, 12


def end_point(session):
    """What a channel is bound to: the hash of the certificate shown."""
    shown = session.socket.tls.getpeercert(binary_form=True)
    return hashlib.sha256(shown).digest()


def _mac(key, text):
    return hmac.digest(key, text.encode(), "sha256")


def _base64(data):
    return base64.b64encode(data).decode()


class Client:
    """gs2 and binding are what the client claims about its channel."""

    def __init__(self, password, mechanism=PLAIN, gs2="n,,", binding=b"",
                 spoil_proof=False):
        self.password = password
        self.mechanism = mechanism
        self.gs2 = gs2
        self.binding = binding
        self.spoil_proof = spoil_proof
        self.nonce = _base64(os.urandom(18))
        self.first = f"n=,r={self.nonce}"
        self.server_first = None
        self.server_final = None

    @classmethod
    def bound(cls, password, session, kind=END_POINT, binding=None):
        return cls(password, PLUS, f"p={kind},,",
                   end_point(session) if binding is None else binding)

    def initial(self):
        data = (self.gs2 + self.first).encode()
        return wire.message("p", self.mechanism.encode() + b"\0"
                            + struct.pack("!i", len(data)) + data)

    def final(self):
        fields = dict(part.split("=", 1)
                      for part in self.server_first.split(","))
        self.iterations = int(fields["i"])
        salted = hashlib.pbkdf2_hmac(
            "sha256", self.password.encode(), base64.b64decode(fields["s"]),
            self.iterations)
        bound = _base64(self.gs2.encode() + self.binding)
        without_proof = f"c={bound},r={fields['r']}"
        authenticated = ",".join([self.first, self.server_first,
                                  without_proof])
        key = _mac(salted, "Client Key")
        signature = _mac(hashlib.sha256(key).digest(), authenticated)
        proof = bytes(a ^ b for a, b in zip(key, signature))
        if self.spoil_proof:
            proof = bytes([proof[0] ^ 1]) + proof[1:]
        self.server_signature = _mac(_mac(salted, "Server Key"),
                                     authenticated)
        return wire.message(
            "p", f"{without_proof},p={_base64(proof)}".encode())

    def verify(self):
        assert self.server_final == f"v={_base64(self.server_signature)}"


def authentication(session):
    """(code, what follows it); or the message that came instead, decoded."""
    kind, body = session.read_frame()
    if kind != "R":
        return None, wire.decode(kind, body) if kind != "closed" \
            else wire.CLOSED
    return struct.unpack_from("!I", body)[0], body[4:]


def mechanisms(session, user):
    """What is offered to this user."""
    session.send(startup_packet(user=user, database="postgres"))
    code, data = authentication(session)
    assert code == SASL, (code, data)
    return data.decode().rstrip("\0").split("\0")


def log_in(session, user, client):
    """The trace after the exchange, or after it was broken off."""
    mechanisms(session, user)
    session.send(client.initial())
    code, data = authentication(session)
    if code != SASL_CONTINUE:
        return [data, *rest(session, data)]
    client.server_first = data.decode()
    session.send(client.final())
    code, data = authentication(session)
    if code != SASL_FINAL:
        return [data, *rest(session, data)]
    client.server_final = data.decode()
    client.verify()
    return session.read_ready()


def rest(session, last):
    """Up to the end."""
    trace = []
    while last is not wire.CLOSED:
        last = session.read()
        trace.append(last)
    return trace
