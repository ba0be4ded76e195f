"""The nth allocation fails, and the nth system call: of a login, of ordinary
statements and of guarded ones.  It may cost the session, and no more: what was
answered is true, nothing is left, and the next session is served.
"""

import errno
import mmap
import os
import struct
import time

import pytest

import wire
from proxy import Lockstep
from scene import wait_for
from wire import CLOSED, Wire, errors, extended, sync

SANITIZED = bool(os.environ.get("LOCKSTEP_SANITIZED"))

pytestmark = [pytest.mark.needs_lockstep,
              pytest.mark.skipif(SANITIZED, reason="a sanitizer has an "
                                 "allocator of its own"),
              pytest.mark.clear_only("the calls are those of a plain socket")]

MEMORY, RECV, SEND, SOCKET, CONNECT, ACCEPT, EPOLL = (1 << i for i in range(7))
PLAN = struct.Struct("=4i")  # failing_calls.c: left, kinds, error, failed
CALLS_MAX = 3000

SCHEMA = """
create table journal(n int);
create table table_a(id int primary key);
create table table_b(id int primary key);
"""
TABLE_C = """
drop table if exists table_c; truncate journal;
create table table_c(a_id int references table_a, b_id int references table_b);
"""

# name: (the calls that count, what one fails with)
KINDS = {
    "memory": (MEMORY, errno.ENOMEM),
    "interrupted": (RECV | SEND | ACCEPT, errno.EINTR),
    "not ready": (RECV | SEND, errno.EAGAIN),
    "reset": (RECV | SEND | CONNECT, errno.ECONNRESET),
    "no buffers": (RECV | SEND | SOCKET | CONNECT | ACCEPT, errno.ENOBUFS),
    "no descriptors": (SOCKET | ACCEPT, errno.EMFILE),
    "no events": (EPOLL, errno.ENOMEM),
}
HARMLESS = {"interrupted", "not ready"}


class Failing(Lockstep):
    """One of its calls fails, if that is armed."""

    def __init__(self, folder, *arguments):
        super().__init__(*arguments)
        self.path = folder / "plan"
        self.path.write_bytes(PLAN.pack(0, 0, 0, 0))
        with open(self.path, "r+b") as file:
            self.plan = mmap.mmap(file.fileno(), PLAN.size)

    def program(self):
        return ["/usr/bin/env", f"FAILING_CALLS={self.path}",
                f"LD_PRELOAD={os.environ['FAILING_CALLS_LIB']}",
                *super().program()]

    def arm(self, left, kinds=0, error=0):
        self.plan[:] = PLAN.pack(0, 0, 0, 0)
        self.plan[4:] = PLAN.pack(left, kinds, error, 0)[4:]
        self.plan[:4] = struct.pack("=i", left)

    def has_failed(self):
        return PLAN.unpack(self.plan[:])[3] != 0

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))


@pytest.fixture
def proxy(cluster, admin, tmp_path):
    admin.execute(SCHEMA)
    # What cannot be waited for while a session is dialled is over with that.
    with Failing(tmp_path, cluster, {"guard": "ddl", "workers": "1",
                                     "login_timeout": "3s"}) as proxy:
        yield proxy


# Messages, each with one ReadyForQuery.
TALK = [
    [wire.query("select 1")],
    [wire.query("begin")],
    [wire.query("insert into journal values (1)")],
    [*extended("drop table table_c", name="n"), sync()],
    [wire.query("commit")],
]


def talk(proxy, database):
    """The traces, up to the first that is an error or an end."""
    traces = []
    try:
        session = Wire(proxy, database, application_name="e2e_failing")
    except (OSError, struct.error):
        return [[CLOSED]]
    try:
        traces.append(session.greeting)
        for messages in TALK:
            if errors(traces[-1]) or traces[-1][-1] is CLOSED:
                break
            traces.append(session.run(*messages))
    finally:
        session.close()
    return traces


def is_done(traces):
    return len(traces) == len(TALK) + 1 and errors(traces[-1]) == [] \
        and traces[-1][-1] is not CLOSED


def assert_true(admin, traces):
    """What has taken effect: all of it, or nothing."""
    wait_for(admin, "not exists (select from pg_stat_activity "
             "where application_name = 'e2e_failing')")
    effect = admin.execute("select to_regclass('table_c') is null, "
                           "(select count(*) from journal)").fetchone()
    assert effect in ((True, 1), (False, 0))
    if is_done(traces):
        assert effect == (True, 1)


def assert_nothing_is_left(proxy, database, at_first):
    """The next session is served, and no descriptor is open."""
    with Wire(proxy, database) as session:
        for text in TABLE_C, "drop table table_c":
            assert errors(session.query(text)) == []
    deadline = time.monotonic() + wire.HANG_BOUND_S
    while proxy.descriptors() > at_first:
        assert time.monotonic() < deadline, "descriptors are left"
        time.sleep(0.005)


@pytest.mark.parametrize("name", KINDS)
def test_the_nth_fails(proxy, database, admin, name, record_property):
    kinds, error = KINDS[name]
    admin.execute(TABLE_C)
    assert is_done(talk(proxy, database))
    assert_nothing_is_left(proxy, database, 1 << 20)
    time.sleep(0.1)
    at_first = proxy.descriptors()
    harmed = nth = 0
    while nth < CALLS_MAX:
        nth += 1
        admin.execute(TABLE_C)
        proxy.arm(nth, kinds, error)
        traces = talk(proxy, database)
        has_failed = proxy.has_failed()
        proxy.arm(0)
        assert proxy.is_alive(), f"call {nth}\n{proxy.tail()}"
        assert_true(admin, traces)
        assert_nothing_is_left(proxy, database, at_first)
        harmed += not is_done(traces)
        if name in HARMLESS or not has_failed:
            assert is_done(traces), f"call {nth}: {traces[-1]}"
        if not has_failed:
            break
    assert 1 < nth < CALLS_MAX
    record_property("calls", f"{name}: {nth - 1} failed, {harmed} sessions "
                    "ended by it")
