"""Several servers, and what tools make of a login that fails.

The reference is libpq: straight at the same two servers it goes on from the
first to the second, or stays, as Lockstep does.
"""
import shutil
import signal
import socket
import struct
import subprocess
import time
from types import SimpleNamespace

import pytest

import pki
import wire
from fake_server import (GREETING, FakeServer, fatal, read_startup_in_clear,
                         tls_server)
from program import Bare, free_endpoint, startup_packet
from test_lifecycle import several, until

pytestmark = [pytest.mark.needs_lockstep,
              pytest.mark.clear_only("these servers have no TLS of their own")]

QUICK = {"connect_timeout": "1s"}
NOT_NOW = "57P03"
REJECTING = 1  # pg_isready: "rejecting connections"
needs_libpq = pytest.mark.skipif(
    not shutil.which("psql") or not shutil.which("pg_isready"),
    reason="no psql and pg_isready")


# -- servers ----------------------------------------------------------------

def serve(connection, server):
    """A session that answers each message with ReadyForQuery."""
    server.seen.append(read_startup_in_clear(connection))
    connection.sendall(GREETING)
    while connection.recv(4096):
        connection.sendall(wire.message("Z", b"I"))


def refuse(sqlstate):
    def script(connection, server):
        server.seen.append(read_startup_in_clear(connection))
        connection.sendall(fatal(sqlstate, "no such luck"))

    return script


def hang_behind_the_startup_packet(connection, server):
    server.seen.append(read_startup_in_clear(connection))
    while connection.recv(4096):
        pass


def hang_at_once(connection, server):
    server.seen.append(b"")
    while connection.recv(4096):
        pass


def leave(connection, server):
    server.seen.append(read_startup_in_clear(connection))


def reset(connection, server):
    server.seen.append(read_startup_in_clear(connection))
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                          struct.pack("ii", 1, 0))


def talk_nonsense(connection, server):
    server.seen.append(read_startup_in_clear(connection))
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


SERVERS = {name: refuse(name) for name in (
    "57P03", "57P01", "57P02", "53300", "28000", "28P01", "3D000", "0A000")}
SERVERS |= {"hangs": hang_behind_the_startup_packet, "hangs at once":
            hang_at_once, "nonsense": talk_nonsense}


def psql(place, *options):
    return subprocess.run(
        ["psql", "-X", "-c", "", f"host={place.host} port={place.port} "
         f"user=u dbname=d sslmode=disable {' '.join(options)}"],
        text=True, capture_output=True, timeout=wire.HANG_BOUND_S)


def goes_on_directly(script):
    with FakeServer(script) as first, FakeServer(serve) as second:
        psql(several(first, second), "connect_timeout=2")
        return bool(second.seen)


@needs_libpq
@pytest.mark.parametrize("name", SERVERS)
def test_goes_on_where_libpq_does(start_lockstep, name):
    with FakeServer(SERVERS[name]) as first, FakeServer(serve) as second:
        lockstep = start_lockstep(several(first, second), {"sslmode": "disable"},
                                  **QUICK)
        done = psql(lockstep)
        assert bool(second.seen) == goes_on_directly(SERVERS[name]), name
        assert (done.returncode == 0) == bool(second.seen)
        assert len(first.seen) == 1


def log_in(lockstep):
    """What a login comes to: what it heard, up to a session or the end."""
    with Bare(lockstep) as session:
        session.send(startup_packet())
        trace = []
        while not trace or trace[-1][0] not in ("Z", "closed"):
            trace.append(session.read())
        return trace


def sqlstate_of(lockstep):
    return wire.errors(log_in(lockstep))[0]["C"]


@pytest.mark.parametrize("script", [leave, reset], ids=["leaves", "resets"])
def test_goes_on_from_one_that_leaves_without_a_word(start_lockstep, script):
    """Where libpq gives up: nobody is worse off for being let in."""
    with FakeServer(script) as first, FakeServer(serve) as second:
        lockstep = start_lockstep(several(first, second), {"sslmode": "disable"})
        assert log_in(lockstep)[-1][0] == "Z"
        assert first.seen == second.seen


@pytest.mark.parametrize("sslmode", ["disable", "allow", "prefer"])
@pytest.mark.parametrize("name", ["57P03", "hangs", "hangs at once"])
def test_client_hears_only_the_server_that_lets_it_in(start_lockstep, name,
                                                      sslmode):
    with FakeServer(SERVERS[name]) as first, FakeServer(serve) as second:
        lockstep = start_lockstep(several(first, first, second),
                                  {"sslmode": sslmode}, **QUICK)
        begun = time.monotonic()
        assert [kind for kind, _ in log_in(lockstep)] == ["R", "K", "Z"]
        assert time.monotonic() - begun < 10
        assert len(second.seen) == 1


def test_client_hears_of_the_protocol_from_the_server_that_lets_it_in(
        start_lockstep):
    """What a server that is left said before its error was of that one."""
    def negotiate(end):
        def script(connection, server):
            server.seen.append(read_startup_in_clear(connection))
            connection.sendall(
                wire.message("v", struct.pack("!II", 3 << 16, 0)) + end)
            connection.recv(4096)

        return script

    with FakeServer(negotiate(fatal(NOT_NOW))) as first, \
            FakeServer(negotiate(GREETING)) as second:
        lockstep = start_lockstep(several(first, second), {"sslmode": "disable"})
        assert [kind for kind, _ in log_in(lockstep)] == ["v", "R", "K", "Z"]


def test_the_last_servers_own_words_are_told(start_lockstep):
    with FakeServer(refuse(NOT_NOW)) as first, \
            FakeServer(refuse(NOT_NOW)) as second:
        place = several(first, second, free_endpoint())
        error = wire.errors(log_in(start_lockstep(
            place, {"sslmode": "disable"})))[0]
        assert (error["C"], error["M"]) == (NOT_NOW, "no such luck")
        assert len(first.seen) == len(second.seen) == 1


def test_one_server_alone_may_take_its_time(start_lockstep):
    """connect_timeout is for those behind it: a client has its own."""
    def slow(connection, server):
        packet = read_startup_in_clear(connection)
        time.sleep(1.5)
        server.seen.append(packet)
        connection.sendall(GREETING)

    with FakeServer(slow) as server:
        lockstep = start_lockstep(server, {"sslmode": "disable"},
                                  connect_timeout="500ms")
        assert log_in(lockstep)[-1][0] == "Z"


def test_connect_timeout_of_the_conninfo_counts(start_lockstep):
    with FakeServer(hang_at_once) as first, FakeServer(serve) as second:
        lockstep = start_lockstep(
            several(first, second),
            {"sslmode": "disable", "connect_timeout": "1"},
            connect_timeout="1h")
        begun = time.monotonic()
        assert log_in(lockstep)[-1][0] == "Z"
        assert 0.9 < time.monotonic() - begun < 10


def test_tls_with_the_second_where_the_first_is_silent(start_lockstep):
    with FakeServer(hang_at_once) as first, \
            FakeServer(tls_server(pki.shared().server)) as second:
        lockstep = start_lockstep(several(first, second),
                                  {"sslmode": "require"}, **QUICK)
        assert log_in(lockstep)[-1][0] == "Z"
        assert len(second.seen) == 1


def test_stopped_server_is_passed_over(start_lockstep, cluster):
    """Its kernel goes on accepting for it."""
    with socket.socket() as stopped:
        stopped.bind(("127.0.0.1", 0))
        stopped.listen()
        place = SimpleNamespace(host="127.0.0.1", port=stopped.getsockname()[1])
        lockstep = start_lockstep(several(place, cluster), **QUICK)
        with wire.Wire(lockstep) as session:
            assert wire.rows(session.query("select 1")) == [("1",)]


def test_client_that_leaves_meanwhile_ends_the_dialling(start_lockstep):
    with FakeServer(hang_behind_the_startup_packet) as first, \
            FakeServer(serve) as second:
        lockstep = start_lockstep(several(first, second), {"sslmode": "disable"},
                                  connect_timeout="2s")
        with Bare(lockstep) as session:
            session.send(startup_packet())
            until(lambda: first.seen, "the first server is not dialled")
        time.sleep(3)
        assert not second.seen


# -- what tools make of it --------------------------------------------------

def is_ready(place):
    return subprocess.run(["pg_isready", "-h", place.host, "-p",
                           str(place.port), "-t", "10"],
                          capture_output=True).returncode


FAULTS = {"57P03": refuse(NOT_NOW), "hangs": hang_behind_the_startup_packet,
          "leaves": leave, "nonsense": talk_nonsense}


@needs_libpq
@pytest.mark.parametrize("name", [*FAULTS, "is down"])
def test_login_that_fails_for_the_server_is_one_for_later(start_lockstep, name):
    """pg_isready says so, and libpq's list of hosts goes on."""
    with FakeServer(FAULTS.get(name, leave)) as fake, \
            FakeServer(serve) as other:
        place = free_endpoint() if name == "is down" else fake
        lockstep = start_lockstep(place, {"sslmode": "disable"},
                                  login_timeout="2s")
        assert sqlstate_of(lockstep) == NOT_NOW
        assert is_ready(lockstep) == REJECTING
        done = psql(several(lockstep, other))
        assert done.returncode == 0 and other.seen, done.stderr


def test_client_that_does_not_log_in_is_none_for_later(start_lockstep):
    """As PostgreSQL has it: the fault is the client's."""
    def ask(connection, server):
        server.seen.append(read_startup_in_clear(connection))
        connection.sendall(wire.message("R", struct.pack("!I", 3)))
        while connection.recv(4096):
            pass

    with FakeServer(ask) as server:
        lockstep = start_lockstep(server, {"sslmode": "disable"},
                                  login_timeout="1s")
        assert sqlstate_of(lockstep) == "57014"


def test_login_at_the_end_of_the_process_is_one_for_later(start_lockstep):
    with FakeServer(hang_behind_the_startup_packet) as server:
        lockstep = start_lockstep(server, {"sslmode": "disable"})
        with Bare(lockstep) as session:
            session.send(startup_packet())
            until(lambda: server.seen, "the server is not dialled")
            lockstep.process.send_signal(signal.SIGTERM)
            error = wire.errors(session.read_all())[0]
        assert (error["S"], error["C"]) == ("FATAL", NOT_NOW)
        assert "shutting down" in error["M"]
