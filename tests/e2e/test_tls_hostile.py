"""Handshakes and records that no honest client would send.

Whatever comes, it ends its own connection at most; whoever works beside it
notices nothing, and no backend is left behind.
"""

import os
import random
import socket
import ssl
import statistics
import struct
import threading
import time

import pytest

import pki
import tls
import tls_scan
import wire
from cluster import Cluster
from program import SSL_REQUEST, Bare, connect, startup_packet
from scene import wait_gone
from test_tls_client_leg import settings
from test_tls_scan import s_client
from wire import Wire, query

pytestmark = [pytest.mark.needs_lockstep,
              pytest.mark.clear_only("makes its own TLS")]

FLOOD = 300
IDLE_SESSIONS = 100


@pytest.fixture
def listen(start_lockstep):
    return lambda *mode, **more: start_lockstep(**settings(*mode, **more))


@pytest.fixture
def beside(listen):
    """A Lockstep with a session in it, which must work at the end, too."""
    lockstep = listen("require", login_timeout="20s")
    with Wire(lockstep) as session:
        yield lockstep
        assert wire.rows(session.query("select 6 * 7")) == [("42",)]
        assert lockstep.is_alive()


def hello_of(context=None):
    """A true ClientHello, as OpenSSL sends it."""
    outgoing = ssl.MemoryBIO()
    half = (context or tls.context(alpn=[tls.ALPN])).wrap_bio(
        ssl.MemoryBIO(), outgoing, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        half.do_handshake()
    return outgoing.read()


def open_with(endpoint, data, direct):
    """A connection that has said so; whatever is answered is left there."""
    raw = connect(endpoint)
    if not direct:
        assert tls.ask(raw) == b"S"
    try:
        raw.sendall(data)
    except OSError:
        pass  # it was enough before the end of it
    return raw


def read_to_end(raw):
    heard = b""
    try:
        while chunk := raw.recv(65536):
            heard += chunk
    except ConnectionResetError:
        pass
    return heard


directly = pytest.mark.parametrize("direct", [False, True],
                                   ids=["SSLRequest", "direct"])


# -- handshakes that are none -----------------------------------------------

@directly
def test_a_hello_cut_anywhere(beside, direct):
    hello = hello_of()
    for size in range(0, len(hello), 7):
        raw = open_with(beside, hello[:size], direct and size > 0)
        raw.close()


@directly
def test_a_hello_cut_and_half_closed(beside, direct):
    hello = hello_of()
    for size in (1, 3, 5, 6, 50, len(hello) - 1):
        with open_with(beside, hello[:size], direct) as raw:
            raw.shutdown(socket.SHUT_WR)
            heard = read_to_end(raw)
            assert b"\x16\x03" not in heard[:2], heard


def record(kind, payload, version=0x0301, length=None):
    return struct.pack("!BHH", kind, version, len(payload) if length is None
                       else length) + payload


NONSENSE = {
    "garbage": b"\x16" + bytes(range(1, 250)),
    "zeros behind 0x16": b"\x16" + bytes(300),
    "a record of 65535": record(22, b"\1" * 70000, length=65535),
    "an empty record": record(22, b""),
    "many empty records": record(22, b"") * 1000,
    "a hello of 16 MB": record(22, b"\1\xff\xff\xff" + bytes(16000)),
    "that much, and goes on": record(22, b"\1\xff\xff\xff" + bytes(16000))
    + record(22, bytes(16000)) * 40,
    "an alert": record(21, b"\2\50"),
    "many warnings": record(21, b"\1\0") * 1000,
    "data first": record(23, b"select 1" * 100),
    "a ChangeCipherSpec first": record(20, b"\1"),
    "a heartbeat": record(24, b"\1\x40\0" + bytes(20)),
    "a ServerHello": record(22, b"\2\0\0\x26\3\3" + bytes(36)),
    "a Finished": record(22, b"\x14\0\0\x0c" + bytes(12)),
    "no suites": tls_scan.client_hello(tls_scan.TLS1_2, []),
    "no compressions": tls_scan.client_hello(tls_scan.TLS1_2, [0xc02b],
                                             compressions=b""),
    "extensions cut short": tls_scan.client_hello(
        tls_scan.TLS1_2, [0xc02b], more=b"\0\x17\xff\xff"),
    "no groups": tls_scan.client_hello(tls_scan.TLS1_2, [0xc02b], groups=[]),
    "HTTP": b"GET / HTTP/1.1\r\n\r\n",
    "a startup packet": startup_packet(),
    "SSLRequest again": SSL_REQUEST,
}


@directly
@pytest.mark.parametrize("what", NONSENSE)
def test_nonsense_for_a_handshake(beside, what, direct):
    if direct and NONSENSE[what][:1] != b"\x16":
        pytest.skip("is not taken for TLS")
    with open_with(beside, NONSENSE[what], direct) as raw:
        raw.shutdown(socket.SHUT_WR)
        heard = read_to_end(raw)
    assert b"server_version" not in heard
    assert len(heard) < 5000


def test_random_changes_to_a_hello(beside):
    seeded = random.Random(4711)
    for _ in range(200):
        hello = bytearray(hello_of())
        for _ in range(seeded.choice([1, 1, 2, 8])):
            hello[seeded.randrange(len(hello))] = seeded.randrange(256)
        with open_with(beside, bytes(hello), False) as raw:
            raw.shutdown(socket.SHUT_WR)
            read_to_end(raw)


def test_a_handshake_broken_off_in_its_middle(beside):
    """The server has answered; nothing, or garbage, comes back."""
    for behind in (b"", record(21, b"\2\x14"), record(22, bytes(50)),
                   record(23, os.urandom(80), 0x0303),
                   record(20, b"\1") + record(22, os.urandom(40)), b"\0" * 99):
        for how in "close", "reset", "half":
            with open_with(beside, hello_of(), False) as raw:
                assert raw.recv(5)[:1] == b"\x16"
                try:
                    raw.sendall(behind)
                except OSError:
                    pass
                if how == "reset":
                    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                   struct.pack("ii", 1, 0))
                if how == "half":
                    raw.shutdown(socket.SHUT_WR)
                    read_to_end(raw)


class Trickle:
    """A socket that sends byte by byte."""

    def __init__(self, raw):
        self.raw = raw

    def sendall(self, data):
        for i in range(len(data)):
            self.raw.sendall(data[i:i + 1])
            time.sleep(0.00005)

    def __getattr__(self, name):
        return getattr(self.raw, name)


@directly
@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_byte_by_byte(beside, version, direct):
    version = ssl.TLSVersion[version]
    context = tls.context(minimum=version, maximum=version, alpn=[tls.ALPN])
    with Bare(beside, encryption=False) as session:
        session.socket = tls.start(Trickle(session.socket), context, direct)
        assert wire.status(session.log_in()) == "I"
        assert wire.rows(session.query("select 'one by one'")) == [
            ("one by one",)]


def test_all_at_once(beside):
    """Handshake's end, startup packet and queries in one packet."""
    with Bare(beside, encryption=False) as session:
        gate = Gather(session.socket)
        session.socket = tls.start(gate, tls.context())
        gate.is_open = False
        session.send(startup_packet(), query("select 1"), query("select 2"))
        gate.flush()
        assert wire.rows(session.read_ready(3)) == [("1",), ("2",)]


class Gather(Trickle):
    """A socket that keeps what it should send until it is flushed."""

    def __init__(self, raw):
        super().__init__(raw)
        self.kept = b""
        self.is_open = True

    def sendall(self, data):
        self.kept += data
        if self.is_open:
            self.flush()

    def flush(self):
        self.raw.sendall(self.kept)
        self.kept = b""


def test_broken_handshakes_leave_nothing_behind(beside):
    """Neither descriptors nor, but for what is pooled, memory."""
    def descriptors():
        return len(os.listdir(f"/proc/{beside.process.pid}/fd"))

    def break_some():
        for i in range(100):
            raw = open_with(beside, hello_of()[:40 * (i % 8 + 1)], i % 2)
            raw.close()

    break_some()
    wait_until(lambda: descriptors() < 60)
    before, memory = descriptors(), beside.rss()
    for _ in range(3):
        break_some()
    wait_until(lambda: descriptors() <= before)
    assert beside.rss() - memory < 32 << 20


def wait_until(condition):
    deadline = time.monotonic() + wire.HANG_BOUND_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_handshakes_under_way_do_not_hold_up_the_stop(start_lockstep):
    lockstep = start_lockstep(drain_timeout="60s", login_timeout="60s",
                              **settings("require"))
    hello = hello_of()
    waiting = [open_with(lockstep, hello[:size], False)
               for size in (0, 1, 50, len(hello))]
    lockstep.stop()
    for raw in waiting:
        with raw:
            read_to_end(raw)


@directly
@pytest.mark.parametrize("said", [b"", b"\x16", b"\x16\x03\x01\x02\x00\x01"],
                         ids=["nothing", "a byte", "a beginning"])
def test_login_timeout_ends_a_handshake(listen, said, direct):
    if direct and not said:
        pytest.skip("is not TLS yet")
    lockstep = listen("require", login_timeout="500ms")
    with Wire(lockstep) as other:
        with open_with(lockstep, said, direct) as raw:
            heard = read_to_end(raw)
            assert b"\x16\x03" not in heard[:2]
        time.sleep(0.6)  # and nobody else
        assert wire.rows(other.query("select 1")) == [("1",)]


def test_login_timeout_ends_one_that_trickles(listen):
    lockstep = listen("require", login_timeout="500ms")
    hello = hello_of()
    with Wire(lockstep), open_with(lockstep, b"", False) as raw:
        began = time.monotonic()
        try:
            for i in range(len(hello) - 1):
                raw.sendall(hello[i:i + 1])
                time.sleep(0.05)
                assert time.monotonic() - began < wire.HANG_BOUND_S
        except OSError:
            return
        assert len(hello) < 100, "a hello too short to tell"
        raise AssertionError("it waited for all of it")


def test_login_timeout_holds_within_tls(listen):
    lockstep = listen("require", login_timeout="500ms")
    with Bare(lockstep) as session:
        session.send(startup_packet()[:-1])
        trace = session.read_all()
        assert wire.errors(trace)[0]["S"] == "FATAL"


# -- sessions that turn hostile ---------------------------------------------

SPOILED = {
    "clear": lambda _tls: query("select 1"),
    "garbage": lambda _tls: os.urandom(100),
    "a record that nobody encrypted": lambda _tls: record(
        23, os.urandom(100), 0x0303),
    "a huge record": lambda _tls: record(23, bytes(20000), 0x0303),
    "a changed record": lambda tls_: changed(tls_),
    "an alert in clear": lambda _tls: record(21, b"\2\x14", 0x0303),
    "a hello": lambda _tls: hello_of(),
}


def changed(session_tls):
    session_tls.tls.write(query("insert into t values (1)"))
    data = bytearray(session_tls.outgoing.read())
    data[-1] ^= 1
    return bytes(data)


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
@pytest.mark.parametrize("how", SPOILED)
def test_a_session_whose_records_are_spoiled_ends(beside, cluster, how,
                                                  version):
    version = ssl.TLSVersion[version]
    context = tls.context(minimum=version, maximum=version)
    with cluster.connect() as admin:
        admin.execute("drop table if exists t; create table t(n int)")
        with Bare(beside, encryption=context) as session:
            session.log_in()
            session.query("begin; lock table t")
            raw = session.socket.raw
            raw.sendall(SPOILED[how](session.socket))
            try:
                read_to_end(session.socket)
            except OSError:
                pass  # an alert, or what is none
            wait_gone(admin, session.pid)
        assert admin.execute("select count(*) from t").fetchone() == (0,)


@pytest.mark.parametrize("goodbye", ["close_notify", "FIN", "reset"])
def test_a_client_that_goes_leaves_nothing(beside, cluster, goodbye):
    with cluster.connect() as admin:
        session = Wire(beside)
        session.query("begin; create temp table t(n int)")
        if goodbye == "close_notify":
            session.socket.shutdown(socket.SHUT_WR)
        session.vanish(reset=goodbye == "reset")
        wait_gone(admin, session.pid)


def test_key_updates_without_end_hold_up_nobody(beside):
    """TLS 1.3 lets a peer ask for new keys; s_client's K does."""
    said = s_client(beside, "-tls1_3", say=b"K\n" * 200, until=b"KEYUPDATE")
    assert "KEYUPDATE" in said


# -- many -------------------------------------------------------------------

class Pings(threading.Thread):
    """with: how long each of a session's queries took meanwhile."""

    def __init__(self, session):
        super().__init__(daemon=True)
        self.session = session
        self.stop = threading.Event()
        self.took_s = []

    def run(self):
        while not self.stop.is_set():
            begun = time.monotonic()
            assert wire.errors(self.session.query("select 1")) == []
            self.took_s.append(time.monotonic() - begun)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *exc):
        self.stop.set()
        self.join(wire.HANG_BOUND_S)

    @property
    def median_s(self):
        return statistics.median(self.took_s)


def flood(endpoint, hello):
    """Each wants a signature; that is all it costs a client."""
    connections = [open_with(endpoint, hello, False) for _ in range(FLOOD)]
    answered = 0
    for raw in connections:
        with raw:
            answered += tls_scan.read_record(raw) is not None
    return answered


def test_a_flood_of_handshakes_beside_a_session(start_lockstep,
                                                record_property):
    """One worker, keys that are slow to sign with: the session goes on."""
    slow = pki.shared().slow
    lockstep = start_lockstep(workers=1, max_connections=2 * FLOOD,
                              **settings("prefer", slow))
    hello = tls_scan.client_hello(tls_scan.TLS1_2, [0xc02f, 0xc030])
    with Wire(lockstep, encryption=False) as session:
        with Pings(session) as quiet:
            time.sleep(1)
        with Pings(session) as loud:
            begun = time.monotonic()
            assert flood(lockstep, hello) == FLOOD
            took_s = time.monotonic() - begun
    numbers = {"flood_s": took_s, "quiet_median_s": quiet.median_s,
               "loud_median_s": loud.median_s,
               "quiet_worst_s": max(quiet.took_s),
               "loud_worst_s": max(loud.took_s)}
    for name, value in numbers.items():
        record_property(name, value)
    print({name: round(value, 5) for name, value in numbers.items()})
    assert loud.median_s < 30 * quiet.median_s
    assert max(loud.took_s) < took_s / 2


def test_memory_of_idle_sessions(start_lockstep, request, record_property):
    """Measured, not judged: see test_load for what is."""
    with Cluster(request.config.getoption("--pg-bin"),
                 {"max_connections": str(IDLE_SESSIONS + 20)},
                 certificate=pki.shared().server) as server:
        for encrypted in False, True:
            lockstep = start_lockstep(
                server, {"sslmode": "require" if encrypted else "disable"},
                **settings("prefer"))
            warm = [Wire(lockstep, encryption=encrypted) for _ in range(10)]
            before = lockstep.rss()
            idle = [Wire(lockstep, encryption=encrypted)
                    for _ in range(IDLE_SESSIONS)]
            per_session = (lockstep.rss() - before) / IDLE_SESSIONS
            name = "tls" if encrypted else "clear"
            record_property(f"bytes_per_idle_session_{name}",
                            round(per_session))
            print(f"{IDLE_SESSIONS} idle sessions, {name}: "
                  f"{per_session / 1024:.1f} KiB each")
            for session in warm + idle:
                assert wire.rows(session.query("select 1")) == [("1",)]
                session.close()
