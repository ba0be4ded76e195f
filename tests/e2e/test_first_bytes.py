"""Whatever a client or a scanner sends first gets what the server answers.

Compared is every byte up to a login, but for the place in the server's source
that an error names.
"""

import re
import socket
import struct

import pytest

from program import GSSENC_REQUEST, PROTOCOL_3_0, SSL_REQUEST

pytestmark = pytest.mark.clear_only("the first bytes are in clear")

BOUND_S = 30
LOGGED_IN = b"R\0\0\0\x08\0\0\0\0"
CANCEL = 80877102
WHO = b"user\0postgres\0database\0postgres\0"


def packet(code, body=b"", length=None):
    return struct.pack("!II", len(body) + 8 if length is None else length,
                       code) + body


def start(body):
    return packet(PROTOCOL_3_0, body)


def padded(length):
    """A login whose packet is as long."""
    name = b"application_name\0"
    return start(WHO + name + b"x" * (length - 10 - len(WHO) - len(name))
                 + b"\0\0")


SAME = {
    "nothing": b"",
    "a lone byte": b"\0",
    "a lone Q": b"Q",
    "three bytes": b"\0\0\0",
    "a length": struct.pack("!I", 20),
    "half a packet": start(WHO + b"\0")[:20],
    "zeros": bytes(64),
    "HTTP": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "SSH": b"SSH-2.0-OpenSSH_9.2\r\n",
    "a ClientHello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(60),
    "length 0": packet(PROTOCOL_3_0, length=0),
    "length 4": packet(PROTOCOL_3_0, length=4),
    "length 7": packet(PROTOCOL_3_0, length=7),
    "length -1": packet(PROTOCOL_3_0, length=0xffffffff),
    "length -2^31": packet(PROTOCOL_3_0, length=1 << 31),
    "length 10005": struct.pack("!I", 10005),
    "no body": packet(PROTOCOL_3_0),
    "an empty body": start(b"\0"),
    "as long as may be": padded(10004),
    "as long, and junk": start(b"x" * 9996),
    "no terminator": start(b"user"),
    "no last terminator": start(WHO),
    "a name alone": start(b"user\0"),
    "a name without value": start(b"user\0\0"),
    "a byte behind": start(WHO + b"\0x"),
    "a NUL behind": start(WHO + b"\0\0"),
    "a pair behind": start(WHO + b"\0a\0b\0\0"),
    "no user": start(b"database\0postgres\0\0"),
    "an empty user": start(b"user\0\0database\0postgres\0\0"),
    "two users": start(b"user\0no_such\0" + WHO + b"\0"),
    "two databases": start(b"database\0no_such\0" + WHO + b"\0"),
    "protocol 3.9999": packet(PROTOCOL_3_0 + 9999, WHO + b"\0"),
    "SSLRequest": SSL_REQUEST,
    "a long SSLRequest": packet(80877103, b"x"),
    "a cancel of no length": packet(CANCEL),
    "a cancel without secret": packet(CANCEL, bytes(4)),
    "a cancel cut short": packet(CANCEL, bytes(7)),
    "a cancel of nobody": packet(CANCEL, bytes(8)),
    "a long cancel of nobody": packet(CANCEL, bytes(12)),
    "a cancel too long": packet(CANCEL, bytes(300)),
}

# What is meant to differ: what Lockstep answers, and why.
OTHER = {
    # GSSAPI ends at Lockstep, if the server has it or not.
    "GSSENCRequest": (GSSENC_REQUEST, rb"N"),
    "a long GSSENCRequest": (packet(80877104, b"1234"), rb"N"),
    # The server's versions are not known before there is one.
    "protocol 2.0": (packet(2 << 16, bytes(288)), rb"E.*C0A000\0.*"),
    "protocol 4.0": (packet(4 << 16, WHO + b"\0"), rb"E.*C0A000\0.*"),
    "protocol 1234.0": (packet(1234 << 16), rb"E.*C0A000\0.*"),
    # No encryption begins: no byte could be taken for an encrypted one.
    "a login behind SSLRequest": (SSL_REQUEST + start(WHO + b"\0"),
                                  rb"NR.*"),
    "one request after the other": (SSL_REQUEST * 3, rb"NNE.*C08P01\0.*"),
}


def answer(endpoint, data):
    """All that comes, up to the login or the end."""
    with socket.create_connection((endpoint.host, endpoint.port),
                                  BOUND_S) as s:
        s.sendall(data)
        s.shutdown(socket.SHUT_WR)
        heard = b""
        while chunk := s.recv(65536):
            heard += chunk
    before, login, _ = heard.partition(LOGGED_IN)
    if error := re.search(rb"E(\0...)(S.*?\0)F[^\0]*\0L\d+\0R\w+\0\0", before,
                          re.DOTALL):
        place = error.end() - error.end(2) - 1
        size = struct.unpack("!I", error[1])[0] - place
        before = (before[:error.start()] + b"E" + struct.pack("!I", size)
                  + error[2] + b"\0" + before[error.end():])
    return before + login


@pytest.mark.parametrize("name", SAME)
def test_the_answer_is_the_servers(direct, lockstep, name):
    expected, seen = (answer(endpoint, SAME[name])
                      for endpoint in (direct, lockstep))
    assert seen == expected


@pytest.mark.needs_lockstep
@pytest.mark.parametrize("name", OTHER)
def test_what_differs_is_meant(direct, lockstep, name):
    data, meant = OTHER[name]
    expected, seen = (answer(endpoint, data)
                      for endpoint in (direct, lockstep))
    assert re.fullmatch(meant, seen, re.DOTALL)
    assert seen != expected
