"""ClientHellos made by hand, to learn what a listener agrees to.

    accepted(endpoint, 0x0303, codes) -> the cipher suites, as it chooses

Each is a connection: SSLRequest, ClientHello, and the answer read as far as
the ServerHello or the alert.
"""

import os
import socket
import struct
from types import SimpleNamespace

import tls
import wire

SSL3, TLS1_0, TLS1_1, TLS1_2, TLS1_3 = range(0x0300, 0x0305)
HANDSHAKE, ALERT = 22, 21
SERVER_HELLO = 2

# What is registered, whether it has a name here or not.
SUITES_1_2 = [*range(0x0001, 0x00c8), *range(0xc001, 0xc100),
              *range(0xcc13, 0xcc16), *range(0xcca8, 0xccaf), 0xd001, 0xd002,
              0xd003, 0xd005, *range(0xfefe, 0xff00)]
SUITES_1_3 = [*range(0x1301, 0x1308)]
FALLBACK = 0x5600

GROUPS = [23, 24, 25, 29, 30]
SIGNATURES = [0x0403, 0x0503, 0x0603, 0x0804, 0x0805, 0x0806, 0x0807, 0x0401,
              0x0501, 0x0601, 0x0203, 0x0201]


def block(size, data):
    """data with its length before it, in size bytes."""
    return len(data).to_bytes(size, "big") + data


def shorts(values):
    return block(2, b"".join(struct.pack("!H", v) for v in values))


def extension(kind, data):
    return struct.pack("!H", kind) + block(2, data)


def client_hello(version, suites, compressions=b"\0", groups=GROUPS,
                 more=b""):
    """A record.  For TLS 1.3 without a key share: it must be asked for."""
    extensions = (extension(10, shorts(groups))
                  + extension(11, b"\1\0")
                  + extension(13, shorts(SIGNATURES))
                  + extension(15, b"\1")  # heartbeat
                  + extension(35, b"") + extension(23, b"")
                  + extension(0xff01, b"\0") + more)
    if version == TLS1_3:
        extensions += (extension(43, b"\2\3\4") + extension(51, b"\0\0")
                       + extension(45, b"\1\1"))
    legacy = min(version, TLS1_2)
    body = (struct.pack("!H", legacy) + os.urandom(32) + block(1, b"")
            + shorts(suites) + block(1, compressions)
            + (block(2, extensions) if version > SSL3 else b""))
    hello = b"\1" + block(3, body)
    return (struct.pack("!BH", HANDSHAKE, min(version, TLS1_0))
            + block(2, hello))


def read_exactly(raw, size):
    data = b""
    while len(data) < size:
        chunk = raw.recv(size - len(data))
        if not chunk:
            return b""
        data += chunk
    return data


def read_record(raw):
    """(type, payload), or None at the end."""
    try:
        header = read_exactly(raw, 5)
        if not header:
            return None
        return header[0], read_exactly(raw, int.from_bytes(header[3:], "big"))
    except ConnectionResetError:
        return None


def server_hello(payload):
    version, = struct.unpack_from("!H", payload, 4)
    at = 4 + 2 + 32
    at += 1 + payload[at]
    suite, compression = struct.unpack_from("!HB", payload, at)
    found = SimpleNamespace(version=version, suite=suite,
                            compression=compression, extensions={})
    at += 3 + 2
    end = 4 + int.from_bytes(payload[1:4], "big")
    while at < end:
        kind, size = struct.unpack_from("!HH", payload, at)
        found.extensions[kind] = payload[at + 4:at + 4 + size]
        at += 4 + size
    if 43 in found.extensions:
        found.version, = struct.unpack("!H", found.extensions[43])
    return found


def answer(endpoint, hello):
    """The ServerHello; or the alert's number; or None: it just closed."""
    with socket.create_connection((endpoint.host, endpoint.port),
                                  wire.HANG_BOUND_S) as raw:
        assert tls.ask(raw) == b"S"
        raw.sendall(hello)
        record = read_record(raw)
    if record is None:
        return None
    kind, payload = record
    if kind == ALERT:
        return payload[1]
    assert kind == HANDSHAKE and payload[0] == SERVER_HELLO, record
    return server_hello(payload)


def accepted(endpoint, version, suites):
    """All suites that it agrees to, the one that it likes most first."""
    left, found = list(suites), []
    while left:
        said = answer(endpoint, client_hello(version, left))
        if said is None or isinstance(said, int):
            break
        assert said.version == version, hex(said.version)
        assert said.suite in left, hex(said.suite)
        found.append(said.suite)
        left.remove(said.suite)
    return found
