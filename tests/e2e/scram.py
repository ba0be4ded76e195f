"""SCRAM-SHA-256 as a client speaks it, honestly or not (RFC 5802, RFC 7677).

    trace = log_in(session, user, Client(password, binding=...))

And, for servers that are none, what a server says: Server(verifier(...)).
"""

import base64
import hashlib
import hmac
import os
import re
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


def verifier(password, iterations=4096, salt=b"of the tests"):
    """As pg_authid and an auth_file have it."""
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt,
                                 iterations)
    stored = hashlib.sha256(_mac(salted, "Client Key")).digest()
    return (f"SCRAM-SHA-256${iterations}:{_base64(salt)}${_base64(stored)}:"
            f"{_base64(_mac(salted, 'Server Key'))}")


class Server:
    """Of one exchange, with a role that has this verifier."""

    def __init__(self, stored):
        self.iterations, self.salt, _stored_key, key = re.split(
            "[$:]", stored)[1:]
        self.key = base64.b64decode(key)
        self.client_first = None
        self.first = None

    def challenge(self, initial):
        """The answer to the body of a SASLInitialResponse."""
        self.client_first = initial.split(b",,", 1)[1].decode()
        nonce = self.client_first.split("r=")[1] + _base64(os.urandom(9))
        self.first = f"r={nonce},s={self.salt},i={self.iterations}"
        return self.first.encode()

    def signature(self, final):
        """The answer to the client's proof, which nobody looks at."""
        without_proof = final.decode().rsplit(",p=", 1)[0]
        authenticated = ",".join([self.client_first, self.first,
                                  without_proof])
        return f"v={_base64(_mac(self.key, authenticated))}".encode()


def authentication(session):
    """(code, what follows it); or the message that came instead, decoded."""
    kind, body = session.read_frame()
    if kind != "R":
        return None, wire.decode(kind, body) if kind != "closed" \
            else wire.CLOSED
    return struct.unpack_from("!I", body)[0], body[4:]


def mechanisms(session, user, **parameters):
    """What is offered to this user."""
    session.send(startup_packet(user=user, database="postgres", **parameters))
    code, data = authentication(session)
    assert code == SASL, (code, data)
    return data.decode().rstrip("\0").split("\0")


def log_in(session, user, client, **parameters):
    """The trace after the exchange, or after it was broken off."""
    mechanisms(session, user, **parameters)
    return exchange(session, client)


def exchange(session, client):
    """The same, once mechanisms were offered."""
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
