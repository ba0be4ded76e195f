"""Peers whose host vanishes: nothing is closed, and nothing answers any more.

A filter that drops all that arrives makes a socket such a peer: its kernel
acknowledges nothing, and sends nothing of its own.
"""
import ctypes
import socket
import struct
import threading
import time

import pytest

import wire
from fake_server import GREETING, FakeServer, read_startup_in_clear
from program import Bare, run
from test_lifecycle import until
from wire import Wire, query

pytestmark = [pytest.mark.needs_lockstep,
              pytest.mark.clear_only("TCP is the same below TLS")]

SO_ATTACH_FILTER = 26
QUICK = {"tcp_keepalives_idle": "1s", "tcp_keepalives_interval": "1s",
         "tcp_keepalives_count": "2"}
NOTICED_S = 3  # idle and twice the interval
MARGIN_S = 5


def vanish(connection):
    """Nothing reaches that socket any more."""
    drop_all = ctypes.create_string_buffer(struct.pack("HBBI", 6, 0, 0, 0))
    program = struct.pack("HxxxxxxP", 1, ctypes.addressof(drop_all))
    connection.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, program)


@pytest.fixture
def table(admin):
    admin.execute("create table t (id int)")
    return admin


def seconds_until_free(admin):
    begun = time.monotonic()
    admin.execute(f"set lock_timeout = '{wire.HANG_BOUND_S}s'")
    admin.execute("begin; lock table t; rollback")
    return time.monotonic() - begun


LOCK = "begin; lock table t"


def seconds_locked_directly(cluster, database, admin):
    with Wire(cluster, database) as session:
        for name, value in QUICK.items():
            session.query(f"set {name} = {value.rstrip('s')}")
        session.query(LOCK)
        vanish(session.socket)
        return seconds_until_free(admin)


def test_locks_of_a_client_that_vanished_go_as_soon_as_directly(
        start_lockstep, cluster, database, table):
    lockstep = start_lockstep(**QUICK)
    with Wire(lockstep, database) as session:
        session.query(LOCK)
        vanish(session.socket)
        seconds = seconds_until_free(table)
    assert NOTICED_S - 1 < seconds < NOTICED_S + MARGIN_S
    directly = seconds_locked_directly(cluster, database, table)
    assert seconds < directly + MARGIN_S


def test_client_that_answers_keeps_its_locks(start_lockstep, database, table):
    """However long it says nothing."""
    lockstep = start_lockstep(**QUICK)
    with Wire(lockstep, database) as session:
        session.query(LOCK)
        time.sleep(2 * NOTICED_S)
        assert wire.rows(session.query("select 1")) == [("1",)]


def test_client_that_vanished_with_an_answer_under_way(start_lockstep, database,
                                                       table):
    lockstep = start_lockstep(tcp_user_timeout="2s", **QUICK)
    with Wire(lockstep, database) as session:
        session.query(LOCK)
        session.send(query("select pg_sleep(0.5), repeat('x', 1000)"))
        vanish(session.socket)
        assert seconds_until_free(table) < 2 + MARGIN_S


def test_client_that_does_not_read_is_not_one_that_is_gone(start_lockstep,
                                                           database, table):
    """A pager, a slow consumer: it is waited for, as directly."""
    lockstep = start_lockstep(tcp_user_timeout="1s", **QUICK)
    with Bare(lockstep, receive_bytes=4096) as session:
        session.log_in(user="postgres", database=database)
        session.send(query("select repeat('x', 1000) "
                           "from generate_series(1, 20000)"))
        time.sleep(2 * NOTICED_S + 2)
        assert len(wire.rows(session.read_ready())) == 20000


# -- the server -------------------------------------------------------------

def vanishing(connection, server):
    """A server whose host goes once it has been asked something."""
    read_startup_in_clear(connection)
    connection.sendall(GREETING)
    connection.recv(4096)
    vanish(connection)
    server.seen.append("gone")
    server.over.wait(wire.HANG_BOUND_S)


@pytest.fixture
def vanishing_server():
    with FakeServer(vanishing) as server:
        server.over = threading.Event()
        yield server
        server.over.set()


def test_server_that_vanished_is_told(start_lockstep, vanishing_server):
    lockstep = start_lockstep(vanishing_server, {
        "sslmode": "disable", "keepalives_idle": "1",
        "keepalives_interval": "1", "keepalives_count": "2"})
    with Bare(lockstep) as session:
        session.log_in()
        begun = time.monotonic()
        session.send(query("select 1"))
        trace = session.read_all()
        assert time.monotonic() - begun < NOTICED_S + MARGIN_S
        assert wire.sqlstates(trace) == ["08006"]


def test_user_timeout_of_the_conninfo_counts(start_lockstep, vanishing_server):
    """With bytes under way no keepalive is sent."""
    lockstep = start_lockstep(vanishing_server, {
        "sslmode": "disable", "tcp_user_timeout": "2000"})
    with Bare(lockstep) as session:
        session.log_in()
        session.send(query("select 1"))
        until(lambda: vanishing_server.seen, "the server has not gone")
        begun = time.monotonic()
        session.send(query("select 2"))
        trace = session.read_all()
        assert time.monotonic() - begun < 2 + MARGIN_S
        assert wire.sqlstates(trace) == ["08006"]


def test_keepalives_that_are_off_notice_nothing(start_lockstep,
                                                vanishing_server):
    """So the tests above show what they say."""
    lockstep = start_lockstep(vanishing_server, {
        "sslmode": "disable", "keepalives": "0", "keepalives_idle": "1",
        "keepalives_interval": "1", "keepalives_count": "2"})
    with Bare(lockstep) as session:
        session.log_in()
        session.send(query("select 1"))
        session.socket.settimeout(NOTICED_S + 2)
        with pytest.raises(TimeoutError):
            session.socket.recv(1)


# -- settings ---------------------------------------------------------------

@pytest.mark.parametrize("words", ["keepalives=maybe", "keepalives_idle=1h",
                                   "tcp_user_timeout=-1", "connect_timeout=0"])
def test_words_that_can_have_no_effect_are_refused(words):
    done = run("serve", "--upstream", f"host=db {words}")
    assert done.returncode == 1
    assert f"{words.split('=')[0]}: expected a whole number" in done.stderr
