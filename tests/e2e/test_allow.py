"""`allow`: clients come from the networks that it names, and from no other."""

import os
import socket
import struct
import subprocess

import pytest

import pki
import wire
from program import SSL_REQUEST, startup_packet
from test_reload import Configured

pytestmark = [pytest.mark.needs_lockstep,
              pytest.mark.clear_only("it is about what stands before TLS")]

GSSENC_REQUEST = struct.pack("!II", 8, 80877104)
CANCEL_REQUEST = struct.pack("!IIII", 16, 80877102, 1, 1)
CLIENT_HELLO = b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00"
INSIDE, OUTSIDE = "127.0.0.1", "127.0.0.2"


def answer(lockstep, source, packet, path=None):
    """All that comes up to the end, or up to the first prompt."""
    if path is None:
        client = socket.create_connection(
            (INSIDE, lockstep.port), wire.HANG_BOUND_S,
            source_address=(source, 0))
    else:
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(wire.HANG_BOUND_S)
        client.connect(path)
    got = b""
    with client:
        client.sendall(packet)
        while not got.endswith(b"Z\0\0\0\5I"):
            more = client.recv(4096)
            if not more:
                break
            got += more
            if packet == SSL_REQUEST and got in (b"N", b"S"):
                break
    return got


def is_refused(got):
    return got.startswith(b"E") and b"\0C28000\0" in got and \
        b"\0HThe setting allow of Lockstep" in got


def is_let_in(got):
    return got.endswith(b"Z\0\0\0\5I")


LOGIN = startup_packet(user="postgres", database="postgres")


@pytest.fixture
def start(cluster):
    started = []

    def go(**settings):
        lockstep = Configured(cluster, **settings)
        started.append(lockstep)
        lockstep.start()
        return lockstep

    yield go
    for lockstep in started:
        lockstep.remove()


def test_without_it_anybody_may_come(start):
    lockstep = start()
    assert is_let_in(answer(lockstep, INSIDE, LOGIN))
    assert is_let_in(answer(lockstep, OUTSIDE, LOGIN))


def test_who_comes_from_elsewhere_is_refused_with_a_hint(start):
    lockstep = start(allow="10.0.0.0/8, 127.0.0.1 ::1")
    assert is_let_in(answer(lockstep, INSIDE, LOGIN))
    assert is_refused(answer(lockstep, OUTSIDE, LOGIN))
    line = next(e for e in lockstep.events()
                if e.get("reason") == "not-allowed")
    assert line["client"].startswith(f"{OUTSIDE} port ")
    _, page = lockstep.ask("GET", "/metrics")
    assert 'lockstep_session_ends_total{reason="not-allowed"} 1' in page


def test_a_cancel_request_is_refused_as_a_login_is(start):
    lockstep = start(allow=INSIDE)
    assert is_refused(answer(lockstep, OUTSIDE, CANCEL_REQUEST))
    assert answer(lockstep, INSIDE, CANCEL_REQUEST) == b""


def test_no_handshake_is_paid_for_who_comes_from_elsewhere(start):
    own = pki.shared().lockstep
    lockstep = start(allow=INSIDE, tls_mode="prefer", tls_cert=own.cert,
                     tls_key=own.key)
    assert answer(lockstep, INSIDE, SSL_REQUEST) == b"S"
    assert answer(lockstep, OUTSIDE, SSL_REQUEST) == b"N"
    for request in SSL_REQUEST, GSSENC_REQUEST:
        got = answer(lockstep, OUTSIDE, request + LOGIN)
        assert got[:1] == b"N" and is_refused(got[1:])
    assert not answer(lockstep, OUTSIDE, CLIENT_HELLO).startswith(b"\x16")


def test_a_unix_socket_is_always_allowed(start):
    lockstep = start(allow="10.0.0.0/8")
    path = f"{lockstep.folder}/.s.PGSQL.{lockstep.port}"
    assert is_let_in(answer(lockstep, None, LOGIN, path))
    assert is_refused(answer(lockstep, INSIDE, LOGIN))


def test_a_reload_counts_for_who_comes_then(start):
    lockstep = start()
    with wire.Wire(lockstep, "postgres", "postgres") as before:
        lockstep.reload(allow="10.0.0.0/8")
        assert is_refused(answer(lockstep, INSIDE, LOGIN))
        assert wire.rows(before.query("select 1")) == [("1",)]
        lockstep.reload(allow="10.0.0.0/8, 127.0.0.0/8")
        assert is_let_in(answer(lockstep, OUTSIDE, LOGIN))
        lockstep.reload(allow="10.0.0.0/33")
        assert is_let_in(answer(lockstep, OUTSIDE, LOGIN))


def test_psql_tells_its_user(start):
    lockstep = start(allow="10.0.0.0/8")
    done = subprocess.run(
        ["psql", "-X", "-c", "select 1",
         f"host=127.0.0.1 port={lockstep.port} user=postgres "
         "dbname=postgres"],
        capture_output=True, text=True, timeout=wire.HANG_BOUND_S,
        env=os.environ | {"LC_ALL": "C"})
    assert done.returncode == 2
    assert "accepts no connections from this address" in done.stderr
